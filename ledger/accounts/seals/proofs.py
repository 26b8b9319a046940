"""Questions about the log: what is sealed since when, and the documents that prove it.

A document is JSON that stands by itself: who holds the public key can check it anywhere
(``offline``). It names a transaction by id and hash only; nothing in it says who did what.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger import paging
from ledger.accounts.models import LogEntry, Seal, SealKey, Transaction
from ledger.accounts.seals import merkle, rotations, tiles
from ledger.accounts.seals.checkpoints import LARGEST
from ledger.accounts.seals.offline import CONSISTENCY, INCLUSION
from ledger.errors import Conflict, NotFound
from ledger.messages import N_
from ledger.paging import Page

Document = dict[str, Any]


class NotSealed(Conflict):
    """The transaction has no place in the log yet, or none in the seal that was asked for."""


@dataclass(frozen=True, slots=True)
class SealView:
    """A signed head of the log; ``root`` in hexadecimal, ``note`` the signed text."""

    size: int
    root: str
    sealed_at: datetime
    key_id: str
    note: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """The place of a transaction in the log, from 0, and the first seal that covers it."""

    position: int
    size: int
    sealed_at: datetime


@dataclass(frozen=True, slots=True)
class KeyView:
    """A public key as verifiers take it, and its signed record; ``after``: see rotations."""

    id: str
    since: datetime
    after: int
    verifier_key: str
    note: str


def seals(session: Session, cursor: str | None = None, limit: int | None = None) -> Page[SealView]:
    """Return a page of seals, newest first. Raises Invalid."""
    size = paging.size(limit)
    query = select(Seal).order_by(Seal.size.desc()).limit(size + 1)
    after = paging.decode(cursor, 1)
    if after is not None:
        query = query.where(Seal.size < _within(after[0]))
    rows = session.scalars(query).all()
    return paging.page([_view(row) for row in rows], size, lambda view: (view.size,))


def seal(session: Session, size: int | None = None) -> SealView:
    """Return the seal over ``size`` transactions, the newest one by default. Raises NotFound."""
    return _view(_seal(session, size))


def sealed(session: Session, transaction_id: str) -> Sealed | None:
    """Return where a transaction is in the log and since which seal, None before it is sealed."""
    position = session.scalar(
        select(LogEntry.position).where(LogEntry.transaction_id == transaction_id)
    )
    if position is None:
        return None
    first = session.execute(
        select(Seal.size, Seal.sealed_at).where(Seal.size > position).order_by(Seal.size).limit(1)
    ).first()
    return None if first is None else Sealed(position, first.size, first.sealed_at)


def by_receipt(session: Session, transaction_id: str, hashed: str) -> Sealed | None:
    """Return the same for whoever holds the receipt: id and hash, in hexadecimal.

    Raises NotFound, without telling whether the id or the hash is not right: so nobody learns
    which transactions there are.
    """
    _known(session, transaction_id, hashed)
    return sealed(session, transaction_id)


def inclusion(
    session: Session, transaction_id: str, hashed: str | None = None, size: int | None = None
) -> Document:
    """Return the proof that a transaction is in the log, as of the seal of ``size``.

    Without ``size`` as of the newest seal. With ``hashed`` the receipt is checked first, as
    ``by_receipt`` does; the faces of strangers always give it. Raises NotFound, NotSealed.
    """
    found = _known(session, transaction_id, hashed)
    place = sealed(session, transaction_id)
    if place is None:
        raise NotSealed(
            N_("This transaction is not sealed yet. Seals follow each other closely: try again.")
        )
    head = _seal(session, size)
    if head.size <= place.position:
        raise NotSealed(
            N_("This transaction was sealed later: ask for a seal of at least %(size)s."),
            size=place.size,
        )
    path = merkle.inclusion(place.position, head.size, tiles.hash_of(session))
    return {
        "format": INCLUSION,
        "receipt": {"id": found.id, "hash": found.hash.hex()},
        "position": place.position,
        "size": head.size,
        "path": [one.hex() for one in path],
        "checkpoint": head.note,
        "rotations": _rotations(session, head.size),
    }


def consistency(session: Session, old: int, new: int | None = None) -> Document:
    """Return the proof that the log under the seal of ``new`` begins with that of ``old``.

    Without ``new`` up to the newest seal. Raises NotFound, Conflict.
    """
    before, after = _seal(session, old), _seal(session, new)
    if before.size > after.size:
        raise Conflict(N_("The old seal must be the smaller one of the two."), field="old")
    path = merkle.consistency(before.size, after.size, tiles.hash_of(session))
    return {
        "format": CONSISTENCY,
        "old_size": before.size,
        "new_size": after.size,
        "path": [one.hex() for one in path],
        "old_checkpoint": before.note,
        "new_checkpoint": after.note,
        "rotations": _rotations(session, after.size),
    }


def keys(session: Session) -> list[KeyView]:
    """Return the public keys that seals were signed with, oldest first."""
    rows = session.scalars(select(SealKey).order_by(SealKey.since, SealKey.id))
    return [_key(row) for row in rows]


def _rotations(session: Session, size: int) -> list[str]:
    """Return the records that lead from any older key to the one that signed a seal."""
    # The first key replaced none; what came in force later has nothing to do with this seal.
    return [key.note for key in keys(session)[1:] if key.after < size]


def _key(row: SealKey) -> KeyView:
    record = rotations.read(row.note)
    return KeyView(row.id, row.since, record.after, record.key.line, row.note)


def _known(session: Session, transaction_id: str, hashed: str | None) -> Transaction:
    found = session.get(Transaction, transaction_id)
    if found is None or not (
        hashed is None or compare_digest(found.hash.hex().encode(), hashed.lower().encode())
    ):
        raise NotFound(N_("There is no transaction with this number and fingerprint."))
    return found


def _seal(session: Session, size: int | None) -> Seal:
    query = select(Seal).order_by(Seal.size.desc()).limit(1)
    if size is not None:
        query = query.where(Seal.size == _within(size))
    found = session.scalar(query)
    if found is None and size is None:
        raise NotFound(N_("There is no seal yet."))
    if found is None:
        raise NotFound(N_("There is no seal of this size."))
    return found


def _within(size: object) -> int:
    """Return a size that the database can compare with; nothing lies beyond."""
    return min(max(size, 0), LARGEST) if isinstance(size, int) else 0


def _view(row: Seal) -> SealView:
    return SealView(row.size, row.root.hex(), row.sealed_at, row.key_id, row.note)
