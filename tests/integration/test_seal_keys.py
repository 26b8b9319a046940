"""The keys of the seals: made once, kept apart, changed on record, and missed in clear words."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from sqlalchemy import select

from ledger import cli
from ledger.accounts.models import Seal, SealKey
from ledger.accounts.seals import checkpoints, notes, rotations, sealer
from ledger.accounts.seals.keys import Keys, current
from ledger.db import SYSTEM, Database
from ledger.errors import Conflict, Invalid
from tests.factories import World
from tests.integration.sealing import NAME, Posted, assert_sealed, keys_in


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


@pytest.fixture
def kept(tmp_path: Path) -> Keys:
    return keys_in(tmp_path)


def all_keys(database: Database) -> Sequence[SealKey]:
    with database.reading() as session:
        return session.scalars(select(SealKey).order_by(SealKey.since)).all()


def file_of(database: Database, kept: Keys) -> Path:
    return kept.path(all_keys(database)[-1].id)


def seal_all(world: World, kept: Keys) -> int:
    return sum(sealer.rounds(world.database, kept))


def test_the_first_key_is_made_once_and_is_its_owners_only(world: World, kept: Keys) -> None:
    assert not kept.folder.exists()
    first = world.do(SYSTEM, kept.signer)
    assert world.do(SYSTEM, kept.signer).verifier == first.verifier
    (key,) = all_keys(world.database)
    path = kept.path(key.id)
    assert [path] == list(kept.folder.iterdir())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.folder.stat().st_mode) == 0o700
    private = load_pem_private_key(path.read_bytes(), None)
    assert isinstance(private, Ed25519PrivateKey)
    assert private.public_key().public_bytes_raw() == key.public_key
    record = rotations.read(key.note)
    assert (record.key, record.after, record.replaces) == (first.verifier, 0, None)
    assert (record.key.name, record.key.id, record.since) == (NAME, key.id, key.since)


def test_those_who_begin_at_once_make_one_key(database: Database, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(
            pool.map(lambda kept: database.perform(SYSTEM, kept.signer), [keys_in(tmp_path)] * 4)
        )
    assert len({signer.verifier for signer in made}) == len(all_keys(database)) == 1


def test_the_log_keeps_its_name_when_the_address_changes(world: World, tmp_path: Path) -> None:
    posted = Posted(world)
    seal_all(world, keys_in(tmp_path))
    posted.post()
    seal_all(world, Keys(tmp_path / "keys", "moved.example/journal"))
    assert_sealed(world.database, 2)


def test_a_new_key_signs_from_now_on_and_both_signed_the_change(world: World, kept: Keys) -> None:
    posted = Posted(world)
    seal_all(world, kept)
    new = world.do(SYSTEM, kept.rotate, "yearly change")
    posted.post()
    seal_all(world, kept)
    first, second = all_keys(world.database)
    assert second.id == new.id != first.id
    with world.database.reading() as session:
        seals = session.scalars(select(Seal).order_by(Seal.size)).all()
        now = current(session)
    assert now is not None and now.id == second.id
    assert [seal.key_id for seal in seals] == [first.id, second.id]
    old = rotations.read(first.note).key
    record = rotations.verify(second.note, old)
    assert (record.after, record.replaces, record.reason) == (1, first.id, "yearly change")
    assert notes.check(second.note, [old])[1] == [old]
    assert notes.check(second.note, [record.key])[1] == [record.key]
    data = second.note.encode()
    for place in range(0, len(data), 7):
        changed = bytes([*data[:place], data[place] ^ 4, *data[place + 1 :]])
        with pytest.raises(Invalid):
            rotations.verify(changed.decode(errors="replace"), old)
    # Who trusts the first key only is led to the second.
    for seal in seals:
        assert rotations.checkpoint(seal.note, old, [second.note]).size == seal.size
    assert_sealed(world.database, 2)


def test_another_process_notices_the_new_key(world: World, tmp_path: Path) -> None:
    serving, operator = keys_in(tmp_path), keys_in(tmp_path)
    posted = Posted(world)
    seal_all(world, serving)
    new = world.do(SYSTEM, operator.rotate)
    posted.post()
    seal_all(world, serving)
    with world.database.reading() as session:
        newest = sealer.newest(session)
    assert newest is not None and newest.key_id == new.id


def test_keys_follow_each_other_when_the_clock_is_moved_back(world: World, kept: Keys) -> None:
    first = world.do(SYSTEM, kept.signer).verifier.id
    world.later(hours=-3)
    second = world.do(SYSTEM, kept.rotate).id
    third = world.do(SYSTEM, kept.rotate).id
    assert [key.id for key in all_keys(world.database)] == [first, second, third]


def test_a_passphrase_enciphers_the_file(world: World, tmp_path: Path) -> None:
    kept = keys_in(tmp_path, "een lange zin")
    Posted(world)
    assert seal_all(world, kept) == 1
    data = file_of(world.database, kept).read_bytes()
    assert data.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    for wrong in ("", "een andere zin"):
        with pytest.raises(Conflict, match="LEERREKENING_SEAL_PASSPHRASE"):
            world.do(SYSTEM, keys_in(tmp_path, wrong).signer)
    assert world.do(SYSTEM, keys_in(tmp_path, "een lange zin").signer).verifier.name == NAME


def test_a_plain_key_can_be_changed_for_an_enciphered_one(world: World, tmp_path: Path) -> None:
    world.do(SYSTEM, keys_in(tmp_path).signer)
    kept = keys_in(tmp_path, "een lange zin")
    world.do(SYSTEM, kept.rotate, "a passphrase from now on")
    assert b"ENCRYPTED" in file_of(world.database, kept).read_bytes()
    assert world.do(SYSTEM, keys_in(tmp_path, "een lange zin").signer).verifier.name == NAME


def missing(path: Path) -> None:
    path.unlink()


def foreign(path: Path) -> None:
    private = Ed25519PrivateKey.generate()
    path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def damaged(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:60])


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (missing, "cannot be read: .* seal-key rotate --lost"),
        (foreign, "holds another key .* seal-key rotate --lost"),
        (damaged, "is damaged, or the passphrase .* seal-key rotate --lost"),
    ],
)
def test_a_key_that_cannot_be_used_is_told_with_what_to_do(
    world: World, tmp_path: Path, break_it: Callable[[Path], None], said: str
) -> None:
    posted = Posted(world)
    kept = keys_in(tmp_path)
    seal_all(world, kept)
    path = file_of(world.database, kept)
    shutil.copy(path, tmp_path / "backup.pem")
    break_it(path)
    posted.post()
    with pytest.raises(Conflict, match=said):
        seal_all(world, keys_in(tmp_path))
    with pytest.raises(Conflict, match=said):
        world.do(SYSTEM, keys_in(tmp_path).rotate, "by both")
    shutil.copy(tmp_path / "backup.pem", path)
    assert seal_all(world, keys_in(tmp_path)) == 1
    assert len(all_keys(world.database)) == 1
    assert_sealed(world.database, 2)


def test_a_lost_key_is_replaced_on_record_but_leads_nobody_on(world: World, tmp_path: Path) -> None:
    posted = Posted(world)
    seal_all(world, keys_in(tmp_path))
    shutil.rmtree(tmp_path / "keys")
    world.do(SYSTEM, keys_in(tmp_path).rotate, "disk lost", lost=True)
    posted.post()
    seal_all(world, keys_in(tmp_path))
    first, second = all_keys(world.database)
    old, record = rotations.read(first.note).key, rotations.read(second.note)
    assert (record.replaces, record.reason) == (first.id, "disk lost")
    with pytest.raises(Invalid, match="was not signed by key"):
        rotations.verify(second.note, old)
    assert_sealed(world.database, 2)


@pytest.mark.parametrize("reason", ["", "  ", "two\nlines", "x" * 201, "a\x00b"])
def test_a_reason_is_one_line(world: World, kept: Keys, reason: str) -> None:
    world.do(SYSTEM, kept.signer)
    with pytest.raises(Invalid, match="one line"):
        world.do(SYSTEM, kept.rotate, reason)


def test_there_is_nothing_to_replace_before_the_first_key(world: World, kept: Keys) -> None:
    with pytest.raises(Conflict, match="no key to replace"):
        world.do(SYSTEM, kept.rotate)


def test_a_folder_that_cannot_be_written_is_told(world: World, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("a file in the way")
    with pytest.raises(Conflict, match="cannot be kept in"):
        world.do(SYSTEM, keys_in(tmp_path).signer)
    assert all_keys(world.database) == []


def test_a_change_that_is_undone_leaves_the_old_key(world: World, kept: Keys) -> None:
    first = world.do(SYSTEM, kept.signer)
    with world.database.work(SYSTEM) as work:
        kept.rotate(work)
        work.session.rollback()
    assert world.do(SYSTEM, kept.signer).verifier == first.verifier


@pytest.fixture
def installation(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LEERREKENING_INSTANCE_PATH", str(tmp_path))
    monkeypatch.setenv("LEERREKENING_DATABASE_URL", database.url)
    monkeypatch.setenv("LEERREKENING_PUBLIC_URL", "https://Leerrekening.example:8443/app")
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, list(arguments))


def test_the_commands_seal_and_print_one_line_to_keep(installation: Path, world: World) -> None:
    assert run("checkpoint").exit_code == 1
    assert "There is no key yet" in run("seal-key", "list").stdout
    posted = Posted(world)
    posted.post(2)
    unsealed = run("checkpoint", "--no-seal")
    assert (unsealed.exit_code, unsealed.stdout) == (1, "")
    assert "Nothing was sealed yet" in unsealed.stderr
    assert run("seal").stdout == "Sealed 3 transactions.\n"
    assert run("seal").stdout == "Sealed 0 transactions.\n"
    posted.post()
    (line,) = run("checkpoint", "--no-seal").stdout.splitlines()
    assert json.loads(line)["size"] == 3
    (line,) = run("checkpoint").stdout.splitlines()
    said = json.loads(line)
    assert list(said) == ["origin", "size", "root", "sealed_at", "key_id", "note"]
    read = checkpoints.read(said["note"])
    assert (said["origin"], said["size"]) == (read.origin, read.size) == (NAME, 4)
    assert bytes.fromhex(said["root"]) == read.root
    assert said["sealed_at"] == checkpoints.moment_text(read.sealed_at)
    assert_sealed(world.database, 4)


def test_the_commands_show_publish_and_change_keys(installation: Path, world: World) -> None:
    Posted(world)
    run("seal")
    changed = run("seal-key", "rotate", "--reason", "server was broken into")
    assert changed.exit_code == 0 and "from now on, kept in" in changed.stdout
    listed = [json.loads(line) for line in run("seal-key", "list", "--json").stdout.splitlines()]
    assert [row["signs"] for row in listed] == [False, True]
    assert listed[1]["replaces"] == listed[0]["id"]
    assert listed[1]["reason"] == "server was broken into"
    exported = run("seal-key", "export").stdout.splitlines()
    assert exported == [row["public_key"] for row in listed]
    assert [notes.parse_verifier(line).id for line in exported] == [row["id"] for row in listed]
    Path(listed[0]["file"]).unlink()
    first, second = run("seal-key", "list").stdout.splitlines()
    assert "replaced" in first and "here" in first
    assert "signs now" in second and second.endswith(listed[1]["file"])
    assert run("seal-key", "rotate", "--reason", "a\nb").exit_code == 1


def test_the_command_says_in_one_sentence_what_is_wrong_with_the_key(
    installation: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    posted = Posted(world)
    monkeypatch.setenv("LEERREKENING_SEAL_PASSPHRASE", "een lange zin")
    run("seal")
    posted.post()
    monkeypatch.setenv("LEERREKENING_SEAL_PASSPHRASE", "een andere zin")
    refused = run("seal")
    assert refused.exit_code == 1
    (line,) = refused.stderr.splitlines()
    assert "seal-" in line and "LEERREKENING_SEAL_PASSPHRASE" in line
