"""The double-entry journal: the only writer of transactions, postings and the guard of lots.

Sign: a line is positive when its bucket gains; ``bank`` mirrors the outside world. Every entry
sums to zero per scheme and unit. What happens to a lot follows from the lines that carry its id:

    credited = −Σ fund       available = Σ available      held = Σ held
    returned =  Σ returned   spent     = Σ payable + Σ receivable + Σ bank

so that ``credited = available + held + spent + returned`` holds by construction, and the CHECKs
of the table keep each of them from going below zero whatever runs at the same time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Connection, FromClause, Table, bindparam, func, insert, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import IntegrityError

from ledger import ids
from ledger.accounts.canonical import Head, Line, digest
from ledger.accounts.models import Lot, Posting, Transaction
from ledger.db import Work
from ledger.errors import AlreadyDone, InsufficientBalance
from ledger.messages import N_
from ledger.money import LIMIT

__all__ = ["Entry", "Line", "NewLot", "Receipt", "post", "post_many"]

_COUNTERS = ("credited", "available", "held", "spent", "returned")
_COUNTER_OF = {
    "fund": ("credited", -1),
    "available": ("available", 1),
    "held": ("held", 1),
    "returned": ("returned", 1),
    "payable": ("spent", 1),
    "receivable": ("spent", 1),
    "bank": ("spent", 1),
}
_ROWS = 500  # rows in one statement, well below SQLite's limit on parameters


@dataclass(frozen=True, slots=True)
class Entry:
    """One transaction to be posted; ``kind`` and ``subject`` together happen once."""

    kind: str
    subject: str
    lines: tuple[Line, ...]
    resolves_id: str | None = None
    reverses_id: str | None = None


@dataclass(frozen=True, slots=True)
class NewLot:
    """A lot that comes into being with the entries of the same batch."""

    id: str
    account_id: str
    scheme_id: str
    rule_id: str
    unit: str
    origin: str
    subject: str
    expires_on: object = None
    enrolment_id: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the caller keeps: the transaction's id and its hash in hexadecimal."""

    id: str
    hash: str


def post(work: Work, entry: Entry) -> Receipt:
    """Post one entry. Raises what :func:`post_many` raises."""
    return post_many(work, [entry])[0]


def post_many(work: Work, entries: Sequence[Entry], opens: Sequence[NewLot] = ()) -> list[Receipt]:
    """Post a batch in this unit of work: all entries or none; one receipt each, in order.

    Lots are moved in the order of their ids, so that two batches cannot wait for each other.
    Raises InsufficientBalance when a lot would fall below zero, AlreadyDone when an entry's kind
    and subject were posted before or its hold was resolved before, ValueError when an entry does
    not sum to zero (a fault in the program, not in the input).
    """
    if not entries:
        return []
    for entry in entries:
        _check(entry)
    heads = [_head(work, entry) for entry in entries]
    hashes = [digest(head, entry.lines) for head, entry in zip(heads, entries, strict=True)]
    _move_lots(work, entries, opens)
    try:
        _insert(work, heads, hashes, entries)
    except IntegrityError as error:
        raise AlreadyDone(N_("This was done before; nothing was changed now.")) from error
    return [Receipt(head.id, value.hex()) for head, value in zip(heads, hashes, strict=True)]


def _check(entry: Entry) -> None:
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for line in entry.lines:
        if isinstance(line.amount, bool) or not isinstance(line.amount, int):
            raise ValueError(f"{entry.kind}: an amount is a whole number of minor units")
        if line.amount == 0 or abs(line.amount) > LIMIT:
            raise ValueError(f"{entry.kind}: amount {line.amount} is out of bounds")
        sums[line.scheme_id, line.unit] += line.amount
    if not entry.lines or any(sums.values()):
        raise ValueError(f"{entry.kind} {entry.subject} does not sum to zero: {dict(sums)}")


def _head(work: Work, entry: Entry) -> Head:
    return Head(
        id=ids.new("txn"),
        kind=entry.kind,
        subject=entry.subject,
        actor_id=work.actor.id,
        occurred_on=work.today,
        recorded_at=work.now,
        resolves_id=entry.resolves_id,
        reverses_id=entry.reverses_id,
    )


def lot_deltas(entries: Iterable[Entry]) -> dict[str, dict[str, int]]:
    """Return per lot how each counter changes by ``entries``; every delta of a lot, zeros too."""
    deltas: dict[str, dict[str, int]] = {}
    for entry in entries:
        for line in entry.lines:
            if line.lot_id is None:
                continue
            counter, sign = _COUNTER_OF[line.bucket]
            lot = deltas.setdefault(line.lot_id, dict.fromkeys(_COUNTERS, 0))
            lot[counter] += sign * line.amount
    return deltas


def _move_lots(work: Work, entries: Sequence[Entry], opens: Sequence[NewLot]) -> None:
    deltas = lot_deltas(entries)
    new = {lot.id: lot for lot in opens}
    _open_lots(work, [(lot, deltas[lot.id]) for lot in opens])
    moved = sorted(lot_id for lot_id in deltas if lot_id not in new)
    table = Lot.__table__
    values = {name: table.c[name] + bindparam(f"d_{name}") for name in _COUNTERS}
    guard = [table.c[name] + bindparam(f"d_{name}") >= 0 for name in _COUNTERS[1:]]
    statement = update(Lot).where(Lot.id == bindparam("lot"), *guard).values(values)
    connection = work.session.connection()
    for lot_id in moved:
        parameters = {f"d_{name}": delta for name, delta in deltas[lot_id].items()}
        if connection.execute(statement, {"lot": lot_id, **parameters}).rowcount != 1:
            raise InsufficientBalance(
                N_("The balance is no longer enough; someone or something spent from it.")
            )
    # What the session has read before is no longer true.
    for lot in [x for x in work.session.identity_map.values() if isinstance(x, Lot)]:
        if lot.id in deltas:
            work.session.expire(lot)


def _open_lots(work: Work, lots: Sequence[tuple[NewLot, dict[str, int]]]) -> None:
    rows = [
        {
            "id": lot.id,
            "account_id": lot.account_id,
            "scheme_id": lot.scheme_id,
            "rule_id": lot.rule_id,
            "unit": lot.unit,
            "origin": lot.origin,
            "subject": lot.subject,
            "enrolment_id": lot.enrolment_id,
            "granted_on": work.today,
            "expires_on": lot.expires_on,
            **deltas,
        }
        for lot, deltas in lots
    ]
    try:
        _insert_rows(work.session.connection(), Lot.__table__, rows)
    except IntegrityError as error:
        raise AlreadyDone(N_("This was granted before; nothing was changed now.")) from error


def _insert(
    work: Work, heads: Sequence[Head], hashes: Sequence[bytes], entries: Sequence[Entry]
) -> None:
    transactions = [
        {
            "id": head.id,
            "kind": head.kind,
            "subject": head.subject,
            "actor_id": head.actor_id,
            "occurred_on": head.occurred_on,
            "recorded_at": head.recorded_at,
            "resolves_id": head.resolves_id,
            "reverses_id": head.reverses_id,
            "hash": value,
        }
        for head, value in zip(heads, hashes, strict=True)
    ]
    postings = [
        {
            "transaction_id": head.id,
            "line": number,
            "bucket": line.bucket,
            "unit": line.unit,
            "amount": line.amount,
            "scheme_id": line.scheme_id,
            "rule_id": line.rule_id,
            "account_id": line.account_id,
            "lot_id": line.lot_id,
            "provider_id": line.provider_id,
        }
        for head, entry in zip(heads, entries, strict=True)
        for number, line in enumerate(entry.lines, start=1)
    ]
    connection = work.session.connection()
    _insert_rows(connection, Transaction.__table__, transactions)
    _insert_rows(connection, Posting.__table__, postings)


def _insert_rows(
    connection: Connection, table: FromClause, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Insert rows that all have the same columns: a few statements, however many rows."""
    if not rows:
        return
    target = cast(Table, table)
    if connection.dialect.name != "postgresql":
        for start in range(0, len(rows), _ROWS):
            connection.execute(insert(target), list(rows[start : start + _ROWS]))
        return
    # One array per column: a single round trip and a single plan for the whole batch.
    names = list(rows[0])
    arrays = [
        bindparam(name, [row[name] for row in rows], ARRAY(target.c[name].type)) for name in names
    ]
    source = func.unnest(*arrays).table_valued(*names).render_derived("row")
    connection.execute(insert(target).from_select(names, select(*source.c)))
