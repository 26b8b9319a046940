"""Sixteen real processes want the same at the same moment: exactly the right number get it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from ledger import clock
from ledger.accounts import lots, people, verification
from ledger.accounts.models import Membership, Organisation, Seal, Transaction, Unsealed
from ledger.accounts.users import add_api_key
from ledger.db import SYSTEM, Database, Work
from ledger.funders import accruals, budgets, grants, rounds
from ledger.funders import verification as funders_verification
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
from ledger.providers.models import Enrolment, EnrolmentLine, Run, Statement
from tests.factories import Holder, World, funder_actor, provider_actor
from tests.integration import racing
from tests.integration.paying import FIRST, SECOND
from tests.integration.racing import Call, Gathered, Many, Racers, Try
from tests.integration.sealing import NAME

CHECKS = (
    *verification.CHECKS,
    *providers_verification.CHECKS,
    *funders_verification.CHECKS,
)
PROCESSES = 16


@pytest.fixture(scope="module")
def racers() -> Iterator[Racers]:
    with racing.racers(PROCESSES) as started:
        yield started


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    """Give a world of the present moment, and prove its books at the end of the test."""
    yield World(database, clock.now())
    with database.reading() as session:
        findings = [
            f"{finding.table} {finding.id}: {finding.message}"
            for check in CHECKS
            for finding in check.run(session)
        ]
    assert findings == []


def confirm(holder: Holder, enrolment: Enrolment) -> Try:
    return Try(holder.actor, confirmations.confirm, (enrolment.id,))


def waiting(world: World, holder: Holder, number: int) -> list[Enrolment]:
    """Return so many requests for courses at different hours."""
    provider = world.provider()
    return [
        world.requested(holder, world.run(world.course(provider), in_days=5 + 5 * n))
        for n in range(number)
    ]


def test_clients_that_would_overspend_a_lot(
    world: World, database_url: str, racers: Racers
) -> None:
    holder = world.holder()
    world.lot(holder, 3 * 100_000 + 99_999)
    tries = [confirm(holder, one) for one in waiting(world, holder, PROCESSES)]
    answers = racers.race(database_url, tries)
    assert Counter(answers) == {"ok": 3, "InsufficientBalance": PROCESSES - 3}
    with world.database.reading() as session:
        (lot,) = lots.of_account(session, holder.account_id)
        assert (lot.available, lot.held) == (99_999, 300_000)
        assert session.scalar(select(func.sum(EnrolmentLine.held))) == 300_000


def test_the_same_through_the_batchers_of_four_processes(
    world: World, database_url: str, racers: Racers
) -> None:
    run, scheme = world.run(capacity=30), world.scheme()
    wishes = []
    for number in range(48):
        holder = world.holder()
        # Every fourth has too little.
        world.lot(holder, 99_999 if number % 4 == 0 else 100_000, scheme)
        wishes.append(confirmations.Wish(holder.actor, world.requested(holder, run).id))
    tasks = [Gathered(tuple(wishes[n::4])) for n in range(4)]
    answers = Counter(racers.race(database_url, tasks))
    assert answers["ok"] == 30
    assert answers["InsufficientBalance"] + answers["RunFull"] == 18
    with world.database.reading() as session:
        assert session.get_one(Run, run.id).taken == 30


def test_two_enrolments_of_one_account_at_the_same_hours(
    world: World, database_url: str, racers: Racers
) -> None:
    provider, scheme = world.provider(), world.scheme()
    runs = [world.run(world.course(provider), capacity=20) for _ in range(2)]
    tries = []
    for _ in range(PROCESSES // 2):
        holder = world.holder()
        world.lot(holder, 500_000, scheme)
        tries += [confirm(holder, world.requested(holder, run)) for run in runs]
    answers = racers.race(database_url, tries)
    for first, second in zip(answers[::2], answers[1::2], strict=True):
        assert {first, second} == {"ok", "Overlap"}


def test_the_last_place_of_a_run(world: World, database_url: str, racers: Racers) -> None:
    run, scheme = world.run(capacity=1), world.scheme()
    tries = []
    for _ in range(PROCESSES):
        holder = world.holder()
        world.lot(holder, 100_000, scheme)
        tries.append(confirm(holder, world.requested(holder, run)))
    answers = racers.race(database_url, tries)
    assert Counter(answers) == {"ok": 1, "RunFull": PROCESSES - 1}


def test_the_last_euros_of_a_fund(world: World, database_url: str, racers: Racers) -> None:
    scheme = world.scheme(5_999)
    actor = funder_actor(scheme.funder_id)
    holders = [world.holder() for _ in range(PROCESSES)]
    tries = [Try(actor, grants.grant, (scheme.id, one.number, 1_000)) for one in holders]
    answers = racers.race(database_url, tries)
    assert Counter(answers) == {"ok": 5, "InsufficientBalance": PROCESSES - 5}
    with world.database.reading() as session:
        assert lots.fund_balance(session, scheme.id) == 999


def test_the_last_of_a_round(world: World, database_url: str, racers: Racers) -> None:
    scheme = world.scheme(100_000)
    closes = world.now + timedelta(days=1)
    made = world.do(
        funder_actor(scheme.funder_id),
        rounds.open_round,
        scheme.id,
        1_000,
        4_000,
        world.now,
        closes,
    )
    holders = [world.holder() for _ in range(PROCESSES - 4)]
    # The first four ask twice.
    tries = [Try(one.actor, rounds.request, (made.id,)) for one in (*holders, *holders[:4])]
    answers = Counter(racers.race(database_url, tries))
    assert answers["ok"] == 4
    assert answers["RoundSpent"] + answers["AlreadyDone"] == PROCESSES - 4


def test_the_same_file_of_grants(world: World, database_url: str, racers: Racers) -> None:
    scheme = world.scheme(100_000)
    holders = [world.holder() for _ in range(3)]
    rows = "".join(f"{one.number};10,00\n" for one in holders)
    data = f"rekeningnummer;bedrag\n{rows}".encode()
    actor = funder_actor(scheme.funder_id)
    tries = [Try(actor, grants.submit_file, (scheme.id, data, "a.csv"))] * PROCESSES
    answers = racers.race(database_url, tries)
    assert Counter(answers) == {"ok": 1, "AlreadyDone": PROCESSES - 1}


def test_the_same_transfer_and_the_same_accrual(
    world: World, database_url: str, racers: Racers
) -> None:
    scheme = world.scheme(100_000, accrual_period="year", accrual_minor=1_000)
    holders = [world.holder() for _ in range(3)]
    actor = funder_actor(scheme.funder_id)
    pay = Try(actor, budgets.pay_in, (scheme.id, 700, "dezelfde", world.today))
    answers = racers.race(database_url, [pay] * PROCESSES)
    assert Counter(answers) == {"ok": 1, "AlreadyDone": PROCESSES - 1}
    accrue = Try(actor, accruals.run, (scheme.id, f"{world.today.year}"))
    answers = racers.race(database_url, [accrue] * PROCESSES)
    assert answers.count("ok") >= 1 and set(answers) <= {"ok", "Conflict"}
    with world.database.reading() as session:
        for holder in holders:
            assert [lot.available for lot in lots.of_account(session, holder.account_id)] == [1_000]
        assert lots.fund_balance(session, scheme.id) == 100_700 - 3_000


def test_a_consent_code_serves_once(world: World, database_url: str, racers: Racers) -> None:
    holder, provider = world.holder(), world.provider()
    code = world.do(holder.actor, people.make_consent_code, holder.account_id)
    staff = provider_actor(provider.id)
    tries = [
        Try(staff, enrolments.register, (world.run(world.course(provider)).id, holder.number, code))
        for _ in range(PROCESSES)
    ]
    answers = racers.race(database_url, tries)
    assert Counter(answers) == {"ok": 1, "Invalid": PROCESSES - 1}


def test_the_same_key_of_a_call(
    world: World, database_url: str, racers: Racers, tmp_path: Path
) -> None:
    holder = world.holder(email="nr1@example.nl")
    world.lot(holder, 100_000)
    enrolment = world.requested(holder)

    def key_of(work: Work) -> str:
        member = select(Membership.id).where(Membership.user_id == holder.actor.id)
        return add_api_key(work, work.session.scalars(member).one())

    headers = (("Authorization", f"Bearer {world.do(SYSTEM, key_of)}"), ("Idempotency-Key", "1"))
    call = Call(tmp_path, f"/api/v1/enrolments/{enrolment.id}/confirm", headers)
    # Processes have no batch in common, so the database decides.
    answers = racers.race(database_url, [call] * 6)
    assert set(answers[::2]) == {"200"}, answers
    assert len(set(answers[1::2])) == 1, "each got the first answer, to the byte"
    with world.database.reading() as session:
        holds = select(func.count()).where(Transaction.kind == "hold")
        assert session.scalar(holds) == 1


def held_long_ago(database: Database, number: int) -> tuple[World, list[Enrolment]]:
    """Return enrolments whose sessions are over, with everybody's attendance stated."""
    world = World(database, clock.now() - timedelta(days=60))
    run, scheme, made = world.run(capacity=number, in_days=5), world.scheme(), []
    for _ in range(number):
        holder = world.holder()
        world.lot(holder, 100_000, scheme)
        made.append(world.confirmed(holder, run))
    for enrolment in made:
        world.attended(enrolment, [True, True, False, False])
    return world, made


def test_cancelling_and_completing_the_same(
    world: World, database_url: str, racers: Racers
) -> None:
    _, made = held_long_ago(world.database, PROCESSES // 2)
    tries = []
    for one in made:
        staff = provider_actor(one.provider_id)
        tries.append(Try(staff, completions.complete, (one.id, "failed")))
        tries.append(Try(staff, cancellations.cancel, (one.id,)))
    answers = racers.race(database_url, tries)
    for first, second in zip(answers[::2], answers[1::2], strict=True):
        assert sorted((first, second)) == ["WrongState", "ok"]
    with world.database.reading() as session:
        ended = select(func.count()).where(Transaction.resolves_id.is_not(None))
        assert session.scalar(ended) == PROCESSES // 2


def test_paying_a_statement_and_taking_it_back(
    world: World, database_url: str, racers: Racers
) -> None:
    past, (one,) = held_long_ago(world.database, 1)
    past.do(provider_actor(one.provider_id), completions.complete, one.id, "failed")
    with world.database.work(SYSTEM) as work:
        work.session.get_one(Organisation, one.provider_id).iban = "NL91ABNA0417164300"
    period = f"{world.today:%Y-%m}"
    prepare = Try(FIRST, payouts.prepare, (one.provider_id, period))
    answers = racers.race(database_url, [prepare] * PROCESSES)
    assert Counter(answers) == {"ok": 1, "AlreadyDone": PROCESSES - 1}
    with world.database.reading() as session:
        statement = session.scalars(select(Statement.id)).one()
    release = Try(SECOND, releases.release, (statement,))
    answers = racers.race(database_url, [release] * PROCESSES)
    assert Counter(answers) == {"ok": 1, "AlreadyDone": PROCESSES - 1}
    clawback = Try(FIRST, clawbacks.clawback, (one.id, 60_000, "Fraude"))
    answers = racers.race(database_url, [clawback] * PROCESSES)
    assert Counter(answers) == {"ok": 1, "AlreadyDone": PROCESSES - 1}


def test_sealers_beside_writers(
    world: World, database_url: str, racers: Racers, tmp_path: Path
) -> None:
    scheme = world.scheme(100_000)
    actor = funder_actor(scheme.funder_id)
    grants_each = 10
    tasks: list[Many | racing.Seal] = []
    for _ in range(PROCESSES - 4):
        holder = world.holder()
        grant = Try(actor, grants.grant, (scheme.id, holder.number, 10))
        tasks.append(Many((grant,) * grants_each))
    tasks += [racing.Seal(tmp_path, NAME, grants_each)] * 4
    answers = racers.race(database_url, tasks)
    assert set(answers) == {"ok"}
    racers.race(database_url, [racing.Seal(tmp_path, NAME, 1)])
    with world.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Unsealed)) == 0
        number = session.scalar(select(func.count()).select_from(Transaction))
        assert session.scalar(select(func.max(Seal.size))) == number
