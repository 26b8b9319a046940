"""Commands of accounts: expiry, users, and those of the seals."""

from __future__ import annotations

import sys
from datetime import date, datetime

import click
from sqlalchemy import select

from ledger import clock
from ledger.accounts import expiry, organisations, people, users
from ledger.accounts.models import ROLES, Organisation
from ledger.accounts.seals import cli as seal_cli
from ledger.accounts.seals import proof_cli
from ledger.db import SYSTEM, Database, Work
from ledger.errors import Invalid
from ledger.i18n import format_money
from ledger.messages import N_


@click.command()
@click.option(
    "--on",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Act as on this day, today or earlier (YYYY-MM-DD). Default: today.",
)
@click.option("--dry-run", is_flag=True, help="Tell what would happen; change nothing.")
@click.pass_obj
def expire(database: Database, on: datetime | None, dry_run: bool) -> None:
    """Record expiry notices and return expired money to its funds; run it every day.

    Holders are told 90, 30 and 7 days ahead. Money leaves only after its last day, and only when
    the last notice was recorded a week before. Running it twice changes nothing the second time.

    \b
    Examples:  leerrekening expire
               leerrekening expire --on 2026-12-31 --dry-run
    """
    day = on.date() if on else clock.today(clock.now())
    if dry_run:
        with database.reading() as session:
            click.echo(f"Notices that would be recorded: {expiry.notices_due(session, day)}")
            click.echo(f"Would return {_told(expiry.due(session, day))}. Nothing was changed.")
        return
    click.echo(f"Notices recorded: {database.perform(SYSTEM, expiry.notify, day)}")
    click.echo(f"Returned {_told(_expire_all(database, day))}.")


@click.command("add")
@click.option("--email", required=True, help="Address to sign in with.")
@click.option("--name", required=True)
@click.option("--role", required=True, type=click.Choice(ROLES))
@click.option("--organisation", help="Name or id of the organisation; not for holders.")
@click.option("--password", envvar="LEERREKENING_PASSWORD", help="Asked for when not given.")
@click.option("--api-key", is_flag=True, help="Also make an API key and print it.")
@click.pass_obj
def add_user(
    database: Database,
    email: str,
    name: str,
    role: str,
    organisation: str | None,
    password: str | None,
    api_key: bool,
) -> None:
    """Add somebody who signs in. A holder also gets a learning account.

    The first operator brings the operator's organisation along under the name that is given.

    \b
    Examples:  leerrekening user add --email a.bos@example.nl --name "A. Bos" --role holder
               leerrekening user add --email beheer@example.nl --name Beheer \\
                   --role operator --organisation "Stichting Leerrekening"
    """
    secret = password or click.prompt("Password", hide_input=True, confirmation_prompt=True)
    lines = database.perform(SYSTEM, _add_user, email, name, secret, role, organisation, api_key)
    click.echo("\n".join(lines))


COMMANDS: tuple[tuple[str, click.Command], ...] = (
    ("", expire),
    ("user", add_user),
    *seal_cli.COMMANDS,
    *proof_cli.COMMANDS,
)


def _expire_all(database: Database, day: date) -> expiry.Expired:
    """Expire in units of work of one batch each, so that nobody waits for the whole job."""
    with database.reading() as session:
        total = expiry.due(session, day).lots
    lots = 0
    totals: dict[str, int] = {}
    with click.progressbar(length=total, label="Returning", file=sys.stderr) as bar:
        while True:
            done = database.perform(SYSTEM, expiry.expire, day, expiry.BATCH)
            lots += done.lots
            for unit, amount in done.totals.items():
                totals[unit] = totals.get(unit, 0) + amount
            bar.update(done.lots)
            if done.lots < expiry.BATCH:
                return expiry.Expired(lots, totals)


def _told(expired: expiry.Expired) -> str:
    amounts = [format_money(minor, unit, "en") for unit, minor in sorted(expired.totals.items())]
    return f"{' and '.join(amounts) or 'nothing'} from {expired.lots:,} lots"


def _add_user(
    work: Work,
    email: str,
    name: str,
    password: str,
    role: str,
    organisation: str | None,
    api_key: bool,
) -> list[str]:
    organisation_id = None if role == "holder" else _organisation(work, role, organisation)
    user = users.add_user(work, email, name, password, role, organisation_id)
    lines = [f"{user.email} can sign in as {role} (user {user.id})."]
    if role == "holder":
        person = people.register(work, name, user.id)
        lines.append(f"Account number: {people.open_account(work, person.id).number}")
    if api_key:
        membership = users.memberships(work.session, user.id)[0]
        lines.append(f"API key: {users.add_api_key(work, membership.membership_id)}")
    return lines


def _organisation(work: Work, role: str, text: str | None) -> str:
    if not text:
        raise Invalid(N_("Give the organisation."), field="organisation")
    kind = "funder" if role == "auditor" else role
    found = work.session.scalars(
        select(Organisation.id).where(
            Organisation.kind == kind, (Organisation.id == text) | (Organisation.name == text)
        )
    ).all()
    if len(found) == 1:
        return found[0]
    if not found and role == "operator" and not organisations.of_kind(work.session, "operator"):
        return organisations.admit(work, "operator", text).id
    raise Invalid(N_("There is no such organisation."), field="organisation")
