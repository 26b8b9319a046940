"""Posting alone: ``post_single`` and ``post_batched``, beside pgbench."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from typing import Any

from bench import holders
from bench.crew import Crew
from bench.grounds import Grounds
from bench.holders import Holder
from bench.measuring import Figure, Pair
from bench.offer import Offer
from ledger import ids
from ledger.accounts import journal
from ledger.batching import Batcher
from ledger.db import SYSTEM, Database, Work

HOLDERS = 100_000
AMOUNT = 10**9  # cents in each lot: enough for as many holds of a cent as anybody can make


def hold(offer: Offer, one: Holder) -> journal.Entry:
    """Return a hold of one cent from each of a holder's two lots: four lines."""
    lines = tuple(
        journal.Line(
            bucket,
            sign,
            fund.scheme_id,
            rule_id=fund.rule_id,
            account_id=one.account_id,
            lot_id=lot_id,
        )
        for fund, lot_id in zip(offer.funds, one.lot_ids, strict=True)
        for bucket, sign in (("available", -1), ("held", 1))
    )
    return journal.Entry("hold", ids.new("enr"), lines)


class Single:
    """Callers that each post one hold per unit of work, for holders of their own."""

    def __init__(self, url: str, offer: Offer, threads: int, process: int) -> None:
        self.database = Database(url, pool_size=threads)
        self.offer = offer
        half = HOLDERS // 2
        # Beforehand, since making ids up takes part of the time that is measured.
        people = [holders.holder(n) for n in range(process * half, (process + 1) * half)]
        self.people = cycle(people)

    def prepare(self, load: Any) -> None:
        """Nothing is used up."""

    def caller(self, number: int) -> Callable[[], object]:
        """Post through the journal in one unit of work."""

        def once() -> None:
            entry = hold(self.offer, next(self.people))
            self.database.perform(SYSTEM, journal.post, entry)

        return once

    def close(self) -> None:
        """Close the connections."""
        self.database.dispose()


class Batched(Single):
    """The same through the micro-batcher."""

    def __init__(self, url: str, offer: Offer, threads: int, process: int) -> None:
        super().__init__(url, offer, threads, process)
        self.batcher = Batcher(self.database, post_many, apart=_account)

    def caller(self, number: int) -> Callable[[], object]:
        """Hand the entry to the batcher and wait for the durable answer."""

        def once() -> None:
            self.batcher.submit(hold(self.offer, next(self.people)))

        return once


def post_many(work: Work, entries: Sequence[journal.Entry]) -> list[journal.Receipt]:
    """Post a batch: the verb of the batcher."""
    return journal.post_many(work, entries)


def _account(entry: journal.Entry) -> str | None:
    return entry.lines[0].account_id


@contextmanager
def _beside_pgbench(grounds: Grounds, role: str, threads: int) -> Iterator[Pair]:
    ready, server = grounds.ready, grounds.server
    with ready.ledger() as name:
        with server.cluster.connect(name) as connection:
            holders.add(connection, ready.offer, 0, HOLDERS, lot=AMOUNT)
            connection.execute("VACUUM ANALYZE")
        with Crew(
            f"bench.posting:{role}", 2, threads, url=server.url(name), offer=ready.offer
        ) as crew:
            yield Pair(crew.run, lambda s: server.pgbench_rate(ready.pgbench, s, "-N"))


FIGURES = (
    Figure(
        "post_single",
        "tx/s",
        0.45,
        "higher",
        "journal.post of one hold from two lots, 8 clients (2 processes × 4 threads)",
        "pgbench -N -M prepared, 8 clients",
        lambda grounds: _beside_pgbench(grounds, "Single", 4),
    ),
    Figure(
        "post_batched",
        "tx/s",
        1.6,
        "higher",
        "the same through the micro-batcher, 2 processes × 64 callers",
        "pgbench -N -M prepared, 8 clients",
        lambda grounds: _beside_pgbench(grounds, "Batched", 64),
    ),
)
