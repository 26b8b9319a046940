"""Crediting many lots from one fund: what :func:`post_many` posts, where nearly all is the same.

The transactions of a list of grants differ in six things: their ids, subjects, lots, accounts,
amounts and last days. So the rest of the bytes that are hashed is written once for all of them,
and PostgreSQL gets those six columns and adds the rest itself: a fifth of the time. The bytes and
the rows are exactly those of :func:`post_many`; a test compares them, and ``verify`` would tell.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date
from typing import Any, NamedTuple

import psycopg
from psycopg.errors import UniqueViolation

from ledger import ids
from ledger.accounts.canonical import VERSION
from ledger.accounts.journal.batch import Refused, Repeated
from ledger.db import Work
from ledger.prepared import Prepared
from ledger.sets import columns

LONGEST = 255  # characters of a field whose length is written as one character below
_ABSENT = "\xff\xff\xff\xff"


@dataclass(frozen=True, slots=True)
class Source:
    """Where the credits come from: the same for all of them; ``kind`` is that of the entries."""

    kind: str
    scheme_id: str
    unit: str
    rule_id: str


class NewCredit(NamedTuple):
    """One account that is credited, under a subject of its own, by ``actor_id``."""

    subject: str
    account_id: str
    amount: int
    actor_id: str
    expires_on: date | None
    enrolment_id: str | None


class Posted(NamedTuple):
    """The ids and hashes that the credits got, in their order."""

    ids: list[str]
    hashes: list[bytes]


def write(
    connection: psycopg.Connection[Any], work: Work, source: Source, credits_: Sequence[NewCredit]
) -> Posted:
    """Write ``credits_`` on PostgreSQL in one round trip.

    Every text has to be ASCII and at most ``LONGEST`` characters long (see :func:`fits`). Raises
    Refused and Repeated; then the unit of work has to be undone.
    """
    transactions = [ids.new("txn") for _ in credits_]
    lots = [ids.new("lot") for _ in credits_]
    hashes = _hashes(work, source, credits_, transactions, lots)
    total = sum(one.amount for one in credits_)
    parameters = {
        **dict(zip(NewCredit._fields, columns(credits_, len(NewCredit._fields)), strict=True)),
        **dict(
            zip(
                ("id", "lot_id", "hash"),
                columns(list(zip(transactions, lots, hashes, strict=True)), 3),
                strict=True,
            )
        ),
        "kind": source.kind,
        "scheme": source.scheme_id,
        "unit": source.unit,
        "rule": source.rule_id,
        "day": work.today.isoformat(),
        "now": work.now.isoformat(),
        "total": str(total),
    }
    try:
        funds = _STATEMENT.run(connection, [parameters[name] for name in _NAMES])
    except UniqueViolation as error:
        raise Repeated from error
    if funds != [b"1"]:
        raise Refused(lot=False)
    return Posted(transactions, hashes)


def fits(source: Source, credits_: Sequence[NewCredit]) -> bool:
    """Tell whether these can be written here; ids always do, a subject could be anything."""
    texts = [source.kind, source.scheme_id, source.unit, source.rule_id]
    for one in credits_:
        texts += (one.subject, one.account_id, one.actor_id, one.enrolment_id or "")
    return "".join(texts).isascii() and max(map(len, texts)) <= LONGEST


def _field(text: str | None) -> str:
    # Four bytes for the length, of which the last one is enough, and then the text.
    return _ABSENT if text is None else f"\0\0\0{chr(len(text))}{text}"


def _hashes(
    work: Work,
    source: Source,
    credits_: Sequence[NewCredit],
    transactions: Sequence[str],
    lots: Sequence[str],
) -> list[bytes]:
    """Return the hashes of the canonical bytes, in which one character stands for one byte."""
    moment = work.now.astimezone(UTC).isoformat(timespec="microseconds")
    version, kind = _field(VERSION), _field(source.kind)
    when = _field(work.today.isoformat()) + _field(moment) + _ABSENT * 2  # resolves, reverses
    fund = _field("2") + _field("fund") + _field(source.unit)
    available = _field("available") + _field(source.unit)
    of_scheme = _field(source.scheme_id) + _field(source.rule_id)
    found = []
    for one, transaction, lot in zip(credits_, transactions, lots, strict=True):
        subject, account_id, amount, actor_id, expires_on, enrolment_id = one
        digits = str(amount)
        width = len(digits)
        lot = f"\0\0\0{chr(len(lot))}{lot}"
        whose = f"{of_scheme}\0\0\0{chr(len(account_id))}{account_id}{lot}{_ABSENT}"
        text = (
            f"{version}\0\0\0{chr(len(transaction))}{transaction}{kind}"
            f"\0\0\0{chr(len(subject))}{subject}\0\0\0{chr(len(actor_id))}{actor_id}{when}{lot}"
            f"{_ABSENT if expires_on is None else _field(expires_on.isoformat())}"
            f"{_ABSENT if enrolment_id is None else _field(enrolment_id)}"
            f"{fund}\0\0\0{chr(width + 1)}-{digits}{whose}"
            f"{available}\0\0\0{chr(width)}{digits}{whose}"
        )
        found.append(hashlib.sha256(text.encode("latin-1")).digest())
    return found


_TYPES = {
    "id": "text",
    "lot_id": "text",
    "hash": "bytea",
    "subject": "text",
    "account_id": "text",
    "amount": "bigint",
    "actor_id": "text",
    "expires_on": "date",
    "enrolment_id": "text",
}


_NAMES = (*_TYPES, "kind", "scheme", "unit", "rule", "day", "now", "total")


def _given(*names: str) -> str:
    arrays = ", ".join(f"%({name})s::{_TYPES[name]}[]" for name in names)
    return f"unnest({arrays}) AS r ({', '.join(names)})"


_TEXT = f"""
    WITH written AS (
        INSERT INTO journal_transaction
            (id, kind, subject, actor_id, occurred_on, recorded_at, hash)
        SELECT id, %(kind)s::text, subject, actor_id, %(day)s::date, %(now)s::timestamptz, hash
        FROM {_given("id", "subject", "actor_id", "hash")}
        RETURNING id
    ), lines AS (
        INSERT INTO journal_posting
            (transaction_id, line, bucket, unit, amount, scheme_id, rule_id, account_id, lot_id)
        SELECT id, line, bucket, %(unit)s::text, amount * sign, %(scheme)s::text,
            %(rule)s::text, account_id, lot_id
        FROM {_given("id", "account_id", "lot_id", "amount")}
            CROSS JOIN (VALUES (1, 'fund', -1), (2, 'available', 1)) AS l (line, bucket, sign)
    ), waiting AS (
        INSERT INTO journal_unsealed SELECT id FROM written
    ), opened AS (
        INSERT INTO lot
            (id, account_id, scheme_id, rule_id, unit, origin, subject, enrolment_id, granted_on,
             expires_on, credited, available, held, spent, returned)
        SELECT lot_id, account_id, %(scheme)s::text, %(rule)s::text, %(unit)s::text,
            %(kind)s::text, subject, enrolment_id, %(day)s::date, expires_on,
            amount, amount, 0, 0, 0
        FROM {_given("lot_id", "account_id", "subject", "enrolment_id", "expires_on", "amount")}
    ), funds AS (
        UPDATE journal_fund SET balance = balance - %(total)s::bigint
        WHERE scheme_id = %(scheme)s::text AND balance >= %(total)s::bigint
        RETURNING scheme_id
    )
    SELECT count(*) FROM funds
"""  # noqa: S608 (our own names)
_STATEMENT = Prepared(_TEXT % {name: f"${number}" for number, name in enumerate(_NAMES, start=1)})
