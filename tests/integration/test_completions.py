"""Attendance and completion: pay-out, remainder and credential in one unit of work."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from ledger.accounts import lots
from ledger.accounts.models import Transaction
from ledger.certificates.models import Credential
from ledger.db import Actor, Database
from ledger.errors import AlreadyDone, Forbidden, Invalid, NotFound, WrongState
from ledger.providers import attendance, completions
from ledger.providers.models import Attendance, Case, Declaration, Enrolment
from ledger.providers.queries import cases
from ledger.providers.queries import enrolments as queries
from tests.factories import OPERATOR, PASSWORD, Holder, World, provider_actor


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


@pytest.fixture
def holder(world: World) -> Holder:
    holder = world.holder()
    world.lot(holder, 120_000)
    return holder


def test_passing_pays_and_certifies_at_once(world: World, holder: Holder) -> None:
    enrolment = world.confirmed(holder)
    world.attended(enrolment, [True, True, False, False])
    staff = provider_actor(enrolment.provider_id)
    done = world.do(staff, completions.complete, enrolment.id, "passed", "8,5")
    assert done.enrolment.status == "completed"
    assert done.receipt is not None
    assert done.credential is not None
    with world.database.reading() as session:
        declaration = session.scalars(select(Declaration)).one()
        assert (declaration.amount_cents, declaration.status) == (100_000, "payable")
        assert declaration.payable_on == world.today + timedelta(days=14)
        assert declaration.transaction_id == done.receipt.id
        credential = session.scalars(select(Credential)).one()
        assert credential.content["learner_name"] == "Noor Bakker"
        assert credential.content["grade"] == "8,5"
        assert "cents" not in str(credential.content) and "Regeling" not in str(credential.content)
        settled = session.get_one(Transaction, done.receipt.id)
        assert (settled.kind, settled.resolves_id) == ("settle", enrolment.hold_id)
        (lot,) = lots.of_account(session, holder.account_id)
        assert (lot.available, lot.held, lot.spent) == (20_000, 0, 100_000)
        view = queries.detail(session, staff, enrolment.id)
        assert view.lines == ()
        assert view.payment is not None
        assert view.credential_id == credential.id


def test_an_exam_that_was_failed_is_paid_but_certifies_nothing(
    world: World, holder: Holder
) -> None:
    enrolment = world.confirmed(holder)
    world.attended(enrolment, [True, False, False, False])
    staff = provider_actor(enrolment.provider_id)
    done = world.do(staff, completions.complete, enrolment.id, "failed")
    assert (done.enrolment.status, done.credential) == ("failed", None)
    with world.database.reading() as session:
        assert session.scalars(select(Declaration.amount_cents)).one() == 100_000


def test_without_a_credential_nothing_is_issued(world: World, holder: Holder) -> None:
    enrolment = world.confirmed(holder, world.run(world.course(is_micro_credential=False)))
    world.attended(enrolment, [True] * 4)
    staff = provider_actor(enrolment.provider_id)
    assert world.do(staff, completions.complete, enrolment.id, "passed").credential is None


def test_silence_is_never_completion(world: World, holder: Holder) -> None:
    enrolment = world.confirmed(holder)
    staff = provider_actor(enrolment.provider_id)
    world.attended(enrolment, [True, True])
    with pytest.raises(WrongState):
        world.do(staff, completions.complete, enrolment.id, "passed")
    world.later(days=10)
    with pytest.raises(Invalid) as refusal:
        world.do(staff, completions.complete, enrolment.id, "passed")
    assert len(refusal.value.field_errors["attendance"]) == 2
    with world.database.reading() as session:
        (lot,) = lots.of_account(session, holder.account_id)
        assert (lot.held, lot.spent) == (100_000, 0)
        assert session.scalars(select(Credential)).all() == []


def test_a_missing_declaration_becomes_a_case_once(world: World, holder: Holder) -> None:
    enrolment = world.confirmed(holder)
    world.later(days=30 + 4 + 10)
    assert world.do(OPERATOR, attendance.missing) == []
    world.later(days=10)
    assert len(world.do(OPERATOR, attendance.missing)) == 1
    assert world.do(OPERATOR, attendance.missing) == []
    with world.database.reading() as session:
        (case,) = cases.listed(session)
        assert (case.kind, case.enrolment_id) == ("missing_declaration", enrolment.id)


def test_the_operator_decides_when_the_provider_stays_silent(world: World, holder: Holder) -> None:
    enrolment = world.confirmed(holder)
    world.later(days=60)
    (case_id,) = world.do(OPERATOR, attendance.missing)
    with pytest.raises(Invalid):
        world.do(OPERATOR, completions.complete, enrolment.id, "attended")
    world.do(OPERATOR, attendance.close_case, case_id, "De deelnemer was er niet.", False)
    with pytest.raises(Forbidden):
        world.do(OPERATOR, completions.complete, enrolment.id, "passed")
    done = world.do(OPERATOR, completions.complete, enrolment.id, "attended")
    assert (done.enrolment.status, done.credential) == ("abandoned", None)


def test_a_late_declaration_closes_the_case(world: World, holder: Holder) -> None:
    enrolment = world.confirmed(holder)
    world.later(days=60)
    world.do(OPERATOR, attendance.missing)
    world.attended(enrolment, [True] * 4)
    staff = provider_actor(enrolment.provider_id)
    world.do(staff, completions.complete, enrolment.id, "passed")
    with world.database.reading() as session:
        assert [case.status for case in cases.of_enrolment(session, enrolment.id)] == ["closed"]


def test_what_the_provider_states_can_be_confirmed_or_disputed(
    world: World, holder: Holder
) -> None:
    enrolment = world.confirmed(holder)
    staff = provider_actor(enrolment.provider_id)
    first, second, *_ = world.sessions(enrolment.run_id)
    with pytest.raises(NotFound):
        world.do(holder.actor, attendance.react, enrolment.id, first.id, "confirmed")
    world.attended(enrolment, [True, True, False, False])
    world.do(holder.actor, attendance.react, enrolment.id, first.id, "confirmed")
    with pytest.raises(AlreadyDone):
        world.do(holder.actor, attendance.react, enrolment.id, first.id, "disputed")
    world.do(holder.actor, attendance.react, enrolment.id, second.id, "disputed", "Ik was ziek.")
    with pytest.raises(WrongState):
        world.do(staff, completions.complete, enrolment.id, "passed")
    with pytest.raises(WrongState):
        world.do(staff, attendance.record, enrolment.id, {second.id: False})
    with world.database.reading() as session:
        (case,) = cases.listed(session)
        assert case.note == "Ik was ziek."
        assert queries.detail(session, holder.actor, enrolment.id).is_disputed
    with pytest.raises(Forbidden):
        world.do(staff, attendance.close_case, case.id, "Afwezig", False)
    with pytest.raises(Invalid):
        world.do(OPERATOR, attendance.close_case, case.id, "Afwezig")
    world.do(OPERATOR, attendance.close_case, case.id, "De lijst klopt niet.", False)
    with pytest.raises(WrongState):
        world.do(OPERATOR, attendance.close_case, case.id, "Nog eens", True)
    done = world.do(staff, completions.complete, enrolment.id, "attended")
    assert done.enrolment.attended_percent == 25


def test_a_statement_that_nobody_reacted_to_can_be_corrected(world: World, holder: Holder) -> None:
    enrolment = world.confirmed(holder)
    first, *_, last = world.sessions(enrolment.run_id)
    world.attended(enrolment, [False])
    staff = provider_actor(enrolment.provider_id)
    world.do(staff, attendance.record, enrolment.id, {first.id: True})
    with world.database.reading() as session:
        assert session.get_one(Attendance, (enrolment.id, first.id)).present
        assert session.get_one(Enrolment, enrolment.id).status == "started"
    with pytest.raises(Invalid):
        world.do(staff, attendance.record, enrolment.id, {last.id: True})
    with pytest.raises(NotFound):
        world.do(staff, attendance.record, enrolment.id, {"ses_unknown": True})
    with pytest.raises(NotFound):
        world.do(
            provider_actor(world.provider().id), attendance.record, enrolment.id, {first.id: True}
        )
    with pytest.raises(Forbidden):
        world.do(holder.actor, attendance.record, enrolment.id, {first.id: True})


def test_nobody_declares_their_own_learning(world: World) -> None:
    holder = world.holder(email="docent@example.nl")
    world.lot(holder, 100_000)
    enrolment = world.confirmed(holder)
    own = Actor(
        holder.actor.id,
        "provider",
        user_id=holder.actor.user_id,
        organisation_id=enrolment.provider_id,
    )
    world.attended(enrolment, [True] * 4)
    assert PASSWORD
    with pytest.raises(Forbidden):
        world.do(own, completions.complete, enrolment.id, "passed")


def test_completing_twice_and_wrong_input(world: World, holder: Holder) -> None:
    enrolment = world.confirmed(holder)
    world.attended(enrolment, [True] * 4)
    staff = provider_actor(enrolment.provider_id)
    for result, grade in (("excellent", None), ("passed", "x" * 101), ("failed", "8")):
        with pytest.raises(Invalid):
            world.do(staff, completions.complete, enrolment.id, result, grade)
    with pytest.raises(Forbidden):
        world.do(holder.actor, completions.complete, enrolment.id, "passed")
    world.do(staff, completions.complete, enrolment.id, "passed")
    with pytest.raises(WrongState):
        world.do(staff, completions.complete, enrolment.id, "passed")
    with world.database.reading() as session:
        assert len(session.scalars(select(Declaration)).all()) == 1
        assert session.scalars(select(Case)).all() == []


def test_a_credential_that_cannot_be_issued_undoes_the_payment(
    world: World, holder: Holder
) -> None:
    enrolment = world.confirmed(holder)
    world.attended(enrolment, [True] * 4)
    with world.database.work(OPERATOR, world.now) as work:
        from ledger.providers.models import Course

        work.session.get_one(Course, enrolment.course_id).outcomes = []
    with pytest.raises(Invalid):
        world.do(
            provider_actor(enrolment.provider_id), completions.complete, enrolment.id, "passed"
        )
    with world.database.reading() as session:
        (lot,) = lots.of_account(session, holder.account_id)
        assert (lot.held, lot.spent) == (100_000, 0)
        assert session.scalars(select(Declaration)).all() == []


def test_the_attendance_sheet_of_a_run(world: World) -> None:
    run = world.run()
    learners = [world.holder(f"Leerling {index}") for index in range(2)]
    for holder in learners:
        world.lot(holder, 100_000)
    done = [world.confirmed(holder, run) for holder in learners]
    first, second, *_ = world.sessions(run.id)
    world.now = second.starts_at
    staff = provider_actor(run.provider_id)
    stated = {one.id: {first.id: True, second.id: False} for one in done}
    world.do(staff, attendance.record_run, run.id, stated)
    with world.database.reading() as session:
        sheet = queries.sheet(session, staff, run.id)
    assert [row.learner for row, _ in sheet.learners] == ["Leerling 0", "Leerling 1"]
    assert [said[first.id].present for _, said in sheet.learners] == [True, True]
    with pytest.raises(NotFound):
        world.do(staff, attendance.record_run, world.run().id, stated)
