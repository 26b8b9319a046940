"""What the tests of the funders' room begin with: a funder, its staff, a scheme, some accounts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ledger.accounts import organisations, people, schemes
from ledger.accounts.models import Account
from ledger.db import SYSTEM, Actor, Database, Work
from ledger.funders import budgets

NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
TODAY = NOW.date()


@dataclass(frozen=True)
class Funding:
    """A funder with two colleagues and a scheme with money in it."""

    funder_id: str
    scheme_id: str
    first: Actor
    second: Actor


def funding(
    database: Database,
    *,
    name: str = "Fonds",
    budget: int = 1_000_000,
    unit: str = "EUR",
    **terms: Any,
) -> Funding:
    """Make a funder, and a scheme with these terms and this budget in minor units."""
    with database.work(SYSTEM, NOW) as work:
        funder = organisations.admit(work, "funder", name, funder_kind="sector_fund")
        scheme = schemes.create(
            work,
            funder.id,
            "Leerrecht",
            "Learning right",
            unit,
            {"four_eyes_minor": 50_000, **terms},
            valid_from=TODAY.replace(year=2024),
        )
        first, second = (
            Actor(f"usr_{person}", "funder", user_id=f"usr_{person}", organisation_id=funder.id)
            for person in ("first", "second")
        )
    with database.work(first, NOW) as work:
        budgets.pay_in(work, scheme.id, budget, "transfer 1", TODAY)
    return Funding(funder.id, scheme.id, first, second)


def account(work: Work, name: str = "Sam de Wit", **facts: Any) -> Account:
    """Open the account of a new person."""
    return people.open_account(work, people.register(work, name, **facts).id)


def accounts(database: Database, count: int, **facts: Any) -> list[Account]:
    """Open several accounts."""
    with database.work(SYSTEM, NOW) as work:
        return [account(work, f"Persoon {number}", **facts) for number in range(count)]
