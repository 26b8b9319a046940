"""Commands of this room."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from ledger.db import SYSTEM, Database, Work
from ledger.errors import Invalid
from ledger.providers import attendance, enrolments, esco

_AT_ONCE = 500  # skills per step of the progress bar


class _DryRun(Exception):
    """Undoes what was tried."""


@click.command("esco")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--language", default="en", show_default=True, help="Language of the labels.")
@click.option("--dry-run", is_flag=True, help="Say what would change and change nothing.")
@click.pass_obj
def import_esco(database: Database, files: tuple[Path, ...], language: str, dry_run: bool) -> None:
    """Read skills from ESCO's CSV files, as published on esco.ec.europa.eu.

    Reading a file again is harmless: what changed is brought up to date.

    \b
    Example:  leerrekening import esco skills_en.csv skillGroups_en.csv
    """
    skills = esco.merge(skill for path in files for skill in _read(path))
    result = _store(database, skills, language, dry_run)
    click.echo(
        f"{result.added} new, {result.changed} changed, {result.unchanged} as they were"
        + (": nothing was stored, this was a dry run." if dry_run else ".")
    )


def _read(path: Path) -> tuple[esco.Skill, ...]:
    try:
        return esco.read(path.read_bytes())
    except Invalid as error:
        raise click.ClickException(f"{path.name}: {error}") from error


def _store(
    database: Database, skills: tuple[esco.Skill, ...], language: str, dry_run: bool
) -> esco.ImportResult:
    total = esco.ImportResult(0, 0, 0)
    try:
        # One unit of work: a file is in as a whole or not at all.
        with (
            Progress(console=Console(stderr=True), transient=True) as progress,
            database.work(SYSTEM) as work,
        ):
            for start in progress.track(
                range(0, len(skills), _AT_ONCE), description="Storing skills"
            ):
                part = esco.import_skills(work, skills[start : start + _AT_ONCE], language)
                total = esco.ImportResult(
                    total.added + part.added,
                    total.changed + part.changed,
                    total.unchanged + part.unchanged,
                )
            if dry_run:
                raise _DryRun
    except _DryRun:
        pass
    return total


@click.command("lapse")
@click.option("--dry-run", is_flag=True, help="Say what would happen and change nothing.")
@click.pass_obj
def lapse(database: Database, dry_run: bool) -> None:
    """End enrolments that their holders did not confirm in time; run it every day.

    Nothing was set aside for them, so no money moves. Running it again is harmless.

    \b
    Examples:  leerrekening lapse
               leerrekening lapse --dry-run
    """
    found = _tried(database, enrolments.lapse, dry_run)
    click.echo(f"{len(found)} enrolments {'would lapse' if dry_run else 'lapsed'}.")


@click.command("missing")
@click.option("--dry-run", is_flag=True, help="Say what would happen and change nothing.")
@click.pass_obj
def missing(database: Database, dry_run: bool) -> None:
    """Open a case for each enrolment whose provider declared nothing in time; run it every day.

    Silence is never completion: no money moves. Running it again opens nothing twice.

    \b
    Examples:  leerrekening missing
               leerrekening missing --dry-run
    """
    found = _tried(database, attendance.missing, dry_run)
    click.echo(f"{len(found)} cases {'would be opened' if dry_run else 'were opened'}.")


def _tried(database: Database, verb: Callable[[Work], list[str]], dry_run: bool) -> list[str]:
    found: list[str] = []
    try:
        with database.work(SYSTEM) as work:
            found = verb(work)
            if dry_run:
                raise _DryRun
    except _DryRun:
        pass
    return found


COMMANDS: tuple[tuple[str, click.Command], ...] = (
    ("import", import_esco),
    ("", lapse),
    ("", missing),
)
