"""A sealed log for the tests of proofs, and checking with the public key alone."""

from __future__ import annotations

import json
from pathlib import Path

from sqlalchemy import select

from ledger.accounts.models import Transaction
from ledger.accounts.seals import notes, offline, proofs, sealer
from ledger.accounts.seals.notes import Verifier
from ledger.db import SYSTEM, Database
from tests.factories import World
from tests.integration.sealing import Posted, keys_in

UNKNOWN = "txn_01AAAAAAAAAAAAAAAAAAAAAAAA"
ANY_HASH = "0" * 64


class Log:
    """A database whose transactions are sealed as told; ``sizes`` are those of the seals."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.world = World(database)
        self.keys = keys_in(folder)
        self.posted = Posted(self.world)
        self.sizes: list[int] = []

    def seal(self, more: int = 0) -> int:
        """Post so many transactions more, seal all that waits and return the size of the log."""
        if more:
            self.posted.post(more)
        self.world.later(seconds=1)
        with self.database.work(SYSTEM, self.world.now) as work:
            done = sealer.seal(work, self.keys.signer(work))
        assert done is not None
        self.sizes.append(done.size)
        return done.size

    def rotate(self) -> None:
        """Let a new key sign from now on."""
        self.world.later(seconds=1)
        self.world.do(SYSTEM, self.keys.rotate, "yearly change")

    def receipts(self) -> list[tuple[str, str]]:
        """Return id and hash of every transaction in order of their ids."""
        with self.database.reading() as session:
            rows = session.execute(select(Transaction.id, Transaction.hash))
            return sorted((row.id, row.hash.hex()) for row in rows)

    def verifiers(self) -> list[Verifier]:
        """Return the public keys, oldest first."""
        with self.database.reading() as session:
            return [notes.parse_verifier(key.verifier_key) for key in proofs.keys(session)]


def four_seals(database: Database, folder: Path) -> Log:
    """Return a log with four seals, the last one with another key."""
    log = Log(database, folder)
    for more in (2, 5, 1):
        log.seal(more)
    log.rotate()
    log.seal(12)
    return log


def checked(document: proofs.Document, *known: Verifier) -> offline.Included | offline.Grown:
    """Return what a proof shows, as whoever only has the public keys sees it."""
    return offline.verify(json.dumps(document).encode(), known)
