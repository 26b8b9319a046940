"""Pay-outs on both engines: prepared by one, released by another, clawbacks netted, books whole."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from sepaxml.validation import try_valid_xml
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from ledger.accounts import organisations, verification
from ledger.accounts.models import Lot
from ledger.db import SYSTEM, Actor, Database
from ledger.errors import (
    AlreadyDone,
    Conflict,
    DomainError,
    Forbidden,
    FourEyes,
    Invalid,
    NotFound,
    WrongState,
)
from ledger.providers import clawbacks, payouts, releases
from ledger.providers import verification as payment_verification
from ledger.providers.models import Course, Declaration, Enrolment, EnrolmentLine, Statement
from ledger.providers.queries import statements as queries
from tests.integration.paying import FIRST, PRICE, SECOND, Paying, at, paying

APRIL, MAY, JUNE = "2026-04", "2026-05", "2026-06"
DONE = date(2026, 4, 1)  # payable on 15 April


@pytest.fixture
def world(database: Database) -> Paying:
    return paying(database)


def prepare(world: Paying, period: str, on: date) -> Statement:
    with world.database.work(FIRST, at(on)) as work:
        return payouts.prepare(work, world.provider_id, period)


def release(world: Paying, statement: Statement, on: date) -> None:
    with world.database.work(SECOND, at(on)) as work:
        releases.release(work, statement.id)


def pay(world: Paying, period: str, on: date) -> Statement:
    statement = prepare(world, period, on)
    release(world, statement, on)
    return statement


def take_back(world: Paying, enrolment: Enrolment, amount: int, on: date) -> Declaration:
    with world.database.work(FIRST, at(on)) as work:
        return clawbacks.clawback(work, enrolment.id, amount, "Niet gegeven")


def status(world: Paying, enrolment: Enrolment, kind: str = "settlement") -> str:
    with world.database.reading() as session:
        return session.scalars(
            select(Declaration.status).where(
                Declaration.enrolment_id == enrolment.id, Declaration.kind == kind
            )
        ).one()


def whole(world: Paying) -> bool:
    """Tell whether each scheme's postings sum to zero and every proof of the books holds."""
    buckets = ("bank", "fund", "returned", "available", "held", "payable", "receivable")
    with world.database.reading() as session:
        proofs = (*verification.CHECKS, *payment_verification.CHECKS)
        found = [one for proof in proofs for one in proof.run(session)]
    assert found == []
    return all(
        sum(world.books(bucket, scheme_id) for bucket in buckets) == 0
        for scheme_id in world.schemes
    )


def test_a_statement_pays_what_is_due_and_each_scheme_its_share(world: Paying) -> None:
    enrolment, late = world.learn(DONE), world.learn(date(2026, 4, 20))
    statement = prepare(world, APRIL, date(2026, 5, 2))
    assert (statement.gross_cents, statement.total_cents, statement.status) == (
        PRICE,
        PRICE,
        "payable",
    )
    assert statement.pay_on == date(2026, 5, 14)
    assert world.books("payable") == 2 * PRICE
    release(world, statement, date(2026, 5, 4))
    assert world.books("payable") == PRICE
    assert (status(world, enrolment), status(world, late)) == ("paid", "payable")
    first, second = world.schemes
    assert world.books("bank", first) == -10_000_000 + 30_000
    assert world.books("bank", second) == -10_000_000 + 20_000
    assert whole(world)
    with world.database.reading() as session:
        (line,) = queries.lines(session, statement.id)
        assert (line.enrolment_id, line.amount_cents) == (enrolment.id, PRICE)
        assert line.pay_on == statement.pay_on
        found = queries.statement(session, statement.id, world.provider_id)
        assert (found.status, found.released_by) == ("paid", SECOND.user_id)
        with pytest.raises(NotFound):
            queries.statement(session, statement.id, "org_other")


def test_two_people_are_needed_and_each_step_happens_once(world: Paying) -> None:
    world.learn(DONE)
    statement = prepare(world, APRIL, date(2026, 5, 2))
    with pytest.raises(AlreadyDone):
        prepare(world, APRIL, date(2026, 5, 2))
    with pytest.raises(FourEyes), world.database.work(FIRST) as work:
        releases.release(work, statement.id)
    assert world.books("payable") == PRICE
    release(world, statement, date(2026, 5, 4))
    with pytest.raises(AlreadyDone):
        release(world, statement, date(2026, 5, 4))
    with pytest.raises(NotFound):
        release(world, Statement(id="sta_unknown"), date(2026, 5, 4))
    assert world.books("payable") == 0


def test_the_database_too_wants_two_people(world: Paying) -> None:
    world.learn(DONE)
    statement = prepare(world, APRIL, date(2026, 5, 2))
    with pytest.raises(IntegrityError), world.database.work(SYSTEM) as work:
        row = work.session.get_one(Statement, statement.id)
        row.status, row.released_by, row.released_at = "paid", row.prepared_by, work.now


@pytest.mark.parametrize("role", ["holder", "provider", "funder", "auditor", "public"])
def test_only_the_operator_pays(world: Paying, role: str) -> None:
    enrolment = world.learn(DONE)
    actor = Actor("usr_x", role, user_id="usr_x", organisation_id=world.provider_id)
    with world.database.work(actor, at(date(2026, 5, 2))) as work:
        with pytest.raises(Forbidden):
            payouts.prepare(work, world.provider_id, APRIL)
        with pytest.raises(Forbidden):
            payouts.prepare_all(work, APRIL)
        with pytest.raises(Forbidden):
            releases.release(work, "sta_x")
        with pytest.raises(Forbidden):
            clawbacks.clawback(work, enrolment.id, 1, "x")


def test_what_cannot_be_paid_says_why(world: Paying) -> None:
    day = date(2026, 5, 2)
    with pytest.raises(Conflict, match="nothing to pay"):
        prepare(world, APRIL, day)
    for period in ("2026-13", "2026-4", "april", "", "2026-04-01", "٢٠٢٦-٠٤", "2026-W1"):
        with pytest.raises(Invalid, match="year-month"):
            prepare(world, period, day)
    with pytest.raises(Invalid, match="not begun"):
        prepare(world, JUNE, day)
    with pytest.raises(NotFound), world.database.work(FIRST, at(day)) as work:
        payouts.prepare(work, "org_unknown", APRIL)
    world.learn(DONE)
    with world.database.work(SYSTEM, at(day)) as work:
        organisations.suspend(work, world.provider_id, "Onderzoek", day + timedelta(days=30))
    with pytest.raises(Conflict, match="suspended"):
        prepare(world, APRIL, day)
    with world.database.work(FIRST, at(day)) as work:
        assert payouts.prepare_all(work, APRIL) == ()
    with world.database.reading() as session:
        (row,) = queries.waiting(session, APRIL)
        assert (row.gross_cents, row.obstacle, row.count) == (PRICE, "suspended", 1)


def test_what_is_put_on_hold_after_preparing_is_not_released(world: Paying) -> None:
    enrolment = world.learn(DONE)
    statement = prepare(world, APRIL, date(2026, 5, 2))
    with world.database.work(SYSTEM) as work:
        row = work.session.scalars(
            select(Declaration).where(Declaration.enrolment_id == enrolment.id)
        ).one()
        row.status, row.hold_reason, row.hold_until = "on_hold", "signal", date(2026, 7, 1)
    with pytest.raises(WrongState, match="on hold"):
        release(world, statement, date(2026, 5, 4))
    assert world.books("payable") == PRICE


def test_a_clawback_goes_back_to_its_lots_and_is_netted_next(world: Paying) -> None:
    enrolment = world.learn(DONE)
    pay(world, APRIL, date(2026, 5, 2))
    declaration = take_back(world, enrolment, 10_001, date(2026, 5, 10))
    assert declaration.status == "awaiting_clawback"
    assert status(world, enrolment) == "awaiting_clawback"
    assert world.books("available") == 10_001
    assert world.books("receivable") == -10_001
    with world.database.reading() as session:
        parts = session.scalars(
            select(EnrolmentLine.clawed_back).order_by(EnrolmentLine.position)
        ).all()
        assert sorted(parts) == [4_000, 6_001]
        lots = session.scalars(select(Lot).order_by(Lot.credited)).all()
        assert [(lot.available, lot.spent) for lot in lots] == [(4_000, 16_000), (6_001, 23_999)]
    world.learn(date(2026, 4, 25))
    statement = pay(world, MAY, date(2026, 6, 2))
    assert (statement.gross_cents, statement.clawback_cents, statement.total_cents) == (
        PRICE,
        10_001,
        PRICE - 10_001,
    )
    assert world.books("receivable") == 0
    assert status(world, enrolment) == status(world, enrolment, "clawback") == "clawed_back"
    assert whole(world)


def test_what_cannot_be_netted_rolls_on_until_it_is(world: Paying) -> None:
    enrolment = world.learn(DONE)
    pay(world, APRIL, date(2026, 5, 2))
    take_back(world, enrolment, PRICE, date(2026, 5, 3))
    with world.database.work(SYSTEM) as work:
        # What is earned now is less than what goes back, and only the first scheme pays it.
        work.session.get_one(Course, world.course_id).price_cents = 20_000
    world.learn(date(2026, 4, 25), (20_000,))
    may = pay(world, MAY, date(2026, 6, 2))
    assert (may.total_cents, may.clawback_cents) == (0, 20_000)
    assert world.books("receivable") == -30_000
    assert status(world, enrolment, "clawback") == "awaiting_clawback"
    with world.database.reading() as session:
        with pytest.raises(Conflict, match="netted"):
            queries.payment_file(session, may.id)
        (rest,) = queries.upcoming(session, world.provider_id, date(2026, 6, 3))
        assert rest.amount_cents == -30_000
    world.learn(date(2026, 5, 25), (20_000,))
    world.learn(date(2026, 5, 26), (20_000,))
    june = pay(world, JUNE, date(2026, 7, 2))
    assert (june.gross_cents, june.clawback_cents, june.total_cents) == (40_000, 30_000, 10_000)
    assert world.books("receivable") == 0
    assert status(world, enrolment, "clawback") == "clawed_back"
    assert all(world.books("receivable", scheme_id) == 0 for scheme_id in world.schemes)
    assert whole(world)


def test_a_clawback_of_an_expired_lot_goes_to_its_scheme(world: Paying) -> None:
    enrolment = world.learn(DONE, expires_on=date(2026, 4, 30))
    pay(world, APRIL, date(2026, 5, 2))
    take_back(world, enrolment, PRICE, date(2026, 5, 3))
    assert world.books("available") == 0
    assert [world.books("returned", one) for one in world.schemes] == [30_000, 20_000]
    assert whole(world)


def test_minutes_go_back_with_the_money(database: Database) -> None:
    world = paying(database, ("EUR", "MIN"))
    enrolment = world.learn(DONE, (PRICE, 2_400))
    taken = world.books("bank", unit="MIN")
    pay(world, APRIL, date(2026, 5, 2))
    with database.reading() as session:
        line = session.scalars(select(EnrolmentLine).where(EnrolmentLine.unit == "MIN")).all()
    take_back(world, enrolment, PRICE, date(2026, 5, 3))
    assert world.books("available", unit="MIN") == 2_400
    assert world.books("bank", unit="MIN") == taken - sum(row.paid for row in line)


@pytest.mark.parametrize("amount", [0, -1, PRICE + 1, 2**53, True])
def test_no_more_is_clawed_back_than_was_paid(world: Paying, amount: int) -> None:
    enrolment = world.learn(DONE)
    with pytest.raises(WrongState, match="not paid yet"):
        take_back(world, enrolment, 1, date(2026, 4, 20))
    pay(world, APRIL, date(2026, 5, 2))
    with pytest.raises(Invalid) as caught:
        take_back(world, enrolment, amount, date(2026, 5, 3))
    assert "amount_cents" in caught.value.field_errors
    assert world.books("receivable") == 0


def test_a_clawback_happens_once_and_has_a_reason(world: Paying) -> None:
    enrolment = world.learn(DONE)
    pay(world, APRIL, date(2026, 5, 2))
    with world.database.work(FIRST) as work:
        with pytest.raises(Invalid, match="reason"):
            clawbacks.clawback(work, enrolment.id, 1, "  ")
        with pytest.raises(NotFound):
            clawbacks.clawback(work, "enr_unknown", 1, "x")
    take_back(world, enrolment, 1, date(2026, 5, 3))
    with pytest.raises(AlreadyDone):
        take_back(world, enrolment, 1, date(2026, 5, 3))
    assert world.books("receivable") == -1


def test_the_payment_file_is_valid_and_stays_the_same(world: Paying) -> None:
    world.learn(DONE)
    statement = prepare(world, APRIL, date(2026, 5, 2))
    with world.database.reading() as session:
        with pytest.raises(Conflict, match="not released"):
            queries.payment_file(session, statement.id)
        with pytest.raises(Conflict, match="Release all"):
            queries.payment_file_of_period(session, APRIL)
    release(world, statement, date(2026, 5, 18))
    with world.database.reading() as session:
        one = queries.payment_file(session, statement.id)
        assert one == queries.payment_file(session, statement.id)
        for data in (one, queries.payment_file_of_period(session, APRIL)):
            try_valid_xml(data, "pain.001.001.09")
            texts = [node.text for node in ElementTree.fromstring(data).iter()]  # noqa: S314
            # Released after the promised day: the bank is not asked to pay in the past.
            assert {statement.number, "500.00", "2026-05-18", "Vakschool Een + Zn."} <= set(texts)


def test_predictions_say_when_each_line_will_be_paid(world: Paying) -> None:
    first, second = world.learn(DONE), world.learn(date(2026, 4, 25))
    with world.database.reading() as session:
        lines = queries.upcoming(session, world.provider_id, date(2026, 4, 26))
    assert [(line.enrolment_id, line.pay_on) for line in lines] == [
        (first.id, date(2026, 5, 14)),
        (second.id, date(2026, 6, 12)),  # 14 June 2026 is a Sunday
    ]
    prepare(world, APRIL, date(2026, 5, 2))
    with world.database.reading() as session:
        (line,) = queries.upcoming(session, world.provider_id, date(2026, 5, 2))
        assert line.enrolment_id == second.id
        assert queries.waiting(session, APRIL) == ()
        page = queries.statements(session, world.provider_id, limit=1)
        assert (len(page.items), page.next_cursor) == (1, None)


def test_all_statements_of_a_month_at_once(world: Paying) -> None:
    world.learn(DONE)
    with world.database.work(FIRST, at(date(2026, 5, 2))) as work:
        assert len(payouts.prepare_all(work, APRIL)) == 1
        assert payouts.prepare_all(work, APRIL) == ()


@pytest.mark.parametrize(
    ("period", "today", "day"),
    [
        ("2026-04", date(2026, 5, 2), date(2026, 5, 14)),
        ("2026-05", date(2026, 6, 2), date(2026, 6, 12)),
        ("2026-01", date(2026, 5, 2), date(2026, 5, 4)),  # late, and a Saturday
    ],
)
def test_pay_days_are_weekdays_in_time(period: str, today: date, day: date) -> None:
    assert payouts.pay_day(period, today) == day


def test_eight_people_at_once_pay_once(world: Paying) -> None:
    world.learn(DONE)

    def try_(verb: Any, *args: str) -> list[str]:
        def one(number: int) -> str:
            actor = Actor(f"usr_{number}", "operator", user_id=f"usr_{number}")
            try:
                world.database.perform(actor, verb, *args)
            except DomainError as error:
                return error.code
            return "done"

        with ThreadPoolExecutor(8) as pool:
            return sorted(pool.map(one, range(8)))

    assert try_(payouts.prepare, world.provider_id, APRIL) == ["already-done"] * 7 + ["done"]
    with world.database.reading() as session:
        statement_id = session.scalars(select(Statement.id)).one()
    answers = try_(releases.release, statement_id)
    assert answers.count("done") == 1
    assert set(answers) <= {"done", "already-done", "four-eyes"}
    assert world.books("payable") == 0
    assert whole(world)
