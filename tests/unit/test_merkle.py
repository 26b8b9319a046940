"""Hash trees against the published vectors of certificate transparency.

The eight leaves, the roots and the paths are those that RFC 6962's reference implementation and
its successors test themselves with (google/certificate-transparency, transparency-dev/merkle:
``testonly``). The hashing is the same in RFC 9162, section 2.1.
"""

from __future__ import annotations

import pytest

from ledger.accounts.seals import merkle

DATA = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
# position, size, path
INCLUSIONS = [
    (0, 1, []),
    (
        0,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
        1,
        5,
        [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]
# old size, new size, path
CONSISTENCIES: list[tuple[int, int, list[str]]] = [
    (1, 1, []),
    (
        1,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        [
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
    (0, 5, []),
]


def hash_of(start: int, stop: int) -> bytes:
    """Return the hash over a complete stretch of the eight leaves."""
    length = stop - start
    assert length & (length - 1) == 0 and start % length == 0
    if length == 1:
        return merkle.leaf(DATA[start])
    middle = start + length // 2
    return merkle.node(hash_of(start, middle), hash_of(middle, stop))


def unhex(path: list[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in path]


@pytest.mark.parametrize("size", range(9))
def test_roots_are_as_published(size: int) -> None:
    assert merkle.root(size, hash_of).hex() == ROOTS[size]


@pytest.mark.parametrize(("position", "size", "path"), INCLUSIONS)
def test_inclusions_are_as_published(position: int, size: int, path: list[str]) -> None:
    assert [one.hex() for one in merkle.inclusion(position, size, hash_of)] == path
    leaf, root = merkle.leaf(DATA[position]), bytes.fromhex(ROOTS[size])
    assert merkle.verify_inclusion(leaf, position, size, unhex(path), root)


@pytest.mark.parametrize(("old", "new", "path"), CONSISTENCIES)
def test_consistencies_are_as_published(old: int, new: int, path: list[str]) -> None:
    assert [one.hex() for one in merkle.consistency(old, new, hash_of)] == path
    old_root, new_root = bytes.fromhex(ROOTS[old]), bytes.fromhex(ROOTS[new])
    assert merkle.verify_consistency(old, old_root, new, new_root, unhex(path))


@pytest.mark.parametrize(("position", "size"), [(0, 0), (-1, 3), (3, 3), (4, 3)])
def test_there_is_no_path_from_a_leaf_that_is_not_there(position: int, size: int) -> None:
    with pytest.raises(ValueError, match="has none"):
        merkle.inclusion(position, size, hash_of)
    assert not merkle.verify_inclusion(merkle.EMPTY, position, size, [], merkle.EMPTY)


@pytest.mark.parametrize(("old", "new"), [(-1, 3), (4, 3), (1, 0)])
def test_a_tree_does_not_begin_with_a_larger_one(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="does not begin"):
        merkle.consistency(old, new, hash_of)
    assert not merkle.verify_consistency(old, merkle.EMPTY, new, merkle.EMPTY, [])


def test_a_leaf_is_never_taken_for_a_node() -> None:
    left, right = hash_of(0, 1), hash_of(1, 2)
    assert merkle.leaf(left + right) != merkle.node(left, right)
    # The root over two leaves is no leaf of a tree of one.
    assert not merkle.verify_inclusion(merkle.leaf(left + right), 0, 1, [], hash_of(0, 2))


def test_hashes_of_another_length_are_refused() -> None:
    path = unhex(INCLUSIONS[1][2])
    leaf, root = hash_of(0, 1), hash_of(0, 8)
    assert merkle.verify_inclusion(leaf, 0, 8, path, root)
    # Together the same 64 bytes, divided at another place.
    moved = [path[0][1:], *path[1:]]
    assert not merkle.verify_inclusion(leaf + path[0][:1], 0, 8, moved, root)
    assert not merkle.verify_consistency(1, leaf + path[0][:1], 8, root, moved)


@pytest.mark.parametrize(
    ("size", "stretches"),
    [
        (0, []),
        (1, [(0, 1)]),
        (6, [(0, 4), (4, 6)]),
        (7, [(0, 4), (4, 6), (6, 7)]),
        (8, [(0, 8)]),
    ],
)
def test_a_size_is_made_of_complete_stretches(size: int, stretches: list[tuple[int, int]]) -> None:
    assert list(merkle.complete_stretches(size)) == stretches


def test_sizes_that_no_log_ever_has_are_refused_at_once() -> None:
    huge = 10**4000
    assert not merkle.verify_inclusion(merkle.EMPTY, huge - 1, huge, [], merkle.EMPTY)
    assert not merkle.verify_consistency(1, merkle.EMPTY, huge, merkle.EMPTY, [])
