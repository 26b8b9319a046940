"""A proof goes from the page of a transaction to somebody who has nothing but a public key."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import pytest

from tests.e2e.product import Product, command, environment_of
from tests.e2e.walk import links


@pytest.fixture
def kept(product: Product, tmp_path: Path) -> Path:
    """Return a folder in which a worker's proof is kept with the public keys."""
    visitor = product.visitor(product.login("worker"))
    listed = links(visitor.get("/account/transactions").text)
    one = next(path for path in listed if re.search(r"/account/transactions/txn_\w+$", path))
    page = visitor.get(one).text
    address = next(path for path in links(page) if path.startswith("/seals/proof?"))
    stranger = product.visitor()
    proof = stranger.get(unescape(address))
    assert proof.status == 200, proof.text
    (tmp_path / "proof.json").write_bytes(proof.body)
    (tmp_path / "keys.txt").write_bytes(stranger.get("/seals/keys").body)
    hashed = re.search(r"hash=([0-9a-f]{64})", address)
    assert hashed
    assert hashed[1] in page
    (tmp_path / "hash.txt").write_text(hashed[1], "ascii")
    return tmp_path


def check(folder: Path, *more: str) -> tuple[int, str]:
    """Check the proof where nothing is installed but the command itself."""
    nowhere = folder / "no-instance"
    environment = environment_of(nowhere, LEERREKENING_DATABASE_URL="nonsense")
    files = (str(folder / "proof.json"), "--key", str(folder / "keys.txt"))
    said = command(environment, "verify-proof", *files, *more)
    assert not nowhere.exists()
    return said.returncode, said.stdout + said.stderr


def test_a_proof_taken_home_holds_for_whoever_has_the_key(kept: Path) -> None:
    hashed = (kept / "hash.txt").read_text("ascii")
    code, said = check(kept, "--receipt", hashed, "--json")
    assert code == 0, said
    assert json.loads(said)["receipt"]["hash"] == hashed


def test_a_proof_that_was_bent_on_the_way_does_not(kept: Path) -> None:
    hashed = (kept / "hash.txt").read_text("ascii")
    content = (kept / "proof.json").read_text("utf-8")
    (kept / "proof.json").write_text(content.replace(hashed, hashed[::-1]), "utf-8")
    code, said = check(kept)
    assert code == 1
    assert said.startswith("Error: The path does not lead")


def test_the_log_only_grew_since_the_seal_that_somebody_kept(
    product: Product, tmp_path: Path
) -> None:
    stranger = product.visitor()
    kept = stranger.call("", "GET", "/seals/latest").json
    grown = command(product.environment, "proof", "--since", str(kept["size"]))
    assert grown.returncode == 0, grown.stderr
    (tmp_path / "proof.json").write_text(grown.stdout, "utf-8")
    (tmp_path / "keys.txt").write_bytes(stranger.get("/seals/keys").body)
    code, said = check(tmp_path, "--json")
    assert code == 0, said
    assert json.loads(said)["old"]["root"] == kept["root"]
