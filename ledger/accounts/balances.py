"""Balances of buckets: the roll-up of what is sealed and, on top, what is not sealed yet.

The sealer moves a transaction from one to the other in one unit of work, so one statement over
both sees each posting exactly once, whenever it runs. What it costs depends on the pace of the
sealer, not on how much has ever been posted; without a sealer it is right all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, func, select, union_all
from sqlalchemy.orm import Session

from ledger.accounts import moments
from ledger.accounts.journal.batch import COUNTER_OF, COUNTERS
from ledger.accounts.models import BUCKETS, LogEntry, Posting, Rollup, Seal, Unsealed
from ledger.accounts.moments import AsOf


def bucket_balance(session: Session, scheme_id: str, bucket: str) -> int:
    """Return the balance of one bucket of a scheme in minor units."""

    def wanted(table: Any) -> ColumnElement[bool]:
        return and_(table.scheme_id == scheme_id, table.bucket == bucket)

    return sum(int(row[2]) for row in _sums(session, wanted))


def of_schemes(
    session: Session, scheme_ids: Collection[str], then: AsOf | None = None
) -> dict[str, dict[str, int]]:
    """Return per scheme the balance of every bucket in minor units, zeros too.

    With ``then`` they are those of that moment; it takes longer the more there is on that side
    of it where there is less.
    """
    sums = {scheme_id: dict.fromkeys(BUCKETS, 0) for scheme_id in scheme_ids}
    rows = (
        _sums(session, lambda table: table.scheme_id.in_(scheme_ids))
        if then is None
        else _counted(session, scheme_ids, then)
    )
    for scheme_id, bucket, amount in rows:
        sums[scheme_id][bucket] = int(amount)
    return sums


def lots_then(session: Session, account_id: str, then: AsOf) -> dict[str, dict[str, int]]:
    """Return the counters of each lot that an account had at that moment, from its postings."""
    rows = session.execute(
        select(Posting.lot_id, Posting.bucket, func.sum(Posting.amount))
        .where(
            Posting.account_id == account_id,
            Posting.lot_id.is_not(None),
            moments.counted(Posting.transaction_id, then),
        )
        .group_by(Posting.lot_id, Posting.bucket)
    )
    lots: dict[str, dict[str, int]] = {}
    for lot_id, bucket, amount in rows:
        name, sign = COUNTER_OF[bucket]
        counters = lots.setdefault(str(lot_id), dict.fromkeys(COUNTERS, 0))
        counters[name] += sign * int(amount)
    return lots


def _sums(
    session: Session, wanted: Callable[[Any], ColumnElement[bool]]
) -> list[Row[str, str, int]]:
    sealed = select(Rollup.scheme_id, Rollup.bucket, Rollup.amount).where(wanted(Rollup))
    return _grouped(session, [sealed, _unsealed(session, wanted(Posting))])


def _unsealed(session: Session, wanted: ColumnElement[bool]) -> Select[str, str, int]:
    """Select the lines of the few that are not sealed, each found by its key.

    Left to itself an engine may read all postings instead, since what it knows of a table that is
    empty at one moment and full at the next is seldom right.
    """
    lines = select(Posting.scheme_id, Posting.bucket, Posting.amount).where(
        Posting.transaction_id == Unsealed.transaction_id, wanted
    )
    if session.get_bind().dialect.name == "postgresql":
        each = lines.correlate(Unsealed).offset(0).lateral()
        return select(each.c.scheme_id, each.c.bucket, each.c.amount).select_from(Unsealed, each)
    return (
        select(Posting.scheme_id, Posting.bucket, Posting.amount)
        .select_from(Unsealed)
        .outerjoin(Posting, and_(Posting.transaction_id == Unsealed.transaction_id, wanted))
    )


def _counted(session: Session, scheme_ids: Collection[str], then: AsOf) -> list[Row[str, str, int]]:
    """Sum up what counted until then, or take what came later off the roll-up: what is less."""
    newest = session.scalar(select(func.max(Seal.size))) or 0
    parts = (
        [_entered(scheme_ids, LogEntry.counted_at <= then.counted_until, 1)]
        if then.size < newest - then.size
        else [
            select(Rollup.scheme_id, Rollup.bucket, Rollup.amount).where(
                Rollup.scheme_id.in_(scheme_ids)
            ),
            _entered(scheme_ids, LogEntry.counted_at > then.counted_until, -1),
        ]
    )
    return _grouped(session, parts)


def _entered(
    scheme_ids: Collection[str], when: ColumnElement[bool], sign: int
) -> Select[str, str, int]:
    # An outer join, so that an engine begins at the stretch of the log.
    return (
        select(Posting.scheme_id, Posting.bucket, sign * Posting.amount)
        .select_from(LogEntry)
        .outerjoin(
            Posting,
            and_(
                Posting.transaction_id == LogEntry.transaction_id,
                Posting.scheme_id.in_(scheme_ids),
            ),
        )
        .where(when)
    )


def _grouped(session: Session, parts: Sequence[Select[str, str, int]]) -> list[Row[str, str, int]]:
    lines = union_all(*parts).subquery()
    scheme_id, bucket, amount = lines.c
    rows = session.execute(select(scheme_id, bucket, func.sum(amount)).group_by(scheme_id, bucket))
    return [row for row in rows if row[0] is not None]
