"""Proof of the log: its places, its hash tree, its seals, and the checkpoints kept elsewhere.

Leaves are made anew from the transactions as they are now; what the log keeps of them is compared
with that and never trusted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from hashlib import sha256
from itertools import islice
from operator import lt
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
from ledger.accounts.verification.places import Place
from ledger.accounts.verification.tree import Tree
from ledger.errors import Invalid
from ledger.messages import N_, Message

_TICK = timedelta(microseconds=1)
_RUN = 2048  # places that are looked at together


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
        self._sealed = {seal.size for seal in seals}
        self._seals = list(seals)
        self._kept = list(kept)
        self._sizes = self._sealed | {one.checkpoint.size for one in kept}
        self._tree = Tree()
        self._tiles = {
            (row.level, row.number): row.hash
            for row in session.execute(select(Tile.level, Tile.number, Tile.hash))
        }
        self._after: Any = None  # the moment after the seal before: nothing counts earlier
        self._before = ""  # the transaction before, within the seal
        self._fits = True  # the roots so far are those of the seals

    def findings(self, progress: Progress) -> Iterator[Finding]:
        total = self._session.scalar(select(func.count()).select_from(LogEntry)) or 0
        yield from self._heads()
        rows = places.of(self._session)
        while run := list(islice(rows, min(_RUN, self._until_head()))):
            leaves = self._sound(run)
            if leaves is None:
                for place in run:
                    yield from self._place(place, total)
            else:
                self._before = run[-1][1]
                yield from self._grown(leaves)
            progress(self._tree.size, total)
        yield from self._left_over()

    def _until_head(self) -> int:
        """Return how many places there are until a seal or an anchor says something of a root."""
        heads = [seal.size for seal in self._seals[:1]]
        heads += [anchor.checkpoint.size for anchor in self._kept[:1]]
        return min(heads) - self._tree.size if heads else _RUN

    def _sound(self, run: Sequence[Place]) -> list[bytes] | None:
        """Return the leaves of a run in which :meth:`_place` would find nothing, else None."""
        positions, ids, stored, counted, hashes, recorded = zip(*run, strict=True)
        size = self._tree.size
        if not self._seals or None in hashes or positions != tuple(range(size, size + len(run))):
            return None
        leaves = [sha256(b"\x00" + hashed).digest() for hashed in hashes]
        in_order = all(map(lt, (self._before, *ids), ids))
        fine = in_order and leaves == list(stored) and counted == tuple(map(self._due, recorded))
        return leaves if fine else None

    def _due(self, recorded: Any) -> Any:
        """Return from when a transaction counts: not before the end of the seal before."""
        return recorded if self._after is None or recorded > self._after else self._after

    def _place(self, place: Place, total: int) -> Iterator[Finding]:
        position, transaction_id, leaf, counted, hashed, recorded = place
        if position >= total:
            yield _of_place(position, N_("there are not so many places"))
        else:
            yield from self._missing(position)
        if not self._seals:
            yield _of_place(position, N_("no seal covers it"))
        derived = leaf
        if hashed is None:
            yield _of_place(position, N_("its transaction is gone"))
        else:
            derived = sha256(b"\x00" + hashed).digest()
            if derived != leaf:
                yield _of_place(position, N_("its leaf is not that of its transaction"))
            if counted != self._due(recorded):
                yield _of_place(position, N_("the moment from which it counts is wrong"))
        if transaction_id <= self._before:
            yield _of_place(position, N_("it is out of order within its seal"))
        self._before = transaction_id
        yield from self._grown([derived])

    def _missing(self, until: int) -> Iterator[Finding]:
        while self._tree.size < until:
            yield _of_place(self._tree.size, N_("it is missing"))
            yield from self._grown([b""])

    def _grown(self, leaves: Sequence[bytes]) -> Iterator[Finding]:
        """Add leaves, up to the next head at most, and compare what they complete."""
        for level, number, found in self._tree.add(leaves):
            stored = self._tiles.pop((level, number), None)
            if level <= tiles.TOP and stored != found:
                text = (
                    N_("it is missing")
                    if stored is None
                    else N_("it is not the hash over its places")
                )
                yield Finding("journal_tile", f"{level}/{number}", Message(text))
        if self._tree.size in self._sizes:
            yield from self._heads()

    def _heads(self) -> Iterator[Finding]:
        """Compare the root at this size with those of the seal and the anchors of this size."""
        size = self._tree.size
        while self._kept and self._kept[0].checkpoint.size <= size:
            anchor = self._kept.pop(0)
            if anchor.checkpoint.root != self._tree.root():
                yield anchors.finding(anchor, N_("the log that it signed was another one"))
            elif size and size not in self._sealed:
                yield anchors.finding(anchor, N_("the seal that it was is gone"))
        while self._seals and self._seals[0].size <= size:
            seal = self._seals.pop(0)
            if self._fits and seal.root != self._tree.root():
                self._fits = False
                yield _of_seal(
                    seal, N_("its root, and those after it, are not of the rows as they are now")
                )
            self._after = places.stamp(self._session, seal.sealed_at + _TICK)
            self._before = ""

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
