"""``verify``: the whole command over a million postings, beside hashing the same bytes."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import groupby
from pathlib import Path
from time import perf_counter

from sqlalchemy import select
from sqlalchemy.orm import Session

from bench import holders
from bench.grounds import Grounds
from bench.measuring import Figure, Pair
from ledger.accounts.canonical import Head, Line, canonical
from ledger.accounts.models import Lot, Posting, Transaction
from ledger.accounts.seals import sealer
from ledger.accounts.seals.keys import Keys
from ledger.db import Database

POSTINGS = 1_000_000


@contextmanager
def _beside_hashlib(grounds: Grounds) -> Iterator[Pair]:
    with tempfile.TemporaryDirectory() as folder, grounds.ready.ledger() as name:
        connect = partial(grounds.server.cluster.connect, name)
        holders.add_history(connect, grounds.ready.offer, POSTINGS // holders.POSTINGS)
        with connect() as connection:
            connection.execute("VACUUM ANALYZE")
        database = Database(grounds.server.url(name), pool_size=1)
        seal(database, Path(folder))
        with database.reading() as session:
            texts = list(_canonical_bytes(session))
        database.dispose()
        environment = {
            **os.environ,
            "LEERREKENING_DATABASE_URL": grounds.server.url(name),
            "LEERREKENING_INSTANCE_PATH": folder,
        }
        yield Pair(lambda _: _verify(environment), lambda _: _hash(texts), warm=False)


def seal(database: Database, folder: Path) -> None:
    """Give every transaction its place in the log, with a key in ``folder``."""
    for _ in sealer.rounds(database, Keys(folder / "keys", "bench/journal"), wait=True):
        pass


def _verify(environment: dict[str, str]) -> float:
    start = perf_counter()
    command = [sys.executable, "-m", "ledger.cli", "verify"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    elapsed = perf_counter() - start
    if done.returncode:
        raise RuntimeError(f"verify found something:\n{done.stdout[:2000]}{done.stderr[-2000:]}")
    return elapsed


def _hash(texts: list[bytes]) -> float:
    start = perf_counter()
    for text in texts:
        hashlib.sha256(text).digest()
    return perf_counter() - start


def _canonical_bytes(session: Session) -> Iterator[bytes]:
    heads = session.execute(
        select(
            *(Transaction.__table__.c[name] for name in Head.__slots__[:8]),
            Lot.id,
            Lot.expires_on,
            Lot.enrolment_id,
        )
        .outerjoin(Lot, (Lot.origin == Transaction.kind) & (Lot.subject == Transaction.subject))
        .order_by(Transaction.id)
        .execution_options(yield_per=10_000)
    )
    lines = session.execute(
        select(Posting.transaction_id, *(Posting.__table__.c[name] for name in Line.__slots__))
        .order_by(Posting.transaction_id, Posting.line)
        .execution_options(yield_per=10_000)
    )
    of_transactions = groupby(lines, lambda row: row[0])
    for head, (transaction_id, rows) in zip(heads, of_transactions, strict=True):
        assert head[0] == transaction_id
        yield canonical(Head(*head), [Line(*row[1:]) for row in rows])


FIGURES = (
    Figure(
        "verify",
        "s",
        12.0,
        "lower",
        f"the command leerrekening verify over {POSTINGS:,} postings, from start to exit",
        "hashlib.sha256 over the same canonical bytes, ready in memory",
        _beside_hashlib,
    ),
)
