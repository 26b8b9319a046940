"""The canonical bytes of a transaction, and their hash.

Every field is written as its length in four big-endian bytes and then its UTF-8 text, so no two
transactions share bytes; an absent field is the length ``ff ff ff ff`` without text. In order:
the version ``leerrekening/1``, id, kind, subject, actor, occurred on (ISO date), recorded at
(ISO 8601, UTC, microseconds), resolves, reverses, the lot that it opens with its last day (ISO
date) and the enrolment it is tied to, the number of lines, and per line: bucket, unit, amount
(decimal), scheme, rule, account, lot, provider.

PostgreSQL sends text columns of a binary COPY in the same form, so ``verify`` can hash what the
database sends without taking it apart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache

VERSION = "leerrekening/1"
_ABSENT = b"\xff\xff\xff\xff"


@dataclass(frozen=True, slots=True)
class Line:
    """A signed amount in minor units in one bucket of one scheme; positive: the bucket gains."""

    bucket: str
    amount: int
    scheme_id: str
    unit: str = "EUR"
    rule_id: str | None = None
    account_id: str | None = None
    lot_id: str | None = None
    provider_id: str | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """The fields of a transaction besides its lines."""

    id: str
    kind: str
    subject: str
    actor_id: str
    occurred_on: date
    recorded_at: datetime
    resolves_id: str | None = None
    reverses_id: str | None = None
    opens_id: str | None = None
    expires_on: date | None = None
    enrolment_id: str | None = None


def canonical(head: Head, lines: Sequence[Line]) -> bytes:
    """Return the bytes that are hashed, as the module says."""
    moment = head.recorded_at.astimezone(UTC).isoformat(timespec="microseconds")
    fields: list[str | None] = [
        VERSION,
        head.id,
        head.kind,
        head.subject,
        head.actor_id,
        head.occurred_on.isoformat(),
        moment,
        head.resolves_id,
        head.reverses_id,
        head.opens_id,
        head.expires_on.isoformat() if head.expires_on else None,
        head.enrolment_id,
        str(len(lines)),
    ]
    for line in lines:
        fields += (
            line.bucket,
            line.unit,
            str(line.amount),
            line.scheme_id,
            line.rule_id,
            line.account_id,
            line.lot_id,
            line.provider_id,
        )
    return b"".join(map(_piece, fields))


def digest(head: Head, lines: Sequence[Line]) -> bytes:
    """Return the SHA-256 of the canonical bytes."""
    return hashlib.sha256(canonical(head, lines)).digest()


# The same few codes and ids stand in line after line.
@lru_cache(maxsize=8192)
def _piece(field: str | None) -> bytes:
    if field is None:
        return _ABSENT
    text = field.encode()
    return len(text).to_bytes(4, "big") + text
