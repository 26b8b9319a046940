"""History as events: a status is never overwritten without one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from json import dumps
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger import ids, sets
from ledger.accounts.models import Event
from ledger.db import Work


@dataclass(frozen=True, slots=True)
class EventView:
    """One step in a history."""

    id: str
    kind: str
    actor_id: str
    at: datetime
    data: dict[str, Any]


def record(work: Work, subject_id: str, kind: str, **data: Any) -> None:
    """Add an event to the history of ``subject_id``; ``data`` must fit in JSON."""
    work.session.add(
        Event(
            id=ids.new("evt"),
            subject=subject_id,
            kind=kind,
            actor_id=work.actor.id,
            at=work.now,
            data=data,
        )
    )


@dataclass(frozen=True, slots=True)
class NewEvent:
    """One step to be recorded with others; ``actor_id`` is who took it."""

    subject_id: str
    kind: str
    actor_id: str
    data: dict[str, Any]


_COLUMNS = {
    "id": "text",
    "subject": "text",
    "kind": "text",
    "actor_id": "text",
    "at": "timestamptz",
    "data": "json",
}


def to_record(work: Work, events: Sequence[NewEvent]) -> sets.Change:
    """Return the change that adds ``events``, to go along with what they tell of."""
    rows: list[sets.Row] = [
        (ids.new("evt"), event.subject_id, event.kind, event.actor_id, work.now, dumps(event.data))
        for event in events
    ]
    return sets.addition("events", "event", _COLUMNS, rows)


def of(session: Session, subject_id: str) -> tuple[EventView, ...]:
    """Return the history of ``subject_id``, oldest first."""
    rows = session.scalars(select(Event).where(Event.subject == subject_id).order_by(Event.id))
    return tuple(EventView(row.id, row.kind, row.actor_id, row.at, row.data) for row in rows)
