"""``sealer_cost``: confirmations with the sealer running as it does in the server, and without."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.crew import Crew
from bench.grounds import Grounds
from bench.holding import FAST_BATCHED, Batched, Confirming
from bench.measuring import Figure, Pair
from ledger.accounts.seals import sealer
from ledger.accounts.seals.keys import Keys
from ledger.accounts.seals.watch import Watch
from ledger.db import Database

SECONDS = 1  # between two seals, as the server has it when nothing is set


class Sealed(Batched):
    """Callers in a process that also seals, as each worker of the server does, or does not."""

    def __init__(self, url: str, folder: str, threads: int, process: int) -> None:
        super().__init__(url, threads, process)
        self.keys = _keys(folder)
        self.watch: Watch | None = None

    def prepare(self, load: tuple[int, ...]) -> None:
        """Take the holders from the first number up to the second, and seal or stop sealing."""
        super().prepare(load[:2])
        self.close_watch()
        if load[2]:
            self.watch = Watch(self.database, self.keys, SECONDS)
            self.watch.start()

    def close_watch(self) -> None:
        """Stop sealing, if we do."""
        if self.watch:
            self.watch.stop()
        self.watch = None

    def close(self) -> None:
        """Stop sealing and close the connections."""
        self.close_watch()
        super().close()


@contextmanager
def _beside_unsealed(grounds: Grounds) -> Iterator[Pair]:
    with tempfile.TemporaryDirectory() as folder, grounds.ready.ledger() as name:
        url = grounds.server.url(name)
        database = Database(url, pool_size=1)
        with Crew("bench.sealing:Sealed", 2, 64, url=url, folder=folder) as crew:
            confirming = Confirming(grounds, name, crew, FAST_BATCHED)

            def rate(seconds: float, sealed: bool) -> float:
                found = confirming.rate(seconds, sealed)
                crew.prepare((0, 0, False))
                # What this turn left waiting is not for the next one to seal.
                for _ in sealer.rounds(database, _keys(folder), wait=True):
                    pass
                return found

            yield Pair(lambda seconds: rate(seconds, True), lambda seconds: rate(seconds, False))
        database.dispose()


def _keys(folder: str) -> Keys:
    return Keys(Path(folder), "bench/journal")


FIGURES = (
    Figure(
        "sealer_cost",
        "holds/s",
        0.95,
        "higher",
        "micro-batched confirmations, 2 processes × 64 callers, each process sealing every second",
        "the same without the sealer",
        _beside_unsealed,
    ),
)
