"""What a figure is, and how it is measured beside its yardstick.

Ours and the yardstick take turns, so that what else the machine does falls on both; the medians of
all turns are compared.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
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
    """One line of the table; ``target`` is the ratio to reach, from below or from above."""

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
    if grounds.small:
        figure = replace(figure, ours=figure.ours.replace("10⁷", "10⁶"))
    return Result(figure, tuple(ours), tuple(yardstick))
