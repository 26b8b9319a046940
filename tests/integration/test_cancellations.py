"""Every row of the cancellation table, with the remainder back in the lots it came from."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from ledger.accounts import history, lots
from ledger.db import Database
from ledger.errors import Forbidden, Invalid, NotFound, WrongState
from ledger.providers import attendance, cancellations, completions
from ledger.providers.models import Declaration, Enrolment, EnrolmentLine, Run
from ledger.providers.queries import enrolments as queries
from tests.factories import OPERATOR, Holder, World, provider_actor

Counters = tuple[int, int, int, int]


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


@pytest.fixture
def holder(world: World) -> Holder:
    return world.holder()


def counters(world: World, holder: Holder) -> dict[str, Counters]:
    """Return per lot what is available, held, spent and returned."""
    with world.database.reading() as session:
        return {
            lot.id: (lot.available, lot.held, lot.spent, lot.returned)
            for lot in lots.of_account(session, holder.account_id)
        }


def status(world: World, enrolment: Enrolment) -> str:
    with world.database.reading() as session:
        return session.get_one(Enrolment, enrolment.id).status


def declared(world: World, enrolment: Enrolment) -> int:
    with world.database.reading() as session:
        amount = session.scalars(
            select(Declaration.amount_cents).where(Declaration.enrolment_id == enrolment.id)
        ).one_or_none()
        return amount or 0


def previewed(world: World, enrolment: Enrolment) -> cancellations.Preview:
    with world.database.reading() as session:
        return cancellations.preview(session, session.get_one(Enrolment, enrolment.id), world.now)


def two_lots(world: World, holder: Holder, **terms: Any) -> tuple[str, str]:
    return (
        world.lot(
            holder,
            30_001,
            world.scheme(**terms),
            expires_on=world.today + timedelta(days=100),
        ),
        world.lot(holder, 200_000, world.scheme(**terms)),
    )


def test_withdrawal_within_the_cooling_off_is_free(world: World, holder: Holder) -> None:
    first, second = two_lots(world, holder)
    enrolment = world.confirmed(holder)
    assert enrolment.cooling_off_until == world.today + timedelta(days=14)
    world.later(days=14)
    assert previewed(world, enrolment).consequence.back_cents == 100_000
    done = world.do(holder.actor, cancellations.cancel, enrolment.id)
    assert done.receipt is not None
    assert status(world, enrolment) == "withdrawn"
    assert counters(world, holder) == {first: (30_001, 0, 0, 0), second: (200_000, 0, 0, 0)}
    assert declared(world, enrolment) == 0
    with world.database.reading() as session:
        assert session.get_one(Run, enrolment.run_id).taken == 0


@pytest.mark.parametrize("late", ["after cooling-off", "near the start"])
def test_late_cancellation_pays_five_percent(world: World, holder: Holder, late: str) -> None:
    first, second = two_lots(world, holder)
    if late == "near the start":
        enrolment = world.confirmed(holder, world.run(in_days=7))
        assert enrolment.cooling_off_until is None
    else:
        enrolment = world.confirmed(holder)
        world.later(days=15)
    before = previewed(world, enrolment).consequence
    world.do(holder.actor, cancellations.cancel, enrolment.id)
    assert status(world, enrolment) == "cancelled_late"
    assert declared(world, enrolment) == before.paid_cents == 5_000
    assert counters(world, holder) == {
        first: (30_001 - 1_500, 0, 1_500, 0),
        second: (200_000 - 3_500, 0, 3_500, 0),
    }


def test_the_rest_is_lost_where_the_scheme_says_so(world: World, holder: Holder) -> None:
    strict = world.lot(
        holder,
        40_000,
        world.scheme(late_percent=10, rest_when_late="lost"),
        expires_on=world.today + timedelta(days=100),
    )
    mild = world.lot(holder, 60_000)
    enrolment = world.confirmed(holder)
    world.later(days=20)
    assert previewed(world, enrolment).consequence.gone_cents == 36_000
    world.do(holder.actor, cancellations.cancel, enrolment.id)
    assert counters(world, holder) == {
        strict: (0, 0, 4_000, 36_000),
        mild: (57_000, 0, 3_000, 0),
    }
    assert declared(world, enrolment) == 7_000


def test_a_lot_that_expired_meanwhile_goes_back_to_the_fund(world: World, holder: Holder) -> None:
    dying = world.lot(holder, 40_000, expires_on=world.today + timedelta(days=5))
    alive = world.lot(holder, 60_000)
    enrolment = world.confirmed(holder)
    world.later(days=6)
    before = previewed(world, enrolment).consequence
    assert (before.back_cents, before.gone_cents) == (60_000, 40_000)
    world.do(holder.actor, cancellations.cancel, enrolment.id)
    assert counters(world, holder) == {dying: (0, 0, 0, 40_000), alive: (60_000, 0, 0, 0)}


@pytest.mark.parametrize(
    ("present", "ends", "paid"),
    [
        ([False, False, False, False], "abandoned", 25_000),  # no-show
        ([True, False, False, False], "partially_completed", 25_000),
        ([True, True, False, False], "partially_completed", 50_000),
        ([True, True, True, False], "partially_completed", 75_000),
        ([True, True, True, True], "completed", 100_000),
    ],
)
def test_attendance_decides_without_an_exam(
    world: World, holder: Holder, present: list[bool], ends: str, paid: int
) -> None:
    lot = world.lot(holder, 100_000)
    enrolment = world.confirmed(holder)
    world.attended(enrolment, present)
    staff = provider_actor(enrolment.provider_id)
    world.do(staff, completions.complete, enrolment.id, "attended")
    assert status(world, enrolment) == ends
    assert declared(world, enrolment) == paid
    rest = 100_000 - paid
    assert counters(world, holder) == {lot: (rest, 0, paid, 0)}


def test_abandoning_early_pays_what_each_scheme_says(world: World, holder: Holder) -> None:
    mild = world.lot(holder, 50_000, expires_on=world.today + timedelta(days=300))
    strict = world.lot(
        holder, 50_000, world.scheme(abandoned_percent=40, rest_when_abandoned="lost")
    )
    enrolment = world.confirmed(holder, world.run(sessions=5))
    world.attended(enrolment, [True])
    before = previewed(world, enrolment)
    assert (before.event, before.waits, before.consequence.paid_cents) == (
        "attended",
        False,
        32_500,
    )
    world.do(holder.actor, cancellations.cancel, enrolment.id)
    assert status(world, enrolment) == "abandoned"
    assert counters(world, holder) == {
        mild: (37_500, 0, 12_500, 0),
        strict: (0, 0, 20_000, 30_000),
    }


def test_stopping_waits_for_the_statement_of_attendance(world: World, holder: Holder) -> None:
    lot = world.lot(holder, 100_000)
    enrolment = world.confirmed(holder)
    first, second, *_ = world.sessions(enrolment.run_id)
    world.now = second.ends_at + timedelta(minutes=1)
    assert previewed(world, enrolment).waits
    done = world.do(holder.actor, cancellations.cancel, enrolment.id)
    assert (done.receipt, done.enrolment.status) == (None, "confirmed")
    assert done.enrolment.stopped_at == world.now
    with pytest.raises(WrongState):
        world.do(holder.actor, cancellations.cancel, enrolment.id)
    world.later(days=10)
    staff = provider_actor(enrolment.provider_id)
    with pytest.raises(Invalid):
        world.do(staff, completions.complete, enrolment.id, "attended")
    world.do(staff, attendance.record, enrolment.id, {first.id: True, second.id: True})
    with pytest.raises(WrongState):
        world.do(staff, completions.complete, enrolment.id, "passed")
    world.do(staff, completions.complete, enrolment.id, "attended")
    assert counters(world, holder) == {lot: (50_000, 0, 50_000, 0)}


def test_force_majeure_pays_what_was_realised(world: World, holder: Holder) -> None:
    lot = world.lot(holder, 100_000)
    enrolment = world.confirmed(holder, world.run(sessions=5))
    with pytest.raises(Forbidden):
        world.do(holder.actor, cancellations.force_majeure, enrolment.id, "illness")
    world.do(holder.actor, cancellations.ask_force_majeure, enrolment.id, "illness")
    with pytest.raises(WrongState):
        world.do(holder.actor, cancellations.ask_force_majeure, enrolment.id, "illness")
    world.attended(enrolment, [True])
    with pytest.raises(Invalid):
        world.do(OPERATOR, cancellations.force_majeure, enrolment.id, "no such reason")
    world.do(OPERATOR, cancellations.force_majeure, enrolment.id, "illness")
    assert status(world, enrolment) == "force_majeure"
    assert counters(world, holder) == {lot: (80_000, 0, 20_000, 0)}
    with world.database.reading() as session:
        kinds = [event.kind for event in history.of(session, enrolment.id)]
    assert kinds[-1] == "force_majeure"


def test_the_provider_cancels_and_everything_goes_back(world: World, holder: Holder) -> None:
    first, second = two_lots(world, holder, rest_when_late="lost")
    enrolment = world.confirmed(holder)
    world.attended(enrolment, [True, True])
    with pytest.raises(NotFound):
        world.do(provider_actor(world.provider().id), cancellations.cancel, enrolment.id)
    world.do(provider_actor(enrolment.provider_id), cancellations.cancel, enrolment.id)
    assert status(world, enrolment) == "cancelled_by_provider"
    assert counters(world, holder) == {first: (30_001, 0, 0, 0), second: (200_000, 0, 0, 0)}
    assert declared(world, enrolment) == 0


def test_a_cancelled_run_frees_everybody(world: World) -> None:
    run = world.run()
    holders = [world.holder() for _ in range(3)]
    for holder in holders:
        world.lot(holder, 100_000)
    for holder in holders[:2]:
        world.confirmed(holder, run)
    world.requested(holders[2], run)
    staff = provider_actor(run.provider_id)
    done = world.do(staff, cancellations.cancel_run, run.id)
    assert [one.enrolment.status for one in done] == ["cancelled_by_provider"] * 3
    for holder in holders:
        assert [row[0] for row in counters(world, holder).values()] == [100_000]
    with pytest.raises(WrongState):
        world.requested(world.holder(), run)
    with pytest.raises(WrongState):
        world.do(staff, cancellations.cancel_run, run.id)


def test_minutes_are_taken_by_attendance_and_never_lost(world: World, holder: Holder) -> None:
    world.lot(holder, 100_000)
    minutes = world.lot(holder, 600, world.scheme(unit="MIN", rest_when_abandoned="lost"))
    enrolment = world.confirmed(holder, world.run(sessions=10))
    world.attended(enrolment, [True, *[False] * 9])
    world.do(provider_actor(enrolment.provider_id), completions.complete, enrolment.id, "attended")
    assert counters(world, holder)[minutes] == (540, 0, 60, 0)


def test_an_ended_enrolment_cannot_be_cancelled_again(world: World, holder: Holder) -> None:
    world.lot(holder, 100_000)
    enrolment = world.confirmed(holder)
    world.do(holder.actor, cancellations.cancel, enrolment.id)
    for actor in (holder.actor, provider_actor(enrolment.provider_id)):
        with pytest.raises(WrongState):
            world.do(actor, cancellations.cancel, enrolment.id)


def test_lines_account_for_every_cent(world: World, holder: Holder) -> None:
    for cents in (33_333, 33_334, 33_333):
        world.lot(holder, cents)
    enrolment = world.confirmed(holder)
    world.later(days=20)
    world.do(holder.actor, cancellations.cancel, enrolment.id)
    with world.database.reading() as session:
        rows = session.scalars(
            select(EnrolmentLine).where(EnrolmentLine.enrolment_id == enrolment.id)
        ).all()
        assert sum(row.paid for row in rows) == 5_000
        assert all(row.held == row.paid + row.released for row in rows)
        view = queries.detail(session, holder.actor, enrolment.id)
        assert sum(line.lost for line in view.lines) == 0
