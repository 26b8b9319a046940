"""Answers already given to API calls, kept so that asking again changes nothing."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from ledger.db import Base


class IdempotencyKey(Base):
    """One key of one actor, bound to the request it came with, and the answer to it."""

    __tablename__ = "idempotency_key"
    __table_args__ = (
        CheckConstraint("length(key) BETWEEN 1 AND 255", name="key_length"),
        CheckConstraint("length(request_hash) = 64", name="hash_length"),
        # 0 only inside the unit of work that is making the answer
        CheckConstraint("status = 0 OR status BETWEEN 200 AND 499", name="status"),
    )

    actor_id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[str]
    status: Mapped[int] = mapped_column(default=0)
    body: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(index=True)
