"""Proofs are checked with a key alone, and whatever is wrong with one is said in one sentence."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.accounts.seals import checkpoints, offline
from ledger.accounts.seals.notes import Signer
from ledger.errors import Invalid
from tests.unit.proof_samples import (
    FIRST,
    HASHES,
    NAME,
    NOW,
    SECOND,
    THIRD,
    Proof,
    checkpoint,
    consistency,
    inclusion,
    rotation,
    signer,
    with_,
)


def verify(proof: Proof | bytes, *keys: Signer, receipt: str | None = None) -> object:
    content = proof if isinstance(proof, bytes) else json.dumps(proof).encode()
    return offline.verify(content, [key.verifier for key in keys or (FIRST,)], receipt)


def refusal(proof: Proof | bytes, *keys: Signer, receipt: str | None = None) -> str:
    """Return in which words a proof is refused."""
    with pytest.raises(Invalid) as refused:
        verify(proof, *keys, receipt=receipt)
    return str(refused.value)


def test_a_transaction_in_the_log_is_proved() -> None:
    for size in (1, 7, 8, 12, 13, 20):
        for position in range(size):
            shown = verify(inclusion(position, size))
            assert isinstance(shown, offline.Included)
            assert (shown.position, shown.checkpoint.size) == (position, size)
            assert shown.hash == HASHES[position].hex()
            assert shown.checkpoint.origin == NAME


def test_the_growth_of_the_log_is_proved() -> None:
    for new in range(1, 21):
        for old in range(1, new + 1):
            shown = verify(consistency(old, new))
            assert isinstance(shown, offline.Grown)
            assert (shown.old.size, shown.new.size) == (old, new)


def test_the_proof_must_be_about_the_receipt_that_one_holds() -> None:
    proof = inclusion(5)
    assert verify(proof, receipt=HASHES[5].hex().upper())
    assert HASHES[5].hex() in refusal(proof, receipt=HASHES[4].hex())
    assert "not about a receipt" in refusal(consistency(), receipt=HASHES[4].hex())


def test_the_old_key_leads_to_the_new_one() -> None:
    proof = inclusion(5, 20)
    assert verify(proof, FIRST)
    assert verify(proof, SECOND)
    assert verify(consistency(6, 20), FIRST)
    assert "None of the known keys" in refusal(with_(proof, rotations=[]), FIRST)
    assert verify(with_(proof, rotations=[]), SECOND)


def test_any_of_several_keys_will_do() -> None:
    assert verify(inclusion(5, 8), THIRD, FIRST)
    assert verify(consistency(6, 20), THIRD, SECOND, FIRST)
    # Nothing leads back from the new key to what the old one signed.
    assert "None of the known keys" in refusal(consistency(6, 20), SECOND)
    assert verify(with_(consistency(6, 20), rotations=[]), FIRST, SECOND)


def test_a_key_that_was_replaced_is_not_believed_about_what_came_after() -> None:
    forged = with_(inclusion(5, 20), checkpoint=checkpoint(20, by=FIRST))
    assert "None of the known keys" in refusal(forged, FIRST)


@pytest.mark.parametrize("by", [(FIRST,), (SECOND,), (THIRD, SECOND)])
def test_a_change_of_keys_needs_both(by: tuple[Signer, ...]) -> None:
    proof = with_(inclusion(5, 20), rotations=[rotation(by=by)])
    assert "key" in refusal(proof, FIRST)


def test_a_key_that_was_lost_leads_nowhere_but_keeps_what_it_signed() -> None:
    lost = rotation(by=(SECOND,))
    assert "not signed by key" in refusal(with_(inclusion(5, 20), rotations=[lost]), FIRST)
    assert verify(with_(inclusion(5, 8), rotations=[lost]), FIRST)
    assert verify(with_(consistency(6, 20), rotations=[lost]), FIRST, SECOND)


def test_the_refusal_of_the_key_that_signed_is_the_one_that_is_told() -> None:
    bent = checkpoint(8).replace("T09:00:08", "T09:00:09")
    assert "the text was changed" in refusal(with_(inclusion(), checkpoint=bent), SECOND, FIRST)


def test_without_a_key_nothing_is_proved() -> None:
    content = json.dumps(inclusion()).encode()
    with pytest.raises(Invalid, match="No public key was given"):
        offline.verify(content, [])


def test_a_checkpoint_of_another_log_is_refused() -> None:
    other = signer(1, "elsewhere.example/journal")
    assert "None of the known keys" in refusal(
        with_(inclusion(), checkpoint=checkpoint(8, by=other))
    )
    proof = with_(consistency(), new_checkpoint=checkpoint(11, by=other))
    assert "different logs" in refusal(proof, FIRST, other)


def test_the_two_checkpoints_stand_in_order() -> None:
    proof = with_(
        consistency(6, 11),
        old_checkpoint=checkpoint(11),
        new_checkpoint=checkpoint(6),
        old_size=11,
        new_size=6,
    )
    assert "over more transactions" in refusal(proof)


def test_a_rewritten_log_is_found_out() -> None:
    # Signed with the right key, over other content.
    other = checkpoints.make(11, hashlib.sha256(b"x").digest(), NOW, FIRST)
    assert "rewritten" in refusal(with_(consistency(6, 11), new_checkpoint=other))
    assert "does not lead" in refusal(with_(inclusion(5, 11), checkpoint=other))


@pytest.mark.parametrize("make", [inclusion, consistency])
def test_every_bit_of_every_hash_counts(make: Callable[[], Proof]) -> None:
    proof = make()
    places = [("path", index) for index in range(len(proof["path"]))]
    if "receipt" in proof:
        places.append(("receipt", "hash"))  # type: ignore[arg-type]
    for field, at in places:
        for bit in range(0, 256, 37):
            wrong = copy.deepcopy(proof)
            flipped = int(wrong[field][at], 16) ^ (1 << bit)
            wrong[field][at] = f"{flipped:064x}"
            assert "path" in refusal(wrong)


@pytest.mark.parametrize("field", ["checkpoint", "old_checkpoint", "new_checkpoint"])
def test_every_character_of_a_checkpoint_counts(field: str) -> None:
    proof = inclusion() if field == "checkpoint" else consistency()
    note = proof[field]
    for at, character in enumerate(note):
        other = "B" if character != "B" else "C"
        assert refusal(with_(proof, **{field: note[:at] + other + note[at + 1 :]}))


@pytest.mark.parametrize("field", ["position", "size"])
@pytest.mark.parametrize("step", [-1, 1, 3])
def test_every_number_of_an_inclusion_counts(field: str, step: int) -> None:
    proof = inclusion()
    assert refusal(with_(proof, **{field: proof[field] + step}))


@pytest.mark.parametrize("field", ["old_size", "new_size"])
def test_every_number_of_a_growth_counts(field: str) -> None:
    proof = consistency()
    assert "not the size" in refusal(with_(proof, **{field: proof[field] + 1}))


def test_a_position_beyond_the_end_is_refused() -> None:
    assert "beyond the end" in refusal(with_(inclusion(), position=8))


@pytest.mark.parametrize("make", [inclusion, consistency])
def test_a_path_is_neither_shorter_nor_longer_nor_in_another_order(
    make: Callable[[], Proof],
) -> None:
    proof = make()
    path = proof["path"]
    assert len(path) > 1
    for wrong in ([], path[:-1], path[1:], [*path, path[0]], path[::-1]):
        assert "path" in refusal(with_(proof, path=wrong))


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe{\x00}\x00", "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b"%PDF-1.7", "not JSON"),
        (b'{"format": NaN}', "not JSON"),
        (nested(100_000), "not JSON"),
        (b"[]", "names no format"),
        (b"null", "names no format"),
        (b'"leerrekening-inclusion/1"', "names no format"),
        (b"{}", "names no format"),
        (b'{"format": 1}', "names no format"),
        (b'{"format": "leerrekening-inclusion/2"}', "not one of ours"),
        (b'{"format": "leerrekening-inclusion/1"}', "checkpoint is missing"),
        (b'{"format": "x", "format": "y"}', "stands twice"),
        (b'{"size": 10000000000000000000}', "no log has room"),
        (b'{"size": ' + b"9" * 100_000 + b"}", "no log has room"),
        (b" " * (offline.LARGEST_FILE + 1), "larger than a proof"),
    ],
    ids=lambda value: value[:20] if isinstance(value, bytes) else "",
)
def test_what_is_no_proof_is_called_so(content: bytes, said: str) -> None:
    assert said in refusal(content)


def test_a_field_that_stands_twice_within_is_seen_too() -> None:
    content = json.dumps(inclusion()).replace('"id":', '"hash": "00", "id":')
    assert "'hash' stands twice" in refusal(content.encode())


WRONG: Mapping[str, Any] = {
    "receipt": [None, [], "txn_5", {}, {"id": "txn_5"}, {"id": "txn_5", "hash": 5}],
    "position": [None, "5", 5.0, True, -1, [5], 2**63],
    "size": [None, "8", 8.0, 8.5, True, -8, 2**63],
    "path": [None, "", {}, [1], [None], ["00"], ["A" * 64], [" " * 64], ["0" * 64] * 129],
    "checkpoint": [None, 1, [], "", "\n\n", "x", "x\n\n— y z\n", "\ud800\n\n— a b\n", "\n" * 9],
    "rotations": [None, "", {}, [1], [None], ["x"], ["x\n\n— y z\n"]],
}


@pytest.mark.parametrize("field", WRONG)
def test_a_field_of_another_type_is_named_or_refused(field: str) -> None:
    for value in WRONG[field]:
        assert refusal(with_(inclusion(), **{field: value}))
    assert f"{field} is missing" in refusal(
        {name: value for name, value in inclusion().items() if name != field}
    )


@pytest.mark.parametrize("id_", [None, 5, "", "txn 5", "txn_5\n", "\x1b[2J", "\ud800", "x" * 65])
def test_an_id_that_is_none_is_refused(id_: object) -> None:
    assert refusal(with_(inclusion(), receipt={"id": id_, "hash": HASHES[5].hex()}))


def test_what_does_not_belong_in_a_proof_is_named_without_harm() -> None:
    assert "'note' does not belong" in refusal(with_(inclusion(), note="trust me"))
    said = refusal(with_(inclusion(), **{"\x1b[2J\ud800": 1}))
    assert said.isascii()
    assert said.isprintable()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.sampled_from([inclusion(), consistency()]), st.data())
def test_nothing_breaks_the_verifier(proof: Proof, data: st.DataObject) -> None:
    field = data.draw(st.sampled_from(sorted(proof)))
    # No rotations is right for whoever holds the newest key.
    value = data.draw(JSON.filter(lambda value: value not in (proof[field], [])))
    assert refusal(with_(proof, **{field: value}))


@given(st.binary(max_size=300))
def test_no_bytes_break_the_verifier(content: bytes) -> None:
    assert refusal(content)


def test_a_key_file_holds_one_key_a_line() -> None:
    text = f"# two keys\n\n{FIRST.verifier.line}\r\n  {SECOND.verifier.line}\n"
    assert offline.keys(text) == [FIRST.verifier, SECOND.verifier]


@pytest.mark.parametrize("text", ["", "# none\n", "nonsense", "a+b+c"])
def test_a_file_without_a_key_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="key"):
        offline.keys(text)


def test_a_key_with_another_id_is_refused() -> None:
    line = FIRST.verifier.line
    with pytest.raises(Invalid, match="id in this public key"):
        offline.keys(line.replace(FIRST.verifier.id, "00000000"))
