"""Running checks side by side, as many as there are cores, all on what one moment left.

On PostgreSQL all of them read one exported snapshot. SQLite has none to share; there each check
reads what was committed when it began, which agrees in itself as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import Empty, Full, Queue
from threading import Event

from sqlalchemy import text
from sqlalchemy.orm import Session

from ledger.accounts.verification.finding import Check, Finding, LongCheck
from ledger.accounts.verification.hashes import cores
from ledger.db import Database

_AHEAD = 1000  # findings that a check may be ahead of its reader
_TICK = 0.2  # seconds between two looks at how far a check is
# Large sums and joins in memory; compiling a query takes longer than it saves.
_SETTINGS = ("work_mem = '128MB'", "jit = off")


class Running:
    """A check that runs; its findings are read meanwhile."""

    def __init__(self, check: Check | LongCheck, gone: Event) -> None:
        self.title = check.title
        self.done = 0
        self.total = 0
        self._check = check
        self._gone = gone  # nobody reads any more
        self._found: Queue[Finding | BaseException | None] = Queue(_AHEAD)

    def findings(self) -> Iterator[Finding | None]:
        """Yield findings as they come, and None now and then while there is none.

        Raises what the check raised.
        """
        while True:
            try:
                found = self._found.get(timeout=_TICK)
            except Empty:
                yield None
                continue
            if found is None:
                return
            if isinstance(found, BaseException):
                raise found
            yield found

    def run(self, database: Database, snapshot: str | None) -> None:
        """Run the check to its end, or until nobody reads any more."""
        try:
            with _reading(database, snapshot) as session:
                for finding in self._check.run(session, self._progress):
                    self._put(finding)
                    if self._gone.is_set():
                        return
            self._put(None)
        except Exception as error:  # its reader raises it
            self._put(error)

    def _progress(self, done: int, total: int) -> None:
        self.done, self.total = done, total

    def _put(self, found: Finding | BaseException | None) -> None:
        while not self._gone.is_set():
            try:
                self._found.put(found, timeout=_TICK)
            except Full:
                continue
            return


@contextmanager
def side_by_side(
    database: Database, checks: Sequence[Check | LongCheck]
) -> Iterator[tuple[Session, list[Running]]]:
    """Start ``checks`` and give them in order, with a session that reads the same moment."""
    gone = Event()
    running = [Running(check, gone) for check in checks]
    with database.reading() as session:
        snapshot = None
        if session.get_bind().dialect.name == "postgresql":
            snapshot = session.execute(text("SELECT pg_export_snapshot()")).scalar_one()
        with ThreadPoolExecutor(cores()) as threads:
            try:
                for one in running:
                    threads.submit(one.run, database, snapshot)
                yield session, running
            finally:
                gone.set()
                threads.shutdown(cancel_futures=True)


@contextmanager
def _reading(database: Database, snapshot: str | None) -> Iterator[Session]:
    with database.reading() as session:
        if snapshot is not None:
            # The name comes from the server; this statement takes no parameters.
            session.execute(text(f"SET TRANSACTION SNAPSHOT '{snapshot}'"))
            for setting in _SETTINGS:
                session.execute(text(f"SET LOCAL {setting}"))
        yield session
