"""The whole verb of confirming an enrolment: every rule checked, the hold, the event, the receipt.

``hold_single`` and ``hold_batched`` beside pgbench, ``hold_single_vs_hordak`` beside another
double-entry ledger in Python, ``sealer_cost`` beside itself without the sealer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from bench import holders
from bench.crew import Crew, Exhausted
from bench.grounds import Grounds
from bench.hordak_transfers import hordak_rate
from bench.measuring import Figure, Pair
from ledger.batching import Batcher
from ledger.db import Database
from ledger.providers import confirmations

PGBENCH = "pgbench -N -M prepared, 8 clients"
# More than any machine confirms in a second, so that nobody runs out.
FAST_SINGLE = 4_000
FAST_BATCHED = 12_000


class Single:
    """Callers that each confirm one prepared enrolment per unit of work."""

    def __init__(self, url: str, threads: int, process: int) -> None:
        self.database = Database(url, pool_size=threads)
        self.todo: Iterator[holders.Holder] = iter(())

    def prepare(self, load: tuple[int, ...]) -> None:
        """Take the holders from the first number up to the second."""
        # Beforehand, since making ids up takes part of the time that is measured.
        self.todo = iter([holders.holder(n) for n in range(*load)])

    def next(self) -> holders.Holder:
        """Return a holder who has not confirmed yet. Raises Exhausted."""
        for one in self.todo:
            return one
        raise Exhausted

    def caller(self, number: int) -> Callable[[], object]:
        """Confirm in one unit of work."""

        def once() -> None:
            one = self.next()
            done = self.database.perform(one.actor, confirmations.confirm, one.enrolment_id)
            assert done.receipt is not None

        return once

    def close(self) -> None:
        """Close the connections."""
        self.database.dispose()


class Batched(Single):
    """Callers whose confirmations are gathered by the micro-batcher."""

    def __init__(self, url: str, threads: int, process: int) -> None:
        super().__init__(url, threads, process)
        self.batcher = Batcher(
            self.database, confirmations.confirm_many, apart=lambda wish: wish.actor.account_id
        )

    def caller(self, number: int) -> Callable[[], object]:
        """Hand in a wish and wait for its own durable answer."""

        def once() -> None:
            one = self.next()
            done = self.batcher.submit(confirmations.Wish(one.actor, one.enrolment_id))
            assert done.receipt is not None

        return once


class Confirming:
    """A crew with its ledger: fresh holders before each turn, who are then let loose."""

    def __init__(self, grounds: Grounds, name: str, crew: Crew, fast: int) -> None:
        self.grounds, self.name, self.crew, self.fast = grounds, name, crew, fast
        self.next = 0

    def rate(self, seconds: float, *more: object) -> float:
        """Return confirmations per second; ``more`` is for the role's own preparation."""
        count = 2 * round(self.fast * seconds / 2)
        first, middle, self.next = self.next, self.next + count // 2, self.next + count
        with self.grounds.server.cluster.connect(self.name) as connection:
            holders.add(connection, self.grounds.ready.offer, first, count)
            connection.execute("ANALYZE")
            connection.execute("CHECKPOINT")
        self.crew.prepare([(first, middle, *more), (middle, self.next, *more)])
        return self.crew.run(seconds)


@contextmanager
def confirming(grounds: Grounds, role: str, threads: int, fast: int) -> Iterator[Confirming]:
    """Start two processes of callers on a ledger of their own."""
    with grounds.ready.ledger() as name:
        url = grounds.server.url(name)
        with Crew(f"bench.holding:{role}", 2, threads, url=url) as crew:
            yield Confirming(grounds, name, crew, fast)


@contextmanager
def _beside_pgbench(grounds: Grounds, role: str, threads: int, fast: int) -> Iterator[Pair]:
    ready, server = grounds.ready, grounds.server
    with confirming(grounds, role, threads, fast) as ours:
        yield Pair(ours.rate, lambda s: server.pgbench_rate(ready.pgbench, s, "-N"))


@contextmanager
def _beside_hordak(grounds: Grounds) -> Iterator[Pair]:
    with ExitStack() as stack:
        ours = stack.enter_context(confirming(grounds, "Single", 4, FAST_SINGLE))
        yield Pair(ours.rate, stack.enter_context(hordak_rate(grounds.server)))


FIGURES = (
    Figure(
        "hold_single",
        "holds/s",
        0.25,
        "higher",
        "confirmations.confirm from two lots, 8 clients (2 processes × 4 threads)",
        PGBENCH,
        lambda grounds: _beside_pgbench(grounds, "Single", 4, FAST_SINGLE),
    ),
    Figure(
        "hold_single_vs_hordak",
        "holds/s",
        1.5,
        "higher",
        "confirmations.confirm from two lots, 8 clients (2 processes × 4 threads)",
        "django-hordak Account.transfer_to, 2 processes",
        _beside_hordak,
    ),
    Figure(
        "hold_batched",
        "holds/s",
        1.0,
        "higher",
        "the same verb through the micro-batcher, 2 processes × 64 callers",
        PGBENCH,
        lambda grounds: _beside_pgbench(grounds, "Batched", 64, FAST_BATCHED),
    ),
)
