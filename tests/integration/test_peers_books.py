"""What went wrong in other ledgers' logs, balances and shared accounts, tried on ours."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ledger import clock, ids
from ledger.accounts import balances, journal, verification
from ledger.accounts.models import LogEntry, Lot, Posting, Transaction, Unsealed
from ledger.accounts.seals import sealer
from ledger.db import SYSTEM, Database
from ledger.providers import completions, confirmations
from ledger.providers.models import Enrolment
from tests.factories import Holder, World, provider_actor
from tests.integration.sealing import keys_in

PRICE = 100_000
PATIENCE = 60  # seconds until a test that hangs fails


@pytest.fixture
def world(database: Database) -> World:
    return World(database, clock.now())


@pytest.fixture
def holder(world: World) -> Holder:
    return world.holder(email="nr1@example.nl")


def sealed(world: World, folder: Path) -> set[str]:
    """Seal what waits and return all transactions that have a place."""
    signer = world.do(SYSTEM, keys_in(folder).signer)
    world.do(SYSTEM, sealer.seal, signer)
    with world.database.reading() as session:
        return set(session.scalars(select(LogEntry.transaction_id)))


def entry_of(scheme_id: str, subject: str) -> journal.Entry:
    lines = (journal.Line("returned", -1, scheme_id), journal.Line("bank", 1, scheme_id))
    return journal.Entry("pay", subject, lines)


def test_formance_an_id_that_comes_late_is_not_skipped(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Formance: a hasher that walks ``id > last`` never sees an id that was committed late."""
    scheme = world.scheme().id
    early = "txn_" + "0" * 26  # before every id that is made now
    later = world.do(SYSTEM, journal.post, entry_of(scheme, "later"))
    assert later.id > early and later.id in sealed(world, tmp_path)
    monkeypatch.setattr(ids, "new", lambda _prefix: early)
    assert world.do(SYSTEM, journal.post, entry_of(scheme, "early")).id == early
    monkeypatch.undo()
    assert early in sealed(world, tmp_path)
    with world.database.reading() as session:
        assert session.scalars(select(Unsealed)).all() == []


def test_formance_what_commits_late_is_sealed_late(world: World, tmp_path: Path) -> None:
    """Formance again, with two writers at the same time (SQLite has one, so nothing to skip)."""
    if world.database.engine.dialect.name == "sqlite":
        return
    scheme, other = world.scheme().id, world.scheme().id
    with world.database.work(SYSTEM, world.now) as slow:
        early = journal.post(slow, entry_of(scheme, "early"))
        late = world.do(SYSTEM, journal.post, entry_of(other, "late"))
        found = sealed(world, tmp_path)
        assert late.id in found and early.id not in found
    assert early.id in sealed(world, tmp_path)


def test_immudb_a_changed_value_is_never_called_consistent(
    world: World, holder: Holder, tmp_path: Path
) -> None:
    """immudb: its audit said 'consistent' after a value was edited, since it hashed no live rows.

    Here even somebody who edits postings, lot and roll-ups alike, so that every sum is right.
    """
    lot = world.lot(holder, PRICE)
    sealed(world, tmp_path)
    with world.database.reading() as session:
        assert list(verification.check(session)) == []
        grant = session.scalars(select(Transaction.id).where(Transaction.kind == "grant")).one()
    with world.database.work(SYSTEM) as work:
        _without_triggers(work.session)
        for bucket, sign in (("fund", -1), ("available", 1)):
            work.session.execute(
                update(Posting)
                .where(Posting.transaction_id == grant, Posting.bucket == bucket)
                .values(amount=sign * (PRICE + 1))
            )
        more = {"credited": PRICE + 1, "available": PRICE + 1}
        work.session.execute(update(Lot).where(Lot.id == lot).values(more))
        for bucket, sign in (("fund", -1), ("available", 1)):
            work.session.execute(
                text("UPDATE journal_rollup SET amount = amount + :d WHERE bucket = :b"),
                {"d": sign, "b": bucket},
            )
        work.session.execute(text("UPDATE journal_fund SET balance = balance - 1"))
    with world.database.reading() as session:
        assert grant in {finding.id for finding in verification.check(session)}


def _without_triggers(session: Session) -> None:
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL session_replication_role = replica"))
        return
    names = session.scalars(
        text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :t"),
        {"t": "journal_posting"},
    )
    for name in names.all():
        session.execute(text(f"DROP TRIGGER {name}"))


def test_hordak_the_database_itself_keeps_the_rules(world: World, holder: Holder) -> None:
    """hordak's lesson: constraints belong in the database, where no program can forget them."""
    lot = world.lot(holder, PRICE)
    for change in (
        {"available": -1, "held": PRICE + 1},
        {"available": PRICE + 1},
        {"spent": -1, "available": PRICE + 1},
    ):
        with pytest.raises(IntegrityError), world.database.work(SYSTEM) as work:
            work.session.execute(update(Lot).where(Lot.id == lot).values(change))
    with pytest.raises(IntegrityError), world.database.work(SYSTEM) as work:
        work.session.execute(text("UPDATE journal_fund SET balance = -1"))


def test_hordak_a_balance_is_a_row(world: World, holder: Holder, tmp_path: Path) -> None:
    """hordak: a balance was the sum of all legs ever; 420 ms at a million of them.

    What is sealed is not read again: the roll-up answers for it.
    """
    scheme = world.scheme(PRICE)
    world.lot(holder, 10, scheme)
    sealed(world, tmp_path)
    world.lot(holder, 5, scheme)
    with world.database.work(SYSTEM) as work:
        # Were the sealed postings added up, the roll-up would not matter.
        work.session.execute(
            text("UPDATE journal_rollup SET amount = 1000 WHERE bucket = 'available'")
        )
        assert balances.bucket_balance(work.session, scheme.id, "available") == 1005


def test_midaz_there_is_one_truth(world: World, holder: Holder) -> None:
    """Midaz: what Redis had promised, PostgreSQL did not know yet: 'doesn't exist'.

    All of a posting is there for everybody from its commit, and nothing of it before.
    """
    world.lot(holder, PRICE)
    enrolment = world.requested(holder)

    def seen() -> tuple[int, int, int, str]:
        with world.database.reading() as session:
            return (
                session.scalars(select(Lot.held)).one(),
                balances.bucket_balance(
                    session, session.scalars(select(Lot.scheme_id)).one(), "held"
                ),
                session.scalar(select(func.count()).where(Transaction.kind == "hold")) or 0,
                session.get_one(Enrolment, enrolment.id).status,
            )

    with world.database.work(holder.actor, world.now) as work:
        confirmations.confirm(work, enrolment.id)
        assert seen() == (0, 0, 0, "requested")
    assert seen() == (PRICE, PRICE, 1, "confirmed")


def ended(world: World, number: int) -> list[Enrolment]:
    """Return enrolments in one run, paid by one scheme, that can be completed."""
    world.now -= timedelta(days=60)
    run, scheme, made = world.run(in_days=5), world.scheme(), []
    for _ in range(number):
        one = world.holder()
        world.lot(one, PRICE, scheme)
        made.append(world.confirmed(one, run))
    for enrolment in made:
        world.attended(enrolment, [True] * 4)
    return made


def test_pgledger_payable_is_no_hot_account(world: World) -> None:
    """pgledger and Formance: all who post to one account, or to one chain, wait for each other.

    Two completions of one provider, paid by one scheme, are open at the same time. (SQLite has one
    writer whatever one does.)
    """
    if world.database.engine.dialect.name == "sqlite":
        return
    first, second = ended(world, 2)
    staff = provider_actor(first.provider_id)
    with world.database.work(staff, world.now) as work:
        completions.complete(work, first.id, "failed")
        with world.database.work(staff, world.now) as other:
            other.session.execute(text("SET LOCAL lock_timeout = '5s'"))
            completions.complete(other, second.id, "failed")
    with world.database.reading() as session:
        assert session.scalar(select(func.count()).where(Transaction.kind == "settle")) == 2
