"""The hash tree over the log, grown leaf by leaf: its root at any size, its complete stretches."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from ledger.accounts.seals.merkle import EMPTY, node

Complete = tuple[int, int, bytes]  # level, number and hash of 256**level places


class Tree:
    """A tree of RFC 9162 that keeps one hash per complete stretch it consists of."""

    def __init__(self) -> None:
        self.size = 0
        self._stretches: list[bytes] = []  # the longest first

    def add(self, leaves: Sequence[bytes]) -> list[Complete]:
        """Add leaves and return what is complete now."""
        complete: list[Complete] = []
        stretches, size = self._stretches, self.size
        for found in leaves:
            size += 1
            rest, height = size, 0
            while not rest & 1:
                found = sha256(b"\x01" + stretches.pop() + found).digest()
                rest >>= 1
                height += 1
                if not height & 7:
                    complete.append((height >> 3, rest - 1, found))
            stretches.append(found)
        self.size = size
        return complete

    def root(self) -> bytes:
        """Return the root over all leaves added so far."""
        if not self._stretches:
            return EMPTY
        *longer, found = self._stretches
        for stretch in reversed(longer):
            found = node(stretch, found)
        return found
