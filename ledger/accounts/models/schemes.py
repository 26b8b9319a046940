"""Schemes and the dated versions of their rules."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from ledger.db import Base


class Scheme(Base):
    """A funder's arrangement (regeling); what it says stands in its rule versions."""

    __tablename__ = "scheme"
    __table_args__ = (
        CheckConstraint("unit IN ('EUR', 'MIN')", name="unit"),
        CheckConstraint("status IN ('open', 'closed')", name="status"),
        UniqueConstraint("funder_id", "name"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # sch_…
    funder_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"), index=True)
    name: Mapped[str]
    name_en: Mapped[str]
    unit: Mapped[str] = mapped_column(default="EUR")
    status: Mapped[str] = mapped_column(default="open")
    created_at: Mapped[datetime]


class Rule(Base):
    """One version of a scheme's rules, valid from a date until the next version's.

    Amounts are minor units of the scheme (cents or minutes). An empty list asks nothing. Lists
    that say who is eligible: ``regions``, ``holder_sectors``, ``employers``; what it may be spent
    on: ``course_sectors``, ``forms``, ``course_ids``.
    """

    __tablename__ = "scheme_rule"
    __table_args__ = (
        UniqueConstraint("scheme_id", "version"),
        UniqueConstraint("scheme_id", "valid_from"),
        CheckConstraint("version >= 1", name="version"),
        CheckConstraint("accrual_period IN ('none', 'month', 'year')", name="accrual_period"),
        CheckConstraint(
            "accrual_minor >= 0 AND accrual_low_minor >= 0 AND cap_minor >= 0 AND"
            " cap_low_minor >= 0 AND four_eyes_minor >= 0",
            name="amounts",
        ),
        CheckConstraint("expiry_months > 0", name="expiry_months"),
        CheckConstraint("share_percent BETWEEN 1 AND 100", name="share_percent"),
        CheckConstraint("max_per_course_minor > 0", name="max_per_course"),
        CheckConstraint("cooling_off_days BETWEEN 0 AND 60", name="cooling_off_days"),
        CheckConstraint("free_until_days BETWEEN 0 AND 60", name="free_until_days"),
        CheckConstraint(
            "late_percent BETWEEN 0 AND 100 AND abandoned_percent BETWEEN 0 AND 100 AND"
            " abandoned_below BETWEEN 0 AND 100 AND complete_from BETWEEN 1 AND 100",
            name="percents",
        ),
        CheckConstraint("rest_when_abandoned IN ('lost', 'back')", name="rest_when_abandoned"),
        CheckConstraint("rest_when_late IN ('lost', 'back')", name="rest_when_late"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # rul_…
    scheme_id: Mapped[str] = mapped_column(ForeignKey("scheme.id"))
    version: Mapped[int]
    valid_from: Mapped[date]
    made_by: Mapped[str]  # actor id
    made_at: Mapped[datetime]
    # accrual
    accrual_period: Mapped[str] = mapped_column(default="none")
    accrual_minor: Mapped[int] = mapped_column(default=0)
    accrual_low_minor: Mapped[int] = mapped_column(default=0)  # for the low-qualified; 0 = same
    cap_minor: Mapped[int] = mapped_column(default=0)  # 0 = no cap
    cap_low_minor: Mapped[int] = mapped_column(default=0)
    low_level_until: Mapped[int] = mapped_column(default=2)  # EQF level that counts as low
    full_from_percent: Mapped[int] = mapped_column(default=50)  # below: pro rata to contract
    expiry_months: Mapped[int | None]  # None = does not expire
    # who is eligible
    regions: Mapped[list[str]] = mapped_column(default=list)
    holder_sectors: Mapped[list[str]] = mapped_column(default=list)
    employers: Mapped[list[str]] = mapped_column(default=list)  # organisation ids
    age_from: Mapped[int] = mapped_column(default=16)
    age_until: Mapped[int] = mapped_column(default=120)
    # what it may be spent on
    course_sectors: Mapped[list[str]] = mapped_column(default=list)
    forms: Mapped[list[str]] = mapped_column(default=list)
    course_ids: Mapped[list[str]] = mapped_column(default=list)
    share_percent: Mapped[int] = mapped_column(default=100)  # of the price, at most
    max_per_course_minor: Mapped[int | None]
    # cancelling, completing, paying
    cooling_off_days: Mapped[int] = mapped_column(default=14)
    free_until_days: Mapped[int] = mapped_column(default=7)  # before the start
    late_percent: Mapped[int] = mapped_column(default=5)
    rest_when_late: Mapped[str] = mapped_column(default="back")
    abandoned_below: Mapped[int] = mapped_column(default=25)  # attended, percent
    abandoned_percent: Mapped[int] = mapped_column(default=25)  # of the price, to the provider
    rest_when_abandoned: Mapped[str] = mapped_column(default="back")
    complete_from: Mapped[int] = mapped_column(default=80)  # attended, percent
    four_eyes_minor: Mapped[int] = mapped_column(default=0)  # grants above need two people; 0: all
