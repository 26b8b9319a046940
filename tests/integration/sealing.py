"""What tests of the sealer need: money that moves, a key, the log as it should be."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from sqlalchemy import func, select

from ledger.accounts import journal
from ledger.accounts.canonical import Line
from ledger.accounts.models import LogEntry, Posting, Rollup, Seal, Tile, Transaction, Unsealed
from ledger.accounts.seals import checkpoints, merkle, rotations
from ledger.accounts.seals.keys import Keys, all_keys
from ledger.db import SYSTEM, Database
from tests.factories import World

NAME = "leerrekening.example/journal"
Sums = dict[tuple[str, str, str], int]


def keys_in(folder: Path, passphrase: str = "") -> Keys:
    """Return the keys of an installation in ``folder``."""
    return Keys(folder / "keys", NAME, passphrase)


class Posted:
    """A scheme whose money moves as often as told: from its provider's drawer to the bank."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.scheme_id = world.scheme(100_000).id
        self._numbers = count(1)

    def entries(self, number: int) -> list[journal.Entry]:
        """Return ``number`` entries that were not posted before."""
        return [
            journal.Entry(
                "pay",
                f"{self.scheme_id}/{next(self._numbers)}",
                (
                    Line("payable", 3, self.scheme_id, provider_id="org_1"),
                    Line("bank", -2, self.scheme_id),
                    Line("returned", -1, self.scheme_id),
                ),
            )
            for _ in range(number)
        ]

    def post(self, number: int = 1) -> list[str]:
        """Post so many transactions in one unit of work; return their ids."""
        receipts = self.world.do(SYSTEM, journal.post_many, self.entries(number))
        return [receipt.id for receipt in receipts]


def assert_sealed(database: Database, size: int) -> None:
    """Say what is wrong with a log that should have every transaction, ``size`` in all."""
    with database.reading() as session:
        log = session.scalars(select(LogEntry).order_by(LogEntry.position)).all()
        hashes = {
            row.id: row.hash for row in session.execute(select(Transaction.id, Transaction.hash))
        }
        assert [entry.position for entry in log] == list(range(size))
        assert {entry.transaction_id for entry in log} == set(hashes)
        leaves = [entry.leaf for entry in log]
        own = [hashlib.sha256(b"\0" + hashes[entry.transaction_id]).digest() for entry in log]
        assert leaves == own
        assert session.scalar(select(func.count()).select_from(Unsealed)) == 0
        tiles = session.execute(select(Tile.level, Tile.number, Tile.hash)).all()
        complete = [naive(leaves[n * 256 : (n + 1) * 256]) for n in range(size // 256)]
        assert sorted(map(tuple, tiles)) == [(1, n, one) for n, one in enumerate(complete)]
        seals = session.scalars(select(Seal).order_by(Seal.size)).all()
        known = [rotations.read(key.note).key for key in all_keys(session)]
        begin = 0
        for seal in seals:
            said = checkpoints.verify(seal.note, known)
            assert (said.size, said.root) == (seal.size, seal.root)
            assert (said.sealed_at, said.origin) == (seal.sealed_at, NAME)
            assert seal.root == naive(leaves[: seal.size])
            together = [entry.transaction_id for entry in log[begin : seal.size]]
            assert together == sorted(together)
            begin = seal.size
        assert begin == size
        moments = [seal.sealed_at for seal in seals]
        assert moments == sorted(set(moments))
        assert rolled_up(database) == summed(database)


def naive(leaves: Sequence[bytes]) -> bytes:
    """Return the root as RFC 9162 defines it, by the definition."""
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << ((len(leaves) - 1).bit_length() - 1)
    return merkle.node(naive(leaves[:half]), naive(leaves[half:]))


def rolled_up(database: Database) -> Sums:
    """Return the roll-ups."""
    with database.reading() as session:
        rows = session.scalars(select(Rollup)).all()
        return {(row.scheme_id, row.bucket, row.provider_id): row.amount for row in rows}


def summed(database: Database) -> Sums:
    """Return what the roll-ups should be once everything is sealed."""
    provider = func.coalesce(Posting.provider_id, "")
    with database.reading() as session:
        rows = session.execute(
            select(Posting.scheme_id, Posting.bucket, provider, func.sum(Posting.amount)).group_by(
                Posting.scheme_id, Posting.bucket, provider
            )
        )
        return {(scheme, bucket, of): int(amount) for scheme, bucket, of, amount in rows}


@contextmanager
def late(world: World, entries: Sequence[journal.Entry]) -> Iterator[None]:
    """Post before what the block does, and commit after it.

    SQLite lets nobody else write meanwhile: there it is posted after the block, as of before.
    """
    before = world.now
    world.later(minutes=1)
    if world.database.engine.dialect.name == "postgresql":
        with world.database.work(SYSTEM, before) as work:
            journal.post_many(work, entries)
            yield
        return
    yield
    with world.database.work(SYSTEM, before) as work:
        journal.post_many(work, entries)
