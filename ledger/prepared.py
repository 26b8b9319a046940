"""Statements that PostgreSQL prepares once per connection, sent as plainly as its library can.

A cursor of the driver finds out anew for each call how to send each value and how to read each
column; for the few statements of the hot paths that takes several times what sending them takes.
Here every value goes as text, and the first row comes back as bytes. The driver must not prepare
statements by itself on such a connection: it discards all, these too, when it rolls back.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg import errors, pq

_numbers = itertools.count(1)
_known: WeakKeyDictionary[psycopg.Connection[Any], set[bytes]] = WeakKeyDictionary()


class Prepared:
    """A statement with ``%s`` for each value, and a type beside it wherever it is not text."""

    def __init__(self, text: str) -> None:
        first, *rest = text.split("%s")
        numbered = (f"${number}{part}" for number, part in enumerate(rest, start=1))
        self._text = (first + "".join(numbered)).encode()
        self._name = f"leerrekening_{next(_numbers)}".encode()

    def run(self, connection: psycopg.Connection[Any], values: Sequence[str]) -> list[bytes | None]:
        """Run it in the connection's transaction; return the columns of the first row.

        Nothing where there is no row. Raises the driver's own errors.
        """
        _begin(connection)
        known = _known.setdefault(connection, set())
        if self._name not in known:
            _checked(connection, connection.pgconn.prepare(self._name, self._text))
            known.add(self._name)
        sent = [value.encode() for value in values]
        result = _checked(connection, connection.pgconn.exec_prepared(self._name, sent))
        if not result.ntuples:
            return []
        return [result.get_value(0, column) for column in range(result.nfields)]


def _begin(connection: psycopg.Connection[Any]) -> None:
    """Begin a transaction as the driver would, unless there is one or there must be none."""
    idle = connection.pgconn.transaction_status == pq.TransactionStatus.IDLE
    if not idle or connection.autocommit:
        return
    snapshot = b" ISOLATION LEVEL REPEATABLE READ READ ONLY" if connection.read_only else b""
    _checked(connection, connection.pgconn.exec_(b"BEGIN" + snapshot))


def _checked(connection: psycopg.Connection[Any], result: pq.abc.PGresult) -> pq.abc.PGresult:
    if result.status in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
        return result
    state = result.error_field(pq.DiagnosticField.SQLSTATE)
    message = result.error_message.decode("utf-8", "replace").strip()
    if state is None or connection.pgconn.status != pq.ConnStatus.OK:
        raise psycopg.OperationalError(message)
    raise errors.lookup(state.decode())(message)
