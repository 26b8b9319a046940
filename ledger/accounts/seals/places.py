"""Taking what waits, giving it places in the log and adding it to the roll-ups, on both engines.

A row that waits for a transaction which is not there stays, for ``verify`` to find.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from ledger.accounts.seals import merkle
from ledger.sets import Connection, stored

# One statement, so one snapshot. The rows to take by their place in the table and OFFSET 0 make
# every look-up go straight there, whatever the statistics say of a table that is empty at one
# moment and full at the next.
_ON_POSTGRESQL = r"""
    WITH taken AS (
        DELETE FROM journal_unsealed WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM journal_unsealed AS u
            WHERE (SELECT true FROM journal_transaction WHERE id = u.transaction_id)
            ORDER BY transaction_id LIMIT %(most)s
        ))
        RETURNING transaction_id
    ), placed AS (
        INSERT INTO journal_log (position, transaction_id, leaf, counted_at)
        SELECT %(size)s + row_number() OVER (ORDER BY t.id COLLATE "C") - 1, t.id,
            sha256('\x00'::bytea || t.hash), greatest(t.recorded_at, %(after)s::timestamptz)
        FROM taken CROSS JOIN LATERAL (
            SELECT id, hash, recorded_at FROM journal_transaction
            WHERE id = taken.transaction_id OFFSET 0
        ) AS t
        RETURNING position, transaction_id, leaf
    ), summed AS (
        INSERT INTO journal_rollup (scheme_id, bucket, provider_id, amount)
        SELECT scheme_id, bucket, provider_id, sum(amount)
        FROM placed CROSS JOIN LATERAL (
            SELECT scheme_id, bucket, coalesce(provider_id, '') AS provider_id, amount
            FROM journal_posting WHERE transaction_id = placed.transaction_id OFFSET 0
        ) AS p
        GROUP BY scheme_id, bucket, provider_id
        ON CONFLICT (scheme_id, bucket, provider_id)
        DO UPDATE SET amount = journal_rollup.amount + excluded.amount
    )
    SELECT string_agg(leaf, ''::bytea ORDER BY position) FROM placed
"""

# CROSS JOIN makes SQLite begin with the few rows on the left.
_WAITING = """
    SELECT t.id, t.hash, t.recorded_at
    FROM journal_unsealed AS u CROSS JOIN journal_transaction AS t ON t.id = u.transaction_id
    ORDER BY u.transaction_id LIMIT ?
"""
_PLACED = "INSERT INTO journal_log (position, transaction_id, leaf, counted_at) VALUES (?, ?, ?, ?)"
_TAKEN = """
    DELETE FROM journal_unsealed
    WHERE transaction_id IN (SELECT transaction_id FROM journal_log WHERE position >= ?)
"""
_SUMMED = """
    INSERT INTO journal_rollup (scheme_id, bucket, provider_id, amount)
    SELECT p.scheme_id, p.bucket, coalesce(p.provider_id, ''), sum(p.amount)
    FROM journal_log AS l CROSS JOIN journal_posting AS p ON p.transaction_id = l.transaction_id
    WHERE l.position >= ?
    GROUP BY p.scheme_id, p.bucket, coalesce(p.provider_id, '')
    ON CONFLICT (scheme_id, bucket, provider_id)
    DO UPDATE SET amount = journal_rollup.amount + excluded.amount
"""


def give(
    connection: Connection,
    size: int,
    after: datetime | None,
    most: int,
) -> list[bytes]:
    """Give the places from ``size`` on to at most ``most`` that wait; return their leaves.

    They follow each other by id. None of them counts before ``after``.
    """
    if isinstance(connection, sqlite3.Connection):
        return _on_sqlite(connection, size, after, most)
    with connection.cursor(binary=True) as cursor:
        # Compiling the statement would take longer than running it.
        cursor.execute("SET LOCAL jit = off")
        values = {"size": size, "after": after, "most": most}
        row = cursor.execute(_ON_POSTGRESQL, values).fetchone()
    # One long value: taking rows apart would cost more than all the hashing that follows.
    leaves = row[0] if row and row[0] else b""
    return [leaves[start : start + 32] for start in range(0, len(leaves), 32)]


def _on_sqlite(
    connection: sqlite3.Connection, size: int, after: datetime | None, most: int
) -> list[bytes]:
    waiting = connection.execute(_WAITING, (most,)).fetchall()
    leaves = [merkle.leaf(hashed) for _, hashed, _ in waiting]
    connection.executemany(_PLACED, _entries(waiting, leaves, size, stored(after) if after else ""))
    connection.execute(_TAKEN, (size,))
    connection.execute(_SUMMED, (size,))
    return leaves


def _entries(
    waiting: Sequence[tuple[str, bytes, str]], leaves: Sequence[bytes], size: int, earliest: str
) -> list[tuple[int, str, bytes, str]]:
    # Moments are kept as texts that sort as they follow each other.
    return [
        (position, transaction_id, leaf, max(recorded_at, earliest))
        for position, ((transaction_id, _, recorded_at), leaf) in enumerate(
            zip(waiting, leaves, strict=True), start=size
        )
    ]
