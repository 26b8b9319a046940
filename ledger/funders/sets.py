"""Many rows in one statement on both engines: looking up a list of values, writing a list of rows.

On PostgreSQL a list travels as one array per column, so that a statement stays the same whatever
the length of the list and is planned once; SQLite takes its rows one by one from a prepared
statement, which costs next to nothing within one process.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Text, any_, literal
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute, Session

from ledger.accounts.journal import postgresql
from ledger.db import driver

PART = 5_000  # values in one question; SQLite takes at most 32,766
T = TypeVar("T")


def among(
    session: Session, column: InstrumentedAttribute[str], values: Sequence[str]
) -> ColumnElement[bool]:
    """Return the condition that ``column`` is one of ``values``, at most ``PART`` of them."""
    if session.get_bind().dialect.name == "postgresql":
        return column == any_(literal(list(values), ARRAY(Text)))
    return column.in_(values)


def parts(values: Sequence[T], size: int = PART) -> Iterator[Sequence[T]]:
    """Yield ``values`` in pieces of at most ``size``."""
    return (values[start : start + size] for start in range(0, len(values), size))


def insert(
    session: Session, table: str, types: Mapping[str, str], rows: Sequence[Sequence[Any]]
) -> None:
    """Write ``rows`` to ``table``; ``types`` gives PostgreSQL's type of each column, in order.

    Dates have to be written as ISO text. What breaks a constraint raises the driver's own error,
    which ``Database.perform`` understands.
    """
    if not rows:
        return
    session.flush()
    connection = driver(session)
    names = ", ".join(types)
    if isinstance(connection, sqlite3.Connection):
        marks = ", ".join("?" * len(types))
        connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)  # noqa: S608
        return
    source = postgresql.unnest("r", dict(types))
    connection.execute(
        f"INSERT INTO {table} ({names}) SELECT {names} FROM {source}".encode(),  # noqa: S608
        postgresql.columns(rows, len(types)),
        prepare=True,
    )
