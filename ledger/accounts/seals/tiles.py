"""Hashes over complete stretches of the log, kept so that nobody has to read all leaves.

Level 0 is the leaves; a hash of level *n* + 1 is over 256 hashes of level *n*, so that one of
level *n* covers 256**n places. Those of level 1 to 3 are kept; above, the few of level 3 are
folded. ``width`` and ``top`` are other numbers in tests only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.accounts.models import LogEntry, Tile
from ledger.accounts.seals import merkle
from ledger.accounts.seals.merkle import HashOf

WIDTH = 256
TOP = 3

# ``read(level, start, stop)``: the hashes numbered start … stop - 1 of a level, as far as they are.
Read = Callable[[int, int, int], Sequence[bytes]]


@dataclass(frozen=True, slots=True)
class Fresh:
    """A hash of level 1 or higher that has become complete."""

    level: int
    number: int
    hash: bytes


class Edge:
    """The right end of a log: per level the hashes since the last complete stretch of it.

    That is at most 255 per level below the highest, and enough to add leaves and take the root.
    """

    def __init__(self, size: int, read: Read, width: int = WIDTH, top: int = TOP) -> None:
        """Read the end of the log of ``size`` leaves. Raises LookupError when hashes lack."""
        self.size = size
        self._width, self._top = width, top
        counts = [size // width**level for level in range(top + 1)]
        self._first = [count - count % width for count in counts[:-1]] + [0]
        self._rows = [
            _all(read, level, first, count)
            for level, (first, count) in enumerate(zip(self._first, counts, strict=True))
        ]

    def add(self, leaves: Sequence[bytes]) -> list[Fresh]:
        """Add ``leaves`` and return what became complete."""
        width, fresh = self._width, []
        self.size += len(leaves)
        self._rows[0] += leaves
        for level in range(self._top):
            row, first = self._rows[level], self._first[level]
            done = len(row) // width
            hashes = [fold(row[i * width : (i + 1) * width]) for i in range(done)]
            fresh += [Fresh(level + 1, first // width + i, one) for i, one in enumerate(hashes)]
            self._rows[level + 1] += hashes
            self._first[level] += done * width
            del row[: done * width]
        return fresh

    def root(self) -> bytes:
        """Return the root over all leaves."""
        return merkle.root(self.size, stretches(self._read, self._width, self._top))

    def _read(self, level: int, start: int, stop: int) -> Sequence[bytes]:
        first = self._first[level]
        return self._rows[level][max(0, start - first) : stop - first]


def hash_of(session: Session) -> HashOf:
    """Return the hash over any complete stretch of the log, read from the database as needed.

    What was read is kept as long as the answer: use it for one piece of work, not for long.
    """
    return stretches(reader(session))


def reader(session: Session) -> Read:
    """Return what reads leaves and tiles from the database."""

    def read(level: int, start: int, stop: int) -> Sequence[bytes]:
        if level == 0:
            leaves = select(LogEntry.leaf).where(LogEntry.position.between(start, stop - 1))
            return session.scalars(leaves.order_by(LogEntry.position)).all()
        tiles = select(Tile.hash).where(Tile.level == level, Tile.number.between(start, stop - 1))
        return session.scalars(tiles.order_by(Tile.number)).all()

    return read


def stretches(read: Read, width: int = WIDTH, top: int = TOP) -> HashOf:
    """Return the hash over any complete stretch of leaves, from kept hashes of all levels.

    Raises LookupError when hashes lack.
    """
    kept: dict[tuple[int, int], Sequence[bytes]] = {}

    def hash_of(start: int, stop: int) -> bytes:
        level = 0
        while level < top and stop - start >= width:
            level, start, stop = level + 1, start // width, stop // width
        if level == top:
            return fold(_all(read, level, start, stop))
        # A proof asks for several parts of the same stretch: read it once.
        block = start - start % width
        if (level, block) not in kept:
            kept[level, block] = read(level, block, block + width)
        found = kept[level, block][start - block : stop - block]
        if len(found) != stop - start:
            raise LookupError(f"the log lacks hashes of level {level} from {start} to {stop}")
        return fold(found)

    return hash_of


def fold(hashes: Sequence[bytes]) -> bytes:
    """Return the hash over ``hashes``, whose number must be a power of two."""
    row = list(hashes)
    while len(row) > 1:
        row = [merkle.node(row[i], row[i + 1]) for i in range(0, len(row), 2)]
    return row[0]


def _all(read: Read, level: int, start: int, stop: int) -> list[bytes]:
    found = list(read(level, start, stop)) if stop > start else []
    if len(found) != stop - start:
        raise LookupError(f"the log lacks hashes of level {level} from {start} to {stop}")
    return found
