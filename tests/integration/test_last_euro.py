"""Thirty-two threads on the last euro: exactly as many holds pass as there is money for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import func, select

from ledger import clock
from ledger.accounts import lots
from ledger.accounts.models import Transaction
from ledger.db import Database
from ledger.errors import DomainError, InsufficientBalance, RunFull
from ledger.providers import confirmations
from ledger.providers.models import Enrolment, EnrolmentLine, Run
from tests.factories import Holder, World

THREADS = 32


def outcomes(world: World, waiting: list[tuple[Holder, str]]) -> list[type[DomainError] | None]:
    """Confirm all at the same moment; return per thread None, or what refused it."""
    barrier = Barrier(len(waiting))

    def confirm(pair: tuple[Holder, str]) -> type[DomainError] | None:
        holder, enrolment_id = pair
        barrier.wait()
        try:
            world.database.perform(holder.actor, confirmations.confirm, enrolment_id)
        except DomainError as refusal:
            return type(refusal)
        return None

    with ThreadPoolExecutor(len(waiting)) as pool:
        return list(pool.map(confirm, waiting))


@pytest.mark.parametrize("passes", [1, 5])
def test_as_many_holds_pass_as_there_is_money_for(database: Database, passes: int) -> None:
    world = World(database, clock.now())
    holder = world.holder()
    provider = world.provider()
    # Two lots, so that a hold has to move both or neither.
    world.lot(holder, 60_000 * passes)
    world.lot(holder, 40_000 * passes)
    waiting = [
        (holder, world.requested(holder, world.run(world.course(provider), in_days=5 + n)).id)
        for n in range(0, THREADS * 5, 5)
    ]
    answers = outcomes(world, waiting)
    assert answers.count(None) == passes
    assert answers.count(InsufficientBalance) == THREADS - passes
    with database.reading() as session:
        views = lots.of_account(session, holder.account_id)
        assert [(lot.available, lot.spent) for lot in views] == [(0, 0), (0, 0)]
        assert sum(lot.held for lot in views) == 100_000 * passes
        holds = select(func.count()).where(Transaction.kind == "hold")
        assert session.scalar(holds) == passes
        assert session.scalar(select(func.sum(EnrolmentLine.held))) == 100_000 * passes
        confirmed = select(func.count()).where(Enrolment.status == "confirmed")
        assert session.scalar(confirmed) == passes


def test_the_last_places_of_a_run_go_to_exactly_as_many(database: Database) -> None:
    world = World(database, clock.now())
    run = world.run(capacity=3)
    scheme = world.scheme()
    waiting = []
    for _ in range(THREADS):
        holder = world.holder()
        world.lot(holder, 100_000, scheme)
        waiting.append((holder, world.requested(holder, run).id))
    answers = outcomes(world, waiting)
    assert answers.count(None) == 3
    assert answers.count(RunFull) == THREADS - 3
    with database.reading() as session:
        assert session.get_one(Run, run.id).taken == 3
        held = [
            lot.held for holder, _ in waiting for lot in lots.of_account(session, holder.account_id)
        ]
        assert sum(held) == 3 * 100_000


def test_the_same_enrolment_confirmed_many_times_is_held_once(database: Database) -> None:
    world = World(database, clock.now())
    holder = world.holder()
    world.lot(holder, 100_000 * THREADS)
    enrolment = world.requested(holder)
    answers = outcomes(world, [(holder, enrolment.id)] * THREADS)
    assert answers.count(None) == 1
    with database.reading() as session:
        assert sum(lot.held for lot in lots.of_account(session, holder.account_id)) == 100_000
