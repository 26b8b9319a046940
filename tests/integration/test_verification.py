"""The proof of the books on both engines: clean is silent, and each planted fault is named."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from ledger.accounts import expiry, verification
from ledger.accounts.verification import Finding
from ledger.certificates.models import Credential
from ledger.db import SYSTEM, Database
from ledger.i18n import render
from ledger.providers import cancellations, clawbacks, completions, payouts, releases
from ledger.providers import verification as of_providers
from ledger.providers.models import Declaration, Enrolment
from tests.factories import Holder, World, provider_actor
from tests.integration.paying import FIRST, SECOND, at, paying

PRICE = 60_000
DONE = date(2026, 4, 1)


def findings(database: Database) -> list[Finding]:
    with database.reading() as session:
        own = list(verification.check(session))
        return own + [f for check in of_providers.CHECKS for f in check.run(session)]


def told(database: Database) -> str:
    return "\n".join(f"{f.table} {f.id}: {render(f.message, 'en')}" for f in findings(database))


def tamper(
    database: Database, *statements: str, without: str | None = None, **values: object
) -> None:
    """Change the database behind the program's back, as somebody with all rights could.

    ``without`` is an index that stands in the way.
    """
    with Session(database.engine) as session, session.begin():
        if without is not None:
            session.execute(text(f"DROP INDEX {without}"))
        if database.engine.dialect.name == "postgresql":
            session.execute(text("SET session_replication_role = replica"))
        else:
            session.connection().exec_driver_sql("PRAGMA ignore_check_constraints = ON")
            triggers = session.execute(
                text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            ).scalars()
            for name in list(triggers):
                session.execute(text(f'DROP TRIGGER "{name}"'))
        for statement in statements:
            done = session.execute(text(statement), values)
            assert done.rowcount != 0, statement  # type: ignore[attr-defined]


class Books:
    """Two enrolments, one running and one completed, in a world of their own."""

    def __init__(self, database: Database) -> None:
        self.world = World(database)
        self.holder: Holder = self.world.holder()
        self.scheme = self.world.scheme()
        self.lot_id = self.world.lot(self.holder, 500_000, self.scheme)
        course = self.world.course(price_cents=PRICE)
        self.running = self.world.confirmed(self.holder, self.world.run(in_days=90))
        self.done: Enrolment = self.world.confirmed(self.holder, self.world.run(course))
        self.world.attended(self.done, [True] * 4)
        self.world.do(
            provider_actor(self.done.provider_id), completions.complete, self.done.id, "passed"
        )

    def rows(self) -> dict[str, str]:
        """Return the ids that faults are planted in or named by."""
        with self.world.database.reading() as session:
            declaration = session.scalars(select(Declaration)).one()
            credential = session.scalars(select(Credential)).one()
        return {
            "hold": hold_id(self),
            "lot": self.lot_id,
            "done": self.done.id,
            "running": self.running.id,
            "run": self.done.run_id,
            "declaration": declaration.id,
            "settlement": declaration.transaction_id,
            "credential": credential.id,
        }


@pytest.fixture
def books(database: Database) -> Books:
    return Books(database)


def test_true_books_are_clean(books: Books) -> None:
    world = books.world
    short = world.lot(books.holder, 4_000, expires_on=world.today + timedelta(days=7))
    late = world.confirmed(books.holder, world.run(in_days=40))
    world.do(SYSTEM, expiry.notify, world.today)
    world.do(books.holder.actor, cancellations.cancel, late.id)
    world.later(days=8)
    world.do(SYSTEM, expiry.expire, world.today)
    assert short
    assert findings(world.database) == []


def test_true_books_are_clean_after_paying_and_taking_back(database: Database) -> None:
    world = paying(database)
    enrolment = world.learn(DONE)
    for period, on in (("2026-04", 35), ("2026-05", 70)):
        with database.work(FIRST, at(DONE + timedelta(days=on))) as work:
            statement = payouts.prepare(work, world.provider_id, period)
        with database.work(SECOND, at(DONE + timedelta(days=on + 1))) as work:
            releases.release(work, statement.id)
        if period == "2026-04":
            with database.work(FIRST, at(DONE + timedelta(days=40))) as work:
                clawbacks.clawback(work, enrolment.id, 1_001, "Niet gegeven")
            world.learn(DONE + timedelta(days=20))
    assert findings(database) == []


def hold_id(books: Books) -> str:
    assert books.done.hold_id is not None
    return books.done.hold_id


# What was planted: the statement, what the proof says of it, and which row it names.
FAULTS: dict[str, tuple[str, str, str]] = {
    "an amount": (
        "UPDATE journal_posting SET amount = amount + 1 WHERE transaction_id = :hold AND line = 1",
        "sum to",
        "hold",
    ),
    "both sides of an amount": (
        "UPDATE journal_posting SET amount = amount * 2 WHERE transaction_id = :hold",
        "its content is not what was recorded",
        "hold",
    ),
    "a date": (
        "UPDATE journal_transaction SET occurred_on = '2020-01-01' WHERE id = :hold",
        "its content is not what was recorded",
        "hold",
    ),
    "a subject": (
        "UPDATE journal_transaction SET subject = 'enr_other' WHERE id = :hold",
        "its reservation is not its own",
        "done",
    ),
    "an actor": (
        "UPDATE journal_transaction SET actor_id = 'usr_x' WHERE id = :hold",
        "its content is not what was recorded",
        "hold",
    ),
    "the rule that applied": (
        "UPDATE journal_posting SET rule_id = NULL WHERE transaction_id = :hold",
        "its content is not what was recorded",
        "hold",
    ),
    "a removed posting": (
        "DELETE FROM journal_posting WHERE transaction_id = :hold AND line = 1",
        "a posting of it is missing",
        "hold",
    ),
    "removed postings": (
        "DELETE FROM journal_posting WHERE transaction_id = :hold",
        "it has no postings",
        "hold",
    ),
    "a lot's balance": (
        "UPDATE lot SET available = available + 500, credited = credited + 500 WHERE id = :lot",
        "credited 500500 / 500000",
        "lot",
    ),
    "an enrolment's share": (
        "UPDATE enrolment_line SET held = held + 1 WHERE enrolment_id = :done",
        "“held” and the journal differ by -1",
        "done",
    ),
    "a declared amount": (
        "UPDATE declaration SET amount_cents = amount_cents + 1 WHERE enrolment_id = :done",
        "its transaction says",
        "declaration",
    ),
    "a removed declaration": (
        "DELETE FROM declaration WHERE enrolment_id = :done",
        "it was not declared",
        "settlement",
    ),
    "a removed credential": (
        "DELETE FROM credential WHERE enrolment_id = :done",
        "the credential is missing",
        "done",
    ),
    "a credential without a pass": (
        "UPDATE enrolment SET result = 'failed' WHERE id = :done",
        "it belongs to no enrolment that was passed",
        "credential",
    ),
    "a forgotten reservation": (
        "UPDATE enrolment SET status = 'withdrawn', ended_at = begun_at WHERE id = :running",
        "its money is still reserved",
        "running",
    ),
    "a lost reservation": (
        "UPDATE enrolment SET hold_id = NULL WHERE id = :running",
        "no money is reserved for it",
        "running",
    ),
    "an ended reservation": (
        "UPDATE enrolment SET status = 'started', ended_at = NULL WHERE id = :done",
        "its reservation ended while it goes on",
        "done",
    ),
    "places": (
        "UPDATE course_run SET taken = 9 WHERE id = :run",
        "9 places are taken",
        "run",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_named(books: Books, fault: str) -> None:
    statement, expected, named = FAULTS[fault]
    rows = books.rows()
    used = {name: row for name, row in rows.items() if f":{name}" in statement}
    tamper(books.world.database, statement, **used)
    lines = told(books.world.database).splitlines()
    assert any(expected in line and rows[named] in line for line in lines), lines


def test_an_inserted_transaction_is_named(books: Books) -> None:
    database = books.world.database
    tamper(
        database,
        "INSERT INTO journal_transaction (id, kind, subject, actor_id, occurred_on, recorded_at,"
        " hash) SELECT 'txn_planted', 'top_up', 'x', actor_id, occurred_on, recorded_at, hash"
        " FROM journal_transaction WHERE id = :hold",
        hold=hold_id(books),
    )
    assert "journal_transaction txn_planted: it has no postings" in told(database)
    assert "journal_transaction txn_planted: it has no place in the log" in told(database)


def test_a_removed_transaction_is_named(books: Books) -> None:
    database = books.world.database
    tamper(
        database,
        "DELETE FROM journal_posting WHERE transaction_id IN"
        " (SELECT id FROM journal_transaction WHERE kind = 'pay_in')",
        "DELETE FROM journal_transaction WHERE kind = 'pay_in'",
    )
    assert f"scheme {books.scheme.id}: more left its fund than had been paid in" in told(database)


def test_money_that_expired_too_early_is_named(books: Books) -> None:
    world = books.world
    lot_id = world.lot(books.holder, 4_000, expires_on=world.today + timedelta(days=7))
    world.do(SYSTEM, expiry.notify, world.today)
    world.later(days=8)
    world.do(SYSTEM, expiry.expire, world.today)
    tamper(world.database, "DELETE FROM expiry_notice WHERE lot_id = :lot", lot=lot_id)
    assert "without a notice a week ahead" in told(world.database)
    tamper(
        world.database,
        "UPDATE lot SET expires_on = '2099-01-01' WHERE id = :lot",
        lot=lot_id,
    )
    assert "before its last day" in told(world.database)


def test_a_hold_that_ended_twice_is_named(books: Books) -> None:
    database = books.world.database
    tamper(
        database,
        "UPDATE journal_transaction SET resolves_id = :hold WHERE kind = 'grant'",
        without="uq_journal_transaction_resolves_id",
        hold=hold_id(books),
    )
    report = told(database)
    assert f"{hold_id(books)}: this hold ended more than once" in report
    assert "it ends something else than its own hold" in report


def test_a_statement_that_says_more_than_its_lines_is_named(database: Database) -> None:
    world = paying(database)
    world.learn(DONE)
    with database.work(FIRST, at(DONE + timedelta(days=35))) as work:
        statement = payouts.prepare(work, world.provider_id, "2026-04")
    tamper(
        database,
        "UPDATE statement SET gross_cents = gross_cents + 1, total_cents = total_cents + 1"
        " WHERE id = :id",
        id=statement.id,
    )
    assert f"statement {statement.id}: its total is €500.01" in told(database)
    tamper(
        database,
        "UPDATE statement SET gross_cents = gross_cents - 1, total_cents = total_cents - 1,"
        " status = 'paid', released_at = prepared_at WHERE id = :id",
        id=statement.id,
    )
    assert "it counts as paid without a payment" in told(database)
    assert "its status and its statement disagree" in told(database)
