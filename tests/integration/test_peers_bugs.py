"""What went wrong in other ledgers, tried on ours: each test names the peer and its bug."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from ledger import clock, config, create_app
from ledger.accounts import journal, lots, users, verification
from ledger.accounts.models import Lot, Membership, Posting, Transaction
from ledger.batching import Batcher
from ledger.db import SYSTEM, Actor, Database, Work
from ledger.errors import AlreadyDone, Busy, DomainError, InsufficientBalance, WrongState
from ledger.providers import cancellations, confirmations
from ledger.providers.models import Enrolment
from tests.factories import Holder, World, provider_actor

PRICE = 100_000
PATIENCE = 60  # seconds until a test that hangs fails


@pytest.fixture
def world(database: Database) -> World:
    return World(database, clock.now())


@pytest.fixture
def holder(world: World) -> Holder:
    return world.holder(email="nr1@example.nl")


def lot_of(world: World, holder: Holder) -> lots.LotView:
    with world.database.reading() as session:
        (found,) = lots.of_account(session, holder.account_id)
    return found


def resolving(
    world: World, holder: Holder, enrolment: Enrolment, amount: int, kind: str = "release"
) -> journal.Entry:
    """Return an entry that gives back ``amount`` of a hold, whatever was held."""
    lot = lot_of(world, holder)

    def line(bucket: str, minor: int) -> journal.Line:
        return journal.Line(
            bucket, minor, lot.scheme_id, lot.unit, lot.rule_id, lot.account_id, lot.id
        )

    with world.database.reading() as session:
        hold = session.get_one(Enrolment, enrolment.id).hold_id
    lines = (line("held", -amount), line("available", amount))
    return journal.Entry(kind, enrolment.id, lines, resolves_id=hold)


def test_blnk_a_hold_counts_at_once(world: World, holder: Holder) -> None:
    """Blnk: money in flight did not count, so that two holds together overspent a balance."""
    world.lot(holder, PRICE + PRICE // 2)
    provider = world.provider()
    first, second = (
        world.requested(holder, world.run(world.course(provider), in_days=10 * n)) for n in (1, 2)
    )
    world.do(holder.actor, confirmations.confirm, first.id)
    assert (lot_of(world, holder).available, lot_of(world, holder).held) == (PRICE // 2, PRICE)
    with pytest.raises(InsufficientBalance):
        world.do(holder.actor, confirmations.confirm, second.id)


def test_blnk_a_hold_is_voided_once(world: World, holder: Holder) -> None:
    """Blnk: a hold could be voided twice, and the money came back twice."""
    world.lot(holder, PRICE * 2)
    enrolment = world.confirmed(holder)
    world.do(holder.actor, cancellations.cancel, enrolment.id)
    with pytest.raises(WrongState):
        world.do(holder.actor, cancellations.cancel, enrolment.id)
    # Nor when the status did not stand in the way: the journal itself refuses. Something of the
    # same lot is held, so that the counters would allow it.
    world.confirmed(holder, world.run(in_days=60))
    for kind in ("release", "settle", "reversal"):
        with pytest.raises(AlreadyDone):
            world.do(SYSTEM, journal.post, resolving(world, holder, enrolment, 1, kind))
    assert (lot_of(world, holder).available, lot_of(world, holder).held) == (PRICE, PRICE)


def test_blnk_a_refused_hold_leaves_nothing_to_apply(world: World, holder: Holder) -> None:
    """Blnk: a hold that had been rejected was applied all the same by its queue."""
    lot = world.lot(holder, PRICE - 1)
    enrolment = world.requested(holder)
    with pytest.raises(InsufficientBalance):
        world.do(holder.actor, confirmations.confirm, enrolment.id)
    with world.database.reading() as session:
        assert session.get_one(Enrolment, enrolment.id).status == "requested"
        assert session.get_one(Lot, lot).held == 0
        assert session.scalars(select(Transaction).where(Transaction.kind == "hold")).all() == []
        assert session.scalars(select(Posting).where(Posting.bucket == "held")).all() == []
    # Money that comes later wakes nothing: the holder asks again.
    world.lot(holder, PRICE)
    with world.database.reading() as session:
        assert session.get_one(Enrolment, enrolment.id).hold_id is None


def test_blnk_no_more_is_committed_than_was_held(world: World, holder: Holder) -> None:
    """Blnk: more could be committed from a hold than it held."""
    world.lot(holder, PRICE)
    enrolment = world.confirmed(holder)
    with pytest.raises(InsufficientBalance):
        world.do(SYSTEM, journal.post, resolving(world, holder, enrolment, PRICE + 1))
    assert lot_of(world, holder).held == PRICE


def test_blnk_less_than_was_held_is_named(world: World, holder: Holder) -> None:
    """Blnk again: what ends a hold takes all of it; an ending that leaves some is found."""
    world.lot(holder, PRICE)
    enrolment = world.confirmed(holder)
    world.do(SYSTEM, journal.post, resolving(world, holder, enrolment, PRICE - 1))
    with world.database.reading() as session:
        hold = session.get_one(Enrolment, enrolment.id).hold_id
        assert hold in {finding.id for finding in verification.check(session)}


def key_of(work: Work, holder: Holder) -> str:
    member = work.session.scalars(select(Membership).where(Membership.user_id == holder.actor.id))
    return users.add_api_key(work, member.one().id)


def asking(
    world: World, holder: Holder, enrolment: Enrolment, folder: Path
) -> Callable[[str], TestResponse]:
    """Return who confirms by the API, with a key of choice."""
    settings = config.load({"LEERREKENING_INSTANCE_PATH": str(folder)})
    app = create_app(replace(settings, secret_key="only for tests"), world.database)
    authorised = {"Authorization": f"Bearer {world.do(SYSTEM, key_of, holder)}"}

    def ask(key: str) -> TestResponse:
        return app.test_client().post(
            f"/api/v1/enrolments/{enrolment.id}/confirm",
            json={},
            headers={**authorised, "Idempotency-Key": key},
        )

    return ask


def test_tigerbeetle_a_refused_id_stays_refused(
    world: World, holder: Holder, tmp_path: Path
) -> None:
    """TigerBeetle's lesson: a retry of what was refused must not pass when money came meanwhile.

    Else the client that gave up, and told its user so, spends the money by a late repetition.
    """
    ask = asking(world, holder, world.requested(holder), tmp_path)
    refused = ask("first")
    assert refused.status_code == 409
    world.lot(holder, PRICE)
    assert (ask("first").status_code, ask("first").data) == (409, refused.data)
    assert ask("second").status_code == 200
    assert (ask("first").status_code, ask("first").data) == (409, refused.data)


def test_tigerbeetle_a_hold_is_resolved_at_most_once(world: World, holder: Holder) -> None:
    """TigerBeetle: pending is posted or voided, once, whatever races; threads try all endings."""
    world.lot(holder, PRICE)
    enrolment = world.confirmed(holder)
    entries = [resolving(world, holder, enrolment, PRICE, k) for k in ("release", "settle") * 4]
    together = threading.Barrier(len(entries))

    def end(entry: journal.Entry) -> str:
        together.wait(PATIENCE)
        try:
            world.database.perform(SYSTEM, journal.post, entry)
        except DomainError as refusal:
            return type(refusal).__name__
        return "ok"

    with ThreadPoolExecutor(len(entries)) as pool:
        answers = list(pool.map(end, entries))
    assert answers.count("ok") == 1
    assert set(answers) <= {"ok", "AlreadyDone", "InsufficientBalance", "Conflict"}
    assert (lot_of(world, holder).available, lot_of(world, holder).held) == (PRICE, 0)


def test_pgledger_the_same_thing_is_done_once(world: World, holder: Holder) -> None:
    """pgledger: no key names what a transfer is for, so that a retry is a second transfer."""
    lot = world.lot(holder, PRICE)
    with world.database.reading() as session:
        scheme, subject = session.execute(select(Lot.scheme_id, Lot.subject)).one()
    credit = lots.Credit(holder.account_id, PRICE, "grant", subject)
    with pytest.raises(AlreadyDone):
        world.do(SYSTEM, lots.credit, scheme, [credit])
    with world.database.reading() as session:
        assert session.scalars(select(Lot.id)).all() == [lot]


def test_cala_the_queue_is_bounded_before_the_database(database: Database) -> None:
    """cala: those who waited for a lock inside PostgreSQL took 95% of its time.

    They wait outside, so many and no more; who comes then hears so at once.
    """
    callers, bound = 12, 2
    refused, free = threading.Semaphore(0), threading.Event()

    def slow(_work: Work, requests: Sequence[int]) -> list[int]:
        assert free.wait(PATIENCE)
        return list(requests)

    batcher: Batcher[int, int] = Batcher(database, slow, bound=bound)

    def submit(number: int) -> bool:
        try:
            return batcher.submit(number) == number
        except Busy:
            refused.release()
            return False

    with ThreadPoolExecutor(callers) as pool:
        answers = [pool.submit(submit, number) for number in range(callers)]
        for _ in range(callers - bound - 1):
            assert refused.acquire(timeout=PATIENCE)
        free.set()
        assert sum(answer.result(PATIENCE) for answer in answers) == bound + 1


def test_cala_who_is_refused_is_told_when_to_come_back(
    world: World, holder: Holder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """cala again: beyond the bound the answer is 503 with Retry-After, and the key stays free."""
    world.lot(holder, PRICE)
    enrolment = world.requested(holder)
    ask = asking(world, holder, enrolment, tmp_path)

    def full(_batcher: object, _request: object) -> None:
        raise Busy("It is very busy.")

    with monkeypatch.context() as crowded:
        crowded.setattr(Batcher, "submit", full)
        answer = ask("once")
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.mimetype == "application/problem+json"
    assert ask("once").status_code == 200


def test_nothing_is_spent_by_a_number_alone(world: World, holder: Holder) -> None:
    """UK Individual Learning Accounts: who knew an account's number could draw on it."""
    world.lot(holder, PRICE)
    enrolment = world.requested(holder)
    for actor in (
        provider_actor(enrolment.provider_id),
        Actor("usr_other", "holder", account_id="acc_other"),
        SYSTEM,
    ):
        with pytest.raises(DomainError):
            world.do(actor, confirmations.confirm, enrolment.id)
    assert lot_of(world, holder).held == 0
