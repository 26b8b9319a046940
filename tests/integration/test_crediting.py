"""Crediting many at once writes the very rows that posting each of them writes."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import text

from ledger.accounts import journal, lots, schemes
from ledger.accounts.journal import crediting
from ledger.accounts.lots import Credit
from ledger.accounts.verification import CHECKS
from ledger.db import Database
from ledger.errors import AlreadyDone, InsufficientBalance
from tests.factories import World, funder_actor

COLUMNS = {
    "journal_transaction": "kind, subject, actor_id, occurred_on, recorded_at",
    "journal_posting": "line, bucket, unit, amount, scheme_id, rule_id, account_id, provider_id",
    "lot": "account_id, scheme_id, rule_id, unit, origin, subject, enrolment_id, granted_on,"
    " expires_on, credited, available, held, spent, returned",
    "journal_fund": "scheme_id, balance",
}


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def test_both_ways_write_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    scheme = world.scheme(1_000_000, expiry_months=24)
    holders = [world.holder() for _ in range(3)]
    items = [
        Credit(holders[0].account_id, 100, "grant", 'with "marks" \\ and , {commas}'),
        Credit(holders[1].account_id, 999, "grant", "NULL", expires_on=date(2027, 1, 31)),
        Credit(holders[2].account_id, 7, "grant", "s3", enrolment_id="enr_1", actor_id="usr_9"),
    ]
    written = []
    for fast in (True, False):
        monkeypatch.setattr(crediting, "fits", lambda *_, fast=fast: fast)
        with world.database.work(funder_actor(scheme.funder_id), world.now) as work:
            receipts = lots.credit(work, scheme.id, items)
            assert len({one.id for one in receipts}) == 3
            written.append(_seen(work.session))
            work.session.rollback()
    assert written[0] == written[1]


def _seen(session: Any) -> dict[str, list[Any]]:
    return {
        table: sorted(
            (tuple(row) for row in session.execute(text(f"SELECT {names} FROM {table}"))),  # noqa: S608
            key=repr,
        )
        for table, names in COLUMNS.items()
    }


def test_sound_books_and_refusals(world: World) -> None:
    scheme, noor = world.scheme(1_000), world.holder()
    actor = funder_actor(scheme.funder_id)
    world.do(actor, lots.credit, scheme.id, [Credit(noor.account_id, 600, "grant", "s1")])
    with pytest.raises(AlreadyDone):
        world.do(actor, lots.credit, scheme.id, [Credit(noor.account_id, 1, "grant", "s1")])
    with world.database.reading() as session:
        rule = schemes.rule_on(session, scheme.id, world.today)
    rule_source = journal.Source("grant", scheme.id, "EUR", rule.id)
    over = journal.NewCredit("s2", noor.account_id, 401, "usr_1", None, None)
    with pytest.raises(InsufficientBalance):
        world.do(actor, journal.credit_many, rule_source, [over])
    for amount in (0, -1, 2**53, True):
        with pytest.raises(ValueError, match="out of bounds"):
            world.do(actor, journal.credit_many, rule_source, [over._replace(amount=amount)])
    with world.database.reading() as session:
        assert [one for check in CHECKS for one in check.run(session)] == []
