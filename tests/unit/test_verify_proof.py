"""The command verify-proof: a proof and a key in an empty folder are all that it needs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ledger.accounts.seals import merkle
from ledger.cli import main
from tests.unit.proof_samples import FIRST, HASHES, Proof, consistency, hash_of, inclusion, with_


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, without settings, as the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LEERREKENING_INSTANCE_PATH", raising=False)
    monkeypatch.setenv("LEERREKENING_DATABASE_URL", "nonsense")
    return tmp_path


def command(folder: Path, proof: Proof | bytes, *more: str) -> Result:
    content = proof if isinstance(proof, bytes) else json.dumps(proof).encode()
    (folder / "proof.json").write_bytes(content)
    (folder / "keys.txt").write_text(f"{FIRST.verifier.line}\n", "utf-8")
    return CliRunner().invoke(main, ["verify-proof", "proof.json", *more])


def test_the_command_needs_no_installation(folder: Path) -> None:
    done = command(folder, inclusion(), "--key", "keys.txt")
    assert done.exit_code == 0, done.output
    assert HASHES[5].hex() in done.output
    done = command(folder, consistency(), "--key", "keys.txt")
    assert done.exit_code == 0, done.output
    assert "begins unchanged with its first 6" in done.output
    assert sorted(path.name for path in folder.iterdir()) == ["keys.txt", "proof.json"]


def test_the_command_answers_in_json(folder: Path) -> None:
    done = command(folder, inclusion(), "--key", "keys.txt", "--json")
    said = json.loads(done.output)
    assert (done.exit_code, said["valid"], said["position"]) == (0, True, 5)
    assert said["checkpoint"]["root"] == merkle.root(8, hash_of).hex()
    done = command(folder, consistency(), "--key", "keys.txt", "--json")
    assert (json.loads(done.output)["old"]["size"], done.exit_code) == (6, 0)
    done = command(folder, with_(inclusion(), position=4), "--key", "keys.txt", "--json")
    said = json.loads(done.output)
    assert (done.exit_code, said["valid"]) == (1, False)
    assert "does not lead" in said["why"]


@pytest.mark.parametrize(
    ("proof", "more", "said"),
    [
        (inclusion(), (), "No public key was given"),
        (with_(inclusion(), position=4), ("--key", "keys.txt"), "does not lead"),
        (inclusion(), ("--key", "keys.txt", "--receipt", "00"), "about another receipt"),
        (inclusion(), ("--key", "proof.json"), "not a public key"),
        (b"\x00" * 2_000_000, ("--key", "keys.txt"), "larger than a proof"),
        (b"\xff\xfe", ("--key", "keys.txt"), "not JSON"),
    ],
)
def test_the_command_says_what_is_wrong_in_one_sentence(
    folder: Path, proof: Proof | bytes, more: tuple[str, ...], said: str
) -> None:
    done = command(folder, proof, *more)
    assert done.exit_code == 1
    assert said in done.output
    assert done.output.startswith("Error: ")
    assert done.output.count("\n") == 1


def test_a_missing_file_is_named(folder: Path) -> None:
    done = CliRunner().invoke(main, ["verify-proof", "absent.json"])
    assert done.exit_code == 2
    assert "absent.json" in done.output
