"""``hold_sqlite``: one hold on a SQLite file, beside the same statements through bare sqlite3."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any, cast

from sqlalchemy import insert

from bench import offer as offers
from bench import server as servers
from bench.grounds import Grounds
from bench.holders import Holder, holder
from bench.measuring import Figure, Pair
from bench.offer import Offer
from bench.posting import AMOUNT, hold
from ledger import clock, ids, migrations
from ledger.accounts import journal
from ledger.accounts.canonical import Head, digest
from ledger.accounts.journal import sqlite
from ledger.accounts.journal.batch import assemble
from ledger.accounts.models import Account, Lot
from ledger.db import SYSTEM, Database

HOLDERS = 2_000

Statement = tuple[str, list[Sequence[Any]]]


class Recorder:
    """Stands in for a connection and keeps what would have been executed."""

    def __init__(self) -> None:
        self.statements: list[Statement] = []

    def executemany(self, statement: str, rows: Sequence[Sequence[Any]]) -> Any:
        """Keep a statement with its parameters; all of them succeed."""
        self.statements.append((statement, list(rows)))
        return _All(len(rows))


class _All:
    """The answer to a statement that did everything."""

    def __init__(self, count: int) -> None:
        self.rowcount = count


@contextmanager
def _beside_bare(grounds: Grounds) -> Iterator[Pair]:
    folder = Path(tempfile.mkdtemp(dir=servers.disk()))
    path = folder / "ledger.db"
    url = f"sqlite:///{path}"
    migrations.upgrade(url)
    database = Database(url)
    offer = offers.make(database, runs=1)
    _fill(database, offer)
    people = [holder(n) for n in range(HOLDERS)]
    try:
        yield Pair(
            lambda seconds: _ours(database, offer, people, seconds),
            lambda seconds: _bare(path, offer, people, seconds),
        )
    finally:
        database.dispose()
        shutil.rmtree(folder)


def _ours(database: Database, offer: Offer, people: Sequence[Holder], seconds: float) -> float:
    entries = _entries(offer, people, seconds)
    return _rate(lambda: database.perform(SYSTEM, journal.post, next(entries)), seconds)


def _bare(path: Path, offer: Offer, people: Sequence[Holder], seconds: float) -> float:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        work = _recorded(offer, people, seconds)

        def once() -> None:
            connection.execute("BEGIN IMMEDIATE")
            for statement, rows in next(work):
                connection.executemany(statement, rows)
            connection.execute("COMMIT")

        return _rate(once, seconds)


def _entries(offer: Offer, people: Sequence[Holder], seconds: float) -> Iterator[journal.Entry]:
    count = round(seconds * 8_000)
    return iter([hold(offer, people[n % len(people)]) for n in range(count)])


def _recorded(offer: Offer, people: Sequence[Holder], seconds: float) -> Iterator[list[Statement]]:
    """Return, made beforehand, the statements of our own writer with all their parameters."""
    now = clock.now()
    done = []
    for entry in _entries(offer, people, seconds):
        head = Head(ids.new("txn"), entry.kind, entry.subject, "bench", clock.today(now), now)
        recorder = Recorder()
        batch = assemble([head], [digest(head, entry.lines)], [entry])
        sqlite.write(cast(sqlite3.Connection, recorder), batch, ())
        done.append(recorder.statements)
    return iter(done)


def _fill(database: Database, offer: Offer) -> None:
    """Give everybody two lots that last."""
    with database.work(SYSTEM) as work:
        people = [holder(n) for n in range(HOLDERS)]
        accounts = [
            {"id": one.account_id, "number": one.key, "opened_at": work.now} for one in people
        ]
        lots = [
            {
                "id": lot_id,
                "account_id": one.account_id,
                "scheme_id": fund.scheme_id,
                "rule_id": fund.rule_id,
                "unit": "EUR",
                "origin": "grant",
                "subject": lot_id,
                "granted_on": work.today,
                "credited": AMOUNT,
                "available": AMOUNT,
            }
            for one in people
            for fund, lot_id in zip(offer.funds, one.lot_ids, strict=True)
        ]
        work.session.execute(insert(Account), accounts)
        work.session.execute(insert(Lot), lots)


def _rate(once: Callable[[], object], seconds: float) -> float:
    start, count = perf_counter(), 0
    while perf_counter() - start < seconds:
        once()
        count += 1
    return count / (perf_counter() - start)


FIGURES = (
    Figure(
        "hold_sqlite",
        "tx/s",
        0.5,
        "higher",
        "journal.post of one hold from two lots, SQLite with synchronous=FULL, 1 client",
        "the same statements through the bare sqlite3 module, 1 client",
        _beside_bare,
    ),
)
