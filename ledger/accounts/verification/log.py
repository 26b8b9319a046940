"""Proof of the log: its places, its hash tree, its seals, and the checkpoints kept elsewhere.

Leaves are made anew from the transactions as they are now; what the log keeps of them is compared
with that and never trusted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ledger.accounts.models import LogEntry, Seal, Tile
from ledger.accounts.seals import checkpoints, tiles
from ledger.accounts.seals.notes import Verifier
from ledger.accounts.verification import anchors, keys, places
from ledger.accounts.verification.anchors import Anchor
from ledger.accounts.verification.finding import Finding, Progress
from ledger.accounts.verification.keys import KnownKeys
from ledger.accounts.verification.tree import Tree
from ledger.errors import Invalid
from ledger.messages import N_, Message

_TICK = timedelta(microseconds=1)
_REPORTED = 10_000  # places between two reports of progress


def check(
    session: Session,
    progress: Progress,
    kept: Sequence[Anchor] = (),
    trusted: Sequence[Verifier] = (),
) -> Iterator[Finding]:
    """Yield what is wrong with the log; ``kept`` are checkpoints, in the order of their sizes."""
    known = KnownKeys(trusted)
    yield from keys.check(session, known)
    for anchor in kept:
        yield from anchors.check(anchor, known)
    seals = session.scalars(select(Seal).order_by(Seal.size)).all()
    yield from _signed(seals, known)
    yield from _Walk(session, seals, kept).findings(progress)


def _signed(seals: Sequence[Seal], known: KnownKeys) -> Iterator[Finding]:
    """Each seal says what its signed note says, and is later than the one before."""
    last = None
    for seal in seals:
        record = known.records.get(seal.key_id)
        if record is None:
            yield _of_seal(seal, N_("it names a key that is not known"))
            continue
        if known.in_force(seal.size) is not record:
            yield _of_seal(seal, N_("it is signed by a key that was not in force"))
        try:
            said = checkpoints.verify(seal.note, [record.key])
        except Invalid:
            yield _of_seal(seal, N_("its note is not what its key signed"))
            continue
        if (said.size, said.root, said.sealed_at) != (seal.size, seal.root, seal.sealed_at):
            yield _of_seal(seal, N_("it is not what its signed note says"))
        if last is not None and seal.sealed_at <= last.sealed_at:
            yield _of_seal(seal, N_("it is not later than the seal before it"))
        last = seal


class _Walk:
    """One way through the log, with what is expected at each place."""

    def __init__(self, session: Session, seals: Sequence[Seal], kept: Sequence[Anchor]) -> None:
        self._session = session
        self._seals = list(seals)
        self._kept = list(kept)
        self._tree = Tree()
        self._tiles = {
            (row.level, row.number): row.hash
            for row in session.execute(select(Tile.level, Tile.number, Tile.hash))
        }
        self._after: Any = None  # the moment after the seal before: nothing counts earlier
        self._fits = True  # the roots so far are those of the seals

    def findings(self, progress: Progress) -> Iterator[Finding]:
        total = self._session.scalar(select(func.count()).select_from(LogEntry)) or 0
        yield from self._heads()
        before = ""  # the transaction before, within a seal
        for position, transaction_id, leaf, counted, hashed, recorded in places.of(self._session):
            expected = self._tree.size
            if position != expected:
                yield _of_place(position, N_("it does not follow the place before it"))
            if hashed is None:
                yield _of_place(position, N_("its transaction is gone"))
                derived = leaf
            else:
                derived = sha256(b"\x00" + hashed).digest()
                if derived != leaf:
                    yield _of_place(position, N_("its leaf is not that of its transaction"))
                if counted != (recorded if self._after is None else max(recorded, self._after)):
                    yield _of_place(position, N_("the moment from which it counts is wrong"))
            if transaction_id <= before:
                yield _of_place(position, N_("it is out of order within its seal"))
            before = transaction_id
            if not self._seals:
                yield _of_place(position, N_("no seal covers it"))
            yield from self._grown(derived)
            if self._at_head():
                yield from self._heads()
                before = ""
            if not self._tree.size % _REPORTED:
                progress(self._tree.size, total)
        yield from self._left_over()
        progress(total, total)

    def _grown(self, leaf: bytes) -> Iterator[Finding]:
        for level, number, found in self._tree.add(leaf):
            stored = self._tiles.pop((level, number), None)
            if level <= tiles.TOP and stored != found:
                text = (
                    N_("it is missing")
                    if stored is None
                    else N_("it is not the hash over its places")
                )
                yield Finding("journal_tile", f"{level}/{number}", Message(text))

    def _at_head(self) -> bool:
        size = self._tree.size
        return bool(
            (self._seals and self._seals[0].size <= size)
            or (self._kept and self._kept[0].checkpoint.size <= size)
        )

    def _heads(self) -> Iterator[Finding]:
        """Compare the root at this size with those of the seal and the anchors of this size."""
        size = self._tree.size
        while self._kept and self._kept[0].checkpoint.size <= size:
            anchor = self._kept.pop(0)
            if anchor.checkpoint.root != self._tree.root():
                yield anchors.finding(anchor, N_("the log that it signed was another one"))
        while self._seals and self._seals[0].size <= size:
            seal = self._seals.pop(0)
            if self._fits and seal.root != self._tree.root():
                self._fits = False
                yield _of_seal(
                    seal, N_("its root, and those after it, are not of the rows as they are now")
                )
            self._after = places.stamp(self._session, seal.sealed_at + _TICK)

    def _left_over(self) -> Iterator[Finding]:
        size = self._tree.size
        for seal in self._seals:
            yield _of_seal(seal, N_("the newest places that it sealed are gone"))
        for anchor in self._kept:
            yield anchors.finding(
                anchor,
                N_("the newest of its %(signed)s transactions are gone: the log has %(found)s"),
                signed=anchor.checkpoint.size,
                found=size,
            )
        for level, number in self._tiles:
            yield Finding(
                "journal_tile",
                f"{level}/{number}",
                Message(N_("it is about places that are not complete")),
            )


def _of_place(position: int, text: str) -> Finding:
    return Finding("journal_log", str(position), Message(text))


def _of_seal(seal: Seal, text: str) -> Finding:
    return Finding("journal_seal", str(seal.size), Message(text))
