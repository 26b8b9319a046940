"""docs/proofs.md: its numbers are computed again here, and the verifier in it is run."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import runpy
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.accounts.canonical import canonical, digest
from ledger.accounts.seals import checkpoints, merkle, offline, rotations
from ledger.accounts.seals.notes import Signer
from ledger.accounts.seals.rotations import KeyRecord
from tests.unit import proof_samples
from tests.unit.proof_samples import Proof, with_
from tests.unit.test_canonical import HEAD, LINES

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "proofs.md").read_text("utf-8")
NAME = "leerrekening.example/journal"
# RFC 8032, section 7.1, TEST 1 and TEST 2.
SECRETS = (
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
)
FIRST, SECOND = (
    Signer(NAME, Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret))) for secret in SECRETS
)
HASHES = [
    digest(HEAD, LINES) if n == 5 else hashlib.sha256(f"example {n}".encode()).digest()
    for n in range(8)
]
LONGEST_VERIFIER = 60


def block(kind: str) -> str:
    """Return the only block of the document that is marked so."""
    [found] = re.findall(rf"^```{kind}\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
    return str(found)


def stated(name: str) -> str:
    """Return the hash that stands behind a name in the document."""
    [found] = re.findall(rf"^    {name} +([0-9a-f]{{64}})$", DOCUMENT, re.MULTILINE)
    return str(found)


def hash_of(start: int, stop: int) -> bytes:
    """Return the hash over a complete stretch of the document's log."""
    if stop - start == 1:
        return merkle.leaf(HASHES[start])
    middle = (start + stop) // 2
    return merkle.node(hash_of(start, middle), hash_of(middle, stop))


def sealed(size: int, minute: int, second: int, by: Signer) -> str:
    moment = datetime(2026, 3, 2, 9, minute, second, tzinfo=UTC)
    return checkpoints.make(size, merkle.root(size, hash_of), moment, by)


def rotation() -> str:
    since = datetime(2026, 3, 2, 9, 1, tzinfo=UTC)
    record = KeyRecord(SECOND.verifier, since, 3, FIRST.verifier.id, "yearly change")
    return rotations.make(record, (FIRST, SECOND))


def test_the_canonical_bytes_are_those_of_the_golden_vector() -> None:
    content = bytes.fromhex(block("hex"))
    assert content == canonical(HEAD, LINES)
    assert f"These are its {len(content)} bytes" in DOCUMENT
    assert f"    {hashlib.sha256(content).hexdigest()}\n" in DOCUMENT


def test_the_fields_are_told_in_their_order() -> None:
    """Take the bytes apart by the document's list alone."""
    content = bytes.fromhex(block("hex"))
    pieces: list[str | None] = []
    while content:
        length, content = content[:4], content[4:]
        if length == b"\xff\xff\xff\xff":
            pieces.append(None)
            continue
        size = int.from_bytes(length, "big")
        pieces.append(content[:size].decode())
        content = content[size:]
    assert pieces[:7] == [
        *("leerrekening/1", "txn_1", "hold", "enr_1", "usr_1", "2026-03-02"),
        "2026-03-02T09:00:00.000005+00:00",
    ]
    assert pieces[7:13] == [None] * 5 + ["2"]
    assert pieces[13:21] == [
        *("available", "EUR", "-5", "sch_1", "rul_1", "acc_1", "lot_1"),
        None,
    ]
    assert len(pieces) == 13 + 2 * 8
    section = DOCUMENT.split("## 1. ")[1].split("## 2. ")[0]
    assert re.findall(r"^(\d+)\. ", section, re.MULTILINE) == [str(n) for n in range(1, 15)]


def test_the_hashes_of_the_tree_are_right() -> None:
    assert stated("leaf 5") == hashlib.sha256(b"\0" + HASHES[5]).hexdigest()
    assert stated("root 3") == merkle.root(3, hash_of).hex()
    assert stated("root 8") == merkle.root(8, hash_of).hex()


def test_the_keys_and_signed_texts_are_right() -> None:
    assert block("keys").splitlines() == [FIRST.verifier.line, SECOND.verifier.line]
    assert block("checkpoint") == sealed(3, 0, 1, FIRST)
    assert block("rotation") == rotation()


def test_the_proofs_are_right() -> None:
    old, new = sealed(3, 0, 1, FIRST), sealed(8, 5, 0, SECOND)
    assert json.loads(block("inclusion")) == {
        "format": "leerrekening-inclusion/1",
        "receipt": {"id": HEAD.id, "hash": HASHES[5].hex()},
        "position": 5,
        "size": 8,
        "path": [one.hex() for one in merkle.inclusion(5, 8, hash_of)],
        "checkpoint": new,
        "rotations": [rotation()],
    }
    assert json.loads(block("consistency")) == {
        "format": "leerrekening-consistency/1",
        "old_size": 3,
        "new_size": 8,
        "path": [one.hex() for one in merkle.consistency(3, 8, hash_of)],
        "old_checkpoint": old,
        "new_checkpoint": new,
        "rotations": [rotation()],
    }


def test_our_own_verifier_accepts_the_proofs() -> None:
    shown = offline.verify(block("inclusion").encode(), [FIRST.verifier], HASHES[5].hex())
    assert isinstance(shown, offline.Included)
    assert isinstance(
        offline.verify(block("consistency").encode(), [FIRST.verifier]), offline.Grown
    )


def test_the_verifier_is_short_and_has_nothing_of_ours() -> None:
    source = block("python")
    lines = len([line for line in source.splitlines() if line])
    assert lines <= LONGEST_VERIFIER
    assert f"a complete one of {lines} lines" in DOCUMENT
    imported = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module).split(".")[0])
    assert imported - sys.stdlib_module_names == {"cryptography"}


class Documented:
    """The verifier of the document, as a program in a folder."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._monkeypatch = monkeypatch
        (folder / "verify.py").write_text(block("python"), "utf-8")

    def accepts(self, proof: Proof, key: Signer) -> bool:
        """Tell whether the program ends well."""
        (self._folder / "proof.json").write_text(json.dumps(proof), "utf-8")
        (self._folder / "keys.txt").write_text(f"{key.verifier.line}\n", "utf-8")
        arguments = [str(self._folder / name) for name in ("verify.py", "proof.json", "keys.txt")]
        self._monkeypatch.setattr(sys, "argv", arguments)
        try:
            runpy.run_path(arguments[0], run_name="__main__")
        except SystemExit as end:
            assert end.code not in (None, 0), "only a proof that holds ends without a word"
            return False
        except Exception:
            return False  # as a program it would end with a traceback, and not with 0
        return True


@pytest.fixture
def documented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Documented:
    return Documented(tmp_path, monkeypatch)


@pytest.mark.parametrize("kind", ["inclusion", "consistency"])
def test_the_documented_verifier_accepts_the_documented_proofs(
    documented: Documented, kind: str
) -> None:
    proof = json.loads(block(kind))
    assert documented.accepts(proof, FIRST)
    assert not documented.accepts(with_(proof, rotations=[]), FIRST)
    assert documented.accepts(proof, SECOND) == (kind == "inclusion")


def test_the_documented_verifier_accepts_every_proof_that_holds(documented: Documented) -> None:
    for new in (1, 2, 5, 8, 13, 20):
        for old in range(1, new + 1):
            growth = proof_samples.consistency(old, new)
            assert documented.accepts(growth, proof_samples.FIRST)
            entry = proof_samples.inclusion(old - 1, new)
            assert documented.accepts(entry, proof_samples.FIRST)


def _wrong(proof: Proof, field: str, value: Any) -> Proof:
    if isinstance(value, int):
        return with_(proof, **{field: value - 1})
    if field == "path":
        return with_(proof, path=[*value[:-1], HASHES[0].hex()])
    if field == "receipt":
        return with_(proof, receipt={**value, "hash": HASHES[0].hex()})
    if field == "rotations":
        return with_(proof, rotations=[value[0].replace("yearly", "weekly")])
    if field == "format":
        return with_(proof, format="leerrekening-other/1")
    return with_(proof, **{field: value.replace("sealed 2026", "sealed 2025")})


@pytest.mark.parametrize("kind", ["inclusion", "consistency"])
def test_the_documented_verifier_refuses_what_is_altered(documented: Documented, kind: str) -> None:
    proof = json.loads(block(kind))
    for field, value in proof.items():
        wrong = _wrong(proof, field, value)
        assert wrong != proof
        assert not documented.accepts(wrong, FIRST), field
    for path in (proof["path"][:-1], [*proof["path"], HASHES[0].hex()], proof["path"][::-1]):
        assert not documented.accepts(with_(proof, path=path), FIRST)
