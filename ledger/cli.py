"""The console command ``leerrekening``: running the service and what operators do by hand."""

from __future__ import annotations

import sqlite3
import sys
from importlib import import_module
from typing import Any

import click
import psycopg
from sqlalchemy.exc import OperationalError

from ledger import clock, config, i18n, migrations, server
from ledger.accounts.verification.cli import verify_command
from ledger.db import SYSTEM, Database
from ledger.errors import DomainError
from ledger.web import outcomes

_TIDIED_AT_ONCE = 1000  # rows per unit of work, so that writers hardly wait
_PROVING = ("providers", "funders")  # rooms that prove their side of the books as well
_ANYWHERE = ("verify-proof",)  # commands that need no installation: no settings, no database


class Outage(click.ClickException):
    """The database cannot be used; its own exit code, so that no script takes it for an answer."""

    exit_code = 3


class Commands(click.Group):
    """Commands that answer a refusal with one sentence and exit code 1, an outage with 3."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (DomainError, config.ConfigurationError) as error:
            raise click.ClickException(_sentence(error)) from error
        except (OperationalError, psycopg.OperationalError, sqlite3.OperationalError) as error:
            cause = str(getattr(error, "orig", error)).strip().splitlines()
            raise Outage(
                f"The database cannot be used now: {cause[0] if cause else 'no answer'}"
            ) from error


def _sentence(error: DomainError | config.ConfigurationError) -> str:
    if isinstance(error, config.ConfigurationError):
        return str(error)
    first = i18n.render(error.as_message, "en")
    details = [
        f"  {field}: {i18n.render(message, 'en')}"
        for field, messages in error.field_errors.items()
        for message in messages
    ]
    # With one field the sentence says it all.
    return "\n".join([first, *details] if len(details) > 1 else [first])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="leerrekening")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Leerrekening, the open personal learning account.

    \b
    Start with a demonstration:   leerrekening demo
    Start with your own data:     leerrekening db upgrade && leerrekening serve
    """
    if ctx.invoked_subcommand not in (None, *_ANYWHERE):
        settings = config.load()
        ctx.obj = Database(settings.database_url)
        ctx.call_on_close(ctx.obj.dispose)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=5000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64))
@click.pass_obj
def serve(database: Database, host: str, port: int, workers: int) -> None:
    """Serve the pages and the API.

    \b
    Example:  leerrekening serve --port 8000 --workers 2
    """
    require_current(database)
    server.run(host, port, workers)


@main.group()
def db() -> None:
    """Look after the database."""


@db.command()
@click.pass_obj
def upgrade(database: Database) -> None:
    """Bring the database to the newest version; run it before serving a new release."""
    migrations.upgrade(database.url)
    click.echo(f"The database is at version {migrations.head()}.")


@db.command()
@click.pass_obj
def check(database: Database) -> None:
    """Tell whether the database is at the newest version; exit code 1 when it is not."""
    require_current(database)
    click.echo(f"The database is at version {migrations.head()}.")


@db.command()
@click.option(
    "--days",
    default=outcomes.REMEMBERED_DAYS,
    show_default=True,
    type=click.IntRange(outcomes.REMEMBERED_DAYS, 3650),
    help="Keep what is younger than this.",
)
@click.pass_obj
def tidy(database: Database, days: int) -> None:
    """Forget old answers to API calls; run it every night. It can run while others write.

    An answer is kept so that repeating a call with the same Idempotency-Key changes nothing; a
    call that comes again after so many days is done again. The books are not touched.

    \b
    Example:  leerrekening db tidy --days 90
    """
    before = clock.now() - clock.days(days)
    count = 0
    while done := database.perform(SYSTEM, outcomes.forget, before, _TIDIED_AT_ONCE):
        count += done
    click.echo(f"Forgot {count} answers to API calls older than {days} days.")


@main.group("import")
def import_() -> None:
    """Read files in: skills from ESCO, grants from a list."""


@main.group()
def user() -> None:
    """Look after the people who sign in."""


def require_current(database: Database) -> None:
    """Exit with what to do when the database is not at the newest version."""
    found = migrations.current(database.engine)
    if found != migrations.head():
        raise click.ClickException(
            f"The database is at version {found or 'none'} and this release needs"
            f" {migrations.head()}. Run: leerrekening db upgrade"
        )


def _add_room_commands() -> None:
    groups = {"": main, "import": import_, "user": user, "db": db}
    for room in ("accounts", "providers", "funders", "demo"):
        for group, command in import_module(f"ledger.{room}.cli").COMMANDS:
            groups[group].add_command(command)
    checks = [
        check for room in _PROVING for check in import_module(f"ledger.{room}.verification").CHECKS
    ]
    main.add_command(verify_command(checks))


_add_room_commands()

if __name__ == "__main__":
    sys.exit(main())
