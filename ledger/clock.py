"""Time: moments are UTC, legal dates are dates in Amsterdam. The clock is injected as ``now``."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def now() -> datetime:
    """Return the present moment in UTC, cut to microseconds."""
    return datetime.now(UTC)


# A unit of work asks for its one moment over and over.
@lru_cache(maxsize=64)
def today(moment: datetime) -> date:
    """Return the legal date in Amsterdam at ``moment`` (which must carry a time zone)."""
    return moment.astimezone(AMSTERDAM).date()


def local(day: date, hour: int = 0, minute: int = 0) -> datetime:
    """Return the UTC moment of a wall-clock time in Amsterdam."""
    return datetime.combine(day, time(hour, minute), AMSTERDAM).astimezone(UTC)


def add_months(day: date, months: int) -> date:
    """Return the same day ``months`` later, or that month's last day (31 Jan + 1 = 28/29 Feb)."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def period_of(day: date) -> str:
    """Return the period ``YYYY-MM`` in which a day falls."""
    return f"{day.year:04d}-{day.month:02d}"


def period_end(period: str) -> date:
    """Return the last day of ``YYYY-MM`` or ``YYYY``."""
    year = int(period[:4])
    month = int(period[5:7]) if len(period) > 4 else 12
    return date(year, month, calendar.monthrange(year, month)[1])


def days(number: int) -> timedelta:
    """Return a span of ``number`` days."""
    return timedelta(days=number)
