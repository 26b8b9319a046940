"""The commands of accounts on both engines: expire, verify, user add."""

from __future__ import annotations

import json
from datetime import timedelta

import click
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from ledger import clock
from ledger.accounts import cli, expiry, users
from ledger.accounts.models import Lot
from ledger.accounts.verification.cli import verify_command
from ledger.db import SYSTEM, Database
from ledger.errors import Invalid
from tests.factories import PASSWORD, Holder, World
from tests.integration.test_verification import tamper


@pytest.fixture
def world(database: Database) -> World:
    return World(database, clock.now() - timedelta(days=20))


def run(world: World, command: click.Command, *arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments), obj=world.database)


def verify(world: World, *arguments: str) -> Result:
    return run(world, verify_command([]), *arguments)


def lot_about_to_go(world: World) -> Holder:
    """Let a lot expire and be announced, but not returned yet."""
    holder = world.holder()
    world.lot(holder, 12_345, expires_on=world.today + timedelta(days=7))
    world.do(SYSTEM, expiry.notify, world.today)
    world.later(days=20)
    return holder


def test_a_dry_run_tells_and_changes_nothing(world: World) -> None:
    lot_about_to_go(world)
    for _ in range(2):
        told = run(world, cli.expire, "--dry-run")
        assert told.exit_code == 0
        assert "Would return €123.45 from 1 lots" in told.output


def test_expired_money_is_returned_once(world: World) -> None:
    holder = lot_about_to_go(world)
    early = run(world, cli.expire, "--on", (world.today - timedelta(days=14)).isoformat())
    assert "Returned nothing from 0 lots" in early.output
    assert "Returned €123.45 from 1 lots" in run(world, cli.expire).output
    assert "Returned nothing from 0 lots" in run(world, cli.expire).output
    with world.database.reading() as session:
        lot = session.scalars(select(Lot).where(Lot.account_id == holder.account_id)).one()
        assert (lot.available, lot.returned) == (0, 12_345)


def test_the_future_and_nonsense_are_refused(world: World) -> None:
    ahead = run(world, cli.expire, "--on", "2999-01-01")
    assert isinstance(ahead.exception, Invalid)
    assert run(world, cli.expire, "--on", "2026-02-30").exit_code == 2


def test_true_books_agree(world: World) -> None:
    lot_about_to_go(world)
    done = verify(world)
    assert done.exit_code == 0
    assert done.stdout.startswith("Everything agrees: 2 rows in journal_transaction, 4 rows in")
    assert "Checking budgets, funds and roll-ups of schemes" in done.stderr
    said = json.loads(verify(world, "--json").stdout)
    assert said["ok"] and said["findings"] == [] and said["counted"]["journal_posting"] == 4


def test_a_finding_is_one_line_and_exit_code_one(world: World) -> None:
    lot_about_to_go(world)
    tamper(world.database, "UPDATE journal_transaction SET actor_id = 'x' WHERE kind = 'pay_in'")
    done = verify(world)
    assert done.exit_code == 1
    (line,) = done.stdout.splitlines()
    assert line.startswith("journal_transaction txn_")
    assert line.endswith("its content is not what was recorded at the time")
    said = json.loads(verify(world, "--json").stdout)
    (row,) = said["findings"]
    assert not said["ok"] and row["table"] == "journal_transaction" and row["id"] in line


def test_adding_users(world: World) -> None:
    holder = ("--email", "a@example.nl", "--name", "A. Bos", "--password", PASSWORD)
    added = run(world, cli.add_user, *holder, "--role", "holder", "--api-key")
    assert "Account number: LR" in added.output and "API key: lrk_" in added.output
    key = added.output.split("API key: ")[1].strip()
    with world.database.asking() as connection:
        found = users.load_key(connection, key, clock.now())
    assert found is not None and found.role == "holder" and found.account_id is not None
    provider = world.provider("Vakcentrum")
    staff = ("--email", "b@example.nl", "--name", "B", "--password", PASSWORD, "--role")
    named = run(world, cli.add_user, *staff, "provider", "--organisation", "Vakcentrum")
    assert named.exit_code == 0 and "as provider" in named.output
    unknown = run(world, cli.add_user, *staff, "funder", "--organisation", provider.id)
    assert isinstance(unknown.exception, Invalid)
    first = ("--email", "c@example.nl", "--name", "C", "--password", PASSWORD, "--role")
    assert run(world, cli.add_user, *first, "operator", "--organisation", "Beheer").exit_code == 0
    again = ("--email", "d@example.nl", "--name", "D", "--password", PASSWORD, "--role")
    other = run(world, cli.add_user, *again, "operator", "--organisation", "Ander beheer")
    assert isinstance(other.exception, Invalid)
