"""Expiry: holders are told at 90, 30 and 7 days, and only then does money return to its fund."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, insert, literal, select
from sqlalchemy.orm import Session

from ledger import clock
from ledger.accounts import journal
from ledger.accounts.models import ExpiryNotice, Lot
from ledger.db import Work
from ledger.errors import Invalid
from ledger.messages import N_

NOTICES = (90, 30, 7)  # days before the last day of spending
BATCH = 500
# The last notice must have had this many days to reach the holder before money leaves.
GRACE_DAYS = 7


@dataclass(frozen=True, slots=True)
class Expired:
    """How many lots returned how much; ``totals`` are minor units per unit."""

    lots: int
    totals: dict[str, int]


def notify(work: Work, on: date) -> int:
    """Record the notices that are due on ``on`` and return how many were recorded.

    A lot gets the notice of the nearest threshold that it has passed, once. When the job missed
    days, the nearest one is recorded late and earlier ones are left out: one late warning says
    more than three on one day. Raises Invalid for a day in the future.
    """
    _not_ahead(work, on)
    recorded = 0
    nearer = None
    for days in reversed(NOTICES):
        statement = insert(ExpiryNotice).from_select(
            ["lot_id", "days_before", "recorded_on"], _to_notify(on, days, nearer)
        )
        # Without the option PostgreSQL's count of inserted rows is thrown away.
        result = work.session.connection().execute(
            statement, execution_options={"preserve_rowcount": True}
        )
        recorded += result.rowcount
        nearer = days
    return recorded


def expire(work: Work, on: date, limit: int | None = None) -> Expired:
    """Return what is left of lots whose last day lies before ``on`` to their funds.

    Only lots whose last notice was recorded at least a week before ``on``; held money stays held.
    ``limit`` bounds the number of lots, so that a long job can be cut into several units of work.
    Raises Invalid for a day in the future.
    """
    _not_ahead(work, on)
    lots = 0
    totals: dict[str, int] = {}
    while limit is None or lots < limit:
        size = BATCH if limit is None else min(BATCH, limit - lots)
        # Locked in id order, as everybody does who takes several lots.
        chosen = work.session.execute(
            select(Lot.id, Lot.account_id, Lot.scheme_id, Lot.rule_id, Lot.unit, Lot.available)
            .where(_is_due(on))
            .order_by(Lot.id)
            .limit(size)
            .with_for_update()
        ).all()
        journal.post_many(work, [_entry(*row) for row in chosen])
        lots += len(chosen)
        for row in chosen:
            totals[row.unit] = totals.get(row.unit, 0) + row.available
        if len(chosen) < size:
            break
    return Expired(lots, totals)


def due(session: Session, on: date) -> Expired:
    """Return what :func:`expire` would return on ``on``; changes nothing."""
    rows = session.execute(
        select(Lot.unit, func.count(), func.sum(Lot.available))
        .where(_is_due(on))
        .group_by(Lot.unit)
    ).all()
    return Expired(sum(row[1] for row in rows), {row[0]: int(row[2]) for row in rows})


def notices_due(session: Session, on: date) -> int:
    """Return how many notices :func:`notify` would record on ``on``; changes nothing."""
    count = 0
    nearer = None
    for days in reversed(NOTICES):
        rows = _to_notify(on, days, nearer).subquery()
        count += session.scalar(select(func.count()).select_from(rows)) or 0
        nearer = days
    return count


def notices_of(session: Session, lot_id: str) -> Sequence[tuple[int, date]]:
    """Return (days before, recorded on) of the notices about a lot, oldest first."""
    rows = session.execute(
        select(ExpiryNotice.days_before, ExpiryNotice.recorded_on)
        .where(ExpiryNotice.lot_id == lot_id)
        .order_by(ExpiryNotice.days_before.desc())
    )
    return [(row[0], row[1]) for row in rows]


def _to_notify(on: date, days: int, nearer: int | None) -> Select[str, int, Any]:
    told = exists().where(ExpiryNotice.lot_id == Lot.id, ExpiryNotice.days_before <= days)
    window = [Lot.expires_on <= on + clock.days(days)]
    if nearer is not None:
        window.append(Lot.expires_on > on + clock.days(nearer))
    return select(Lot.id, literal(days), literal(on, ExpiryNotice.recorded_on.type)).where(
        Lot.available > 0, *window, ~told
    )


def _is_due(on: date) -> ColumnElement[bool]:
    told = exists().where(
        ExpiryNotice.lot_id == Lot.id,
        ExpiryNotice.days_before == NOTICES[-1],
        ExpiryNotice.recorded_on <= on - clock.days(GRACE_DAYS),
    )
    return and_(Lot.expires_on < on, Lot.available > 0, told)


def _entry(
    lot_id: str, account_id: str, scheme_id: str, rule_id: str, unit: str, available: int
) -> journal.Entry:
    def line(bucket: str, amount: int) -> journal.Line:
        return journal.Line(
            bucket,
            amount,
            scheme_id,
            unit=unit,
            rule_id=rule_id,
            account_id=account_id,
            lot_id=lot_id,
        )

    # A lot expires once: what comes back to it later goes to the fund straight away.
    lines = (line("available", -available), line("returned", available))
    return journal.Entry("expire", lot_id, lines)


def _not_ahead(work: Work, on: date) -> None:
    if on > work.today:
        raise Invalid(N_("Choose today or a day in the past."), field="on")
