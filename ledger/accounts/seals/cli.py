"""Commands about seals: sealing now, the newest checkpoint, the keys."""

from __future__ import annotations

import json

import click

from ledger import config
from ledger.accounts.models import SealKey
from ledger.accounts.seals import checkpoints, keys, rotations, sealer
from ledger.db import SYSTEM, Database
from ledger.errors import Conflict
from ledger.messages import N_


@click.command()
@click.pass_obj
def seal(database: Database) -> None:
    """Seal every transaction that waits for it; while serving this happens by itself.

    \b
    Example:  leerrekening seal
    """
    count = sum(sealer.rounds(database, _keys(), wait=True))
    click.echo(f"Sealed {count:,} transactions.")


@click.command()
@click.option("--no-seal", is_flag=True, help="Print the newest seal; do not seal what waits.")
@click.pass_obj
def checkpoint(database: Database, no_seal: bool) -> None:
    """Print the signed head of the journal as one JSON object on one line.

    Keep it outside this installation: with --anchor, `leerrekening verify` proves later that
    nothing before it was changed or removed. What waits is sealed first.

    \b
    Example:  leerrekening checkpoint > checkpoint.json
    """
    if not no_seal:
        for _ in sealer.rounds(database, _keys(), wait=True):
            pass
    with database.reading() as session:
        newest = sealer.newest(session)
    if newest is None:
        raise Conflict(N_("Nothing was sealed yet: there are no transactions."))
    said = {
        "origin": checkpoints.read(newest.note).origin,
        "size": newest.size,
        "root": newest.root.hex(),
        "sealed_at": checkpoints.moment_text(newest.sealed_at),
        "key_id": newest.key_id,
        "note": newest.note,
    }
    click.echo(json.dumps(said, ensure_ascii=False))


@click.group("seal-key")
def seal_key() -> None:
    """Look after the keys that sign the seals."""


@seal_key.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per key and line.")
@click.pass_obj
def list_keys(database: Database, as_json: bool) -> None:
    """List the keys, oldest first, and whether their private halves are here.

    \b
    Example:  leerrekening seal-key list
    """
    kept = _keys()
    with database.reading() as session:
        found = keys.all_keys(session)
    for key in found:
        row = _row(key, kept, signs=key is found[-1])
        if as_json:
            click.echo(json.dumps(row, ensure_ascii=False))
            continue
        file = row["file"] if row["file_present"] else f"no {row['file']} here"
        state = "signs now" if row["signs"] else "replaced"
        click.echo(f"{row['id']}  since {row['since']}  {state}  {file}")
    if not found and not as_json:
        click.echo("There is no key yet: the first seal makes one.")


@seal_key.command()
@click.pass_obj
def export(database: Database) -> None:
    """Print the public keys, one a line as name+id+key; publish them where people can find them.

    \b
    Example:  leerrekening seal-key export > seal-keys.txt
    """
    with database.reading() as session:
        for key in keys.all_keys(session):
            click.echo(rotations.read(key.note).key.line)


@seal_key.command()
@click.option("--reason", help="Why, on one line; it is signed and published.")
@click.option("--lost", is_flag=True, help="The old key is gone: sign the record without it.")
@click.pass_obj
def rotate(database: Database, reason: str | None, lost: bool) -> None:
    """Let a new key sign from now on; do it at once when somebody may have the old one.

    The change is recorded and signed by both keys, so that whoever trusts the old key is led to
    the new one, and believes the old key no more about later seals. With --lost it is signed by
    the new one only: publish its line of `seal-key export` again, as you did the first.

    \b
    Examples:  leerrekening seal-key rotate --reason "yearly change"
               leerrekening seal-key rotate --reason "server was broken into"
               leerrekening seal-key rotate --lost --reason "disk lost"
    """
    kept = _keys()
    key = database.perform(SYSTEM, kept.rotate, reason, lost=lost)
    click.echo(f"Seals are signed by key {key.id} from now on, kept in {kept.path(key.id)}.")


COMMANDS: tuple[tuple[str, click.Command], ...] = (
    ("", seal),
    ("", checkpoint),
    ("", seal_key),
)


def _keys() -> keys.Keys:
    return keys.of(config.load())


def _row(key: SealKey, kept: keys.Keys, signs: bool) -> dict[str, str | bool | None]:
    record = rotations.read(key.note)
    path = kept.path(key.id)
    return {
        "id": key.id,
        "public_key": record.key.line,
        "since": checkpoints.moment_text(key.since),
        "replaces": record.replaces,
        "reason": record.reason,
        "signs": signs,
        "file": str(path),
        "file_present": path.exists(),
    }
