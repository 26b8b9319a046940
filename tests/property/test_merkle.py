"""Every proof of every tree verifies, and nothing else does.

The trees are computed a second time here, leaf by leaf as RFC 9162 section 2.1 defines them.
"""

from __future__ import annotations

import hashlib
from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from ledger.accounts.seals import merkle

LARGEST = 300
LEAVES = [number.to_bytes(2, "big") for number in range(LARGEST)]
HASH = len(merkle.EMPTY)


@cache
def naive(start: int, stop: int) -> bytes:
    """Return MTH(D[start:stop]), straight from the definition."""
    if start == stop:
        return hashlib.sha256(b"").digest()
    if stop - start == 1:
        return hashlib.sha256(b"\x00" + LEAVES[start]).digest()
    split = 1
    while split * 2 < stop - start:
        split *= 2
    left, right = naive(start, start + split), naive(start + split, stop)
    return hashlib.sha256(b"\x01" + left + right).digest()


def hash_of(start: int, stop: int) -> bytes:
    """Answer for complete stretches only, as the log does."""
    length = stop - start
    assert length.bit_count() == 1
    assert start % length == 0
    return naive(start, stop)


SIZES = st.integers(1, LARGEST)


@st.composite
def inclusions(draw: st.DrawFn) -> tuple[int, int]:
    size = draw(SIZES)
    return draw(st.integers(0, size - 1)), size


@st.composite
def growths(draw: st.DrawFn) -> tuple[int, int]:
    new = draw(SIZES)
    return draw(st.integers(1, new)), new


def flipped(hashed: bytes, bit: int) -> bytes:
    """Return a hash with one bit turned."""
    return (int.from_bytes(hashed, "big") ^ (1 << bit)).to_bytes(HASH, "big")


def altered(path: list[bytes]) -> list[list[bytes]]:
    """Return a path too short, too long, and in other orders."""
    more = [path[:-1], path[1:]] if path else []
    longer = [[*path, merkle.EMPTY], [merkle.EMPTY, *path], *([[*path, path[-1]]] if path else [])]
    turned = [path[::-1]] if path != path[::-1] else []
    return [*more, *longer, *turned]


def test_every_root_is_that_of_the_definition() -> None:
    for size in range(LARGEST + 1):
        assert merkle.root(size, hash_of) == naive(0, size)


def test_every_leaf_of_every_small_tree_is_proved() -> None:
    for size in range(1, 70):
        for position in range(size):
            path = merkle.inclusion(position, size, hash_of)
            root = naive(0, size)
            assert merkle.verify_inclusion(
                naive(position, position + 1), position, size, path, root
            )


def test_every_growth_of_every_small_tree_is_proved() -> None:
    for new in range(70):
        for old in range(new + 1):
            path = merkle.consistency(old, new, hash_of)
            assert merkle.verify_consistency(old, naive(0, old), new, naive(0, new), path)


@given(inclusions(), st.integers(0, 8 * HASH - 1))
def test_only_the_right_path_proves_a_leaf(tree: tuple[int, int], bit: int) -> None:
    position, size = tree
    path = merkle.inclusion(position, size, hash_of)
    leaf, root = naive(position, position + 1), naive(0, size)
    assert merkle.verify_inclusion(leaf, position, size, path, root)
    assert not merkle.verify_inclusion(flipped(leaf, bit), position, size, path, root)
    assert not merkle.verify_inclusion(leaf, position, size, path, flipped(root, bit))
    for index, one in enumerate(path):
        wrong = [*path[:index], flipped(one, bit), *path[index + 1 :]]
        assert not merkle.verify_inclusion(leaf, position, size, wrong, root)
    for wrong in altered(path):
        assert not merkle.verify_inclusion(leaf, position, size, wrong, root)


@given(inclusions())
def test_a_leaf_is_proved_at_its_own_place_only(tree: tuple[int, int]) -> None:
    position, size = tree
    path = merkle.inclusion(position, size, hash_of)
    leaf, root = naive(position, position + 1), naive(0, size)
    for other in range(-1, size + 1):
        assert merkle.verify_inclusion(leaf, other, size, path, root) == (other == position)
    # A path says its tree's size only as far as it has turns: the signed text names the size,
    # and the root of another size is another.
    for other in range(max(size - 3, 1), min(size + 4, LARGEST)):
        if other != size and position < other:
            assert not merkle.verify_inclusion(leaf, position, other, path, naive(0, other))


@given(growths(), st.integers(0, 8 * HASH - 1))
def test_only_the_right_path_proves_a_growth(tree: tuple[int, int], bit: int) -> None:
    old, new = tree
    path = merkle.consistency(old, new, hash_of)
    before, after = naive(0, old), naive(0, new)
    assert merkle.verify_consistency(old, before, new, after, path)
    assert not merkle.verify_consistency(old, flipped(before, bit), new, after, path)
    assert not merkle.verify_consistency(old, before, new, flipped(after, bit), path)
    for index, one in enumerate(path):
        wrong = [*path[:index], flipped(one, bit), *path[index + 1 :]]
        assert not merkle.verify_consistency(old, before, new, after, wrong)
    for wrong in altered(path):
        assert not merkle.verify_consistency(old, before, new, after, wrong)


@given(growths())
def test_a_growth_is_proved_from_its_own_size_only(tree: tuple[int, int]) -> None:
    old, new = tree
    path = merkle.consistency(old, new, hash_of)
    for other in range(new + 1):
        proved = merkle.verify_consistency(other, naive(0, other), new, naive(0, new), path)
        # Between no leaves and some, and between equal trees, nothing needs to be shown.
        assert proved == (other == old or (not path and other in (0, new)))


@given(growths(), st.integers(0, LARGEST - 1))
def test_a_rewritten_log_does_not_grow_from_the_old_one(tree: tuple[int, int], at: int) -> None:
    old, new = tree
    at %= old

    def rewritten(start: int, stop: int) -> bytes:
        if stop - start == 1:
            return flipped(naive(start, stop), 0) if start == at else naive(start, stop)
        if not start <= at < stop:
            return naive(start, stop)
        middle = start + (stop - start) // 2
        return merkle.node(rewritten(start, middle), rewritten(middle, stop))

    path = merkle.consistency(old, new, rewritten)
    after = merkle.root(new, rewritten)
    assert not merkle.verify_consistency(old, naive(0, old), new, after, path)
