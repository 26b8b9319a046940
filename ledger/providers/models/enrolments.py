"""Enrolments: the state now, the money split line by line, and attendance per session."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from ledger.db import Base

ACTIVE = ("offered", "requested", "confirmed", "started")
ENDED = (
    "completed",
    "partially_completed",
    "abandoned",
    "failed",
    "declined",
    "withdrawn",
    "cancelled_by_provider",
    "cancelled_late",
    "force_majeure",
    "lapsed",
)
_ACTIVE_SQL = text("ended_at IS NULL")  # no index names the status: it changes in place


class Enrolment(Base):
    """One person in one run. Money is held from ``confirmed`` until it is settled or released."""

    __tablename__ = "enrolment"
    __table_args__ = (
        CheckConstraint(f"status IN {ACTIVE + ENDED!r}", name="status"),
        CheckConstraint("begun_by IN ('holder', 'provider')", name="begun_by"),
        CheckConstraint("price_cents >= 0 AND own_share_cents >= 0", name="amounts"),
        CheckConstraint("own_share_cents <= price_cents", name="own_share"),
        CheckConstraint("result IN ('passed', 'failed', 'attended')", name="result"),
        CheckConstraint("attended_percent BETWEEN 0 AND 100", name="attended_percent"),
        Index(
            "uq_enrolment_active",
            "account_id",
            "course_id",
            unique=True,
            sqlite_where=_ACTIVE_SQL,
            postgresql_where=_ACTIVE_SQL,
        ),
        Index("ix_enrolment_account", "account_id", "id"),
        Index("ix_enrolment_provider", "provider_id", "id"),
        CheckConstraint(f"(status IN {ACTIVE!r}) = (ended_at IS NULL)", name="ended"),
        Index("ix_enrolment_run", "run_id"),
        {"postgresql_with": {"fillfactor": 60}},
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # enr_…
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"))
    course_id: Mapped[str] = mapped_column(ForeignKey("course.id"))
    run_id: Mapped[str] = mapped_column(ForeignKey("course_run.id"))
    provider_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"))
    status: Mapped[str]
    begun_by: Mapped[str]
    begun_at: Mapped[datetime]
    price_cents: Mapped[int]  # frozen when begun
    own_share_cents: Mapped[int] = mapped_column(default=0)  # paid by the holder, outside
    confirm_until: Mapped[datetime]  # after this it lapses
    confirmed_at: Mapped[datetime | None]
    cooling_off_until: Mapped[date | None]  # last day of free withdrawal; None: none
    stopped_at: Mapped[datetime | None]  # the holder stopped; attendance was still unknown
    hold_id: Mapped[str | None]  # the transaction of its hold
    result: Mapped[str | None]
    grade: Mapped[str | None]
    attended_percent: Mapped[int | None]
    ended_at: Mapped[datetime | None]


class EnrolmentLine(Base):
    """What one lot contributes: held = paid + released + lost, once it is settled.

    Written with the hold from rows that were read in the same work, so without foreign keys.
    """

    __tablename__ = "enrolment_line"
    __table_args__ = (
        CheckConstraint("held > 0", name="held"),
        CheckConstraint(
            "paid >= 0 AND released >= 0 AND clawed_back >= 0 AND clawed_back <= paid",
            name="parts",
        ),
        CheckConstraint("paid + released <= held", name="sum"),
    )

    enrolment_id: Mapped[str] = mapped_column(primary_key=True)
    lot_id: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]  # in the order of spending, from 1
    scheme_id: Mapped[str]
    rule_id: Mapped[str]
    unit: Mapped[str]
    held: Mapped[int]
    paid: Mapped[int] = mapped_column(default=0)  # to the provider (minutes: taken)
    released: Mapped[int] = mapped_column(default=0)  # back to the lot, or the fund if expired
    clawed_back: Mapped[int] = mapped_column(default=0)


class Attendance(Base):
    """Whether the learner was at a session, as stated by the provider and by the learner."""

    __tablename__ = "attendance"
    __table_args__ = (
        CheckConstraint("holder_says IN ('confirmed', 'disputed')", name="holder_says"),
    )

    enrolment_id: Mapped[str] = mapped_column(ForeignKey("enrolment.id"), primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("run_session.id"), primary_key=True)
    present: Mapped[bool]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str]  # actor id
    holder_says: Mapped[str | None]
    holder_said_at: Mapped[datetime | None]
