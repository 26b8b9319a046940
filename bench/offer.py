"""What there is to enrol in and to pay with: two schemes, a provider, and many large runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ledger import clock
from ledger.accounts.schemes import rule_on
from ledger.db import Database
from tests.factories import World

PRICE = 100_000  # cents; needs both lots of a holder
LOT = 60_000  # cents
RUNS = 200
CAPACITY = 10_000
BUDGET = 10**12  # cents, of each scheme


@dataclass(frozen=True, slots=True)
class Fund:
    """A scheme with the rule that holds today, and its funder."""

    scheme_id: str
    rule_id: str
    funder_id: str


@dataclass(frozen=True, slots=True)
class Offer:
    """Two funds, and runs (id, course) of one provider that all begin in a month."""

    funds: tuple[Fund, Fund]
    provider_id: str
    runs: tuple[tuple[str, str], ...]


def make(database: Database, runs: int = RUNS) -> Offer:
    """Fill an empty database through the verbs, as the tests do."""
    world = World(database, clock.now())
    schemes = [world.scheme(BUDGET, expiry_months=24) for _ in range(2)]
    provider = world.provider()
    planned = []
    for _ in range(runs):
        course = world.course(provider, price_cents=PRICE)
        planned.append((world.run(course, capacity=CAPACITY).id, course.id))
    with database.reading() as session:
        first, second = (
            Fund(scheme.id, rule_on(session, scheme.id, world.today).id, scheme.funder_id)
            for scheme in schemes
        )
    return Offer((first, second), provider.id, tuple(planned))


LAST_DAYS = (timedelta(days=200), timedelta(days=700))  # of a holder's two lots, from today
