"""``grants_bulk``: a CSV file of grants, from its bytes to the last lot, rows per second."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from bench import holders
from bench.grounds import Grounds
from bench.measuring import Figure, Pair
from ledger.db import Database
from ledger.funders import grants
from tests.factories import funder_actor

ROWS = 50_000
AMOUNT = "100,00"


@contextmanager
def _beside_pgbench(grounds: Grounds) -> Iterator[Pair]:
    ready, server = grounds.ready, grounds.server
    with ready.ledger() as name:
        with server.cluster.connect(name) as connection:
            holders.add(connection, ready.offer, 0, ROWS)
            connection.execute("VACUUM ANALYZE")
            numbers = [row[0] for row in connection.execute("SELECT number FROM account")]
        database = Database(server.url(name), pool_size=2)
        fund = ready.offer.funds[0]
        actor = funder_actor(fund.funder_id)
        turns = 0

        def rate(seconds: float) -> float:
            nonlocal turns
            turns += 1
            data = _file(numbers, turns)
            start = perf_counter()
            outcome = database.perform(
                actor, grants.submit_file, fund.scheme_id, data, f"{turns}.csv"
            )
            while not outcome.done:
                outcome = database.perform(actor, grants.go_on, fund.scheme_id, outcome.batch_id)
            elapsed = perf_counter() - start
            assert outcome.granted_count == ROWS, outcome
            return ROWS / elapsed

        yield Pair(rate, lambda s: server.pgbench_rate(ready.pgbench, s, "-N"), warm=False)
        database.dispose()


def _file(numbers: list[str], turn: int) -> bytes:
    """Return a file that was not sent before."""
    rows = [f"{number};{AMOUNT};;actie {turn} regel {n}" for n, number in enumerate(numbers)]
    return "\r\n".join(["account_number;amount;expires_on;reference", *rows, ""]).encode()


FIGURES = (
    Figure(
        "grants_bulk",
        "rows/s",
        3.0,
        "higher",
        f"a CSV file of {ROWS:,} grants: read, checked, credited; 1 client",
        "pgbench -N -M prepared, 8 clients",
        _beside_pgbench,
    ),
)
