"""What becomes of held money when an enrolment ends: a pure function of lines, rules and event.

Euro lines follow the percentages of their own rule version. Minutes of learning time are never
fined or lost: what was attended is taken, the rest goes back, and a completed course takes all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from ledger.money import MIN, share, split

Event = Literal[
    "withdrawn",
    "cancelled_late",
    "cancelled_by_provider",
    "force_majeure",
    "completed",
    "attended",
]
Fate = Literal["back", "late", "realised", "abandoned", "partial", "complete"]


class Terms(Protocol):
    """The part of a rule version that decides what cancelling and completing cost."""

    @property
    def late_percent(self) -> int: ...
    @property
    def rest_when_late(self) -> str: ...
    @property
    def abandoned_below(self) -> int: ...
    @property
    def abandoned_percent(self) -> int: ...
    @property
    def rest_when_abandoned(self) -> str: ...
    @property
    def complete_from(self) -> int: ...


@dataclass(frozen=True, slots=True)
class HeldLine:
    """What one lot contributes: ``amount`` in minor units of ``unit``, under ``terms``."""

    lot_id: str
    unit: str
    amount: int
    terms: Terms


@dataclass(frozen=True, slots=True)
class Part:
    """What becomes of one line; ``paid + released + lost`` is exactly what was held."""

    lot_id: str
    unit: str
    paid: int
    released: int
    lost: int


def fate(terms: Terms, event: Event, attended_percent: int) -> Fate:
    """Return which row of the cancellation table a line falls under."""
    if event in ("withdrawn", "cancelled_by_provider"):
        return "back"
    if event == "cancelled_late":
        return "late"
    if event == "force_majeure":
        return "realised"
    if event == "completed" or attended_percent >= terms.complete_from:
        return "complete"
    return "abandoned" if attended_percent < terms.abandoned_below else "partial"


def outcome(lines: Sequence[HeldLine], event: Event, attended_percent: int = 0) -> tuple[Part, ...]:
    """Return per line what is paid, released and lost, in the order of ``lines``.

    ``attended_percent`` is the whole percentage of the run's hours that was attended; the event
    ``attended`` means that the run ended, or the holder stopped, without certificate or exam.
    Lines that are paid the same percentage are rounded together, so that the sum is right to the
    cent.
    """
    if not 0 <= attended_percent <= 100:
        raise ValueError("attended_percent is a percentage")
    fates = [fate(line.terms, event, attended_percent) for line in lines]
    groups: dict[tuple[str, int], list[int]] = defaultdict(list)
    for index, (line, fallen) in enumerate(zip(lines, fates, strict=True)):
        groups[line.unit, _percent(line, fallen, attended_percent)].append(index)
    paid = [0] * len(lines)
    for (_unit, percent), indexes in groups.items():
        weights = [lines[index].amount for index in indexes]
        parts = split(share(sum(weights), percent, 100), weights)
        for index, part in zip(indexes, parts, strict=True):
            paid[index] = part
    return tuple(
        _part(line, fallen, part) for line, fallen, part in zip(lines, fates, paid, strict=True)
    )


def status(lines: Sequence[HeldLine], event: Event, attended_percent: int) -> str:
    """Return the status in which an enrolment ends; with several rules the middle one wins."""
    if event != "attended":
        return event
    if not lines:
        # Nobody's money, so nobody's rule: only what is beyond doubt has another name.
        plain = {0: "abandoned", 100: "completed"}
        return plain.get(attended_percent, "partially_completed")
    fates = {fate(line.terms, event, attended_percent) for line in lines}
    if fates == {"complete"}:
        return "completed"
    return "abandoned" if fates == {"abandoned"} else "partially_completed"


def _percent(line: HeldLine, fallen: Fate, attended_percent: int) -> int:
    if fallen == "complete":
        return 100
    if fallen == "back":
        return 0
    if line.unit == MIN:
        return 0 if fallen == "late" else attended_percent
    return {
        "late": line.terms.late_percent,
        "abandoned": line.terms.abandoned_percent,
    }.get(fallen, attended_percent)


def _part(line: HeldLine, fallen: Fate, paid: int) -> Part:
    rest = line.amount - paid
    loses = line.unit != MIN and (
        (fallen == "late" and line.terms.rest_when_late == "lost")
        or (fallen == "abandoned" and line.terms.rest_when_abandoned == "lost")
    )
    return Part(line.lot_id, line.unit, paid, 0 if loses else rest, rest if loses else 0)
