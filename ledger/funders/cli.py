"""Commands of funders: granting from a file, and running the accrual rule."""

from __future__ import annotations

from pathlib import Path

import click
from sqlalchemy import select

from ledger import clock
from ledger.accounts import schemes
from ledger.accounts.models import Membership, User
from ledger.db import SYSTEM, Actor, Database
from ledger.errors import NotFound
from ledger.funders import accruals, grants, queries, steps
from ledger.funders.accruals import Result
from ledger.funders.granting import REFUSALS, Outcome
from ledger.i18n import format_money
from ledger.messages import N_

_SHOWN = 50  # wrong rows on the screen


@click.command("grants")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--scheme", "scheme_id", required=True, help="The scheme that pays (sch_…).")
@click.option("--as", "email", required=True, help="E-mail address of the funder's employee.")
@click.option("--dry-run", is_flag=True, help="Check the file and tell; change nothing.")
@click.pass_obj
def import_grants(
    database: Database, file: Path, scheme_id: str, email: str, dry_run: bool
) -> None:
    """Grant the rows of a CSV FILE: account_number, amount, expires_on, reference.

    A file with a wrong row is refused whole. Above the scheme's limit, counted together with what
    the same person granted on that day, a second person has to approve on the web page. A file
    that was sent before is refused; one that was stopped halfway goes on where it stopped.

    \b
    Examples:
      leerrekening import grants list.csv --scheme sch_01J… --as anna@fonds.example
      leerrekening import grants list.csv --scheme sch_01J… --as anna@fonds.example --dry-run
    """
    data = file.read_bytes()
    actor = _employee(database, email, scheme_id)
    if dry_run:
        _tell(database, scheme_id, data, file.name)
        return
    with database.reading() as session:
        batch_id = grants.under_way(session, scheme_id, data)
    if batch_id is None:
        outcome = database.perform(actor, grants.submit_file, scheme_id, data, file.name)
    else:
        click.echo(f"Batch {batch_id} was stopped halfway; it goes on.")
        outcome = database.perform(actor, grants.go_on, scheme_id, batch_id)
    if not outcome.done:
        outcome = _to_the_end(database, actor, scheme_id, outcome)
    click.echo(
        f"{outcome.granted_count or outcome.row_count:,} grants, batch {outcome.batch_id}:"
        f" {outcome.status}."
    )
    if outcome.status == "awaiting":
        click.echo("A second person of the funder has to approve it on the page of the batch.")
    for line, why in _refusals(database, outcome):
        click.echo(f"line {line}: {why}", err=True)


def _to_the_end(database: Database, actor: Actor, scheme_id: str, begun: Outcome) -> Outcome:
    with click.progressbar(length=begun.row_count, label="Granting") as bar:
        bar.update(begun.handled)

        def tick(outcome: Outcome) -> None:
            bar.update(outcome.handled - bar.pos)

        return steps.to_the_end(database, actor, grants.go_on, tick, scheme_id, begun.batch_id)


def _refusals(database: Database, outcome: Outcome) -> list[tuple[int, str]]:
    if not outcome.refused_count:
        return []
    with database.reading() as session:
        refused = queries.refused_rows(session, outcome.batch_id)
    return [(row.line, REFUSALS[row.refusal or ""]) for row in refused]


def _tell(database: Database, scheme_id: str, data: bytes, name: str) -> None:
    with database.reading() as session:
        scheme = schemes.get(session, scheme_id)
        found = grants.preview(session, scheme, data, name, clock.now())
    for error in found.errors[:_SHOWN]:
        click.echo(f"line {error.line}: {error.field}: {error.message}", err=True)
    total = format_money(found.total, found.unit, "en")
    click.echo(f"{len(found.rows):,} rows are good for {total}; {len(found.errors):,} errors.")
    if found.errors:
        raise SystemExit(1)
    click.echo("Nothing was changed.")


def _employee(database: Database, email: str, scheme_id: str) -> Actor:
    """Return the actor for somebody who works for the funder of the scheme."""
    with database.reading() as session:
        scheme = schemes.get(session, scheme_id)
        user_id = session.scalars(
            select(User.id)
            .join(Membership, Membership.user_id == User.id)
            .where(
                User.email == email.strip().lower(),
                User.disabled_at.is_(None),
                Membership.role == "funder",
                Membership.organisation_id == scheme.funder_id,
            )
        ).one_or_none()
    if user_id is None:
        raise NotFound(N_("Nobody with this e-mail address works for the funder of this scheme."))
    return Actor(user_id, "funder", user_id=user_id, organisation_id=scheme.funder_id)


@click.command()
@click.argument("scheme_id", metavar="SCHEME")
@click.argument("period")
@click.option("--dry-run", is_flag=True, help="Tell what would be credited; change nothing.")
@click.pass_obj
def accrue(database: Database, scheme_id: str, period: str, dry_run: bool) -> None:
    """Run the accrual rule of a SCHEME for a PERIOD (2026 or 2026-03).

    Running a period again credits only who was not credited for it yet; a run that was stopped
    halfway goes on where it stopped.

    \b
    Examples:  leerrekening accrue sch_01J… 2026
               leerrekening accrue sch_01J… 2026-03 --dry-run
    """
    with database.reading() as session:
        today = clock.today(clock.now())
        result = accruals.look(session, SYSTEM, scheme_id, period, today)
    if not dry_run:
        result = _accrue(database, scheme_id, period, result)
    total = format_money(result.total, result.unit, "en")
    done = "would be credited" if dry_run else "credited"
    click.echo(f"{result.credited:,} accounts {done}, {total} together.")
    click.echo(
        f"Before: {result.before:,}. Not eligible: {result.not_eligible:,}. "
        f"At the cap: {result.at_cap:,}. Nothing due: {result.nothing_due:,}."
    )


def _accrue(database: Database, scheme_id: str, period: str, looked: Result) -> Result:
    begun = database.perform(SYSTEM, accruals.begin, scheme_id, period, looked)
    if begun.visited:
        click.echo("This period was stopped halfway; it goes on.")
    with click.progressbar(length=begun.to_visit, label="Visiting accounts") as bar:
        bar.update(begun.visited)

        def tick(result: Result) -> None:
            bar.update(result.visited - bar.pos)

        return steps.to_the_end(database, SYSTEM, accruals.go_on, tick, scheme_id, period)


COMMANDS = (("import", import_grants), ("", accrue))
