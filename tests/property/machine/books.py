"""The model's books: what each scheme, lot and bucket must hold, in plain numbers."""

from __future__ import annotations

import calendar
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

# What a scheme says when its funder says nothing else.
STANDARD: dict[str, Any] = {
    "accrual_period": "none",
    "accrual_minor": 0,
    "accrual_low_minor": 0,
    "cap_minor": 0,
    "cap_low_minor": 0,
    "low_level_until": 2,
    "full_from_percent": 50,
    "expiry_months": None,
    "holder_sectors": [],
    "course_sectors": [],
    "share_percent": 100,
    "max_per_course_minor": None,
    "cooling_off_days": 14,
    "free_until_days": 7,
    "late_percent": 5,
    "rest_when_late": "back",
    "abandoned_below": 25,
    "abandoned_percent": 25,
    "rest_when_abandoned": "back",
    "complete_from": 80,
    "four_eyes_minor": 0,
}


def day_of(moment: datetime) -> date:
    """Return the date on a calendar in Amsterdam."""
    return moment.astimezone(ZoneInfo("Europe/Amsterdam")).date()


def months_later(day: date, months: int) -> date:
    """Return the same day so many months later, or that month's last one."""
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def half_up(amount: Fraction) -> int:
    """Round to whole units, halves up."""
    return int(amount + Fraction(1, 2))


def apportioned(total: int, weights: list[int]) -> list[int]:
    """Divide by weight in whole units; what is left goes to the largest fractions, first first."""
    exact = [Fraction(total * weight, sum(weights)) for weight in weights]
    parts = [int(one) for one in exact]
    ranks = sorted(range(len(parts)), key=lambda n: (parts[n] - exact[n], n))
    for n in ranks[: total - sum(parts)]:
        parts[n] += 1
    return parts


@dataclass
class Scheme:
    """A regulation with its dated terms."""

    id: str
    funder_id: str
    unit: str
    versions: list[tuple[date, dict[str, Any]]]
    open: bool = True
    paid_in: int = 0
    transfers: set[str] = field(default_factory=set)
    references: set[str] = field(default_factory=set)
    files: set[bytes] = field(default_factory=set)
    accrued: set[tuple[str, str]] = field(default_factory=set)
    alone: dict[tuple[str, date], int] = field(default_factory=lambda: defaultdict(int))

    def terms(self, on: date) -> dict[str, Any]:
        """Return what holds on a day."""
        return [terms for since, terms in self.versions if since <= on][-1]


@dataclass
class Lot:
    """What one grant holds."""

    id: str
    scheme: Scheme
    account: str
    expires: date | None
    tied: str | None
    credited: int
    available: int
    held: int = 0
    spent: int = 0
    returned: int = 0
    notices: dict[int, date] = field(default_factory=dict)

    def expired(self, on: date) -> bool:
        """Tell whether its last day is over."""
        return self.expires is not None and self.expires < on

    def counters(self) -> tuple[int, int, int, int, int]:
        """Return what its row must say."""
        return self.credited, self.available, self.held, self.spent, self.returned


@dataclass
class Holder:
    """Somebody with an account, as far as money cares."""

    account: str
    number: str
    sector: str | None
    contract: int | None
    level: int | None
    opened: date


@dataclass
class Batch:
    """Grants that wait for a second person."""

    id: str
    scheme: Scheme
    maker: str
    rows: list[tuple[str, int, date | None, str | None]]
    file: bytes | None
    open: bool = True


@dataclass
class Round:
    """A period in which people may ask for an amount, as long as its budget lasts."""

    id: str
    scheme: Scheme
    amount: int
    budget: int
    opens: datetime
    closes: datetime
    open: bool = True
    asked: set[str] = field(default_factory=set)

    @property
    def granted(self) -> int:
        return self.amount * len(self.asked)


@dataclass
class Books:
    """All of it; every move of money has two sides."""

    schemes: list[Scheme] = field(default_factory=list)
    lots: dict[str, Lot] = field(default_factory=dict)
    holders: dict[str, Holder] = field(default_factory=dict)
    batches: list[Batch] = field(default_factory=list)
    rounds: list[Round] = field(default_factory=list)
    buckets: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))

    def move(self, scheme: Scheme, source: str, target: str, amount: int) -> None:
        """Take from one bucket and add to another."""
        self.buckets[scheme.id, source] -= amount
        self.buckets[scheme.id, target] += amount

    def holds(self, scheme: Scheme, bucket: str) -> int:
        """Return what a bucket of a scheme holds."""
        return self.buckets[scheme.id, bucket]

    def free(self, scheme: Scheme, now: datetime) -> int:
        """Return what of a fund is not promised to a round that goes on."""
        return self.holds(scheme, "fund") - sum(
            one.budget - one.granted
            for one in self.rounds
            if one.scheme is scheme and one.open and one.closes > now
        )

    def pay_in(self, scheme: Scheme, amount: int, reference: str) -> None:
        """Take in a transfer."""
        scheme.transfers.add(reference)
        scheme.paid_in += amount
        self.move(scheme, "bank", "fund", amount)

    def credit(
        self,
        lot_id: str,
        scheme: Scheme,
        account: str,
        amount: int,
        today: date,
        expires: date | None = None,
        tied: str | None = None,
    ) -> None:
        """Grant a lot; without a last day of its own the scheme's terms say it."""
        months = scheme.terms(today)["expiry_months"]
        if expires is None and months is not None:
            expires = months_later(today, months)
        self.lots[lot_id] = Lot(lot_id, scheme, account, expires, tied, amount, amount)
        self.move(scheme, "fund", "available", amount)

    def accrual(self, scheme: Scheme, period: str, day: date) -> dict[str, int]:
        """Return per account what a period gives: the amount, no further than the cap."""
        terms = scheme.terms(day)
        owed = {}
        for holder in self.holders.values():
            if (holder.account, period) in scheme.accrued or holder.opened > day:
                continue
            if terms["holder_sectors"] and holder.sector not in terms["holder_sectors"]:
                continue
            low = holder.level is not None and holder.level <= terms["low_level_until"]
            amount = (low and terms["accrual_low_minor"]) or terms["accrual_minor"]
            cap = (low and terms["cap_low_minor"]) or terms["cap_minor"]
            if holder.contract is not None and holder.contract < terms["full_from_percent"]:
                amount = half_up(Fraction(amount * holder.contract, 100))
            if cap:
                amount = min(amount, cap - self.unspent(scheme, holder.account, day))
            if amount > 0:
                owed[holder.account] = amount
        return owed

    def unspent(self, scheme: Scheme, account: str, day: date) -> int:
        """Return what a scheme gave somebody that is neither spent nor gone."""
        return sum(
            lot.held + (0 if lot.expired(day) else lot.available)
            for lot in self.lots.values()
            if lot.scheme is scheme and lot.account == account
        )

    def notify(self, today: date) -> int:
        """Warn once at each of 90, 30 and 7 days; a late warning stands for the ones before."""
        told = 0
        for lot in self.lots.values():
            if lot.expires is None or lot.available == 0:
                continue
            near = [days for days in (7, 30, 90) if lot.expires <= today + timedelta(days=days)]
            if near and min(lot.notices, default=1000) > near[0]:
                lot.notices[near[0]] = today
                told += 1
        return told

    def expire(self, today: date) -> dict[str, int]:
        """Return expired money to its fund, after a week's notice; return the sum per unit."""
        totals: dict[str, int] = defaultdict(int)
        for lot in self.lots.values():
            told = lot.notices.get(7)
            if lot.expired(today) and lot.available and told and told <= today - timedelta(days=7):
                totals[lot.scheme.unit] += lot.available
                self.give_back(lot, lot.available)
        return dict(totals)

    def give_back(self, lot: Lot, amount: int) -> None:
        """Let a lot lose available money to its funder."""
        lot.available -= amount
        lot.returned += amount
        self.move(lot.scheme, "available", "returned", amount)

    def faults(self) -> list[str]:
        """Return what cannot be true of any books."""
        wrong = [
            f"{lot.id}: {lot.counters()}"
            for lot in self.lots.values()
            if min(lot.counters()) < 0 or lot.credited != sum(lot.counters()[1:])
        ]
        for scheme in self.schemes:
            own = [lot for lot in self.lots.values() if lot.scheme is scheme]
            accounted = sum(lot.available + lot.held + lot.spent for lot in own)
            accounted += self.holds(scheme, "fund") + self.holds(scheme, "returned")
            if scheme.paid_in != accounted or self.holds(scheme, "fund") < 0:
                wrong.append(f"{scheme.id}: {scheme.paid_in} paid in, {accounted} accounted for")
        return wrong
