"""A database whose program stops before a chosen statement, seen where the drivers send them.

The ORM's statements and most that go round it end at a cursor of the driver, and those of the hot
paths at ``Prepared.run``: there each is counted. The end of a unit of work counts too.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import psycopg
from sqlalchemy import event

from ledger.db import Database
from ledger.prepared import Prepared


class Stopped(Exception):
    """The program was stopped here."""


class Tripwire:
    """Counts statements while it is armed, and stops before the one it was told."""

    def __init__(self) -> None:
        self.seen = 0
        self.stop_before: int | None = None  # 1 is the first; None: count only, or nothing at all
        self.armed = False

    def arm(self, stop_before: int | None) -> None:
        """Begin to count from here."""
        self.seen, self.stop_before, self.armed = 0, stop_before, True

    def pass_by(self) -> None:
        """Be told that a statement is about to be sent."""
        if not self.armed:
            return
        self.seen += 1
        if self.seen == self.stop_before:
            self.armed = False  # what undoes the work must pass
            raise Stopped(f"before statement {self.seen}")


def stopping_database(url: str, wire: Tripwire) -> Database:
    """Return a database of which every statement passes by ``wire``."""
    database = Database(url)
    connect = _sqlite(wire) if url.startswith("sqlite") else _postgresql(wire)

    @event.listens_for(database.engine, "do_connect")
    def _connect(_dialect: Any, _record: Any, given: list[Any], named: dict[str, Any]) -> Any:
        return connect(*given, **named)

    return database


_run = Prepared.run


def _counted_run(self: Prepared, connection: Any, values: Sequence[str]) -> list[bytes | None]:
    wire = getattr(connection, "passing", None)
    if wire is not None:
        wire.pass_by()
    return _run(self, connection, values)


Prepared.run = _counted_run  # type: ignore[method-assign]


def _sqlite(wire: Tripwire) -> Any:
    class Cursor(sqlite3.Cursor):
        def execute(self, *given: Any) -> Any:
            wire.pass_by()
            return super().execute(*given)

        def executemany(self, *given: Any) -> Any:
            wire.pass_by()
            return super().executemany(*given)

    class Connection(sqlite3.Connection):
        def cursor(self, factory: Any = Cursor) -> Any:
            return super().cursor(factory)

        def execute(self, *given: Any) -> Any:
            return self.cursor().execute(*given)

        def executemany(self, *given: Any) -> Any:
            return self.cursor().executemany(*given)

        def commit(self) -> None:
            wire.pass_by()
            super().commit()

    return lambda *given, **named: sqlite3.connect(*given, factory=Connection, **named)


def _postgresql(wire: Tripwire) -> Any:
    class Cursor(psycopg.Cursor[Any]):
        def execute(self, *given: Any, **named: Any) -> Any:
            wire.pass_by()
            return super().execute(*given, **named)

        def executemany(self, *given: Any, **named: Any) -> Any:
            wire.pass_by()
            return super().executemany(*given, **named)

        def copy(self, *given: Any, **named: Any) -> Any:
            wire.pass_by()
            return super().copy(*given, **named)

    class Connection(psycopg.Connection[Any]):
        passing = wire

        def commit(self) -> None:
            wire.pass_by()
            super().commit()

    def connect(*given: Any, **named: Any) -> psycopg.Connection[Any]:
        connection = Connection.connect(*given, **named)
        connection.cursor_factory = Cursor
        return connection

    return connect
