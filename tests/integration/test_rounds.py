"""Rounds: a budget that many ask for, first come first served, never a cent beyond it."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest

from ledger.accounts import lots, organisations, schemes
from ledger.accounts.models import Account, Transaction
from ledger.batching import Batcher
from ledger.db import SYSTEM, Database, Stale
from ledger.errors import (
    AlreadyDone,
    DomainError,
    Forbidden,
    InsufficientBalance,
    Invalid,
    NotFound,
    WrongState,
)
from ledger.funders import budgets, offers, promises, rounds
from ledger.funders.models import Round
from ledger.funders.rounds import Ask, NotEligible, Requested, RoundSpent
from tests.factories import OPERATOR, Holder, World, funder_actor

AMOUNT = 10_000


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def opened(
    world: World,
    places: int = 3,
    *,
    rest: int = 0,
    opens_at: datetime | None = None,
    closes_at: datetime | None = None,
    **terms: Any,
) -> Round:
    """Open a round with so many places, and a rest that is no place."""
    scheme = world.scheme(10 * AMOUNT, **terms)
    return world.do(
        funder_actor(scheme.funder_id),
        rounds.open_round,
        scheme.id,
        AMOUNT,
        places * AMOUNT + rest,
        opens_at or world.now,
        closes_at or world.now + timedelta(days=30),
    )


def ask(world: World, made: Round, *holders: Holder) -> list[Requested | DomainError]:
    return world.do(SYSTEM, rounds.request_many, [Ask(one.actor, made.id) for one in holders])


def kept(world: World, made: Round) -> tuple[int, int]:
    with world.database.reading() as session:
        row = session.get_one(Round, made.id)
        return row.granted, row.request_count


def available(world: World, holder: Holder) -> int:
    with world.database.reading() as session:
        return lots.balance(session, holder.account_id, world.today)[0].available


def test_request_credits_a_lot_and_gives_a_receipt(world: World) -> None:
    made = opened(world, expiry_months=12)
    noor = world.holder()
    done = world.do(noor.actor, rounds.request, made.id)
    assert (done.amount, done.unit, done.account_id) == (AMOUNT, "EUR", noor.account_id)
    assert done.expires_on == world.today.replace(year=world.today.year + 1)
    with world.database.reading() as session:
        kept_one = session.get_one(Transaction, done.receipt.id)
        (lot,) = lots.of_account(session, noor.account_id)
    assert (kept_one.kind, kept_one.subject) == ("grant", done.id)
    assert (kept_one.actor_id, kept_one.hash.hex()) == (noor.actor.id, done.receipt.hash)
    assert (lot.origin, lot.available, lot.expires_on) == ("grant", AMOUNT, done.expires_on)
    assert kept(world, made) == (AMOUNT, 1)


def test_who_comes_after_the_last_place_is_told_so(world: World) -> None:
    made = opened(world, 2, rest=AMOUNT - 1)
    holders = [world.holder() for _ in range(4)]
    answers = ask(world, made, *holders)
    assert [type(one) for one in answers] == [Requested, Requested, RoundSpent, RoundSpent]
    with pytest.raises(RoundSpent):
        world.do(world.holder().actor, rounds.request, made.id)
    # Who has it is not told that it is spent.
    with pytest.raises(AlreadyDone):
        world.do(holders[0].actor, rounds.request, made.id)
    assert kept(world, made) == (2 * AMOUNT, 2)
    assert [available(world, one) for one in holders] == [AMOUNT, AMOUNT, 0, 0]


def test_each_account_asks_once_per_round(world: World) -> None:
    made, noor = opened(world), world.holder()
    first, second = ask(world, made, noor, noor)
    assert isinstance(first, Requested) and isinstance(second, AlreadyDone)
    (again,) = ask(world, made, noor)
    assert isinstance(again, AlreadyDone)
    assert available(world, noor) == AMOUNT


def test_refusals_leave_the_neighbours_alone(world: World) -> None:
    made = opened(world, regions=["Zuid-Holland"])
    near, far = world.holder(region="Zuid-Holland"), world.holder(region="Groningen")
    gone = world.holder(region="Zuid-Holland")
    with world.database.work(SYSTEM, world.now) as work:
        work.session.get_one(Account, gone.account_id).closed_at = world.now
    asks = [
        Ask(far.actor, made.id),
        Ask(near.actor, "rnd_absent"),
        Ask(gone.actor, made.id),
        Ask(OPERATOR, made.id),
        Ask(near.actor, made.id),
    ]
    answers = world.do(SYSTEM, rounds.request_many, asks)
    assert [type(one) for one in answers] == [
        NotEligible,
        NotFound,
        NotFound,
        Forbidden,
        Requested,
    ]
    assert "Zuid-Holland" in str(answers[0])
    assert kept(world, made) == (AMOUNT, 1)


def test_round_is_open_between_its_moments(world: World) -> None:
    soon, later = world.now + timedelta(hours=1), world.now + timedelta(hours=2)
    made, noor = opened(world, opens_at=soon, closes_at=later), world.holder()
    with pytest.raises(WrongState) as refusal:
        world.do(noor.actor, rounds.request, made.id)
    assert refusal.value.params["moment"] == soon
    world.now = later
    with pytest.raises(WrongState):
        world.do(noor.actor, rounds.request, made.id)
    world.now = soon
    world.do(noor.actor, rounds.request, made.id)


def test_closing_ends_it_and_frees_the_rest(world: World) -> None:
    made, noor = opened(world), world.holder()
    ask(world, made, noor)
    with world.database.reading() as session:
        scheme = schemes.get(session, made.scheme_id)
        assert promises.free(session, scheme.id, world.now) == 7 * AMOUNT
    funder = funder_actor(scheme.funder_id)
    world.do(funder, rounds.close, scheme.id, made.id)
    with pytest.raises(WrongState):
        world.do(funder, rounds.close, scheme.id, made.id)
    with pytest.raises(NotFound):
        world.do(funder, rounds.close, scheme.id, "rnd_absent")
    with pytest.raises(WrongState):
        world.do(world.holder().actor, rounds.request, made.id)
    with world.database.reading() as session:
        assert promises.free(session, scheme.id, world.now) == 9 * AMOUNT
    world.now = made.closes_at


@pytest.mark.parametrize("state", ["scheme", "funder"])
def test_nothing_is_granted_from_what_was_closed(world: World, state: str) -> None:
    made = opened(world)
    with world.database.work(SYSTEM, world.now) as work:
        scheme = schemes.get(work.session, made.scheme_id)
        if state == "scheme":
            scheme.status = "closed"
        else:
            organisations.suspend(
                work, scheme.funder_id, "No report", world.today + timedelta(days=9)
            )
    with pytest.raises(WrongState):
        world.do(world.holder().actor, rounds.request, made.id)


def test_round_promises_its_budget(world: World) -> None:
    made = opened(world, 8)
    with world.database.reading() as session:
        scheme = schemes.get(session, made.scheme_id)
    funder = funder_actor(scheme.funder_id)
    span = (world.now, world.now + timedelta(days=1))
    with pytest.raises(InsufficientBalance) as refusal:
        world.do(funder, rounds.open_round, scheme.id, AMOUNT, 3 * AMOUNT, *span)
    assert "promised" in str(refusal.value)
    world.do(funder, budgets.pay_in, scheme.id, AMOUNT, "more", world.today)
    world.do(funder, rounds.open_round, scheme.id, AMOUNT, 3 * AMOUNT, *span)


def test_round_that_makes_no_sense_is_refused(world: World) -> None:
    scheme = world.scheme(10 * AMOUNT)
    funder = funder_actor(scheme.funder_id)
    now, day = world.now, timedelta(days=1)
    for amount, budget, opens, closes, field in (
        (0, AMOUNT, now, now + day, "amount"),
        (AMOUNT, 0, now, now + day, "budget"),
        (AMOUNT, AMOUNT - 1, now, now + day, "budget"),
        (AMOUNT, AMOUNT, now + day, now + day, "closes_at"),
        (AMOUNT, AMOUNT, now - 2 * day, now - day, "closes_at"),
    ):
        with pytest.raises(Invalid) as refusal:
            world.do(funder, rounds.open_round, scheme.id, amount, budget, opens, closes)
        assert list(refusal.value.field_errors) == [field]
    with pytest.raises(NotFound):
        world.do(
            funder_actor(world.funder().id), rounds.open_round, scheme.id, 1, 1, now, now + day
        )
    with pytest.raises(Forbidden):
        world.do(world.holder().actor, rounds.open_round, scheme.id, 1, 1, now, now + day)


def test_round_that_changes_meanwhile_undoes_the_whole(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Far from the end the row is not locked; who finds it spent at last must leave no trace."""
    monkeypatch.setattr(offers, "NEAR_THE_END", 0)
    made = opened(world, 2)
    first, second, third = (world.holder() for _ in range(3))

    ask(world, made, first)
    real = offers.of_rounds
    with world.database.work(SYSTEM, world.now) as work:
        seen = offers.of_rounds(work, [made.id])
        seen[made.id].left = 2  # as somebody saw it before the first request was kept
        monkeypatch.setattr(offers, "of_rounds", lambda *_: seen)
        with pytest.raises(Stale), work.session.begin_nested():
            rounds.request_many(work, [Ask(second.actor, made.id), Ask(third.actor, made.id)])
    monkeypatch.setattr(offers, "of_rounds", real)
    assert kept(world, made) == (AMOUNT, 1)
    assert [available(world, one) for one in (second, third)] == [0, 0]


@pytest.mark.parametrize("near", [0, 2_000])
def test_crowd_never_gets_more_than_the_budget(
    world: World, monkeypatch: pytest.MonkeyPatch, near: int
) -> None:
    """Three processes' worth of batchers on one round, with fewer places than people."""
    monkeypatch.setattr(offers, "NEAR_THE_END", near)
    made = opened(world, 7, rest=1)
    holders = [world.holder() for _ in range(24)]
    apart = lambda asked: asked.actor.account_id  # noqa: E731
    batchers = [Batcher(world.database, rounds.request_many, apart=apart) for _ in range(3)]
    answers: list[Requested | DomainError] = []
    with world.database.work(SYSTEM) as work:
        row = work.session.get_one(Round, made.id)
        row.opens_at, row.closes_at = work.now, work.now + timedelta(days=1)

    def one(number: int) -> None:
        try:
            answers.append(batchers[number % 3].submit(Ask(holders[number].actor, made.id)))
        except DomainError as refusal:
            answers.append(refusal)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kinds = sorted(type(answer).__name__ for answer in answers)
    assert kinds == ["Requested"] * 7 + ["RoundSpent"] * 17
    assert kept(world, made) == (7 * AMOUNT, 7)
    assert sum(available(world, one) for one in holders) == 7 * AMOUNT
