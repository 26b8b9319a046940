"""Commands about proofs: getting one from the books, and checking one anywhere."""

from __future__ import annotations

import json
from typing import BinaryIO

import click

from ledger.accounts.seals import offline, proofs
from ledger.accounts.seals.checkpoints import Checkpoint, moment_text
from ledger.accounts.seals.notes import Verifier
from ledger.accounts.seals.offline import LARGEST_FILE, Included
from ledger.db import Database
from ledger.errors import Invalid
from ledger.i18n import render


@click.command()
@click.argument("transaction_id", required=False)
@click.option("--size", type=click.IntRange(1), help="As of this seal. Default: the newest.")
@click.option("--since", type=click.IntRange(1), help="That the log only grew since this seal.")
@click.pass_obj
def proof(
    database: Database, transaction_id: str | None, size: int | None, since: int | None
) -> None:
    """Print the proof that a transaction is in the sealed log, or that the log only grew.

    \b
    Examples:  leerrekening proof txn_01KB5A8X2N4W2QZJ7V0M3R6T9C > proof.json
               leerrekening proof --since 1042 > growth.json
    """
    with database.reading() as session:
        if transaction_id is not None and since is None:
            document = proofs.inclusion(session, transaction_id, size=size)
        elif since is not None and transaction_id is None:
            document = proofs.consistency(session, since, size)
        else:
            raise click.UsageError("Give the number of a transaction, or --since.")
    click.echo(json.dumps(document, indent=2))


@click.command("verify-proof")
@click.argument("file", type=click.File("rb"))
@click.option("--key", "key_files", type=click.File("rb"), multiple=True, help="Public keys.")
@click.option("--receipt", metavar="HASH", help="The proof must be about this receipt.")
@click.option("--json", "as_json", is_flag=True, help="Answer with one JSON object.")
def verify_proof(
    file: BinaryIO, key_files: tuple[BinaryIO, ...], receipt: str | None, as_json: bool
) -> None:
    """Check a proof with a public key alone; it needs no database and no network.

    Exit code 0 only when everything holds; otherwise one sentence says what is wrong. FILE may be
    - for standard input. A key file has one public key a line, as `seal-key export` prints them.

    \b
    Examples:  leerrekening verify-proof proof.json --key seal-keys.txt
               leerrekening verify-proof proof.json --key seal-keys.txt --receipt 8d2f…
    """
    try:
        known = [key for one in key_files for key in _keys(one)]
        shown = offline.verify(file.read(LARGEST_FILE + 1), known, receipt)
    except Invalid as refusal:
        if not as_json:
            raise
        why = render(refusal.as_message, "en")
        click.echo(json.dumps({"valid": False, "why": why}, ensure_ascii=False))
        raise SystemExit(1) from None
    click.echo(json.dumps(_facts(shown), ensure_ascii=False) if as_json else _told(shown))


COMMANDS: tuple[tuple[str, click.Command], ...] = (("", proof), ("", verify_proof))


def _keys(file: BinaryIO) -> list[Verifier]:
    # A key file in another encoding holds no key that can be read.
    return offline.keys(file.read(LARGEST_FILE).decode("utf-8", "replace"))


def _facts(shown: offline.Included | offline.Grown) -> dict[str, object]:
    if isinstance(shown, Included):
        return {
            "valid": True,
            "receipt": {"id": shown.id, "hash": shown.hash},
            "position": shown.position,
            "checkpoint": _head(shown.checkpoint),
        }
    return {"valid": True, "old": _head(shown.old), "new": _head(shown.new)}


def _head(checkpoint: Checkpoint) -> dict[str, object]:
    return {
        "origin": checkpoint.origin,
        "size": checkpoint.size,
        "root": checkpoint.root.hex(),
        "sealed_at": moment_text(checkpoint.sealed_at),
    }


def _told(shown: offline.Included | offline.Grown) -> str:
    if isinstance(shown, Included):
        head = shown.checkpoint
        return (
            f"The proof holds: hash {shown.hash} ({shown.id} in the file) stands at position"
            f" {shown.position} of the log {head.origin}, in the seal over {head.size}"
            f" transactions of {moment_text(head.sealed_at)}."
        )
    return (
        f"The proof holds: the log {shown.new.origin} over {shown.new.size} transactions"
        f" ({moment_text(shown.new.sealed_at)}) begins unchanged with its first {shown.old.size}"
        f" ({moment_text(shown.old.sealed_at)})."
    )
