"""The log as it stands, place by place, beside the transactions that it names."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from sqlalchemy.orm import Session

from ledger import sets
from ledger.accounts.verification import hasher
from ledger.db import driver

# position, transaction, leaf, counted at, hash of the transaction, recorded at (None: it is gone).
# Moments are as the engine orders them: see :func:`stamp`.
Place = tuple[int, str, bytes, Any, bytes | None, Any]

_PLACES = """
    SELECT g.position, g.counted_at, t.recorded_at, g.leaf, t.hash, g.transaction_id
    FROM journal_log g LEFT JOIN journal_transaction t ON t.id = g.transaction_id
    ORDER BY g.position
"""
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # PostgreSQL counts microseconds from here
_TICK = timedelta(microseconds=1)
# The number of columns, and then each as its length and its value.
_WHOLE = struct.Struct(">2x 4xq 4xq 4xq 4x32s 4x32s 4x")
_GONE = struct.Struct(">2x 4xq 4xq 4x 4x32s 4x 4x")


def of(session: Session) -> Iterator[Place]:
    """Yield every place in order."""
    connection = driver(session)
    if isinstance(connection, sqlite3.Connection):
        for position, counted, recorded, leaf, hashed, id_ in connection.execute(_PLACES):
            yield position, id_, leaf, counted, hashed, recorded
        return
    yield from _on_postgresql(connection)


def stamp(session: Session, moment: datetime) -> Any:
    """Return a moment as the places have it, to be compared with theirs."""
    if session.get_bind().dialect.name == "sqlite":
        return sets.stored(moment)
    return (moment - _EPOCH) // _TICK


def _on_postgresql(connection: psycopg.Connection[Any]) -> Iterator[Place]:
    whole = _WHOLE.unpack_from
    for row in hasher.copied(connection, _PLACES):
        if len(row) > _WHOLE.size:
            position, counted, recorded, leaf, hashed = whole(row)
            yield position, row[_WHOLE.size :].decode(), leaf, counted, hashed, recorded
        else:
            position, counted, leaf = _GONE.unpack_from(row)
            yield position, row[_GONE.size :].decode(), leaf, counted, None, None
