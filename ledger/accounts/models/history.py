"""What happened, apart from money: one append-only table of events for the whole house."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from ledger.db import Base


class Event(Base):
    """A step in the history of ``subject``; ``data`` holds ids, codes, reasons and amounts."""

    __tablename__ = "event"
    __table_args__ = (Index("ix_event_subject", "subject", "id"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # evt_…
    subject: Mapped[str]  # id of what it is about
    kind: Mapped[str]
    actor_id: Mapped[str]
    at: Mapped[datetime]
    data: Mapped[dict[str, Any]] = mapped_column(default=dict)
