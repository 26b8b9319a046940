"""Every column of every table of the journal, changed behind its back, and the row is named.

As somebody with all rights on the database: without triggers, foreign keys and CHECKs. Each change
is undone again, so that all are tried on one world.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ledger.db import Base, Database
from tests.integration.tampering import TABLES, Books, all_rights, found, make_books, undone

SPAN = timedelta(days=100)
Row = dict[str, Any]


@pytest.fixture
def books(database: Database, tmp_path: Path) -> Books:
    return make_books(database, tmp_path)


def key_of(table: Table, row: Row) -> str:
    """Return how findings name a row."""
    return "/".join(str(row[column.name]) for column in table.primary_key).rstrip("/")


def names(table: Table, row: Row, finding: tuple[str, str], said: str) -> bool:
    """Tell whether a finding names the row, or the transaction or lot that it is a part of."""
    if finding == (table.name, key_of(table, row)):
        return True
    if table.name == "journal_posting":
        return finding == ("journal_transaction", row["transaction_id"])
    # What opened a lot has its last day and its enrolment in its hash: either may be changed.
    return table.name == "lot" and finding[0] == "journal_transaction" and row["id"] in said


def samples(session: Session, table: Table) -> list[Row]:
    """Return rows of a table that differ: the first, one in the middle, and the last."""
    order = list(table.primary_key)
    rows = [dict(row._mapping) for row in session.execute(select(table).order_by(*order))]
    assert rows, f"nothing in {table.name}: the test would prove nothing"
    return [rows[n] for n in sorted({0, len(rows) // 2, len(rows) - 1})]


def changed(value: Any) -> list[Any]:
    """Return other values of the kind of ``value``."""
    if value is None:
        return ["x"]
    if isinstance(value, bool | int):
        return [value + 1]
    if isinstance(value, bytes):
        return [bytes([value[0] ^ 1]) + value[1:]]
    if isinstance(value, datetime):
        return [value + timedelta(microseconds=1)]
    if isinstance(value, date):
        return [value + SPAN]
    return [value + "x"]


def changes(table: Table, rows: list[Row]) -> Iterator[tuple[Row, Row]]:
    """Yield rows and the values to be put in one of their columns."""
    first, last = rows[0], rows[-1]
    for column in table.columns:
        value = last[column.name]
        others = changed(value)
        if value is None and column.type.python_type is date:
            others = [date(2030, 1, 1)]
        if value is not None and column.nullable:
            others.append(None)
        if column.name not in UNPROVED.get(table.name, ()):
            # What stands in another row looks right by itself.
            others += [row[column.name] for row in rows if row[column.name] != value][:1]
        yield from ((last, {column.name: other}) for other in others if other != value)
        if first[column.name] is not None:
            yield first, {column.name: changed(first[column.name])[0]}


# A notice is proved as far as it allowed the money to go: within the time between two thresholds
# one day is as good as the other, and so is the notice of another lot.
UNPROVED = {"expiry_notice": ("recorded_on", "lot_id")}


def where(table: Table, row: Row) -> list[Any]:
    """Return the condition that finds a row by its key."""
    return [column == row[column.name] for column in table.primary_key]


def test_the_untouched_world_is_clean(books: Books) -> None:
    with books.database.reading() as session:
        assert found(session, books.anchors) == {}
        for table in TABLES:
            assert samples(session, table)


def test_every_table_of_the_journal_is_tried() -> None:
    ours = {table.name for table in TABLES}
    journal = {name for name in Base.metadata.tables if name.startswith("journal_")}
    assert journal <= ours


def test_every_changed_column_is_named(books: Books) -> None:
    silent = []
    tried = set()
    with all_rights(books) as session:
        for table in TABLES:
            for row, change in changes(table, samples(session, table)):
                try:
                    with undone(session):
                        done = session.execute(
                            update(table).where(*where(table, row)).values(change)
                        )
                        assert done.rowcount == 1  # type: ignore[attr-defined]
                        findings = found(session)
                except IntegrityError:
                    continue  # a unique index or NOT NULL refused it
                tried |= {(table.name, name) for name in change}
                rows = (row, {**row, **change})
                if not any(
                    names(table, one, finding, said)
                    for one in rows
                    for finding, said in findings.items()
                ):
                    silent.append((table.name, key_of(table, row), change, findings))
    assert silent == []
    assert tried == {(table.name, column.name) for table in TABLES for column in table.columns}


def test_every_removed_row_is_noticed(books: Books) -> None:
    with all_rights(books) as session:
        for table in TABLES:
            for row in samples(session, table):
                if row.get("days_before", 7) != 7:
                    continue  # only the last notice before the money goes has to be there
                with undone(session):
                    session.execute(table.delete().where(*where(table, row)))
                    findings = found(session, books.anchors)
                assert findings, row


PLANTED: dict[str, Callable[[Row], Row]] = {
    "journal_transaction": lambda row: {"id": "txn_planted", "kind": "pay", "subject": "planted"},
    "journal_posting": lambda row: {"line": 9},
    "lot": lambda row: {"id": "lot_planted", "subject": "planted"},
    "journal_fund": lambda row: {"scheme_id": "sch_planted"},
    "journal_unsealed": lambda row: {"transaction_id": "txn_planted"},
    "journal_log": lambda row: {"position": 9_999, "transaction_id": "txn_planted"},
    "journal_tile": lambda row: {"number": 9},
    "journal_seal": lambda row: {"size": 9_999},
    "seal_key": lambda row: {"id": "planted"},
    "journal_rollup": lambda row: {"provider_id": "org_planted"},
    "expiry_notice": lambda row: {"lot_id": "lot_planted"},
}


def test_every_inserted_row_is_named(books: Books) -> None:
    with all_rights(books) as session:
        for table in TABLES:
            for row in samples(session, table):
                planted = {**row, **PLANTED[table.name](row)}
                # Unique as well, and of no other row.
                planted.update({n: None for n in ("resolves_id", "reverses_id") if n in planted})
                with undone(session):
                    session.execute(insert(table).values(planted))
                    findings = found(session)
                assert any(names(table, planted, *one) for one in findings.items()), planted
