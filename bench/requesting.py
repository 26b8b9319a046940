"""Everybody at one budget: ``hold_hot_fund``, and ``slow_disk_hot_fund`` on a disk that is slow.

Ours are requests in one round, which all count against its one capped budget. On the slow disk
the yardstick is what one would write first: lock the fund's row, insert, commit.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg

from bench import holders
from bench import server as servers
from bench.crew import Crew, Exhausted
from bench.grounds import Grounds, Ready
from bench.measuring import Figure, Pair
from bench.server import Server
from ledger import clock
from ledger.batching import Batcher
from ledger.db import Actor, Database
from ledger.funders import rounds
from tests.factories import funder_actor

HOLDERS = 120_000
AMOUNT = 100  # cents per request
BUDGET = HOLDERS * AMOUNT
SHIM = Path(__file__).with_name("slow_flush.c")


class Requests:
    """Callers who each ask once in a round, gathered by the micro-batcher."""

    def __init__(self, url: str, threads: int, process: int) -> None:
        self.database = Database(url, pool_size=4)
        self.batcher = Batcher(
            self.database, rounds.request_many, apart=lambda ask: ask.actor.account_id
        )
        half = HOLDERS // 2
        # Beforehand, since making ids up takes part of the time that is measured.
        self.mine = [holders.holder(n).actor for n in range(process * half, (process + 1) * half)]
        self.round_id = ""
        self.todo: Iterator[Actor] = iter(())

    def prepare(self, load: str) -> None:
        """Begin a new round, in which nobody has asked yet."""
        self.round_id = load
        self.todo = iter(self.mine)

    def caller(self, number: int) -> Callable[[], object]:
        """Ask for one holder and wait for the durable answer."""

        def once() -> None:
            for actor in self.todo:
                answer = self.batcher.submit(rounds.Ask(actor, self.round_id))
                assert answer.receipt is not None
                return
            raise Exhausted

        return once

    def close(self) -> None:
        """Close the connections."""
        self.database.dispose()


class RowLock:
    """Callers who each lock the fund's row, read it, lower it, insert a grant and commit."""

    def __init__(self, conninfo: str, threads: int, process: int) -> None:
        self.connections = [psycopg.connect(conninfo) for _ in range(threads)]

    def prepare(self, load: Any) -> None:
        """Nothing is used up."""

    def caller(self, number: int) -> Callable[[], object]:
        """One naive transaction on the connection of this caller."""
        connection = self.connections[number]

        def once() -> None:
            with connection.transaction():
                row = connection.execute("SELECT left_over FROM fund WHERE id = 1 FOR UPDATE")
                (left,) = row.fetchone() or (0,)
                assert left >= 1
                connection.execute("UPDATE fund SET left_over = left_over - 1 WHERE id = 1")
                connection.execute("INSERT INTO granted (fund_id, amount) VALUES (1, 1)")

        return once

    def close(self) -> None:
        """Close the connections."""
        for connection in self.connections:
            connection.close()


@contextmanager
def _requests(server: Server, ready: Ready) -> Iterator[Callable[[float], float]]:
    with ready.ledger() as name:
        url = server.url(name)
        with server.cluster.connect(name) as connection:
            holders.add(connection, ready.offer, 0, HOLDERS)
            connection.execute("VACUUM ANALYZE")
        database = Database(url, pool_size=1)
        fund = ready.offer.funds[0]
        with Crew("bench.requesting:Requests", 2, 64, url=url) as crew:

            def rate(seconds: float) -> float:
                now = clock.now()
                opened = database.perform(
                    funder_actor(fund.funder_id),
                    rounds.open_round,
                    fund.scheme_id,
                    AMOUNT,
                    BUDGET,
                    now,
                    now + timedelta(days=1),
                )
                crew.prepare(opened.id)
                return crew.run(seconds)

            yield rate
        database.dispose()


@contextmanager
def _beside_pgbench(grounds: Grounds) -> Iterator[Pair]:
    ready, server = grounds.ready, grounds.server
    with _requests(server, ready) as ours:
        yield Pair(ours, lambda s: server.pgbench_rate(ready.pgbench, s))


@contextmanager
def _on_a_slow_disk(grounds: Grounds) -> Iterator[Pair]:
    shim = servers.cache_folder("shim") / "slow_flush.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", shim, SHIM, "-ldl"], check=True)
    with servers.running(environment={"LD_PRELOAD": str(shim)}) as server:
        ready = Ready(server)
        name = server.cluster.create_database()
        with server.cluster.connect(name) as connection:
            connection.execute("CREATE TABLE fund (id int PRIMARY KEY, left_over bigint NOT NULL)")
            connection.execute("CREATE TABLE granted (fund_id int NOT NULL, amount int NOT NULL)")
            connection.execute("INSERT INTO fund VALUES (1, 1000000000)")
        conninfo = f"host={server.cluster.home} port=5432 user=postgres dbname={name}"
        with (
            _requests(server, ready) as ours,
            Crew("bench.requesting:RowLock", 2, 8, conninfo=conninfo) as naive,
        ):
            yield Pair(ours, naive.run)


FIGURES = (
    Figure(
        "hold_hot_fund",
        "requests/s",
        2.0,
        "higher",
        "rounds.request on one capped round, micro-batched, 2 processes × 64 callers",
        "pgbench TPC-B-like -M prepared, 8 clients",
        _beside_pgbench,
    ),
    Figure(
        "slow_disk_hot_fund",
        "requests/s",
        10.0,
        "higher",
        "rounds.request on one capped round, micro-batched, 2 × 64 callers, +2 ms per flush",
        "SELECT … FOR UPDATE on the fund, insert, commit: 16 clients, the same disk",
        _on_a_slow_disk,
    ),
)
