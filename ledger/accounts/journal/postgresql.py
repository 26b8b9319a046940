"""Writing a batch on PostgreSQL: one statement, one round trip, however many entries.

The parts of the statement run on the same snapshot and stand or fall together; the guards, and
the changes that go along, answer with how many rows they found.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import psycopg
from psycopg.errors import UniqueViolation

from ledger.accounts.journal.batch import COUNTERS, Batch, Refused, Repeated
from ledger.db import Stale
from ledger.prepared import Prepared
from ledger.sets import Change, columns, unnest

_TRANSACTION = {
    "id": "text",
    "kind": "text",
    "subject": "text",
    "actor_id": "text",
    "occurred_on": "date",
    "recorded_at": "timestamptz",
    "resolves_id": "text",
    "reverses_id": "text",
    "hash": "bytea",
}
_POSTING = {
    "transaction_id": "text",
    "line": "bigint",
    "bucket": "text",
    "unit": "text",
    "amount": "bigint",
    "scheme_id": "text",
    "rule_id": "text",
    "account_id": "text",
    "lot_id": "text",
    "provider_id": "text",
}
_LOT = {
    "id": "text",
    "account_id": "text",
    "scheme_id": "text",
    "rule_id": "text",
    "unit": "text",
    "origin": "text",
    "subject": "text",
    "enrolment_id": "text",
    "granted_on": "date",
    "expires_on": "date",
    "credited": "bigint",
    "available": "bigint",
}
_MOVED = {"id": "text", **dict.fromkeys(COUNTERS, "bigint")}
_FUND = {"id": "text", "amount": "bigint"}


def write(connection: psycopg.Connection[Any], batch: Batch, along: Sequence[Change]) -> None:
    """Write ``batch`` and what goes along.

    Raises Refused, Repeated and Stale; then the unit of work has to be undone.
    """
    parameters: list[str] = []
    if batch.transactions:
        parameters += columns(batch.transactions, len(_TRANSACTION))
        parameters += columns(batch.postings, len(_POSTING))
    if batch.opened:
        parameters += columns(batch.opened, len(_LOT))
    if batch.moved:
        parameters += columns([(lot, *delta) for lot, delta in batch.moved], len(_MOVED))
    for change in along:
        parameters += columns(change.rows, len(change.types))
    if batch.funds:
        parameters += columns(batch.funds, len(_FUND))
    statement = _statement(
        bool(batch.transactions),
        bool(batch.opened),
        bool(batch.moved),
        tuple((change.name, change.postgresql, change.must_find) for change in along),
        bool(batch.funds),
    )
    try:
        lots, funds, *found = map(int, statement.run(connection, parameters))  # type: ignore[arg-type]
    except UniqueViolation as error:
        raise Repeated from error
    if lots != len(batch.moved):
        raise Refused(lot=True)
    if funds != len(batch.funds):
        raise Refused(lot=False)
    if found != [len(change.rows) for change in along if change.must_find]:
        raise Stale(f"{found} rows of what goes along")


@lru_cache
def _statement(
    posted: bool, opened: bool, moved: bool, along: tuple[tuple[str, str, bool], ...], funds: bool
) -> Prepared:
    parts = []
    if posted:
        parts += [
            f"written AS ({_insert('journal_transaction', _TRANSACTION)} RETURNING id)",
            f"lines AS ({_insert('journal_posting', _POSTING)})",
            "waiting AS (INSERT INTO journal_unsealed SELECT id FROM written)",
        ]
    if opened:
        rest = {"held": 0, "spent": 0, "returned": 0}
        parts.append(f"opened AS ({_insert('lot', _LOT, rest)})")
    if moved:
        changes = ", ".join(f"{name} = lot.{name} + d.{name}" for name in COUNTERS)
        enough = " AND ".join(f"lot.{name} + d.{name} >= 0" for name in COUNTERS[1:])
        parts.append(
            f"moved AS (UPDATE lot SET {changes} FROM {unnest('d', _MOVED)}"  # noqa: S608
            f" WHERE lot.id = d.id AND {enough} RETURNING lot.id)"
        )
    parts += [f"{name} AS ({text})" for name, text, _ in along]
    if funds:
        # Last: it is the one row that everybody who is granted something waits for.
        parts.append(
            f"funds AS (UPDATE journal_fund SET balance = balance + d.amount"  # noqa: S608
            f" FROM {unnest('d', _FUND)} WHERE scheme_id = d.id AND balance + d.amount >= 0"
            " RETURNING scheme_id)"
        )
    counted = [_count("moved") if moved else "0", _count("funds") if funds else "0"]
    counted += [_count(name) for name, _, must_find in along if must_find]
    return Prepared(f"WITH {', '.join(parts)} SELECT {', '.join(counted)}")


def _count(part: str) -> str:
    return f"(SELECT count(*) FROM {part})"  # noqa: S608 (our own names)


def _insert(table: str, types: dict[str, str], constants: dict[str, int] | None = None) -> str:
    more = constants or {}
    names = ", ".join((*types, *more))
    values = ", ".join((*types, *map(str, more.values())))
    return f"INSERT INTO {table} ({names}) SELECT {values} FROM {unnest('r', types)}"  # noqa: S608
