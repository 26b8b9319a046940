"""The command ``leerrekening verify``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from ledger.accounts import verification
from ledger.accounts.seals import offline
from ledger.accounts.seals.notes import Verifier
from ledger.accounts.verification import AnyCheck, Finding, anchors
from ledger.accounts.verification.anchors import Anchor
from ledger.accounts.verification.running import Running, side_by_side
from ledger.db import Database
from ledger.errors import Invalid
from ledger.i18n import render

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def verify_command(others: Sequence[AnyCheck]) -> click.Command:
    """Return the command; ``others`` are the checks of the rooms above this one."""

    @click.command()
    @click.option("--anchor", "files", multiple=True, type=_FILE, help=_ANCHOR_HELP)
    @click.option("--key", "key_file", type=_FILE, help=_KEY_HELP)
    @click.option("--json", "as_json", is_flag=True, help="One JSON object with all findings.")
    @click.pass_obj
    def verify(
        database: Database, files: Sequence[Path], key_file: Path | None, as_json: bool
    ) -> None:
        """Prove the books: derive every sum and hash again and name what is wrong.

        Prints one line per finding: the table, the row's id, and what is wrong with it. Nothing
        is repaired. The exit code is 0 when everything agrees, 1 when there are findings, 2 when
        the command was not understood.

        Whoever has all rights on the database could remove the newest transactions with all that
        points to them, or write the whole journal anew and seal it with a key of their own. Then
        the rows agree with each other, but not with a checkpoint that was kept elsewhere: give it
        with --anchor.

        \b
        Examples:  leerrekening verify
                   leerrekening verify --anchor checkpoints.jsonl --key seal-keys.txt
                   leerrekening verify --json > proof.json
        """
        kept = [anchor for path in files for anchor in _anchors(path)]
        kept.sort(key=lambda anchor: anchor.checkpoint.size)
        trusted = _keys(key_file) if key_file else []
        found, counted = _proved(database, [*verification.checks(kept, trusted), *others], as_json)
        if kept:
            counted["anchor"] = len(kept)
        if as_json:
            whole = {"ok": not found, "counted": counted, "findings": found}
            click.echo(json.dumps(whole, ensure_ascii=False))
        rows = ", ".join(f"{number:,} rows in {table}" for table, number in counted.items())
        if found:
            click.echo(f"{len(found):,} findings in {rows}.", err=True)
            raise SystemExit(1)
        click.echo(f"Everything agrees: {rows}.", err=as_json)

    return verify


_ANCHOR_HELP = (
    "A file with what `leerrekening checkpoint` printed, one a line: the log must still begin with"
    " what they signed. Can be given more than once."
)
_KEY_HELP = (
    "A file with the public keys that you trust, as `leerrekening seal-key export` printed them:"
    " those of the seals must be these, or follow from them."
)


def _proved(
    database: Database, checks: Sequence[AnyCheck], silent: bool
) -> tuple[list[dict[str, str]], dict[str, int]]:
    """Return the findings, said as they come unless ``silent``, and how many rows were proved."""
    found = []
    with side_by_side(database, checks) as (session, running):
        for finding in (each for one in running for each in _watched(one)):
            row = {
                "table": finding.table,
                "id": finding.id,
                "message": render(finding.message, "en"),
            }
            found.append(row)
            if not silent:
                click.echo("{table} {id}: {message}".format_map(row))
        return found, verification.counted(session)


def _watched(running: Running) -> Iterator[Finding]:
    """Yield the findings of a check, and show on the terminal how far it is."""
    label = f"Checking {running.title} …"
    with click.progressbar(length=1, label=label, file=sys.stderr, width=30) as bar:
        for found in running.findings():
            if running.total:
                bar.length = running.total
                bar.update(running.done - bar.pos)
            if found is not None:
                yield found
        bar.update((bar.length or 1) - bar.pos)


def _anchors(path: Path) -> list[Anchor]:
    try:
        return anchors.read(path.name, path.read_text(encoding="utf-8"))
    except (Invalid, UnicodeDecodeError) as error:
        raise click.BadParameter(_why(error), param_hint="--anchor") from error


def _keys(path: Path) -> list[Verifier]:
    try:
        return offline.keys(path.read_text(encoding="utf-8"))
    except (Invalid, UnicodeDecodeError) as error:
        raise click.BadParameter(_why(error), param_hint="--key") from error


def _why(error: Exception) -> str:
    return render(error.as_message, "en") if isinstance(error, Invalid) else str(error)
