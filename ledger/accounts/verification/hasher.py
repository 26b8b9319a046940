"""Transactions hashed anew from the live rows, a stretch of ids at a time, on both engines.

It is also a program of its own, so that every core can have one; it imports the driver and the
standard library only, since loading the house takes longer than hashing 100,000 transactions::

    python hasher.py

It reads JSON lines: first where the books are, ``{"postgresql": URL, "snapshot": name}`` or
``{"sqlite": path}``, then stretches ``[after, until]`` of ids (``until`` null: to the end). It
answers each stretch with ``[number of transactions, [[table, id, fault, values], …]]``.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Iterator
from hashlib import sha256
from itertools import groupby
from typing import Any

import psycopg
from psycopg import pq, sql

Connection = psycopg.Connection[Any] | sqlite3.Connection
Stretch = tuple[str, str | None]  # ids after the first, up to and including the second
Fault = tuple[str, str, str, dict[str, Any]]  # table, id, what is wrong, values for the message
# By the canonical piece of its id: a transaction's canonical bytes before the lines, between two
# bytes and four, and then its hash.
Heads = dict[bytes, bytes]
# The piece of the id, how many lines, whether they are numbered from 1, their canonical bytes.
Lines = tuple[bytes, int, bool, bytes]

VERSION = "leerrekening/1"
ABSENT = b"\xff\xff\xff\xff"

# The canonical fields in their order, and then the hash. The lot that a transaction opened is the
# one whose origin and subject are the transaction's kind and subject.
_HEADS = """
    SELECT '{version}', t.id, t.kind, t.subject, t.actor_id, {occurred_on}, {recorded_at},
        t.resolves_id, t.reverses_id, l.id, {expires_on}, l.enrolment_id, t.hash
    FROM journal_transaction t LEFT JOIN lot l
        ON l.origin = t.kind AND l.subject = t.subject
        AND t.kind IN ('grant', 'accrual', 'top_up')
    WHERE {bounds}
"""
_LINES = """
    SELECT p.transaction_id, p.line, {fields} FROM journal_posting p
    WHERE {bounds} ORDER BY p.transaction_id, p.line
"""
# A row per transaction: its lines as one array of arrays.
_LINES_TOGETHER = """
    SELECT min(p.line) = 1 AND max(p.line) = count(*), p.transaction_id,
        array_agg(ARRAY[{fields}])
    FROM (SELECT * FROM journal_posting p WHERE {bounds} ORDER BY transaction_id, line) p
    GROUP BY p.transaction_id
"""
_ON_BOTH = {
    "version": VERSION,
    "fields": (
        "p.bucket, p.unit, CAST(p.amount AS text), p.scheme_id, p.rule_id, p.account_id, p.lot_id,"
        " p.provider_id"
    ),
}
_ON_POSTGRESQL = {
    **_ON_BOTH,
    "occurred_on": "t.occurred_on::text",
    "recorded_at": (
        """to_char(t.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')"""
    ),
    "expires_on": "l.expires_on::text",
}
_ON_SQLITE = {
    **_ON_BOTH,
    "occurred_on": "t.occurred_on",
    "recorded_at": "replace(t.recorded_at, ' ', 'T') || '+00:00'",
    "expires_on": "l.expires_on",
}


def prove(connection: Connection, stretch: Stretch) -> tuple[int, list[Fault]]:
    """Return how many transactions a stretch has, and what is wrong with them."""
    if isinstance(connection, sqlite3.Connection):
        heads = _heads_on_sqlite(connection, stretch)
        lines_of = _lines_on_sqlite(connection, stretch)
    else:
        heads = _heads_on_postgresql(connection, stretch)
        lines_of = _lines_on_postgresql(connection, stretch)
    number = len(heads)
    faults: list[Fault] = []
    for key, count, numbered, lines in lines_of:
        head = heads.pop(key, None)
        if head is None:
            faults.append(("journal_posting", _text(key), "orphan", {}))
            continue
        if not numbered:
            faults.append(("journal_transaction", _text(key), "gap", {}))
        elif sha256(b"".join((head[2:-36], _COUNTS[count], lines))).digest() != head[-32:]:
            opened = _fields(head[2:-36])[9]
            fault = "content" if opened is None else "opening"
            faults.append(("journal_transaction", _text(key), fault, {"lot": opened}))
    faults += [("journal_transaction", _text(key), "nothing", {}) for key in heads]
    return number, faults


def _heads_on_postgresql(connection: psycopg.Connection[Any], stretch: Stretch) -> Heads:
    # Text columns are sent as they were hashed; the id is the second.
    heads: Heads = {}
    start = 2 + 4 + len(VERSION)
    for row in _copied(connection, _HEADS, "t.id", stretch):
        end = start + 4 + int.from_bytes(row[start : start + 4], "big")
        heads[row[start:end]] = row
    return heads


def _lines_on_postgresql(connection: psycopg.Connection[Any], stretch: Stretch) -> Iterator[Lines]:
    # After a boolean and the id comes an array of text: 12 bytes about its type, 8 for each
    # dimension, the first 4 of which are its length, and every element as it was hashed.
    for row in _copied(connection, _LINES_TOGETHER, "p.transaction_id", stretch):
        end = 11 + int.from_bytes(row[7:11], "big")
        count = int.from_bytes(row[end + 16 : end + 20], "big")
        yield row[7:end], count, row[6] == 1, row[end + 32 :]


def _copied(
    connection: psycopg.Connection[Any], query: str, column: str, stretch: Stretch
) -> Iterator[bytes]:
    after, until = stretch
    bounds = sql.SQL(f"{column} > {{}}").format(sql.Literal(after))
    if until is not None:
        bounds += sql.SQL(f" AND {column} <= {{}}").format(sql.Literal(until))
    return copied(connection, query.format(bounds=bounds.as_string(connection), **_ON_POSTGRESQL))


def copied(connection: psycopg.Connection[Any], query: str) -> Iterator[bytes]:
    """Yield the rows of ``query`` as PostgreSQL sends them in a binary COPY.

    A row is its number of columns in two bytes, and then each column as its length in four bytes
    (-1: NULL) and its bytes.
    """
    server = connection.pgconn
    begun = server.exec_(f"COPY ({query}) TO STDOUT (FORMAT binary)".encode())
    if begun.status != pq.ExecStatus.COPY_OUT:
        raise psycopg.OperationalError(begun.error_message.decode(errors="replace"))
    # Straight from libpq: psycopg's own iterator takes as long again for each row.
    receive = server.get_copy_data
    row = bytes(receive(0)[1])[19:]  # without the signature, flags and length of the extension
    if not row:
        row = bytes(receive(0)[1])
    whole = False
    try:
        while len(row) > 2:  # the last is two bytes that say -1 columns
            yield row
            row = bytes(receive(0)[1])
        whole = True
    finally:
        # The connection must be free for what comes next, also when the reader went away.
        if not whole:
            connection.cancel_safe()
        while row:
            row = bytes(receive(0)[1])
        answers = list(iter(server.get_result, None))
    for answer in answers:
        if answer.status != pq.ExecStatus.COMMAND_OK:
            raise psycopg.OperationalError(answer.error_message.decode(errors="replace"))


def _heads_on_sqlite(connection: sqlite3.Connection, stretch: Stretch) -> Heads:
    return {
        _piece(fields[1]): b"".join((b"  ", *map(_piece, fields), b"    ", stored))
        for *fields, stored in _selected(connection, _HEADS, "t.id", stretch)
    }


def _lines_on_sqlite(connection: sqlite3.Connection, stretch: Stretch) -> Iterator[Lines]:
    rows = _selected(connection, _LINES, "p.transaction_id", stretch)
    for transaction_id, group in groupby(rows, lambda row: row[0]):
        lines = list(group)
        numbered = [row[1] for row in lines] == list(range(1, len(lines) + 1))
        pieces = b"".join(_piece(field) for row in lines for field in row[2:])
        yield _piece(transaction_id), len(lines), numbered, pieces


def _selected(
    connection: sqlite3.Connection, query: str, column: str, stretch: Stretch
) -> Iterator[tuple[Any, ...]]:
    after, until = stretch
    bounds = f"{column} > ?" if until is None else f"{column} > ? AND {column} <= ?"
    given = (after,) if until is None else (after, until)
    return connection.execute(query.format(bounds=bounds, **_ON_SQLITE), given)


def _piece(field: str | None) -> bytes:
    """Return a canonical field, as :mod:`ledger.accounts.canonical` describes it."""
    if field is None:
        return ABSENT
    text = field.encode()
    return len(text).to_bytes(4, "big") + text


def _text(piece: bytes) -> str:
    return piece[4:].decode(errors="replace")


def _fields(pieces: bytes) -> list[str | None]:
    fields: list[str | None] = []
    at = 0
    while at < len(pieces):
        end = at + 4 + max(int.from_bytes(pieces[at : at + 4], "big", signed=True), 0)
        fields.append(None if pieces[at : at + 4] == ABSENT else _text(pieces[at:end]))
        at = end
    return fields


class _Counts(dict[int, bytes]):
    """The canonical field that says how many lines there are, each made once."""

    def __missing__(self, count: int) -> bytes:
        self[count] = _piece(str(count))
        return self[count]


_COUNTS = _Counts()


def connect(place: dict[str, str]) -> Connection:
    """Open the books for reading, on PostgreSQL as they were in an exported snapshot."""
    if "sqlite" in place:
        connection = sqlite3.connect(place["sqlite"], isolation_level=None, timeout=30)
        connection.execute("PRAGMA query_only = ON")
        return connection
    server = psycopg.connect(place["postgresql"], autocommit=True)
    server.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    server.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(place["snapshot"])))
    server.execute("SET datestyle = 'ISO, YMD'")
    server.execute("SET jit = off")
    # A stretch opens few of all lots: finding each by its index reads less than all of the table.
    server.execute("SET enable_hashjoin = off")
    server.execute("SET enable_mergejoin = off")
    return server


def main() -> None:
    """Answer stretches until there are no more."""
    connection = connect(json.loads(sys.stdin.readline()))
    for line in sys.stdin:
        after, until = json.loads(line)
        sys.stdout.write(json.dumps(prove(connection, (after, until))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
