"""The books as of a moment: the same answer whenever it is asked, and the seal that it stands on.

When a transaction counts is written once, in the log: ``counted_at`` is when it was recorded, or
just after the seal before its own where it was committed later than that. So what counted until
a sealed moment can never grow: whatever is sealed later counts later.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.orm import Session

from ledger.accounts.models import LogEntry, Seal
from ledger.errors import NotFound, WrongState
from ledger.messages import N_


@dataclass(frozen=True, slots=True)
class AsOf:
    """A moment and the seal that proves its answer; moments in UTC.

    Everything in the first ``size`` places of the log that counted by ``counted_until`` counts.
    ``root`` is the seal's tree head in hexadecimal.
    """

    asked: datetime
    counted_until: datetime
    size: int
    root: str
    sealed_at: datetime

    @property
    def is_earlier(self) -> bool:
        """Tell whether the answer is older than what was asked: the newest seal's moment."""
        return self.counted_until < self.asked


def as_of(session: Session, moment: datetime) -> AsOf:
    """Return what counts as of ``moment``; later than the newest seal, what counts as of that.

    Raises WrongState while nothing was sealed, ValueError for a moment without time zone.
    """
    moment = moment.astimezone(UTC) if moment.tzinfo else _refuse(moment)
    newest = session.scalars(select(Seal).order_by(Seal.size.desc()).limit(1)).one_or_none()
    if newest is None:
        raise WrongState(
            N_("Nothing is sealed yet, so no moment can be asked about. Try again in a minute."),
            field="as_of",
        )
    until = min(moment, newest.sealed_at)
    # The first seal at or after the moment: what later seals hold counts after this one.
    seal = session.scalars(
        select(Seal).where(Seal.sealed_at >= until).order_by(Seal.sealed_at, Seal.size).limit(1)
    ).one()
    return AsOf(moment, until, seal.size, seal.root.hex(), seal.sealed_at)


def asked_for(session: Session, moment: datetime | None) -> AsOf | None:
    """Return :func:`as_of` a moment that may not be asked for; then None, the present."""
    return None if moment is None else as_of(session, moment)


def counted(transaction_id: Any, then: AsOf | None) -> ColumnElement[bool]:
    """Return the condition that a transaction (a column with its id) counted by then; None: any.

    Each is looked up by its id, also where an engine would rather read a long stretch of the log.
    """
    if then is None:
        return true()
    place = select(LogEntry.counted_at).where(LogEntry.transaction_id == transaction_id)
    return place.scalar_subquery() <= then.counted_until


def require(session: Session, transaction_id: str, then: AsOf | None) -> None:
    """Raise NotFound when a transaction did not count by then."""
    if then is None:
        return
    found = session.scalar(
        select(LogEntry.counted_at).where(LogEntry.transaction_id == transaction_id)
    )
    if found is None or found > then.counted_until:
        raise NotFound(N_("There was no such transaction at that moment."))


def _refuse(moment: datetime) -> datetime:
    raise ValueError(f"a moment needs a time zone: {moment}")
