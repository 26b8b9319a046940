"""Sealing in tests, until the house's own sealer takes its place."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select

from ledger.accounts.models import LogEntry, Posting, Rollup, Seal, Transaction, Unsealed
from ledger.db import SYSTEM, Database, Work


def seal(database: Database, now: datetime) -> int:
    """Seal all that waits; return the size of the log."""
    with database.work(SYSTEM, now) as work:
        return seal_in(work)


def seal_in(work: Work) -> int:
    """Give what waits its places, roll it up and close it with a seal."""
    session, now = work.session, work.now
    waiting = session.execute(
        select(Transaction.id, Transaction.hash, Transaction.recorded_at)
        .join(Unsealed, Unsealed.transaction_id == Transaction.id)
        .order_by(Transaction.id)
    ).all()
    size = session.scalar(select(func.count()).select_from(LogEntry)) or 0
    before = session.scalar(select(func.max(Seal.sealed_at)))
    for position, (id_, value, recorded_at) in enumerate(waiting, start=size):
        earliest = before + timedelta(microseconds=1) if before else recorded_at
        session.add(
            LogEntry(
                position=position,
                transaction_id=id_,
                leaf=hashlib.sha256(b"\0" + value).digest(),
                counted_at=max(recorded_at, earliest),
            )
        )
    ids = [row.id for row in waiting]
    _roll_up(work, ids)
    session.execute(delete(Unsealed).where(Unsealed.transaction_id.in_(ids)))
    size += len(waiting)
    root = hashlib.sha256(str(size).encode()).digest()
    if waiting:
        session.add(Seal(size=size, root=root, sealed_at=now, key_id="test", note=""))
    return size


def _roll_up(work: Work, ids: Collection[str]) -> None:
    sums: dict[tuple[str, str, str], int] = defaultdict(int)
    for line in work.session.scalars(select(Posting).where(Posting.transaction_id.in_(ids))):
        sums[line.scheme_id, line.bucket, line.provider_id or ""] += line.amount
    for (scheme_id, bucket, provider_id), amount in sums.items():
        row = work.session.get(Rollup, (scheme_id, bucket, provider_id))
        if row is None:
            row = Rollup(scheme_id=scheme_id, bucket=bucket, provider_id=provider_id, amount=0)
            work.session.add(row)
        row.amount += amount
