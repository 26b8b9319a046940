"""``hold_growth`` and ``balance_growth``: the same work in a small and in a large ledger.

The large ledger is kept in the cache of the benchmarks, since making it takes minutes.
"""

from __future__ import annotations

import json
import random
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from time import perf_counter

from bench import holders, server
from bench.grounds import Grounds, make_ledger
from bench.measuring import Figure, Pair
from bench.offer import Fund, Offer
from bench.server import Server
from bench.verifying import seal
from ledger import clock
from ledger.accounts import lots, neighbours, people, statements
from ledger.db import Database
from ledger.providers import confirmations
from tests import postgres

SMALL, LARGE, TENTH = 10_000, 10_000_000, 1_000_000  # postings
HOLDS = 200  # per turn: so few that the small ledger stays small
PAGES = 400  # per turn
_MILLI = 1000


@dataclass(frozen=True)
class Ledger:
    """A ledger with its history, and the first holder who is not in it yet."""

    database: Database
    name: str
    offer: Offer
    holders: int


@contextmanager
def _ledgers(grounds: Grounds) -> Iterator[tuple[Server, Ledger, Ledger]]:
    """Start the kept server; give its large ledger and a small one made for this run."""
    size = TENTH if grounds.small else LARGE
    pattern = f"grown-{size}-"
    kept = pattern + _digest()
    with server.running(kept) as running:
        server.forget(f"{pattern}*")
        with tempfile.TemporaryDirectory() as folder:
            large = _kept(running, size, Path(folder))
            name, offer = make_ledger(running)
            small = _filled(running, name, offer, SMALL, Path(folder))
        with running.cluster.connect() as connection:
            connection.execute("CHECKPOINT")
        try:
            yield running, large, small
        finally:
            large.database.dispose()
            small.database.dispose()
            running.cluster.drop_database(name)


def _digest() -> str:
    """Return what changes when the tables, what is in them or the server's version change."""
    root = Path(__file__).resolve().parents[1]
    sources = [*(root / "ledger" / "migrations" / "versions").glob("*.py")]
    sources += [Path(holders.__file__), Path(holders.__file__).with_name("offer.py")]
    text = b"".join(path.read_bytes() for path in sorted(sources))
    text += str(postgres.find_programs().folder).encode()
    return sha256(text).hexdigest()[:12]


def _kept(running: Server, size: int, folder: Path) -> Ledger:
    with running.cluster.connect() as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = 'large'").fetchone()
    if found:
        with running.cluster.connect("large") as connection:
            row = connection.execute("SELECT offer FROM bench_offer").fetchone()
        assert row is not None
        first, second = (Fund(**fund) for fund in row[0]["funds"])
        offer = Offer(
            (first, second),
            row[0]["provider_id"],
            tuple((run, course) for run, course in row[0]["runs"]),
        )
        database = Database(running.url("large"), pool_size=1)
        return Ledger(database, "large", offer, size // holders.POSTINGS)
    name, offer = make_ledger(running)
    made = _filled(running, name, offer, size, folder)
    made.database.dispose()
    with running.cluster.connect(name) as connection:
        connection.execute("CREATE TABLE bench_offer (offer jsonb NOT NULL)")
        connection.execute("INSERT INTO bench_offer VALUES (%s)", [json.dumps(asdict(offer))])
    # Its name is the last thing that it gets: what was broken off is made anew.
    with running.cluster.connect() as connection:
        connection.execute(f'ALTER DATABASE "{name}" RENAME TO large')
    return _kept(running, size, folder)


def _filled(running: Server, name: str, offer: Offer, size: int, folder: Path) -> Ledger:
    count = size // holders.POSTINGS
    holders.add_history(partial(running.cluster.connect, name), offer, count)
    database = Database(running.url(name), pool_size=1)
    seal(database, folder / name)
    with running.cluster.connect(name) as connection:
        connection.execute("VACUUM ANALYZE")
    return Ledger(database, name, offer, count)


@contextmanager
def _holds(grounds: Grounds) -> Iterator[Pair]:
    with _ledgers(grounds) as (running, large, small):
        yield Pair(_hold_time(running, large), _hold_time(running, small))


def _hold_time(running: Server, ledger: Ledger) -> Callable[[float], float]:
    with running.cluster.connect(ledger.name) as connection:
        row = connection.execute("SELECT count(*) FROM account").fetchone()
    assert row is not None
    first = int(row[0])

    def milliseconds(_seconds: float) -> float:
        nonlocal first
        with running.cluster.connect(ledger.name) as connection:
            holders.add(connection, ledger.offer, first, HOLDS)
        times = []
        for n in range(first, first + HOLDS):
            one = holders.holder(n)
            start = perf_counter()
            ledger.database.perform(one.actor, confirmations.confirm, one.enrolment_id)
            times.append(perf_counter() - start)
        first += HOLDS
        return statistics.median(times) * _MILLI

    return milliseconds


@contextmanager
def _pages(grounds: Grounds) -> Iterator[Pair]:
    with _ledgers(grounds) as (_, large, small):
        yield Pair(_page_time(large), _page_time(small))


def _page_time(ledger: Ledger) -> Callable[[float], float]:
    # The same people each turn, so that from the second on their rows are in memory.
    drawn = random.Random(7).choices(range(ledger.holders), k=PAGES)

    def milliseconds(_seconds: float) -> float:
        times = []
        for n in drawn:
            account_id = holders.holder(n).account_id
            start = perf_counter()
            _ask(ledger.database, account_id)
            times.append(perf_counter() - start)
        return statistics.median(times) * _MILLI

    return milliseconds


def _ask(database: Database, account_id: str) -> None:
    """Ask all that the page with a holder's balance shows."""
    now = clock.now()
    today = clock.today(now)
    with database.reading() as session:
        account = people.account(session, account_id)
        own = lots.of_account(session, account.id)
        lots.totals(own, today)
        neighbours.steps(session, account.id, now)
        assert statements.movements(session, account.id, limit=6).items


FIGURES = (
    Figure(
        "hold_growth",
        "ms",
        1.3,
        "lower",
        "one confirmation in a ledger of 10⁷ postings, 1 client, median",
        "the same in a ledger of 10⁴ postings",
        _holds,
    ),
    Figure(
        "balance_growth",
        "ms",
        1.3,
        "lower",
        "all questions of the balance page in a ledger of 10⁷ postings, 1 client, median",
        "the same in a ledger of 10⁴ postings",
        _pages,
    ),
)
