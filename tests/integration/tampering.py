"""A small world with something in every table of the journal, for tests that change it unseen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Table, select, text
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
from ledger.accounts.seals import checkpoints, sealer
from ledger.accounts.verification import anchors
from ledger.accounts.verification.anchors import Anchor
from ledger.db import SYSTEM, Base, Database
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


def make_books(database: Database, tmp_path: Path) -> Books:
    """Return a world with three seals by two keys, and something that waits."""
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
