"""The command that makes and serves the demonstration."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress
from sqlalchemy import select

from ledger import clock, config, migrations, server
from ledger.accounts.models import Organisation
from ledger.accounts.seals import keys, sealer
from ledger.db import SYSTEM, Database
from ledger.demo import history, large, summary, world

_FILE = "demo.json"


@click.command()
@click.option("--size", type=click.Choice(("small", "large")), default="small", show_default=True)
@click.option("--no-serve", is_flag=True, help="Make the data and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.option("--reset", is_flag=True, help="Throw the demonstration's data away and start anew.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=5000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64))
@click.pass_obj
def demo(
    database: Database,
    size: str,
    no_serve: bool,
    as_json: bool,
    reset: bool,
    host: str,
    port: int,
    workers: int,
) -> None:
    """Make an invented region with two years of history, and serve it.

    The data is made once; a second start serves what is there.

    \b
    Examples:  leerrekening demo
               leerrekening demo --size large --no-serve
               leerrekening demo --no-serve --json
    """
    settings = config.load()
    path = settings.instance_path / _FILE
    if reset:
        _reset(database, path)
    migrations.upgrade(database.url)
    if not path.exists():
        _make(database, size, path)
        for _ in sealer.rounds(database, keys.of(settings)):
            continue
    found = summary.kept(path, settings.public_url)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
    else:
        _introduce(found, host, port, serving=not no_serve)
    if not no_serve:
        database.dispose()
        server.run(host, port, workers)


def _reset(database: Database, path: Path) -> None:
    """Empty the database; refused when it is not one that the demonstration made."""
    if migrations.current(database.engine) is not None and not path.exists():
        raise click.ClickException(
            "This database was not made by the demonstration, so it is left alone."
        )
    migrations.remove_all(database)
    path.unlink(missing_ok=True)


def _make(database: Database, size: str, path: Path) -> None:
    with database.reading() as session:
        if session.execute(select(Organisation.id).limit(1)).first():
            raise click.ClickException(
                "This database has data of its own. Give the demonstration another folder with"
                " LEERREKENING_INSTANCE_PATH, or another database."
            )
    now = clock.now()
    made = world.new_world()
    first = next(history.months(clock.today(now)))
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        story = progress.add_task("Two years of learning", total=history.MONTHS + 3)
        with database.work(SYSTEM, first.opening) as work:
            world.start(work, made)
        progress.advance(story)
        history.tell(database, made, now, lambda: progress.advance(story))
        if size == "large":
            crowd = progress.add_task("Accounts", total=large.ACCOUNTS)
            large.fill(database, made, lambda number: progress.advance(crowd, number))
    with database.reading() as session:
        summary.keep(path, summary.summarise(session, made))


def _introduce(found: dict[str, Any], host: str, port: int, serving: bool) -> None:
    click.echo("Leerrekening, demonstration with invented persons.\n")
    for role, logins in found["users"].items():
        click.echo(f"  {role:9} {logins[0]['sign_in']:32} {logins[0]['password']}")
    click.echo("")
    if serving:
        click.echo(f"Open http://{host}:{port}, sign in as the worker and look at the balance.")
        click.echo(f"The credential of somebody who finished: {found['credential']['verify_url']}")
        click.echo("Stop with Ctrl-C.")


COMMANDS: tuple[tuple[str, click.Command], ...] = (("", demo),)
