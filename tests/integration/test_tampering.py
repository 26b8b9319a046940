"""Every column of every table of the journal, changed behind its back, and the row is named.

As somebody with all rights on the database: without triggers, foreign keys and CHECKs. Each change
is undone again, so that all are tried on one world.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ledger.accounts import expiry, lots, verification
from ledger.accounts.models import (
    ExpiryNotice,
    Fund,
    LogEntry,
    Lot,
    Posting,
    Rollup,
    Seal,
    SealKey,
    Tile,
    Transaction,
    Unsealed,
)
from ledger.accounts.seals import checkpoints, keys, rotations, sealer
from ledger.accounts.verification import anchors
from ledger.accounts.verification.anchors import Anchor
from ledger.db import SYSTEM, Base, Database, Work
from ledger.funders import budgets
from ledger.i18n import render
from ledger.providers import completions
from tests.factories import World, funder_actor, provider_actor
from tests.integration.sealing import keys_in

TABLES: tuple[Table, ...] = tuple(
    Base.metadata.tables[model.__tablename__]
    for model in (
        Transaction,
        Posting,
        Lot,
        Fund,
        Unsealed,
        LogEntry,
        Tile,
        Seal,
        SealKey,
        Rollup,
        ExpiryNotice,
    )
)
SPAN = timedelta(days=100)
Row = dict[str, Any]


@dataclass
class Books:
    """A small world with something in every table of the journal, and its checkpoints kept."""

    world: World
    anchors: list[Anchor]
    folder: Path

    @property
    def database(self) -> Database:
        """Return its database."""
        return self.world.database

    def seal(self) -> None:
        """Seal what waits, at the moment of the world."""
        ring = keys_in(self.folder)
        self.world.do(SYSTEM, lambda work: sealer.seal(work, ring.signer(work)))

    def rotate(self) -> None:
        """Let another key sign."""
        self.world.do(SYSTEM, keys_in(self.folder).rotate)


@pytest.fixture
def books(database: Database, tmp_path: Path) -> Books:
    books = Books(World(database), [], tmp_path)
    world = books.world
    scheme = world.scheme()
    noor = world.holder()
    world.lot(noor, 500_000, scheme)
    many = [lots.Credit(noor.account_id, 100 + n, "grant", f"many_{n}") for n in range(256)]
    world.do(SYSTEM, lots.credit, scheme.id, many)
    books.seal()
    world.later(hours=1)
    done = world.confirmed(noor, world.run(world.course(price_cents=60_000)))
    tied = world.lot(
        noor, 4_000, scheme, expires_on=world.today + timedelta(days=60), enrolment_id=done.id
    )
    assert tied
    books.seal()
    short = world.lot(noor, 700, scheme, expires_on=world.today + timedelta(days=6))
    assert short
    world.do(SYSTEM, expiry.notify, world.today)
    books.rotate()
    world.attended(done, [True] * 4)
    world.do(provider_actor(done.provider_id), completions.complete, done.id, "passed")
    # Recorded before the seal before its own: it counts from then on.
    world.do(SYSTEM, expiry.expire, world.today)
    world.later(minutes=1)
    books.seal()
    with database.reading() as session:
        seals = session.scalars(select(Seal).order_by(Seal.size)).all()
    assert len(seals) == 3
    books.anchors = anchors.read("kept.jsonl", "\n".join(map(line_of, seals)))
    world.later(minutes=1)
    funder = funder_actor(scheme.funder_id)
    world.do(funder, budgets.pay_in, scheme.id, 5_000, "late", world.today)
    return books


def line_of(seal: Seal) -> str:
    """Return what `leerrekening checkpoint` prints of a seal."""
    said = checkpoints.read(seal.note)
    return json.dumps(
        {
            "origin": said.origin,
            "size": said.size,
            "root": said.root.hex(),
            "sealed_at": checkpoints.moment_text(said.sealed_at),
            "key_id": seal.key_id,
            "note": seal.note,
        }
    )


@contextmanager
def all_rights(books: Books) -> Iterator[Session]:
    """Give a session that nothing refuses anything, and undo at the end what was done in it."""
    with Session(books.database.engine) as session:
        if books.database.engine.dialect.name == "postgresql":
            session.execute(text("SET LOCAL session_replication_role = replica"))
            for table in TABLES:
                found = session.execute(
                    text(
                        "SELECT conname FROM pg_constraint"
                        " WHERE conrelid = CAST(:name AS regclass) AND contype = 'c'"
                    ),
                    {"name": table.name},
                )
                for (name,) in found.all():
                    session.execute(text(f'ALTER TABLE {table.name} DROP CONSTRAINT "{name}"'))
        else:
            session.execute(text("PRAGMA ignore_check_constraints = ON"))
            session.execute(text("PRAGMA defer_foreign_keys = ON"))
            names = session.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
            for (name,) in names.all():
                session.execute(text(f'DROP TRIGGER "{name}"'))
        yield session
        session.rollback()


@contextmanager
def undone(session: Session) -> Iterator[None]:
    """Undo what the block does."""
    point = session.begin_nested()
    try:
        yield
    finally:
        point.rollback()
        session.expire_all()


def found(session: Session, kept: list[Anchor] | None = None) -> dict[tuple[str, str], str]:
    """Return what the proof finds: per table and id the message."""
    checks = verification.checks(kept or [])
    findings = [finding for check in checks for finding in check.run(session)]
    return {(f.table, f.id): render(f.message, "en") for f in findings}


def key_of(table: Table, row: Row) -> str:
    """Return how findings name a row."""
    return "/".join(str(row[column.name]) for column in table.primary_key).rstrip("/")


def names(table: Table, row: Row, finding: tuple[str, str], said: str) -> bool:
    """Tell whether a finding names the row, or the transaction or lot that it is a part of."""
    if finding == (table.name, key_of(table, row)):
        return True
    if table.name == "journal_posting":
        return finding == ("journal_transaction", row["transaction_id"])
    # What opened a lot has its last day and its enrolment in its hash: either may be changed.
    return table.name == "lot" and finding[0] == "journal_transaction" and row["id"] in said


def samples(session: Session, table: Table) -> list[Row]:
    """Return rows of a table that differ: the first, one in the middle, and the last."""
    order = list(table.primary_key)
    rows = [dict(row._mapping) for row in session.execute(select(table).order_by(*order))]
    assert rows, f"nothing in {table.name}: the test would prove nothing"
    return [rows[n] for n in sorted({0, len(rows) // 2, len(rows) - 1})]


def changed(value: Any) -> list[Any]:
    """Return other values of the kind of ``value``."""
    if value is None:
        return ["x"]
    if isinstance(value, bool | int):
        return [value + 1]
    if isinstance(value, bytes):
        return [bytes([value[0] ^ 1]) + value[1:]]
    if isinstance(value, datetime):
        return [value + timedelta(microseconds=1)]
    if isinstance(value, date):
        return [value + SPAN]
    return [value + "x"]


def changes(table: Table, rows: list[Row]) -> Iterator[tuple[Row, Row]]:
    """Yield rows and the values to be put in one of their columns."""
    first, last = rows[0], rows[-1]
    for column in table.columns:
        value = last[column.name]
        others = changed(value)
        if value is None and column.type.python_type is date:
            others = [date(2030, 1, 1)]
        if value is not None and column.nullable:
            others.append(None)
        if column.name not in UNPROVED.get(table.name, ()):
            # What stands in another row looks right by itself.
            others += [row[column.name] for row in rows if row[column.name] != value][:1]
        yield from ((last, {column.name: other}) for other in others if other != value)
        if first[column.name] is not None:
            yield first, {column.name: changed(first[column.name])[0]}


# A notice is proved as far as it allowed the money to go: within the time between two thresholds
# one day is as good as the other, and so is the notice of another lot.
UNPROVED = {"expiry_notice": ("recorded_on", "lot_id")}


def where(table: Table, row: Row) -> list[Any]:
    """Return the condition that finds a row by its key."""
    return [column == row[column.name] for column in table.primary_key]


def test_the_untouched_world_is_clean(books: Books) -> None:
    with books.database.reading() as session:
        assert found(session, books.anchors) == {}
        for table in TABLES:
            assert samples(session, table)


def test_every_table_of_the_journal_is_tried() -> None:
    ours = {table.name for table in TABLES}
    journal = {name for name in Base.metadata.tables if name.startswith("journal_")}
    assert journal <= ours


def test_every_changed_column_is_named(books: Books) -> None:
    silent = []
    tried = set()
    with all_rights(books) as session:
        for table in TABLES:
            for row, change in changes(table, samples(session, table)):
                try:
                    with undone(session):
                        done = session.execute(
                            update(table).where(*where(table, row)).values(change)
                        )
                        assert done.rowcount == 1  # type: ignore[attr-defined]
                        findings = found(session)
                except IntegrityError:
                    continue  # a unique index or NOT NULL refused it
                tried |= {(table.name, name) for name in change}
                rows = (row, {**row, **change})
                if not any(
                    names(table, one, finding, said)
                    for one in rows
                    for finding, said in findings.items()
                ):
                    silent.append((table.name, key_of(table, row), change, findings))
    assert silent == []
    assert tried == {(table.name, column.name) for table in TABLES for column in table.columns}


def test_every_removed_row_is_noticed(books: Books) -> None:
    with all_rights(books) as session:
        for table in TABLES:
            for row in samples(session, table):
                if row.get("days_before", 7) != 7:
                    continue  # only the last notice before the money goes has to be there
                with undone(session):
                    session.execute(table.delete().where(*where(table, row)))
                    findings = found(session, books.anchors)
                assert findings, row


PLANTED: dict[str, Callable[[Row], Row]] = {
    "journal_transaction": lambda row: {"id": "txn_planted", "kind": "pay", "subject": "planted"},
    "journal_posting": lambda row: {"line": 9},
    "lot": lambda row: {"id": "lot_planted", "subject": "planted"},
    "journal_fund": lambda row: {"scheme_id": "sch_planted"},
    "journal_unsealed": lambda row: {"transaction_id": "txn_planted"},
    "journal_log": lambda row: {"position": 9_999, "transaction_id": "txn_planted"},
    "journal_tile": lambda row: {"number": 9},
    "journal_seal": lambda row: {"size": 9_999},
    "seal_key": lambda row: {"id": "planted"},
    "journal_rollup": lambda row: {"provider_id": "org_planted"},
    "expiry_notice": lambda row: {"lot_id": "lot_planted"},
}


def test_every_inserted_row_is_named(books: Books) -> None:
    with all_rights(books) as session:
        for table in TABLES:
            for row in samples(session, table):
                planted = {**row, **PLANTED[table.name](row)}
                # Unique as well, and of no other row.
                planted.update({n: None for n in ("resolves_id", "reverses_id") if n in planted})
                with undone(session):
                    session.execute(insert(table).values(planted))
                    findings = found(session)
                assert any(names(table, planted, *one) for one in findings.items()), planted


def remove_newest(session: Session, size: int) -> None:
    """Take the log back to ``size`` with all that came later, as if it had never been."""
    later = f"SELECT transaction_id FROM journal_log WHERE position >= {size}"  # noqa: S608
    gone = f"{later} UNION SELECT transaction_id FROM journal_unsealed"  # noqa: S608
    for statement in (
        f"DELETE FROM journal_posting WHERE transaction_id IN ({gone})",  # noqa: S608
        f"DELETE FROM journal_transaction WHERE id IN ({gone})",  # noqa: S608
        f"DELETE FROM journal_log WHERE position >= {size}",  # noqa: S608
        f"DELETE FROM journal_seal WHERE size > {size}",  # noqa: S608
        "DELETE FROM journal_unsealed",
    ):
        session.execute(text(statement))


def make_agree(session: Session) -> None:
    """Let lots, funds, roll-ups and notices say what is left of the postings."""
    total = "SELECT coalesce(sum(amount), 0) FROM journal_posting p WHERE"
    drawers = {
        "credited": f"-({total} p.lot_id = lot.id AND bucket = 'fund')",
        "available": f"({total} p.lot_id = lot.id AND bucket = 'available')",
        "held": f"({total} p.lot_id = lot.id AND bucket = 'held')",
        "spent": f"({total} p.lot_id = lot.id AND bucket IN ('payable', 'receivable', 'bank'))",
        "returned": f"({total} p.lot_id = lot.id AND bucket = 'returned')",
    }
    counters = ", ".join(f"{name} = {value}" for name, value in drawers.items())
    for statement in (
        "DELETE FROM expiry_notice",
        "DELETE FROM lot WHERE id NOT IN (SELECT lot_id FROM journal_posting"
        " WHERE lot_id IS NOT NULL)",
        f"UPDATE lot SET {counters}",  # noqa: S608
        f"UPDATE journal_fund SET balance = ({total} p.scheme_id = journal_fund.scheme_id"  # noqa: S608
        " AND bucket = 'fund')",
        "DELETE FROM journal_rollup",
        "INSERT INTO journal_rollup (scheme_id, bucket, provider_id, amount) SELECT scheme_id,"
        " bucket, coalesce(provider_id, ''), sum(amount) FROM journal_posting"
        " WHERE transaction_id NOT IN (SELECT transaction_id FROM journal_unsealed)"
        " GROUP BY 1, 2, 3",
        "DELETE FROM seal_key WHERE NOT EXISTS"
        " (SELECT 1 FROM journal_seal WHERE key_id = seal_key.id)",
    ):
        session.execute(text(statement))


def test_removed_newest_rows_are_found_with_what_was_kept_elsewhere(books: Books) -> None:
    with all_rights(books) as session:
        first = session.scalars(select(Seal.size).order_by(Seal.size)).first()
        assert first is not None
        remove_newest(session, first)
        assert found(session)  # lots and roll-ups tell, as long as they were forgotten
        make_agree(session)
        assert found(session) == {}  # nothing here can tell any more
        findings = found(session, books.anchors)
        # The first still stands; what the others signed is gone.
        assert set(findings) == {("anchor", "kept.jsonl:2"), ("anchor", "kept.jsonl:3")}
        assert all(f"the log has {first}" in said for said in findings.values())


def test_swapped_places_are_named(books: Books) -> None:
    with all_rights(books) as session:
        one, other = (
            session.execute(select(LogEntry).where(LogEntry.position == n)).scalar_one()
            for n in (3, 4)
        )
        rows = [(one.transaction_id, one.leaf), (other.transaction_id, other.leaf)]
        session.execute(update(LogEntry).where(LogEntry.position == 3).values(transaction_id="x"))
        for position, (transaction_id, leaf) in ((4, rows[0]), (3, rows[1])):
            session.execute(
                update(LogEntry)
                .where(LogEntry.position == position)
                .values(transaction_id=transaction_id, leaf=leaf)
            )
        findings = found(session)
    assert "out of order" in findings["journal_log", "4"]
    assert any(table == "journal_seal" for table, _ in findings)


def test_a_history_that_was_written_and_sealed_anew_is_found_by_its_anchor(
    books: Books, tmp_path: Path
) -> None:
    with all_rights(books) as session:
        for table in ("journal_log", "journal_tile", "journal_seal", "journal_rollup", "seal_key"):
            session.execute(text(f"DELETE FROM {table}"))  # noqa: S608
        session.execute(
            text(
                "INSERT INTO journal_unsealed SELECT id FROM journal_transaction"
                " WHERE id NOT IN (SELECT transaction_id FROM journal_unsealed)"
            )
        )
        other = keys_in(tmp_path / "other")
        work = Work(session, SYSTEM, books.world.now)
        sealer.seal(work, other.signer(work))
        session.flush()
        assert found(session) == {}
        findings = found(session, books.anchors)
    assert set(findings) == {("anchor", f"kept.jsonl:{line}") for line in (1, 2, 3)}


def test_a_key_that_no_trusted_key_leads_to_is_named(books: Books, tmp_path: Path) -> None:
    other = keys_in(tmp_path / "other")
    with books.database.reading() as session:
        ours = [rotations.read(key.note).key for key in keys.all_keys(session)]
        first_of_ours, last_of_ours = ours

        def named(*trusted: Any) -> set[str]:
            checks = verification.checks([], trusted)
            findings = [finding for check in checks for finding in check.run(session)]
            return {finding.id for finding in findings if finding.table == "seal_key"}

        assert named(first_of_ours) == set()  # it leads to the next
        assert named(last_of_ours) == {first_of_ours.id}
        assert named(other._make("another/journal").verifier) == {key.id for key in ours}
