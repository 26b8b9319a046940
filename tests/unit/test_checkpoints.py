"""Signed heads of the log and records of its keys: the form of C2SP, and nothing but that form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from ledger.accounts.seals import checkpoints, merkle, notes, rotations, tiles
from ledger.accounts.seals.checkpoints import Checkpoint
from ledger.accounts.seals.notes import Signer, Verifier
from ledger.accounts.seals.rotations import KeyRecord
from ledger.accounts.seals.tiles import Edge, Fresh
from ledger.errors import DomainError, Invalid

ORIGIN = "leerrekening.example/journal"
ROOT = bytes(range(32))
AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def signer(number: int, name: str = ORIGIN) -> Signer:
    return Signer(name, Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32))


ONE, TWO, THREE = (signer(number) for number in (1, 2, 3))
NOTE = checkpoints.make(1042, ROOT, AT, ONE)

# Text, key and signature of the worked example in Go's golang.org/x/mod/sumdb/note.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotp"
    "RZb6KE6RyyBwJnAM=\n"
)


def test_a_note_of_another_implementation_is_accepted() -> None:
    key = notes.parse_verifier(GO_KEY)
    assert (key.name, key.id, key.line) == ("PeterNeumann", "c74f20a3", GO_KEY)
    text, signed = notes.check(GO_NOTE, [key])
    assert text.endswith("your problem is.\n") and signed == [key]
    with pytest.raises(Invalid, match="was changed"):
        notes.check(GO_NOTE.replace("answer", "Answer"), [key])


def test_a_checkpoint_has_the_published_form() -> None:
    text, below = NOTE.split("\n\n")
    assert text.split("\n") == [
        ORIGIN,
        "1042",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "sealed 2026-11-24T08:00:00.000000+00:00",
    ]
    assert below.startswith(f"— {ORIGIN} ") and below.endswith("\n")
    read = checkpoints.verify(NOTE, [TWO.verifier, ONE.verifier])
    assert read == checkpoints.read(NOTE) == Checkpoint(ORIGIN, 1042, ROOT, AT)


def test_only_a_known_key_of_this_log_is_believed() -> None:
    with pytest.raises(Invalid, match="None of the known keys"):
        checkpoints.verify(NOTE, [TWO.verifier])
    with pytest.raises(Invalid, match="None of the known keys"):
        checkpoints.verify(NOTE, [])
    stranger = signer(1, "other.example/journal")
    foreign = notes.sign(notes.parse(NOTE)[0], [stranger])
    with pytest.raises(Invalid, match="not the one of the log"):
        checkpoints.verify(foreign, [stranger.verifier])


def test_every_changed_byte_of_a_checkpoint_is_seen() -> None:
    data = NOTE.encode()
    for place in range(len(data)):
        changed = bytes([*data[:place], data[place] ^ 1, *data[place + 1 :]])
        with pytest.raises(Invalid):
            checkpoints.verify(changed.decode(errors="replace"), [ONE.verifier])


def body(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)


GOOD = notes.parse(NOTE)[0].split("\n")[:4]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (1, "01042"),
        (1, "-1"),
        (1, "1042 "),
        (1, "١٢"),
        (1, "9223372036854775808"),
        (1, "9" * 5000),
        (1, "1e3"),
        (2, GOOD[2].rstrip("=")),
        (2, GOOD[2].replace("8=", "9=")),
        (2, "AAEC"),
        (2, "é" * 44),
        (3, "sealed 2026-11-24T08:00:00+00:00"),
        (3, "sealed 2026-11-24T09:00:00.000000+01:00"),
        (3, "sealed 2026-02-30T09:00:00.000000+00:00"),
        (3, "sealed 0001-01-01T00:00:00.000000+01:00"),
        (3, "2026-11-24T08:00:00.000000+00:00"),
    ],
)
def test_a_malformed_line_is_refused_in_words(line: int, text: str) -> None:
    lines = [*GOOD]
    lines[line] = text
    with pytest.raises(Invalid, match="checkpoint"):
        checkpoints.verify(notes.sign(body(*lines), [ONE]), [ONE.verifier])


def test_lines_may_follow_ours_but_none_may_lack() -> None:
    more = notes.sign(body(*GOOD, "of others"), [ONE])
    assert checkpoints.verify(more, [ONE.verifier]).size == 1042
    for length in range(1, 4):
        with pytest.raises(Invalid):
            checkpoints.verify(notes.sign(body(*GOOD[:length]), [ONE]), [ONE.verifier])


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n",
        "\n\n",
        "text\n",
        "text\n\n",
        "\n\n— a AAAAAAA=\n",
        NOTE.removesuffix("\n"),
        f"{NOTE}\n",
        NOTE.replace("\n\n", "\n"),
        NOTE.replace("—", "-"),
        NOTE.replace(f"— {ORIGIN} ", f"— {ORIGIN}"),
        NOTE.replace(f"— {ORIGIN}", "— a+b"),
        NOTE.replace(f"— {ORIGIN}", "— a\u00a0b"),
        NOTE.replace("sealed", "sea\tled"),
        NOTE.replace("sealed", "sea\ud800led"),
        f"{NOTE.rstrip()}=\n",
        f"text\n\n— {ORIGIN} AAAAAA==\n",
        NOTE + f"— {ORIGIN} AAAAAAA=\n" * notes.MOST_SIGNATURES,
        "x" * notes.LONGEST + NOTE,
    ],
)
def test_what_is_no_signed_text_is_refused_in_words(note: str) -> None:
    with pytest.raises(Invalid):
        checkpoints.verify(note, [ONE.verifier])


@given(st.text(alphabet="—+= \n\t0aZé\ud800", max_size=60) | st.text(max_size=60))
def test_no_text_whatever_leads_to_another_error(text: str) -> None:
    readers: tuple[Callable[[str], object], ...] = (
        checkpoints.read,
        rotations.read,
        notes.parse_verifier,
        lambda note: checkpoints.read(f"{note}\n\n— a AAAAAAA=\n"),
        lambda note: rotations.read(f"a\nseal key\n{note}\n\n— a AAAAAAA=\n"),
    )
    for read in readers:
        try:
            read(text)
        except DomainError:
            continue


@pytest.mark.parametrize(
    "line",
    [
        "",
        "+",
        "a++",
        GO_KEY.replace("c74f20a3", "c74f20a4"),
        GO_KEY.replace("PeterNeumann", "Peter Neumann"),
        GO_KEY.replace("+ARpc", "+AhpC"),
        GO_KEY[:-4],
        f"{ORIGIN}+00000000+{'A' * 44}",
    ],
)
def test_a_malformed_public_key_is_refused_in_words(line: str) -> None:
    with pytest.raises(Invalid, match="public key"):
        notes.parse_verifier(line)


def test_what_would_not_be_read_back_is_not_signed() -> None:
    for text in ("no newline at its end", "a\n\nb\n", "a\tb\n", ""):
        with pytest.raises(ValueError, match="no empty lines"):
            notes.sign(text, [ONE])


SECOND = KeyRecord(TWO.verifier, AT, 1042, ONE.verifier.id, "yearly change")
SECOND_NOTE = rotations.make(SECOND, [ONE, TWO])


def test_a_change_of_key_is_signed_by_both() -> None:
    assert rotations.verify(SECOND_NOTE, ONE.verifier) == SECOND == rotations.read(SECOND_NOTE)
    assert [key for key in (ONE, TWO, THREE) if signs(key.verifier)] == [ONE, TWO]
    data = SECOND_NOTE.encode()
    for place in range(len(data)):
        changed = bytes([*data[:place], data[place] ^ 1, *data[place + 1 :]])
        with pytest.raises(Invalid):
            rotations.verify(changed.decode(errors="replace"), ONE.verifier)


def signs(key: Verifier) -> bool:
    try:
        return notes.check(SECOND_NOTE, [key])[1] == [key]
    except Invalid:
        return False


@pytest.mark.parametrize(
    ("record", "signers"),
    [
        (SECOND, [TWO]),
        (SECOND, [ONE]),
        (SECOND, [THREE, TWO]),
        (replace(SECOND, replaces=THREE.verifier.id), [ONE, TWO]),
        (replace(SECOND, replaces=None), [ONE, TWO]),
        (replace(SECOND, key=signer(2, "other.example/journal").verifier), [ONE, TWO]),
    ],
)
def test_a_change_that_the_old_key_did_not_sign_leads_nowhere(
    record: KeyRecord, signers: Sequence[Signer]
) -> None:
    with pytest.raises(Invalid):
        rotations.verify(rotations.make(record, signers), ONE.verifier)


def test_a_checkpoint_is_believed_of_the_key_in_force_at_its_size() -> None:
    third = rotations.make(KeyRecord(THREE.verifier, AT, 2000, TWO.verifier.id), [TWO, THREE])
    records = [rotations.make(KeyRecord(ONE.verifier, AT, 0), [ONE]), SECOND_NOTE, third]

    def believed(key: Signer, size: int, trusted: Signer = ONE) -> bool:
        note = checkpoints.make(size, ROOT, AT, key)
        try:
            return rotations.checkpoint(note, trusted.verifier, records).size == size
        except Invalid:
            return False

    in_force = [(ONE, 1), (ONE, 1042), (TWO, 1043), (TWO, 2000), (THREE, 2001), (THREE, 9000)]
    for right, size in in_force:
        assert [key for key in (ONE, TWO, THREE) if believed(key, size)] == [right]
    # Who trusts a later key is led on, never back.
    assert believed(THREE, 2001, trusted=TWO) and believed(TWO, 1043, trusted=TWO)
    assert not believed(ONE, 1, trusted=TWO) and not believed(ONE, 3000, trusted=TWO)


@pytest.mark.parametrize(
    "text",
    [
        SECOND_NOTE.replace("seal key\n", "seal keys\n"),
        SECOND_NOTE.replace("after 1042\n", ""),
        SECOND_NOTE.replace("after 1042\n", "after 1042\nafter 1042\n"),
        SECOND_NOTE.replace("after 1042\n", "after 1042\nbefore 9\n"),
        SECOND_NOTE.replace("after 1042", "after ten"),
        SECOND_NOTE.replace("since 2026", "since 26"),
        NOTE,
    ],
)
def test_a_malformed_record_is_refused_in_words(text: str) -> None:
    signed = notes.sign(notes.parse(text)[0], [ONE, TWO])
    with pytest.raises(Invalid, match="not the record of a key"):
        rotations.read(signed)


LEAVES = [merkle.leaf(str(number).encode()) for number in range(600)]


@cache
def naive(start: int, stop: int) -> bytes:
    """Return the hash over a stretch of LEAVES as RFC 9162 defines it, by the definition."""
    if stop - start == 1:
        return LEAVES[start]
    middle = start + (1 << ((stop - start - 1).bit_length() - 1))
    return merkle.node(naive(start, middle), naive(middle, stop))


class Kept:
    """What a database would keep, in memory."""

    def __init__(self, width: int, top: int) -> None:
        self.shape = (width, top)
        self.leaves: list[bytes] = []
        self.tiles: dict[tuple[int, int], bytes] = {}

    def read(self, level: int, start: int, stop: int) -> Sequence[bytes]:
        if level == 0:
            return self.leaves[start:stop]
        places = [(level, number) for number in range(start, stop)]
        return [self.tiles[place] for place in places if place in self.tiles]

    def add(self, leaves: Sequence[bytes]) -> Edge:
        edge = Edge(len(self.leaves), self.read, *self.shape)
        for fresh in edge.add(leaves):
            assert (fresh.level, fresh.number) not in self.tiles
            self.tiles[fresh.level, fresh.number] = fresh.hash
        self.leaves += leaves
        return edge


@pytest.mark.parametrize(("width", "top"), [(2, 1), (2, 3), (4, 2), (4, 3), (256, 3)])
@pytest.mark.parametrize("steps", [[1] * 300, [255, 1, 1], [257], [63, 1, 1, 190, 1, 1, 255, 88]])
def test_roots_and_tiles_are_those_of_the_definition(
    width: int, top: int, steps: Sequence[int]
) -> None:
    kept = Kept(width, top)
    for step in steps:
        before = len(kept.leaves)
        edge = kept.add(LEAVES[before : before + step])
        assert edge.size == before + step
        assert edge.root() == naive(0, edge.size)
    size = len(kept.leaves)
    complete = {
        (level, number): naive(number * width**level, (number + 1) * width**level)
        for level in range(1, top + 1)
        for number in range(size // width**level)
    }
    assert kept.tiles == complete
    hash_of = tiles.stretches(kept.read, width, top)
    for older in (*range(1, size, 17), size):
        assert merkle.root(older, hash_of) == naive(0, older)
        path = merkle.inclusion(older - 1, size, hash_of)
        root = naive(0, size)
        assert merkle.verify_inclusion(LEAVES[older - 1], older - 1, size, path, root)


def test_a_log_that_lacks_hashes_is_refused() -> None:
    kept = Kept(4, 2)
    kept.add(LEAVES[:70])
    del kept.tiles[2, 1]
    with pytest.raises(LookupError, match="level 2"):
        Edge(70, kept.read, 4, 2)
    with pytest.raises(LookupError, match="level 2"):
        tiles.stretches(kept.read, 4, 2)(16, 32)
    with pytest.raises(LookupError, match="level 0"):
        tiles.stretches(kept.read, 4, 2)(70, 71)


def test_what_became_complete_is_told_once() -> None:
    edge = Edge(0, Kept(2, 2).read, 2, 2)
    assert edge.add(LEAVES[:1]) == []
    first = merkle.node(LEAVES[0], LEAVES[1])
    assert edge.add(LEAVES[1:2]) == [Fresh(1, 0, first)]
    second = merkle.node(LEAVES[2], LEAVES[3])
    both = [Fresh(1, 1, second), Fresh(2, 0, merkle.node(first, second))]
    assert edge.add(LEAVES[2:5]) == both
