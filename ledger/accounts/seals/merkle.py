"""Hash trees over the log, as RFC 9162 section 2.1 says; nothing here knows of databases or keys.

A tree of ``size`` leaves has as its left branch the largest power of two below ``size``. Hashes
are SHA-256, 32 bytes; leaves and nodes are told apart by their first byte. Proofs are made from
the hashes over complete stretches of leaves, so whoever keeps those never reads all leaves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from hmac import compare_digest

# ``hash_of(start, stop)``: the hash over the leaves start … stop - 1, asked only of complete
# stretches: their length is a power of two and ``start`` a multiple of that length.
HashOf = Callable[[int, int], bytes]

EMPTY = hashlib.sha256().digest()  # the root of a tree without leaves


def leaf(data: bytes) -> bytes:
    """Return the hash of a leaf: SHA-256(00 || data)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node over two hashes: SHA-256(01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(size: int, hash_of: HashOf) -> bytes:
    """Return the root over the first ``size`` leaves."""
    return _stretch(0, size, hash_of) if size else EMPTY


def inclusion(position: int, size: int, hash_of: HashOf) -> list[bytes]:
    """Return the path from the leaf at ``position`` to the root over ``size``, lowest hash first.

    Raises ValueError when there is no such leaf. RFC 9162, 2.1.3.1.
    """
    if not 0 <= position < size:
        raise ValueError(f"a tree of {size} leaves has none at {position}")
    path = []
    start, stop = 0, size
    while stop - start > 1:
        middle = start + _left(stop - start)
        if position < middle:
            path.append(_stretch(middle, stop, hash_of))
            stop = middle
        else:
            path.append(_stretch(start, middle, hash_of))
            start = middle
    return path[::-1]


def consistency(old: int, new: int, hash_of: HashOf) -> list[bytes]:
    """Return the path that shows the tree of ``old`` leaves to be the beginning of that of ``new``.

    Empty for equal sizes and from the empty tree. Raises ValueError when ``old`` is no size within
    ``new``. RFC 9162, 2.1.4.1.
    """
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} leaves does not begin with one of {old}")
    if old in (0, new):
        return []
    path = []
    start, stop = 0, new
    while stop != old:
        middle = start + _left(stop - start)
        if old <= middle:
            path.append(_stretch(middle, stop, hash_of))
            stop = middle
        else:
            path.append(_stretch(start, middle, hash_of))
            start = middle
    # A verifier holds the hash over all of the old tree, but not over a part of it.
    if start:
        path.append(_stretch(start, stop, hash_of))
    return path[::-1]


def verify_inclusion(
    leaf: bytes, position: int, size: int, path: Sequence[bytes], root: bytes
) -> bool:
    """Tell whether ``path`` leads from the leaf's hash at ``position`` to the root over ``size``.

    RFC 9162, 2.1.3.2.
    """
    if not 0 <= position < size or not _are_hashes(leaf, *path, root):
        return False
    place, last = position, size - 1
    found = leaf
    hashes = iter(path)
    while last:
        # A node that is last on its level without a partner goes up as it is.
        if place & 1 or place < last:
            other = next(hashes, None)
            if other is None:
                return False
            found = node(other, found) if place & 1 else node(found, other)
        place, last = place >> 1, last >> 1
    return next(hashes, None) is None and compare_digest(found, root)


def verify_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, path: Sequence[bytes]
) -> bool:
    """Tell whether ``path`` shows the new tree to begin with the old one, unchanged.

    RFC 9162, 2.1.4.2; the empty tree is the beginning of every tree.
    """
    if not 0 <= old_size <= new_size or not _are_hashes(old_root, *path, new_root):
        return False
    if old_size == 0:
        grown = new_size > 0 or compare_digest(new_root, EMPTY)
        return not path and compare_digest(old_root, EMPTY) and grown
    if old_size == new_size:
        return not path and compare_digest(old_root, new_root)
    place, last = old_size - 1, new_size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    hashes = iter(path)
    first = next(hashes, None) if place else old_root
    if first is None:
        return False
    old, new = first, first
    while last:
        if place & 1 or place < last:
            other = next(hashes, None)
            if other is None:
                return False
            if place & 1:
                old, new = node(other, old), node(other, new)
            else:
                new = node(new, other)
        place, last = place >> 1, last >> 1
    whole = next(hashes, None) is None
    return whole and compare_digest(old, old_root) and compare_digest(new, new_root)


def complete_stretches(size: int) -> Iterator[tuple[int, int]]:
    """Yield start and stop of the complete stretches that ``size`` leaves consist of, from 0."""
    start = 0
    while start < size:
        length = 1 << ((size - start).bit_length() - 1)
        yield start, start + length
        start += length


def _are_hashes(*given: bytes) -> bool:
    # Nothing but the length tells where the left half of a node ends.
    return all(len(one) == len(EMPTY) for one in given)


def _stretch(start: int, stop: int, hash_of: HashOf) -> bytes:
    """Return the hash over a branch of a tree: complete, or the ragged one at the right."""
    hashes = [hash_of(start + a, start + b) for a, b in complete_stretches(stop - start)]
    found = hashes.pop()
    while hashes:
        found = node(hashes.pop(), found)
    return found


def _left(length: int) -> int:
    """Return the largest power of two below ``length``, which is at least 2."""
    return 1 << ((length - 1).bit_length() - 1)
