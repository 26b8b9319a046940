"""What people look at daily costs the same however long the books are.

Each question is asked of a journal of 50 000 postings, all of one scheme; then the engine is asked
how it found the answer. Nothing may be read from end to end, and no more rows than a page needs.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from ledger.accounts import balances, journal, lots, moments, queries, statements
from ledger.accounts.models import Account
from ledger.accounts.moments import AsOf
from ledger.db import SYSTEM, Database, driver
from ledger.funders import audit
from ledger.funders.audit import Filter
from ledger.funders.pseudonyms import Pseudonyms
from tests.integration.funding import NOW, Funding, accounts
from tests.integration.sealed import seal
from tests.integration.spending import hold, two_funders

NAMES = Pseudonyms("a secret of this test")
TRANSACTIONS = 25_000  # of two postings each
ROWS = 1_000  # of the journal that one question may touch
STEPS = 200_000  # of SQLite's machine: about as much
_TABLES = ("journal_posting", "journal_transaction", "journal_log")
_SCANNED = re.compile(r"SCAN journal_(?:posting|transaction|log)\b(?! USING)")


@dataclass
class Books:
    """A long journal of a crowd, and one holder in it."""

    database: Database
    money: Funding
    quiet: Funding  # nothing happened to its scheme since the beginning
    holder: Account
    lot_id: str
    held: str


@pytest.fixture
def books(database: Database) -> Books:
    money, quiet, holder = two_funders(database)
    crowd = [
        (account.id, _credited(database, money, account)) for account in accounts(database, 50)
    ]
    for start in range(0, TRANSACTIONS, 5_000):
        with database.work(SYSTEM, NOW) as work:
            journal.post_many(work, [_moved(n, money, crowd) for n in range(start, start + 5_000)])
    if database.engine.dialect.name == "postgresql":
        _analyse(database)  # while all of it waits: the worst that statistics can be
    while seal(database, NOW + timedelta(hours=1)):
        pass
    with database.work(SYSTEM, NOW + timedelta(hours=2)) as work:
        held = [hold(work, holder, f"enr_{number}").id for number in range(3)]
        lot_id = lots.of_account(work.session, holder.id)[0].id
    seal(database, NOW + timedelta(hours=3))
    with database.work(SYSTEM, NOW + timedelta(hours=4)) as work:
        journal.post_many(work, [_moved(n, money, crowd) for n in range(-10, 0)])
    if database.engine.dialect.name == "postgresql":
        _analyse(database, "journal_log")
    return Books(database, money, quiet, holder, lot_id, held[0])


def _credited(database: Database, money: Funding, account: Account) -> str:
    item = lots.Credit(account.id, 100, "grant", f"row of {account.id}")
    with database.work(SYSTEM, NOW) as work:
        lots.credit(work, money.scheme_id, [item])
        return lots.of_account(work.session, account.id)[0].id


def _moved(number: int, money: Funding, crowd: Sequence[tuple[str, str]]) -> journal.Entry:
    """Hold a cent of somebody, or let the one before go again."""
    account_id, lot_id = crowd[number // 2 % len(crowd)]
    sign = -1 if number % 2 else 1
    lines = tuple(
        journal.Line(bucket, sign * amount, money.scheme_id, account_id=account_id, lot_id=lot_id)
        for bucket, amount in (("available", -1), ("held", 1))
    )
    return journal.Entry("release" if number % 2 else "hold", f"enr_crowd_{number // 2}", lines)


def _analyse(database: Database, table: str = "") -> None:
    with database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(
            text(f"VACUUM ANALYZE {table}")
        )


def _before_the_last(session: Session) -> AsOf:
    return moments.as_of(session, NOW + timedelta(minutes=90))


def _first_page(session: Session, books: Books) -> object:
    return statements.movements(session, books.holder.id)


def _next_page(session: Session, books: Books) -> object:
    cursor = statements.movements(session, books.holder.id, limit=2).next_cursor
    assert cursor is not None
    return statements.movements(session, books.holder.id, cursor, 2)


def _statement_then(session: Session, books: Books) -> object:
    return statements.movements(session, books.holder.id, then=_before_the_last(session))


def _lots_then(session: Session, books: Books) -> object:
    return statements.lots_of(session, books.holder.id, _before_the_last(session))


def _postings(session: Session, books: Books, **asked: Any) -> object:
    actor, scheme_id = books.money.first, books.money.scheme_id
    return audit.postings(session, actor, scheme_id, NAMES, **asked)


def _next_postings(session: Session, books: Books) -> object:
    page = audit.postings(session, books.money.first, books.money.scheme_id, NAMES)
    return _postings(session, books, cursor=page.next_cursor)


def _postings_then(session: Session, books: Books) -> object:
    return _postings(session, books, then=_before_the_last(session))


def _figures_then(session: Session, books: Books) -> object:
    scheme = books.money.first, books.money.scheme_id
    return audit.figures(session, *scheme, _before_the_last(session))


def _quiet_postings(session: Session, books: Books) -> object:
    return audit.postings(session, books.quiet.first, books.quiet.scheme_id, NAMES)


QUESTIONS: dict[str, Callable[[Session, Books], object]] = {
    "balance of an account": lambda s, b: lots.balance(s, b.holder.id, NOW.date()),
    "statement": _first_page,
    "statement, next page": _next_page,
    "statement as of a moment": _statement_then,
    "lots as of a moment": _lots_then,
    "transaction of an account": lambda s, b: statements.movement(s, b.holder.id, b.held),
    "lot": lambda s, b: statements.lot(s, b.holder.id, b.lot_id),
    "balance of a bucket": lambda s, b: balances.bucket_balance(s, b.money.scheme_id, "held"),
    "fund": lambda s, b: lots.fund_balance(s, b.money.scheme_id),
    "all schemes": lambda s, b: audit.overview(s, b.money.first),
    "scheme": lambda s, b: audit.figures(s, b.money.first, b.money.scheme_id),
    "scheme as of a moment": _figures_then,
    "postings": _postings,
    "postings, next page": _next_postings,
    "postings of a bucket": lambda s, b: _postings(s, b, which=Filter(bucket="held")),
    "postings of a lot": lambda s, b: _postings(s, b, which=Filter(lot_id=b.lot_id)),
    "postings as of a moment": _postings_then,
    "postings of a quiet scheme": _quiet_postings,
    "scheme that is quiet": lambda s, b: audit.figures(s, b.quiet.first, b.quiet.scheme_id),
    "audited transaction": lambda s, b: audit.transaction(s, b.money.first, b.held, NAMES),
    "journal": lambda s, _: queries.journal(s),
    "journal entry": lambda s, b: queries.transaction(s, b.held),
}


def test_daily_questions_read_no_more_of_the_journal_than_they_show(books: Books) -> None:
    with books.database.reading() as session:
        for name, ask in QUESTIONS.items():
            with _watched(session) as asked:
                assert ask(session, books) is not None
            postgres = session.get_bind().dialect.name == "postgresql"
            check = _check_on_postgresql if postgres else _check_on_sqlite
            for statement, values in asked:
                check(session, name, statement, values)
            assert asked, name


@contextmanager
def _watched(session: Session) -> Iterator[list[tuple[str, Any]]]:
    """Collect the statements that a question asks, with their values."""
    seen: list[tuple[str, Any]] = []

    def note(
        _connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, _many: bool
    ) -> None:
        seen.append((statement, values))

    connection = session.connection()
    event.listen(connection, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(connection, "before_cursor_execute", note)


def _check_on_postgresql(session: Session, name: str, statement: str, values: Any) -> None:
    explained = session.connection().exec_driver_sql(
        f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}", values
    )
    plan = explained.scalar_one()
    whole = json.dumps(plan, indent=1)
    for node in _nodes((plan if isinstance(plan, list) else json.loads(plan))[0]["Plan"]):
        if node.get("Relation Name") in _TABLES:
            assert node["Node Type"] != "Seq Scan", f"{name}: {statement}\n{whole}"
            read = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
            rows = read * node["Actual Loops"]
            assert rows <= ROWS, f"{name} reads {rows} rows: {statement}\n{whole}"


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def _check_on_sqlite(session: Session, name: str, statement: str, values: Any) -> None:
    plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
    lines = "\n".join(row[3] for row in plan)
    assert not _SCANNED.search(lines), f"{name}: {statement}\n{lines}"
    connection = driver(session)
    assert isinstance(connection, sqlite3.Connection)
    ticks = 0

    def tick() -> int:
        nonlocal ticks
        ticks += 1
        return 0

    connection.set_progress_handler(tick, 1_000)
    try:
        session.connection().exec_driver_sql(statement, values).all()
    finally:
        connection.set_progress_handler(None, 0)
    steps = 1_000 * ticks
    assert steps <= STEPS, f"{name} takes {steps} steps: {statement}\n{lines}"
