"""What a figure is, how it is measured beside its yardstick, and how the result is told.

Ours and the yardstick take turns, so that what else the machine does falls on both; the medians of
all turns are compared.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from bench.grounds import Grounds

WARM_UP = 1.0  # seconds


@dataclass(frozen=True)
class Pair:
    """Two measurements that take turns; each is given seconds and returns a value.

    ``warm`` is off where a measurement is one job that takes as long as it takes.
    """

    ours: Callable[[float], float]
    yardstick: Callable[[float], float]
    warm: bool = True


@dataclass(frozen=True)
class Figure:
    """One line of the table; ``target`` is the ratio to reach, from below or from above.

    ``seconds`` and ``repeats`` replace what the caller asks for where a figure needs more.
    """

    name: str
    unit: str
    target: float
    better: Literal["higher", "lower"]
    ours: str  # what is measured, with how many clients
    yardstick: str
    prepare: Callable[[Grounds], AbstractContextManager[Pair]]


@dataclass(frozen=True)
class Result:
    """The values of all turns of one figure."""

    figure: Figure
    ours: tuple[float, ...]
    yardstick: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Return the median of ours divided by the median of the yardstick."""
        return statistics.median(self.ours) / statistics.median(self.yardstick)

    @property
    def reached(self) -> bool:
        """Tell whether the ratio is on the right side of its target."""
        if self.figure.better == "higher":
            return self.ratio >= self.figure.target
        return self.ratio <= self.figure.target

    @property
    def target(self) -> str:
        """Return the target with its direction, as in ``≥ 0.45``."""
        sign = "≥" if self.figure.better == "higher" else "≤"
        return f"{sign} {self.figure.target:g}"


def measure(figure: Figure, grounds: Grounds) -> Result:
    """Measure a figure on prepared grounds, ours and yardstick in turn."""
    ours: list[float] = []
    yardstick: list[float] = []
    with figure.prepare(grounds) as pair:
        if pair.warm:
            pair.ours(WARM_UP)
            pair.yardstick(WARM_UP)
        for _ in range(grounds.repeats):
            ours.append(pair.ours(grounds.seconds))
            yardstick.append(pair.yardstick(grounds.seconds))
    return Result(figure, tuple(ours), tuple(yardstick))


def as_json(result: Result, versions: Mapping[str, str]) -> str:
    """Return one JSON object on one line."""
    figure = result.figure
    return json.dumps(
        {
            "figure": figure.name,
            "ours": round(statistics.median(result.ours), 4),
            "yardstick": round(statistics.median(result.yardstick), 4),
            "ratio": round(result.ratio, 3),
            "unit": figure.unit,
            "repeats": len(result.ours),
            "target": result.target,
            "reached": result.reached,
            "ours_is": figure.ours,
            "yardstick_is": figure.yardstick,
            "ours_all": [round(value, 4) for value in result.ours],
            "yardstick_all": [round(value, 4) for value in result.yardstick],
            "versions": dict(versions),
        },
        ensure_ascii=False,
    )


HEADINGS = ("figure", "ours", "yardstick", "unit", "ratio", "target", "", "ours is", "yardstick is")


def cells(result: Result) -> tuple[str, ...]:
    """Return the cells of a result in the order of ``HEADINGS``."""
    return (
        result.figure.name,
        _number(statistics.median(result.ours)),
        _number(statistics.median(result.yardstick)),
        result.figure.unit,
        f"{result.ratio:.2f}",
        result.target,
        "reached" if result.reached else "not reached",
        result.figure.ours,
        result.figure.yardstick,
    )


def as_text(results: Sequence[Result]) -> str:
    """Return the results as a table for a terminal."""
    rows = [HEADINGS, *(cells(result) for result in results)]
    shown = [row[:7] for row in rows]
    widths = [max(len(row[column]) for row in shown) for column in range(7)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in shown
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.3g}"
