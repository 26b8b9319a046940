"""The model's enrolments: who pays, what becomes of it, and in which status it ends."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

from ledger.providers.settlement import Event
from tests.property.machine.books import Books, Lot, apportioned, day_of, half_up

WAITING = ("requested", "offered")
RUNNING = ("confirmed", "started")


@dataclass
class Course:
    """What is bought."""

    id: str
    provider: str
    sector: str
    price: int
    hours: int


@dataclass
class Run:
    """When it is given, session id → begin and end, in order of time."""

    id: str
    course: Course
    sessions: dict[str, tuple[datetime, datetime]]
    capacity: int
    taken: int = 0
    planned: bool = True

    @property
    def begins(self) -> datetime:
        return min(begin for begin, _ in self.sessions.values())

    @property
    def ends(self) -> datetime:
        return max(end for _, end in self.sessions.values())

    def meets(self, other: Run) -> bool:
        """Tell whether somebody would have to be in two places."""
        return any(
            a < d and c < b for a, b in self.sessions.values() for c, d in other.sessions.values()
        )


@dataclass
class Line:
    """What one lot contributes, under the terms of that day."""

    lot: Lot
    terms: dict[str, Any]
    held: int
    paid: int = 0
    clawed: int = 0

    @property
    def euros(self) -> bool:
        return self.lot.scheme.unit == "EUR"


@dataclass
class Journey:
    """One enrolment."""

    id: str
    account: str
    run: Run
    status: str
    price: int
    confirm_until: datetime
    own: int = 0
    lines: list[Line] = field(default_factory=list)
    free_until: date | None = None
    stopped: datetime | None = None
    stated: dict[str, bool] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    disputed: dict[str, str] = field(default_factory=dict)  # session id → case id, while open
    silent: str | None = None  # the case about a missing declaration, once there is one
    silent_open: bool = False

    @property
    def percent(self) -> int:
        """Return the whole percentage of the hours that was attended."""
        span = {key: end - begin for key, (begin, end) in self.run.sessions.items()}
        there = sum((span[key] for key, was in self.stated.items() if was), timedelta())
        return there * 100 // sum(span.values(), timedelta())

    def unstated(self, now: datetime) -> list[str]:
        """Return the sessions that are over (when the learner stopped: by then) and unknown."""
        until = min(self.stopped or now, now)
        over = [key for key, (_, end) in self.run.sessions.items() if end <= until]
        return [key for key in over if key not in self.stated]

    def leaving(self, now: datetime) -> Event:
        """Return the row of the cancellation table when the learner leaves now."""
        if self.status == "started" or self.run.begins <= now:
            return "attended"
        free = self.free_until is not None and day_of(now) <= self.free_until
        return "withdrawn" if free else "cancelled_late"


@dataclass
class Journeys(Books):
    """Enrolments and the money in them."""

    runs: list[Run] = field(default_factory=list)
    journeys: dict[str, Journey] = field(default_factory=dict)

    def of(self, account: str, *statuses: str) -> Iterator[Journey]:
        """Give somebody's enrolments in these statuses."""
        for journey in self.journeys.values():
            if journey.account == account and journey.status in statuses:
                yield journey

    def closed_to(self, run: Run, now: datetime) -> list[str]:
        """Return why a run takes nobody any more."""
        why = []
        if not run.planned or run.begins <= now:
            why.append("WrongState")
        if run.taken >= run.capacity:
            why.append("RunFull")
        return why

    def overlaps(self, account: str, run: Run) -> bool:
        """Tell whether a confirmed enrolment has a session at the same hours."""
        return any(run.meets(other.run) for other in self.of(account, *RUNNING))

    def spending(
        self, account: str, run: Run, price: int, own: int, today: date, journey_id: str
    ) -> tuple[list[Line], int]:
        """Return which lots pay what, and what is short.

        What expires first, then money for this kind of course only, then the rest; each scheme no
        more than its share. Euros pay the price, minutes the hours.
        """
        holder = self.holders[account]
        usable = []
        for lot in self.lots.values():
            terms = lot.scheme.terms(today)
            fits = not terms["course_sectors"] or run.course.sector in terms["course_sectors"]
            entitled = not terms["holder_sectors"] or holder.sector in terms["holder_sectors"]
            mine = lot.account == account and lot.tied in (None, journey_id)
            if mine and fits and entitled and lot.available and not lot.expired(today):
                special = bool(lot.tied or terms["course_sectors"])
                usable.append((lot.expires or date.max, not special, lot.id, lot, terms))
        lines: list[Line] = []
        short = 0
        for unit, whole, need in (
            ("EUR", price, price - own),
            ("MIN", run.course.hours * 60, run.course.hours * 60),
        ):
            room: dict[str, int] = {}
            for *_, lot, terms in sorted(usable, key=lambda item: item[:3]):
                if lot.scheme.unit != unit:
                    continue
                most = whole * terms["share_percent"] // 100
                if terms["max_per_course_minor"] is not None:
                    most = min(most, terms["max_per_course_minor"])
                left = room.setdefault(lot.scheme.id, most)
                amount = min(lot.available, left, need)
                if amount:
                    lines.append(Line(lot, terms, amount))
                    room[lot.scheme.id] = left - amount
                    need -= amount
            short += need if unit == "EUR" else 0
        return lines, short

    def confirm(self, journey: Journey, lines: list[Line], own: int, today: date) -> None:
        """Hold the money and take the place."""
        for line in lines:
            line.lot.available -= line.held
            line.lot.held += line.held
            self.move(line.lot.scheme, "available", "held", line.held)
        journey.status, journey.own, journey.lines = "confirmed", own, lines
        journey.run.taken += 1
        journey.free_until = _free_until(journey, today)

    def settle(self, journey: Journey, event: str, percent: int, today: date) -> int:
        """End the hold as an event demands; return what the provider is owed, in cents."""
        fates = [_fate(line, event, percent) for line in journey.lines]
        groups: dict[tuple[bool, int], list[int]] = defaultdict(list)
        for n, (line, (share, _)) in enumerate(zip(journey.lines, fates, strict=True)):
            groups[line.euros, share].append(n)
        for (_, share), members in groups.items():
            weights = [journey.lines[n].held for n in members]
            total = half_up(Fraction(sum(weights) * share, 100))
            for n, part in zip(members, apportioned(total, weights), strict=True):
                journey.lines[n].paid = part
        for line, (_, lost) in zip(journey.lines, fates, strict=True):
            self._end(line, lost or line.lot.expired(today))
        return sum(line.paid for line in journey.lines if line.euros)

    def _end(self, line: Line, to_funder: bool) -> None:
        lot, rest = line.lot, line.held - line.paid
        lot.held -= line.held
        lot.spent += line.paid
        self.move(lot.scheme, "held", "payable" if line.euros else "bank", line.paid)
        if to_funder:
            lot.returned += rest
            self.move(lot.scheme, "held", "returned", rest)
        else:
            lot.available += rest
            self.move(lot.scheme, "held", "available", rest)

    def ended_as(self, journey: Journey, event: str, percent: int) -> str:
        """Return the status after an event; several schemes that disagree make it partial."""
        if event != "attended":
            return event
        if not journey.lines:
            return {0: "abandoned", 100: "completed"}.get(percent, "partially_completed")
        words = {_word(line.terms, percent) for line in journey.lines}
        return words.pop() if len(words) == 1 else "partially_completed"


def _free_until(journey: Journey, today: date) -> date | None:
    begin = day_of(journey.run.begins)
    days = [
        min(
            today + timedelta(days=line.terms["cooling_off_days"]),
            begin - timedelta(days=line.terms["free_until_days"] + 1),
        )
        for line in journey.lines
        if line.euros
    ]
    last = max(days) if days else begin
    return last if last >= today else None


def _word(terms: dict[str, Any], percent: int) -> str:
    if percent >= terms["complete_from"]:
        return "completed"
    return "abandoned" if percent < terms["abandoned_below"] else "partially_completed"


def _fate(line: Line, event: str, percent: int) -> tuple[int, bool]:
    """Return the percentage that is paid, and whether the learner loses the rest."""
    terms, euros = line.terms, line.euros
    if event in ("withdrawn", "cancelled_by_provider"):
        return 0, False
    if event == "force_majeure":
        return percent, False
    if event == "cancelled_late":
        # Time is never fined.
        return (terms["late_percent"], terms["rest_when_late"] == "lost") if euros else (0, False)
    word = "completed" if event == "completed" else _word(terms, percent)
    if word == "completed":
        return 100, False
    if word == "abandoned" and euros:
        return terms["abandoned_percent"], terms["rest_when_abandoned"] == "lost"
    return percent, False
