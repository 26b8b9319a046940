"""Issued micro-credentials: a frozen snapshot each, revoked with a reason, never deleted."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from ledger.db import Base


class Credential(Base):
    """One micro-credential; ``content`` is everything that is printed, as it was on issue."""

    __tablename__ = "credential"
    __table_args__ = (
        CheckConstraint("status IN ('issued', 'revoked', 'superseded')", name="status"),
        CheckConstraint(
            "(status = 'issued') = (revoked_at IS NULL)"
            " AND (revoked_at IS NULL) = (revocation_reason IS NULL)",
            name="revocation",
        ),
        CheckConstraint(
            "revocation_reason IN ('error', 'fraud', 'withdrawn', 'superseded')", name="reason"
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # crd_…
    token: Mapped[str] = mapped_column(unique=True)  # unguessable part of the verify address
    enrolment_id: Mapped[str] = mapped_column(unique=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"), index=True)
    provider_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"), index=True)
    course_id: Mapped[str]
    content: Mapped[dict[str, Any]]
    awarded_on: Mapped[date]
    issued_at: Mapped[datetime]
    status: Mapped[str] = mapped_column(default="issued")
    revoked_at: Mapped[datetime | None]
    revocation_reason: Mapped[str | None]
    shows_name: Mapped[bool] = mapped_column(default=True)  # on the public page
