"""Giving waiting transactions their place in the log, and signing the log's new head.

It runs beside the writers and takes no lock that they take. What waits in ``journal_unsealed`` is
seen when it is committed and not before, so a transaction that commits late is sealed late and
none is skipped. Places, tiles, roll-ups and the signed head are one unit of work.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from ledger.accounts.models import Seal, Tile, Unsealed
from ledger.accounts.seals import checkpoints, places, tiles, turn
from ledger.accounts.seals.keys import Keys
from ledger.accounts.seals.notes import Signer
from ledger.db import SYSTEM, Database, Work, driver

BATCH = 10_000  # transactions in one seal at most
_TICK = timedelta(microseconds=1)


def seal(work: Work, signer: Signer) -> Seal | None:
    """Seal what waits, at most ``BATCH``; None when nothing waits or another is sealing.

    The moments of seals strictly rise, also when the clock was moved back.
    """
    return _seal(work, signer)[0] if turn.take(work.session) else None


def rounds(database: Database, keys: Keys, *, wait: bool = False) -> Iterator[int]:
    """Seal in units of work of one batch each until nothing is left; yield how many each took.

    With ``wait`` after whoever is sealing at this moment; else it is left to them. Raises
    Conflict when the key cannot be used.
    """
    count = BATCH
    while count == BATCH:
        with database.reading() as session:
            if not waiting(session):
                return
        if not keys.were_used:
            # By itself, so that a seal that fails does not leave a new key file behind each time.
            database.perform(SYSTEM, keys.signer)
        count = database.perform(SYSTEM, _round, keys, wait)
        yield count


def waiting(session: Session) -> bool:
    """Tell whether any transaction waits for its place."""
    # By the index, which soon steps over the rows that were taken before.
    first = select(Unsealed.transaction_id).order_by(Unsealed.transaction_id).limit(1)
    return session.scalar(first) is not None


def newest(session: Session) -> Seal | None:
    """Return the newest seal, None when there is none yet."""
    return session.scalar(select(Seal).order_by(Seal.size.desc()).limit(1))


def _round(work: Work, keys: Keys, wait: bool) -> int:
    if not turn.take(work.session, wait=wait):
        return 0
    return _seal(work, keys.signer(work))[1]


def _seal(work: Work, signer: Signer) -> tuple[Seal | None, int]:
    """Return the new seal and how many transactions it added."""
    last = newest(work.session)
    size, after = (last.size, last.sealed_at + _TICK) if last else (0, None)
    leaves = places.give(driver(work.session), size, after, BATCH)
    if not leaves:
        return None, 0
    edge = tiles.Edge(size, tiles.reader(work.session))
    _keep(work.session, edge.add(leaves))
    sealed_at = max(work.now, after) if after else work.now
    root = edge.root()
    head = Seal(
        size=edge.size,
        root=root,
        sealed_at=sealed_at,
        key_id=signer.verifier.id,
        note=checkpoints.make(edge.size, root, sealed_at, signer),
    )
    work.session.add(head)
    work.session.flush()
    return head, len(leaves)


def _keep(session: Session, fresh: list[tiles.Fresh]) -> None:
    rows = [{"level": one.level, "number": one.number, "hash": one.hash} for one in fresh]
    if rows:
        session.execute(insert(Tile), rows)
