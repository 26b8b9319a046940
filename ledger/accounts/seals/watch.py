"""Sealing while the service runs: one thread per process that looks every so many seconds."""

from __future__ import annotations

import logging
from threading import Event, Thread

from ledger.accounts.seals import sealer
from ledger.accounts.seals.keys import Keys
from ledger.db import Database
from ledger.errors import DomainError

LONGEST_PAUSE = 60.0  # seconds, after failures
_PATIENCE = 10.0  # seconds that stopping waits for a seal under way
_log = logging.getLogger(__name__)


class Watch:
    """Seals what waits, every ``seconds``; what goes wrong is logged and tried again later."""

    def __init__(self, database: Database, keys: Keys, seconds: float) -> None:
        self._database = database
        self._keys = keys
        self._seconds = seconds
        self._stopping = Event()
        # A daemon, so that a process that is not stopped in good order can end all the same.
        self._thread = Thread(target=self._run, name="sealer", daemon=True)

    def start(self) -> None:
        """Begin; call it once, in the process that serves."""
        self._thread.start()

    def stop(self) -> None:
        """End after the seal that is under way, if any."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_PATIENCE)

    def _run(self) -> None:
        pause = self._seconds
        while not self._stopping.wait(pause):
            pause = self._seconds if self._seal() else min(2 * pause, LONGEST_PAUSE)

    def _seal(self) -> bool:
        try:
            for _ in sealer.rounds(self._database, self._keys):
                if self._stopping.is_set():
                    break
        except DomainError as refusal:
            _log.error("The journal could not be sealed: %s", refusal)
            return False
        except Exception:
            # The database may be away for a while; the service goes on without seals.
            _log.exception("The journal could not be sealed")
            return False
        return True
