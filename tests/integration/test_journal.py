"""The journal keeps its promises on both engines."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from ledger import ids
from ledger.accounts import balances, journal, lots
from ledger.accounts.canonical import Head, Line, digest
from ledger.accounts.models import Lot, Posting, Rule, Transaction
from ledger.db import SYSTEM, Database, Work
from ledger.errors import AlreadyDone, Conflict, InsufficientBalance
from tests.factories import World


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def _hold(lot: Lot, amount: int, subject: str) -> journal.Entry:
    def line(bucket: str, signed: int) -> Line:
        return Line(bucket, signed, lot.scheme_id, lot.unit, lot.rule_id, lot.account_id, lot.id)

    return journal.Entry("hold", subject, (line("available", -amount), line("held", amount)))


def _lot(world: World, amount: int = 1000) -> Lot:
    lot_id = world.lot(world.holder(), amount)
    with world.database.reading() as session:
        return session.get_one(Lot, lot_id)


def _counters(world: World, lot: Lot) -> tuple[int, int, int]:
    with world.database.reading() as session:
        now = session.get_one(Lot, lot.id)
        return now.available, now.held, now.spent


def test_a_receipt_is_the_hash_of_what_is_stored(world: World) -> None:
    lot = _lot(world)
    receipt = world.do(SYSTEM, journal.post, _hold(lot, 400, "enr_1"))
    with world.database.reading() as session:
        row = session.get_one(Transaction, receipt.id)
        postings = session.scalars(
            select(Posting).where(Posting.transaction_id == row.id).order_by(Posting.line)
        )
        lines = [
            Line(p.bucket, p.amount, p.scheme_id, p.unit, p.rule_id, p.account_id, p.lot_id)
            for p in postings
        ]
        head = Head(row.id, row.kind, row.subject, row.actor_id, row.occurred_on, row.recorded_at)
    assert digest(head, lines).hex() == receipt.hash == row.hash.hex()
    assert _counters(world, lot) == (600, 400, 0)


def test_a_kind_and_subject_happen_once(world: World) -> None:
    lot = _lot(world)
    world.do(SYSTEM, journal.post, _hold(lot, 100, "enr_1"))
    with pytest.raises(AlreadyDone):
        world.do(SYSTEM, journal.post, _hold(lot, 100, "enr_1"))
    assert _counters(world, lot) == (900, 100, 0)


def test_a_hold_is_resolved_once(world: World) -> None:
    lot = _lot(world)
    hold = world.do(SYSTEM, journal.post, _hold(lot, 100, "enr_1"))
    back = tuple(
        Line(one.bucket, -one.amount, one.scheme_id, one.unit, one.rule_id, one.account_id, lot.id)
        for one in _hold(lot, 50, "x").lines
    )
    release = journal.Entry("release", "enr_1", back, resolves_id=hold.id)
    settle = journal.Entry("settle", "enr_1", back, resolves_id=hold.id)
    world.do(SYSTEM, journal.post, release)
    with pytest.raises(AlreadyDone):
        world.do(SYSTEM, journal.post, settle)
    assert _counters(world, lot) == (950, 50, 0)


def test_one_bad_entry_undoes_the_batch(world: World) -> None:
    lot = _lot(world, 1000)
    entries = [_hold(lot, 600, "enr_1"), _hold(lot, 600, "enr_2")]
    with pytest.raises(InsufficientBalance):
        world.do(SYSTEM, journal.post_many, entries)
    assert _counters(world, lot) == (1000, 0, 0)


@pytest.mark.parametrize("amount", [0, 2**53])
def test_amounts_out_of_bounds_are_a_fault_of_the_program(world: World, amount: int) -> None:
    lot = _lot(world)
    with pytest.raises(ValueError):
        world.do(SYSTEM, journal.post, _hold(lot, amount, "enr_1"))


def test_an_entry_sums_to_zero_within_each_scheme(world: World) -> None:
    first, second = _lot(world), _lot(world)
    lines = (_hold(first, 100, "x").lines[0], _hold(second, 100, "x").lines[1])
    with pytest.raises(ValueError, match="zero"):
        world.do(SYSTEM, journal.post, journal.Entry("hold", "enr_1", lines))


@pytest.mark.parametrize("table", ["journal_transaction", "journal_posting", "event"])
@pytest.mark.parametrize("change", ["DELETE FROM {}", "UPDATE {} SET {}"])
def test_the_database_refuses_to_change_history(world: World, table: str, change: str) -> None:
    _lot(world)
    column = "bucket = 'fund'" if table == "journal_posting" else "kind = 'hold'"
    statement = text(change.format(table, column))
    with pytest.raises(DBAPIError, match="append-only"), world.database.work(SYSTEM) as work:
        work.session.execute(statement)


def test_the_reading_door_cannot_write(world: World) -> None:
    lot = _lot(world)
    with pytest.raises(DBAPIError), world.database.reading() as session:
        session.execute(text("UPDATE lot SET available = available"))
    assert _counters(world, lot) == (1000, 0, 0)


def test_a_lot_cannot_be_credited_beyond_the_fund_by_two_at_once(world: World) -> None:
    scheme = world.scheme(budget=1000)
    holders = [world.holder() for _ in range(8)]

    def credit(number: int) -> bool:
        item = lots.Credit(holders[number].account_id, 300, "grant", f"row_{number}")
        try:
            world.database.perform(SYSTEM, lots.credit, scheme.id, [item])
        except InsufficientBalance:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        granted = list(pool.map(credit, range(8)))
    assert sum(granted) == 3
    with world.database.reading() as session:
        assert balances.bucket_balance(session, scheme.id, "fund") == 100


def test_two_who_write_the_same_key_get_one_answer_and_one_conflict(world: World) -> None:
    scheme_id = world.scheme().id

    def add(work: Work) -> None:
        work.session.add(
            Rule(
                id=ids.new("rul"),
                scheme_id=scheme_id,
                version=2,
                valid_from=work.today,
                made_by="usr_x",
                made_at=work.now,
            )
        )

    world.database.perform(SYSTEM, add)
    with pytest.raises(Conflict):
        world.database.perform(SYSTEM, add)
