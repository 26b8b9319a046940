"""Writing a batch on SQLite: a few prepared statements, each for all rows of its table.

SQLite's write lock is held since the work began, so nothing changes between the statements.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from ledger.accounts.journal.batch import COUNTERS, Batch, Refused, Repeated
from ledger.db import Stale
from ledger.sets import Change, stored

_TRANSACTION = (
    "INSERT INTO journal_transaction (id, kind, subject, actor_id, occurred_on, recorded_at,"
    " resolves_id, reverses_id, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_WAITING = "INSERT INTO journal_unsealed (transaction_id) VALUES (?)"
_POSTING = (
    "INSERT INTO journal_posting (transaction_id, line, bucket, unit, amount, scheme_id, rule_id,"
    " account_id, lot_id, provider_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_LOT = (
    "INSERT INTO lot (id, account_id, scheme_id, rule_id, unit, origin, subject, enrolment_id,"
    " granted_on, expires_on, credited, available, held, spent, returned)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0)"
)
_CHANGES = ", ".join(f"{name} = {name} + ?{n}" for n, name in enumerate(COUNTERS, 2))
_ENOUGH = " AND ".join(f"{name} + ?{n} >= 0" for n, name in enumerate(COUNTERS[1:], 3))
_MOVED = f"UPDATE lot SET {_CHANGES} WHERE id = ?1 AND {_ENOUGH}"  # noqa: S608 (our own names)
_FUND = "UPDATE journal_fund SET balance = balance + ?2 WHERE scheme_id = ?1 AND balance + ?2 >= 0"
_UNIQUE = (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)


def write(connection: sqlite3.Connection, batch: Batch, along: Sequence[Change]) -> None:
    """Write ``batch`` and what goes along.

    Raises Refused, Repeated and Stale; then the unit of work has to be undone.
    """
    transactions = [tuple(map(stored, row)) for row in batch.transactions]
    try:
        connection.executemany(_TRANSACTION, transactions)
        connection.executemany(_WAITING, [row[:1] for row in batch.transactions])
        connection.executemany(_POSTING, batch.postings)
        if batch.opened:
            connection.executemany(_LOT, [tuple(map(stored, row)) for row in batch.opened])
    except sqlite3.IntegrityError as error:
        if error.sqlite_errorcode in _UNIQUE:
            raise Repeated from error
        raise
    _move(connection, _MOVED, [(lot, *delta) for lot, delta in batch.moved], lot=True)
    _move(connection, _FUND, batch.funds, lot=False)
    for change in along:
        if change.on_sqlite(connection) != len(change.rows) and change.must_find:
            raise Stale(change.name)


def _move(
    connection: sqlite3.Connection, statement: str, rows: Sequence[Sequence[Any]], *, lot: bool
) -> None:
    if rows and connection.executemany(statement, rows).rowcount != len(rows):
        raise Refused(lot=lot)
