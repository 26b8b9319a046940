"""The command ``leerrekening verify``: files from elsewhere, its exit codes, work on all cores."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from ledger.accounts import lots
from ledger.accounts.models import Posting, Transaction
from ledger.accounts.seals import checkpoints, keys, rotations, sealer
from ledger.accounts.seals.keys import Keys
from ledger.accounts.verification import Finding, hashes
from ledger.accounts.verification.cli import verify_command
from ledger.accounts.verification.finding import Check
from ledger.db import SYSTEM, Database
from tests.factories import World
from tests.integration.sealing import keys_in
from tests.integration.test_verification import tamper


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    """Return a world with 21 sealed transactions."""
    world = World(database)
    scheme = world.scheme()
    holder = world.holder()
    items = [lots.Credit(holder.account_id, 500 + n, "grant", f"row_{n}") for n in range(20)]
    world.do(SYSTEM, lots.credit, scheme.id, items)
    seal(world, keys_in(tmp_path))
    return world


def seal(world: World, ring: Keys) -> None:
    """Seal all that waits."""
    assert sum(sealer.rounds(world.database, ring)) > 0


def verify(world: World, *arguments: str, others: Sequence[Check] = ()) -> Result:
    """Run the command."""
    return CliRunner().invoke(verify_command(others), list(arguments), obj=world.database)


def kept(world: World, folder: Path) -> tuple[str, str]:
    """Write the newest checkpoint and the public keys to files; return their paths."""
    with world.database.reading() as session:
        newest = sealer.newest(session)
        lines = [rotations.read(key.note).key.line for key in keys.all_keys(session)]
    assert newest is not None
    said = {
        "origin": checkpoints.read(newest.note).origin,
        "size": newest.size,
        "root": newest.root.hex(),
        "sealed_at": checkpoints.moment_text(newest.sealed_at),
        "key_id": newest.key_id,
        "note": newest.note,
    }
    anchor, public = folder / "kept.jsonl", folder / "keys.txt"
    anchor.write_text(json.dumps(said) + "\n", encoding="utf-8")
    public.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(anchor), str(public)


def test_what_was_kept_elsewhere_still_holds(world: World, tmp_path: Path) -> None:
    anchor, public = kept(world, tmp_path)
    keys_in(tmp_path)
    world.scheme()
    with world.database.work(SYSTEM) as work:
        keys_in(tmp_path).rotate(work)
    seal(world, keys_in(tmp_path))
    done = verify(world, "--anchor", anchor, "--key", public, "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert (said["ok"], said["findings"]) == (True, [])
    assert said["counted"]["journal_seal"] == 2 and said["counted"]["anchor"] == 1
    assert "Checking hashes of transactions" in done.stderr


def test_a_checkpoint_of_another_log_is_named(world: World, tmp_path: Path) -> None:
    anchor, public = kept(world, tmp_path)
    said = json.loads(Path(anchor).read_text(encoding="utf-8"))
    other = keys_in(tmp_path / "other")
    with world.database.work(SYSTEM) as work:
        signer = other._make("leerrekening.example/journal")
        root, at = b"\1" * 32, work.now
    said["note"] = checkpoints.make(said["size"], root, at, signer)
    said |= {"root": root.hex(), "sealed_at": checkpoints.moment_text(at)}
    Path(anchor).write_text(json.dumps(said), encoding="utf-8")
    done = verify(world, "--anchor", anchor, "--key", public)
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "anchor kept.jsonl:1: it is not signed by a key that is known for its size",
        "anchor kept.jsonl:1: the log that it signed was another one",
    ]


@pytest.mark.parametrize("content", ["", "{}", "[1]", "no json", '{"note": 1}', '{"note": "x"}'])
def test_a_file_that_is_no_checkpoint_is_refused(
    world: World, tmp_path: Path, content: str
) -> None:
    (tmp_path / "x").write_text(content, encoding="utf-8")
    for option in ("--anchor", "--key"):
        done = verify(world, option, str(tmp_path / "x"))
        assert done.exit_code == 2, done.output
        assert option in done.stderr
    assert verify(world, "--anchor", str(tmp_path / "absent")).exit_code == 2


def test_a_checkpoint_that_was_edited_is_refused(world: World, tmp_path: Path) -> None:
    anchor, _ = kept(world, tmp_path)
    said = json.loads(Path(anchor).read_text(encoding="utf-8"))
    Path(anchor).write_text(json.dumps({**said, "size": 1}), encoding="utf-8")
    done = verify(world, "--anchor", anchor)
    assert done.exit_code == 2
    assert "says something else than its signed note" in done.stderr


def test_several_programs_find_what_one_finds(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world.database.reading() as session:
        ids = session.scalars(select(Transaction.id).order_by(Transaction.id)).all()
        line = session.scalars(select(Posting).where(Posting.transaction_id == ids[5])).first()
    assert line is not None and line.lot_id is not None
    tamper(
        world.database,
        "UPDATE journal_transaction SET actor_id = 'x' WHERE id = :first",
        "UPDATE lot SET expires_on = '2031-01-01' WHERE id = :lot",
        "DELETE FROM journal_posting WHERE transaction_id = :empty",
        "DELETE FROM journal_posting WHERE transaction_id = :last AND line = 1",
        "DELETE FROM journal_transaction WHERE id = :gone",
        first=ids[0],
        lot=line.lot_id,
        empty=ids[9],
        last=ids[-1],
        gone=ids[12],
    )

    def found() -> tuple[list[Finding], list[tuple[int, int]]]:
        told: list[tuple[int, int]] = []
        with world.database.reading() as session:
            findings = list(hashes.check(session, lambda done, total: told.append((done, total))))
        return findings, told

    alone, told = found()
    assert {(one.table, one.id) for one in alone} == {
        ("journal_transaction", ids[0]),
        ("journal_transaction", ids[5]),
        ("journal_transaction", ids[9]),
        ("journal_posting", f"{ids[12]}/1"),
        ("journal_posting", f"{ids[12]}/2"),
        ("journal_transaction", ids[-1]),
    }
    assert told == [(20, 20)]
    monkeypatch.setattr(hashes, "STRETCH", 4)
    monkeypatch.setattr(hashes, "cores", lambda: 2)
    apart, told = found()
    assert sorted(apart, key=str) == sorted(alone, key=str)
    assert told == [(4, 20), (8, 20), (12, 20), (16, 20), (20, 20), (20, 20)]


def test_a_check_that_breaks_down_is_no_clean_proof(world: World) -> None:
    def broken(session: object) -> list[Finding]:
        raise ZeroDivisionError

    check = Check("what breaks", broken)  # type: ignore[arg-type]
    done = verify(world, others=[check])
    assert isinstance(done.exception, ZeroDivisionError)
    assert "Everything agrees" not in done.output
