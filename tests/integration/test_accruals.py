"""Accrual: once per period, up to the cap, in proportion to a small contract."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from ledger.accounts import lots, schemes
from ledger.accounts.models import Account
from ledger.db import SYSTEM, Database
from ledger.errors import InsufficientBalance, Invalid, WrongState
from ledger.funders import accruals, grants, queries
from tests.integration.funding import NOW, TODAY, Funding, accounts, funding

YEARLY: dict[str, Any] = {
    "accrual_period": "year",
    "accrual_minor": 50_000,
    "accrual_low_minor": 80_000,
    "cap_minor": 120_000,
    "cap_low_minor": 200_000,
}


def run(
    database: Database, money: Funding, period: str = "2026", *, dry_run: bool = False
) -> accruals.Result:
    with database.work(SYSTEM, NOW) as work:
        return accruals.run(work, money.scheme_id, period, dry_run=dry_run)


def balances(database: Database, holders: list[Account]) -> list[int]:
    with database.reading() as session:
        return [lots.balance(session, one.id, TODAY)[0].available for one in holders]


def test_period_credits_once(database: Database) -> None:
    money = funding(database, **YEARLY)
    holders = accounts(database, 3)
    looked = run(database, money, dry_run=True)
    assert (looked.credited, looked.total, looked.dry_run) == (3, 150_000, True)
    assert balances(database, holders) == [0, 0, 0]
    done = run(database, money)
    assert (done.credited, done.total, done.before) == (3, 150_000, 0)
    again = run(database, money)
    assert (again.credited, again.total, again.before) == (0, 0, 3)
    holders += accounts(database, 1)
    assert run(database, money).credited == 1  # who was not there yet
    assert balances(database, holders) == [50_000] * 4
    with database.reading() as session:
        (kept,) = queries.accrual_runs(session, money.scheme_id)
    assert (kept.period, kept.credited_count, kept.credited_total) == ("2026", 4, 200_000)


def test_credit_stops_at_the_cap(database: Database) -> None:
    money = funding(database, **YEARLY)
    (holder,) = accounts(database, 1)
    with database.work(SYSTEM, NOW) as work:
        work.session.get_one(Account, holder.id).opened_at = datetime(2024, 1, 1, tzinfo=UTC)
    assert [run(database, money, year).total for year in ("2024", "2025", "2026")] == [
        50_000,
        50_000,
        20_000,
    ]
    with database.work(SYSTEM, datetime(2027, 5, 1, tzinfo=UTC)) as work:
        result = accruals.run(work, money.scheme_id, "2027")
    assert (result.credited, result.at_cap) == (0, 1)
    assert balances(database, [holder]) == [120_000]


def test_grants_of_the_scheme_count_towards_the_cap(database: Database) -> None:
    money = funding(database, **{**YEARLY, "four_eyes_minor": 10**9})
    (holder,) = accounts(database, 1)
    with database.work(money.first, NOW) as work:
        grants.grant(work, money.scheme_id, holder.number, 119_999)
    assert run(database, money).total == 1


def test_low_qualified_get_more_and_small_contracts_less(database: Database) -> None:
    money = funding(database, **YEARLY)
    cases: list[tuple[dict[str, int], int]] = [
        ({"prior_level": 2}, 80_000),
        ({"prior_level": 3}, 50_000),
        ({"contract_percent": 50}, 50_000),
        ({"contract_percent": 49}, 24_500),
        ({"contract_percent": 0}, 0),
        ({"prior_level": 1, "contract_percent": 33}, 26_400),
        ({}, 50_000),
    ]
    holders = [accounts(database, 1, **facts)[0] for facts, _ in cases]
    result = run(database, money)
    assert balances(database, holders) == [due for _, due in cases]
    assert (result.credited, result.nothing_due) == (6, 1)


def test_only_the_eligible_are_credited(database: Database) -> None:
    money = funding(database, **YEARLY, regions=["Zuid-Holland"])
    near, far = accounts(database, 1, region="Zuid-Holland"), accounts(database, 1)
    result = run(database, money)
    assert (result.credited, result.not_eligible) == (1, 1)
    assert balances(database, near + far) == [50_000, 0]


def test_accounts_that_closed_or_opened_later_get_nothing(database: Database) -> None:
    money = funding(database, **YEARLY)
    (holder,) = accounts(database, 1)
    with database.work(SYSTEM, NOW) as work:
        work.session.get_one(Account, holder.id).closed_at = NOW
    late = datetime(2027, 2, 1, tzinfo=UTC)
    with database.work(SYSTEM, late) as work:
        assert accruals.run(work, money.scheme_id, "2026").credited == 0
    holders = accounts(database, 1)
    with database.work(SYSTEM, NOW) as work:
        work.session.get_one(Account, holders[0].id).opened_at = late
    assert run(database, money).credited == 0


def test_rule_at_the_end_of_the_period_counts(database: Database) -> None:
    money = funding(database, accrual_period="month", accrual_minor=1_250)
    holders = accounts(database, 1)
    with database.work(money.first, NOW) as work:
        work.session.get_one(Account, holders[0].id).opened_at = datetime(2025, 1, 1, tzinfo=UTC)
        schemes.add_rule(
            work,
            money.scheme_id,
            TODAY.replace(month=2, day=28),
            {"accrual_period": "month", "accrual_minor": 2_000, "expiry_months": 36},
        )
    assert run(database, money, "2026-01").total == 1_250
    assert run(database, money, "2026-02").total == 2_000
    assert run(database, money, "2026-03").total == 2_000


@pytest.mark.parametrize("period", ["", "2026-13", "2026-1", "20260", "２０２６", "2027", "0001"])
def test_period_that_cannot_be_is_refused(database: Database, period: str) -> None:
    money = funding(database, **YEARLY)
    with pytest.raises(Invalid) as refusal:
        run(database, money, period)
    assert list(refusal.value.field_errors) == ["period"]


def test_period_must_fit_the_rule(database: Database) -> None:
    money = funding(database, **YEARLY)
    with pytest.raises(Invalid):
        run(database, money, "2026-02")
    none = funding(database, name="Ander fonds")
    with pytest.raises(WrongState):
        run(database, none)


def test_short_fund_credits_nobody(database: Database) -> None:
    money = funding(database, **YEARLY, budget=149_999)
    holders = accounts(database, 3)
    with pytest.raises(InsufficientBalance):
        run(database, money)
    assert balances(database, holders) == [0, 0, 0]
