"""The program is stopped before each statement of a verb: nothing is left, and again works.

Every verb that moves money is tried with the first statement missing, then the second, and so on
until its last, the commit. Each time the whole database must be what it was before, row by row.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from ledger.accounts import expiry, people, verification
from ledger.accounts.models import Organisation, Scheme
from ledger.accounts.seals import sealer
from ledger.db import SYSTEM, Actor, Base, Database, Work, driver
from ledger.funders import accruals, budgets, grants, rounds
from ledger.funders import verification as funders_verification
from ledger.funders.models import GrantBatch
from ledger.providers import (
    cancellations,
    clawbacks,
    completions,
    confirmations,
    enrolments,
    payouts,
    releases,
)
from ledger.providers import verification as providers_verification
from ledger.providers.models import Declaration, Enrolment, Statement
from tests.factories import NOW, Holder, World, funder_actor, provider_actor
from tests.integration.paying import FIRST, SECOND
from tests.integration.sealing import keys_in
from tests.integration.tripwire import Stopped, Tripwire, stopping_database

CHECKS = (
    *verification.CHECKS,
    *providers_verification.CHECKS,
    *funders_verification.CHECKS,
)
IBAN = "NL91ABNA0417164300"
Step = tuple[Actor, Callable[[Work], object]]


@dataclass
class Town:
    """A holder with two lots, a course with a credential, and money in the fund."""

    world: World
    folder: Path
    holder: Holder
    scheme: Scheme
    minutes: Scheme

    @property
    def funder(self) -> Actor:
        return funder_actor(self.scheme.funder_id)

    def enrolment(self) -> Enrolment:
        """Return a confirmed enrolment that two schemes pay."""
        return self.world.confirmed(self.holder)

    def ended(self) -> tuple[Enrolment, Actor]:
        """Return an enrolment of which attendance is known, and who completes it."""
        enrolment = self.enrolment()
        self.world.attended(enrolment, [True] * 4)
        return enrolment, provider_actor(enrolment.provider_id)

    def completed(self) -> Enrolment:
        """Return an enrolment that is due to be paid."""
        enrolment, staff = self.ended()
        self.world.do(staff, completions.complete, enrolment.id, "passed")
        with self.world.database.work(SYSTEM, self.world.now) as work:
            work.session.get_one(Organisation, enrolment.provider_id).iban = IBAN
        self.world.later(days=20)
        return enrolment

    def prepared(self) -> tuple[Enrolment, Statement]:
        """Return a statement that waits to be released."""
        enrolment = self.completed()
        period = f"{self.world.today:%Y-%m}"
        return enrolment, self.world.do(FIRST, payouts.prepare, enrolment.provider_id, period)


def paying_in(town: Town) -> Step:
    scheme, day = town.scheme.id, town.world.today
    return town.funder, lambda work: budgets.pay_in(work, scheme, 5_000, "nieuw", day)


def granting(town: Town) -> Step:
    others = [town.world.holder() for _ in range(3)]
    rows = "".join(f"{one.number};12,34\n" for one in others)
    data = f"rekeningnummer;bedrag\n{rows}".encode()
    scheme = town.scheme.id
    return town.funder, lambda work: grants.submit_file(work, scheme, data, "a.csv")


def accruing(town: Town) -> Step:
    scheme = town.world.scheme(accrual_period="year", accrual_minor=5_000)
    return funder_actor(scheme.funder_id), lambda work: accruals.run(work, scheme.id, "2026")


def asking_in_a_round(town: Town) -> Step:
    scheme, now = town.scheme.id, town.world.now
    closes = now + timedelta(days=3)
    made = town.world.do(town.funder, rounds.open_round, scheme, 100, 1_000, now, closes)
    return town.holder.actor, lambda work: rounds.request(work, made.id)


def registering(town: Town) -> Step:
    run, holder = town.world.run(), town.holder
    code = town.world.do(holder.actor, people.make_consent_code, holder.account_id)
    staff = provider_actor(run.provider_id)
    return staff, lambda work: enrolments.register(work, run.id, holder.number, code)


def confirming(town: Town) -> Step:
    enrolment = town.world.requested(town.holder)
    return town.holder.actor, lambda work: confirmations.confirm(work, enrolment.id)


def cancelling_late(town: Town) -> Step:
    enrolment = town.enrolment()
    town.world.later(days=25)
    return town.holder.actor, lambda work: cancellations.cancel(work, enrolment.id)


def force_majeure(town: Town) -> Step:
    enrolment, staff = town.ended()
    return staff, lambda work: cancellations.force_majeure(work, enrolment.id, "illness")


def cancelling_a_run(town: Town) -> Step:
    enrolment = town.enrolment()
    staff = provider_actor(enrolment.provider_id)
    return staff, lambda work: cancellations.cancel_run(work, enrolment.run_id)


def completing(town: Town) -> Step:
    enrolment, staff = town.ended()
    return staff, lambda work: completions.complete(work, enrolment.id, "passed", "8")


def preparing(town: Town) -> Step:
    provider, period = town.completed().provider_id, f"{town.world.today:%Y-%m}"
    return FIRST, lambda work: payouts.prepare(work, provider, period)


def releasing(town: Town) -> Step:
    _, statement = town.prepared()
    return SECOND, lambda work: releases.release(work, statement.id)


def clawing_back(town: Town) -> Step:
    enrolment, statement = town.prepared()
    town.world.do(SECOND, releases.release, statement.id)
    return FIRST, lambda work: clawbacks.clawback(work, enrolment.id, 70_000, "Fraude")


def expiring(town: Town) -> Step:
    last = town.world.today + timedelta(days=5)
    town.world.lot(town.holder, 700, town.scheme, expires_on=last)
    town.world.do(SYSTEM, expiry.notify, town.world.today)
    town.world.later(days=8)
    return SYSTEM, lambda work: expiry.expire(work, work.today)


def reallocating(town: Town) -> Step:
    actor, expire = expiring(town)
    town.world.do(actor, expire)
    scheme = town.scheme.id
    return town.funder, lambda work: budgets.reallocate(work, scheme)


def sealing(town: Town) -> Step:
    keys = keys_in(town.folder)
    signer = town.world.do(SYSTEM, keys.signer)
    town.world.do(SYSTEM, sealer.seal, signer)
    town.world.lot(town.holder, 700, town.scheme)
    return SYSTEM, lambda work: sealer.seal(work, signer)


STEPS = (
    paying_in,
    granting,
    accruing,
    asking_in_a_round,
    registering,
    confirming,
    cancelling_late,
    force_majeure,
    cancelling_a_run,
    completing,
    preparing,
    releasing,
    clawing_back,
    expiring,
    reallocating,
    sealing,
)


@pytest.fixture
def town(database: Database, tmp_path: Path) -> Town:
    world = World(database, NOW)
    holder = world.holder()
    scheme, minutes = world.scheme(), world.scheme(unit="MIN")
    world.lot(holder, 60_000, scheme)
    world.lot(holder, 90_000)
    world.lot(holder, 1_000, minutes)
    return Town(world, tmp_path, holder, scheme, minutes)


@pytest.fixture
def wire() -> Tripwire:
    return Tripwire()


@pytest.fixture
def stopping(town: Town, database_url: str, wire: Tripwire) -> Iterator[Database]:
    database = stopping_database(database_url, wire)
    yield database
    database.dispose()


def everything(database: Database) -> dict[str, list[str]]:
    """Return all rows of all tables, by table; with the driver, since it is asked so often."""
    names = sorted(Base.metadata.tables)
    with database.reading() as session:
        connection = driver(session)
        if isinstance(connection, sqlite3.Connection):
            rows = {name: connection.execute(f'SELECT * FROM "{name}"') for name in names}  # noqa: S608
            return {name: sorted(map(repr, found)) for name, found in rows.items()}
        each = (f"SELECT '{name}', t::text FROM \"{name}\" t" for name in names)  # noqa: S608
        found = connection.execute(" UNION ALL ".join(each).encode()).fetchall()
    return {name: sorted(text for key, text in found if key == name) for name in names}


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
def test_stopped_anywhere_nothing_is_left_and_again_works(
    town: Town, stopping: Database, wire: Tripwire, step: Callable[[Town], Step]
) -> None:
    actor, verb = step(town)
    before = everything(town.world.database)
    number = 0
    while True:
        number += 1
        wire.arm(number)
        try:
            with stopping.work(actor, town.world.now) as work:
                verb(work)
        except Stopped:
            assert everything(town.world.database) == before, f"stopped before {number}"
            continue
        break
    assert number > 3, "too few statements to have been seen at all"
    after = everything(town.world.database)
    assert after != before
    with town.world.database.reading() as session:
        assert [finding for check in CHECKS for finding in check.run(session)] == []


def test_every_statement_passes_by_the_wire(town: Town, stopping: Database, wire: Tripwire) -> None:
    """What the drivers are told besides SQLAlchemy would not be stopped: it must be seen."""
    actor, verb = confirming(town)
    wire.arm(None)
    with stopping.work(actor, town.world.now) as work:
        before = wire.seen
        verb(work)
        # Facts, the journal's batch, and what follows from them: at least that.
        assert wire.seen - before >= 3
    with town.world.database.reading() as session:
        assert session.scalars(select(Declaration)).all() == []
        assert session.scalars(select(GrantBatch)).all() == []
