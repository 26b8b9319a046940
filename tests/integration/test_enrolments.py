"""Enrolling: who may begin, what is held, in which order, and what refuses it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ledger.accounts import lots, people
from ledger.db import Database
from ledger.errors import (
    Conflict,
    Forbidden,
    InsufficientBalance,
    Invalid,
    NotAccredited,
    NotFound,
    Overlap,
    RunFull,
    WrongState,
)
from ledger.providers import accreditations, confirmations, enrolments, quotes
from ledger.providers.models import Course, Enrolment, Run
from ledger.providers.queries import enrolments as queries
from tests.factories import OPERATOR, Holder, World, provider_actor


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def balances(world: World, holder: Holder) -> dict[str, tuple[int, int, int, int]]:
    with world.database.reading() as session:
        return {
            lot.id: (lot.available, lot.held, lot.spent, lot.returned)
            for lot in lots.of_account(session, holder.account_id)
        }


def quote(world: World, holder: Holder, run: Run, **extra: object) -> quotes.Quote:
    with world.database.reading() as session:
        account = people.account(session, holder.account_id)
        course = session.get_one(Course, run.course_id)
        return quotes.quote(
            session,
            account,
            course,
            run,
            course.price_cents,
            world.today,
            **extra,  # type: ignore[arg-type]
        )


def test_money_is_held_in_the_order_of_spending(world: World) -> None:
    holder = world.holder()
    free_late = world.lot(holder, 30_000, expires_on=world.today + timedelta(days=400))
    never = world.lot(holder, 90_000)
    narrow = world.lot(
        holder,
        30_000,
        world.scheme(course_sectors=["technology"]),
        expires_on=world.today + timedelta(days=400),
    )
    soon = world.lot(holder, 20_000, expires_on=world.today + timedelta(days=40))
    run = world.run()
    split = quote(world, holder, run)
    assert [(line.lot_id, line.amount) for line in split.lines] == [
        (soon, 20_000),
        (narrow, 30_000),
        (free_late, 30_000),
        (never, 20_000),
    ]
    assert split.shortfall_cents == 0
    done = world.do(holder.actor, confirmations.confirm, world.requested(holder, run).id)
    assert done.receipt is not None
    assert world.status(done.id) == "confirmed"
    assert balances(world, holder) == {
        soon: (0, 20_000, 0, 0),
        narrow: (0, 30_000, 0, 0),
        free_late: (0, 30_000, 0, 0),
        never: (70_000, 20_000, 0, 0),
    }
    with world.database.reading() as session:
        view = queries.detail(session, holder.actor, done.id)
        assert [line.held for line in view.lines] == [20_000, 30_000, 30_000, 20_000]
        assert [event.kind for event in view.events] == ["requested", "confirmed"]
        assert session.get_one(Run, run.id).taken == 1


def test_all_or_nothing_with_what_is_missing_and_what_would_help(world: World) -> None:
    holder = world.holder()
    lot = world.lot(holder, 40_000, world.scheme(name="Techniekfonds", share_percent=30))
    world.lot(holder, 90_000, world.scheme(name="Zorgfonds", course_sectors=["care"]))
    run = world.run()
    enrolment = world.requested(holder, run)
    with pytest.raises(InsufficientBalance) as refusal:
        world.do(holder.actor, confirmations.confirm, enrolment.id)
    texts = [str(message) for message in refusal.value.field_errors["balance"]]
    assert "Money(minor=70000, unit='EUR') short" in texts[0]
    assert any("Techniekfonds" in text and "at most" in text for text in texts)
    assert any("Zorgfonds" in text and "other sectors" in text for text in texts)
    assert "yourself" in texts[-1]
    assert balances(world, holder)[lot] == (40_000, 0, 0, 0)
    with world.database.reading() as session:
        assert session.get_one(Run, run.id).taken == 0
    paid = world.do(holder.actor, confirmations.confirm, enrolment.id, own_share_cents=70_000)
    assert paid.own_share_cents == 70_000
    assert balances(world, holder)[lot] == (10_000, 30_000, 0, 0)


def test_rules_that_are_not_met_are_named(world: World) -> None:
    holder = world.holder(region="Zeeland", sector="care")
    world.lot(holder, 500_000, world.scheme(regions=["Noordoost-Brabant"]))
    world.lot(holder, 500_000, world.scheme(forms=["online"]))
    world.lot(holder, 500_000, expires_on=world.today + timedelta(days=10))
    run = world.run()
    world.later(days=11)
    split = quote(world, holder, run)
    assert split.lines == ()
    assert sum(bool(part.unmet) for part in split.schemes) == 3


def test_minutes_come_along_as_far_as_they_go(world: World) -> None:
    holder = world.holder()
    world.lot(holder, 100_000)
    minutes = world.lot(holder, 600, world.scheme(unit="MIN"))
    enrolment = world.confirmed(holder)
    assert balances(world, holder)[minutes] == (0, 600, 0, 0)
    with world.database.reading() as session:
        units = [line.unit for line in queries.lines(session, enrolment.id)]
    assert units == ["EUR", "MIN"]


def test_a_tied_top_up_is_spent_on_its_enrolment_only(world: World) -> None:
    holder = world.holder()
    run = world.run()
    first = world.requested(holder, run)
    tied = world.lot(holder, 100_000, enrolment_id=first.id)
    other = world.requested(holder, world.run(in_days=60))
    with pytest.raises(InsufficientBalance):
        world.do(holder.actor, confirmations.confirm, other.id)
    world.do(holder.actor, confirmations.confirm, first.id)
    assert balances(world, holder)[tied] == (0, 100_000, 0, 0)


def test_a_course_that_costs_nothing_holds_nothing(world: World) -> None:
    holder = world.holder()
    run = world.run(world.course(price_cents=0))
    done = world.do(holder.actor, confirmations.confirm, world.requested(holder, run).id)
    assert done.receipt is None
    assert world.status(done.id) == "confirmed"


def test_the_provider_registers_with_number_and_code_once(world: World) -> None:
    holder = world.holder()
    world.lot(holder, 500_000)
    run = world.run()
    staff = provider_actor(run.provider_id)
    code = world.do(holder.actor, people.make_consent_code, holder.account_id)
    enrolment = world.do(staff, enrolments.register, run.id, holder.number, code)
    assert (enrolment.status, enrolment.begun_by) == ("offered", "provider")
    other = world.run(world.course(world.provider()))
    texts = set()
    for number, wrong in (
        (holder.number, code),
        (holder.number, "AAAA-AAAA"),
        ("LR00000000000000", "AAAA-AAAA"),
    ):
        with pytest.raises(Invalid) as refusal:
            world.do(
                provider_actor(other.provider_id), enrolments.register, other.id, number, wrong
            )
        texts.add(refusal.value.message)
    assert len(texts) == 1
    with pytest.raises(Forbidden):
        world.do(staff, confirmations.confirm, enrolment.id)
    done = world.do(holder.actor, confirmations.confirm, enrolment.id)
    assert world.status(done.id) == "confirmed"


def test_a_provider_registers_for_its_own_runs_only(world: World) -> None:
    holder = world.holder()
    run = world.run()
    code = world.do(holder.actor, people.make_consent_code, holder.account_id)
    with pytest.raises(NotFound):
        world.do(
            provider_actor(world.provider().id), enrolments.register, run.id, holder.number, code
        )


def test_the_same_course_twice_is_a_conflict_until_it_has_ended(world: World) -> None:
    holder = world.holder()
    course = world.course()
    first = world.requested(holder, world.run(course))
    with pytest.raises(Conflict):
        world.requested(holder, world.run(course, in_days=90))
    world.do(holder.actor, enrolments.decline, first.id)
    assert world.requested(holder, world.run(course, in_days=90)).status == "requested"


def test_sessions_at_the_same_hours_are_refused(world: World) -> None:
    holder = world.holder()
    world.lot(holder, 500_000)
    early, late = world.run(starts_hour=9), world.run(starts_hour=11)
    waiting = world.requested(holder, late)
    world.confirmed(holder, early)
    with pytest.raises(Overlap):
        world.do(holder.actor, confirmations.confirm, waiting.id)
    world.confirmed(holder, world.run(starts_hour=13))


def test_a_full_run_is_refused_and_nothing_is_held(world: World) -> None:
    run = world.run(capacity=1)
    first, second = world.holder(), world.holder()
    for holder in (first, second):
        world.lot(holder, 100_000)
    waiting = world.requested(second, run)
    world.confirmed(first, run)
    with pytest.raises(RunFull):
        world.do(second.actor, confirmations.confirm, waiting.id)
    assert [held for _, held, _, _ in balances(world, second).values()] == [0]


def test_accreditation_counts_today_and_at_the_start(world: World) -> None:
    holder = world.holder()
    with pytest.raises(NotAccredited):
        world.requested(holder, world.run(world.course(accredited=False)))
    run = world.run()
    enrolment = world.requested(holder, run)
    with world.database.reading() as session:
        from sqlalchemy import select

        from ledger.providers.models import Accreditation

        accreditation = session.scalars(
            select(Accreditation.id).where(Accreditation.course_id == run.course_id)
        ).one()
    world.do(
        OPERATOR,
        accreditations.suspend,
        accreditation,
        "Klachten",
        world.today + timedelta(days=30),
    )
    world.lot(holder, 100_000)
    with pytest.raises(NotAccredited):
        world.do(holder.actor, confirmations.confirm, enrolment.id)


def test_begun_runs_and_wrong_states(world: World) -> None:
    holder = world.holder()
    world.lot(holder, 500_000)
    run = world.run(in_days=3)
    waiting = world.requested(holder, run)
    enrolment = world.confirmed(holder, world.run(in_days=60))
    with pytest.raises(WrongState):
        world.do(holder.actor, confirmations.confirm, enrolment.id)
    world.later(days=4)
    with pytest.raises(WrongState):
        world.requested(world.holder(), run)
    with pytest.raises(WrongState):
        world.do(holder.actor, confirmations.confirm, waiting.id)
    for wrong in (-1, 100_001):
        other = world.requested(holder, world.run(in_days=90 + wrong % 7))
        with pytest.raises(Invalid):
            world.do(holder.actor, confirmations.confirm, other.id, wrong)


def test_what_was_not_confirmed_in_time_lapses_once(world: World) -> None:
    holder = world.holder()
    world.lot(holder, 100_000)
    late = world.requested(holder, world.run(in_days=60))
    kept = world.confirmed(holder, world.run(in_days=90))
    assert world.do(OPERATOR, enrolments.lapse) == []
    world.later(days=15)
    assert world.do(OPERATOR, enrolments.lapse) == [late.id]
    assert world.do(OPERATOR, enrolments.lapse) == []
    with world.database.reading() as session:
        assert session.get_one(Enrolment, late.id).status == "lapsed"
        assert session.get_one(Enrolment, kept.id).status == "confirmed"


def test_the_price_is_frozen_when_it_begins(world: World) -> None:
    holder = world.holder()
    world.lot(holder, 500_000)
    enrolment = world.requested(holder)
    with world.database.work(OPERATOR, world.now) as work:
        work.session.get_one(Course, enrolment.course_id).price_cents = 300_000
    done = world.do(holder.actor, confirmations.confirm, enrolment.id)
    assert done.price_cents == 100_000
    assert sum(held for _, held, _, _ in balances(world, holder).values()) == 100_000


def test_somebody_elses_enrolment_does_not_exist(world: World) -> None:
    enrolment = world.requested(world.holder())
    stranger = world.holder()
    for actor in (stranger.actor, provider_actor(world.provider().id)):
        with pytest.raises(NotFound):
            world.do(actor, enrolments.decline, enrolment.id)
        with world.database.reading() as session, pytest.raises(NotFound):
            queries.detail(session, actor, enrolment.id)
