"""Each planted fault on the funders' side is named."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from ledger.db import SYSTEM, Database
from ledger.funders import accruals, grants, rounds
from ledger.funders.verification import CHECKS
from tests.factories import World, funder_actor


def _findings(database: Database) -> set[tuple[str, str]]:
    with database.reading() as session:
        return {(one.table, one.id) for check in CHECKS for one in check.run(session)}


@pytest.fixture
def world(database: Database) -> World:
    world = World(database)
    scheme = world.scheme(accrual_period="year", accrual_minor=5_000, four_eyes_minor=2**40)
    noor = world.holder()
    funder = funder_actor(scheme.funder_id)
    world.do(funder, grants.grant, scheme.id, noor.number, 1_000)
    world.do(funder, accruals.run, scheme.id, "2026")
    closes_at = world.now + timedelta(days=1)
    made = world.do(funder, rounds.open_round, scheme.id, 100, 1_000, world.now, closes_at)
    world.do(noor.actor, rounds.request, made.id)
    return world


def test_sound_books_have_no_finding(world: World) -> None:
    assert _findings(world.database) == set()


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("budget_payment", "amount = amount + 1"),
        ("grant_batch", "total = total + 1"),
        ("grant_batch", "handled_line = handled_line - 1"),
        ("grant_batch", "granted_total = granted_total - 1"),
        ("grant_round", "granted = granted + 1"),
        ("grant_round", "request_count = request_count + 1"),
        ("grant_batch", "row_count = row_count + 1, refused_count = refused_count + 1"),
        ("accrual_run", "credited_total = credited_total + 1"),
        ("accrual_run", "credited_count = credited_count + 1"),
    ],
)
def test_a_changed_row_is_named(world: World, table: str, change: str) -> None:
    with world.database.work(SYSTEM) as work:
        work.session.execute(text(f"UPDATE {table} SET {change}"))  # noqa: S608
        changed = work.session.execute(text(f"SELECT id FROM {table}")).scalar_one()  # noqa: S608
    assert (table, changed) in _findings(world.database)


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("grant_row", "amount = amount + 1"),
        ("grant_row", "account_id = 'acc_x'"),
        ("grant_row", "reference = 'x'"),
        ("round_request", "amount = amount + 1"),
        ("round_request", "account_id = 'acc_x'"),
        ("round_request", "transaction_id = 'txn_x'"),
        ("round_request", "round_id = 'rnd_x'"),
    ],
)
def test_a_changed_grant_is_named(world: World, table: str, change: str) -> None:
    with world.database.work(SYSTEM) as work:
        work.session.execute(text(f"UPDATE {table} SET {change}"))  # noqa: S608
    assert table in {found for found, _ in _findings(world.database)}


@pytest.mark.parametrize("table", ["grant_row", "round_request"])
def test_a_removed_row_is_named_by_what_counted_it(world: World, table: str) -> None:
    with world.database.work(SYSTEM) as work:
        work.session.execute(text(f"DELETE FROM {table}"))  # noqa: S608
    owner = {"grant_row": "grant_batch", "round_request": "grant_round"}[table]
    assert {found for found, _ in _findings(world.database)} == {owner}


def test_a_removed_payment_is_named_by_its_transaction(world: World) -> None:
    with world.database.work(SYSTEM) as work:
        work.session.execute(text("DELETE FROM budget_payment"))
    assert {table for table, _ in _findings(world.database)} == {"journal_transaction"}
