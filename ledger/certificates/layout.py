"""Pages, and what stands on them: marks with a place, laid out before anything is drawn.

All measures are points (1/72 inch) from the lower left corner of an A4 page. Because a layout is
data, a test can check that nothing leaves the page, and the number of pages is known in advance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import segno
from reportlab.lib.colors import Color, HexColor
from reportlab.pdfgen.canvas import Canvas

from ledger.certificates.text import Line

WIDTH, HEIGHT = 595.28, 841.89
MARGIN = 56.0
INNER = WIDTH - 2 * MARGIN

INK = HexColor("#0b2c4a")
ACCENT = HexColor("#10507f")
TEXT = HexColor("#1d2b3a")
MUTED = HexColor("#54667a")
RULE = HexColor("#d3dce6")
PAPER = HexColor("#f5f8fb")
GREEN = HexColor("#178246")
AMBER = HexColor("#f2a92c")
WHITE = HexColor("#ffffff")


class Mark(Protocol):
    """Something on a page that can draw itself and knows the room it takes."""

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Return left, bottom, right and top."""

    def draw(self, canvas: Canvas) -> None:
        """Draw it."""


@dataclass(frozen=True, slots=True)
class Words:
    """A line of text from ``x`` on its baseline ``y``; ``tracking`` spreads the letters."""

    line: Line
    x: float
    y: float
    colour: Color = TEXT
    tracking: float = 0.0

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Return left, bottom, right and top."""
        right = self.x + self.line.width + self.tracking * max(0, len(self.line.text.rstrip()) - 1)
        hidden = self.line.width - _width_without_last_space(self.line)
        return self.x, self.y - 0.3 * self.line.size, right - hidden, self.y + 0.95 * self.line.size

    def draw(self, canvas: Canvas) -> None:
        """Draw it."""
        x, size = self.x, self.line.size
        # The way of drawing letters outlives a text object, so it is put back afterwards.
        canvas.saveState()
        canvas.setFillColor(self.colour)
        canvas.setStrokeColor(self.colour)
        for piece in self.line.pieces:
            words = canvas.beginText(x, self.y)
            words.setFont(piece.face.name, size)
            words.setCharSpace(self.tracking)
            if piece.face.thin:
                canvas.setLineWidth(size / 32)
            words.setTextRenderMode(2 if piece.face.thin else 0)
            words.textOut(piece.drawn)
            canvas.drawText(words)
            x += piece.width(size)
        canvas.restoreState()


@dataclass(frozen=True, slots=True)
class Block:
    """A filled rectangle, with a border and round corners when asked."""

    x: float
    y: float
    width: float
    height: float
    fill: Color
    border: Color | None = None
    radius: float = 0.0

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Return left, bottom, right and top."""
        return self.x, self.y, self.x + self.width, self.y + self.height

    def draw(self, canvas: Canvas) -> None:
        """Draw it."""
        canvas.setFillColor(self.fill)
        canvas.setLineWidth(0.75)
        if self.border is not None:
            canvas.setStrokeColor(self.border)
        canvas.roundRect(
            self.x,
            self.y,
            self.width,
            self.height,
            self.radius,
            stroke=int(self.border is not None),
            fill=1,
        )


@dataclass(frozen=True, slots=True)
class Tick:
    """A tick, its lower left corner at ``x``, ``y``."""

    x: float
    y: float
    size: float
    colour: Color = GREEN
    weight: float = 1.6

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Return left, bottom, right and top."""
        return self.x, self.y, self.x + self.size, self.y + self.size

    def draw(self, canvas: Canvas) -> None:
        """Draw it."""
        path = canvas.beginPath()
        path.moveTo(self.x, self.y + 0.48 * self.size)
        path.lineTo(self.x + 0.36 * self.size, self.y + 0.12 * self.size)
        path.lineTo(self.x + self.size, self.y + 0.88 * self.size)
        canvas.setStrokeColor(self.colour)
        canvas.setLineWidth(self.weight)
        canvas.setLineCap(1)
        canvas.setLineJoin(1)
        canvas.drawPath(path, stroke=1, fill=0)
        canvas.setLineCap(0)


@dataclass(frozen=True, slots=True)
class Rosette:
    """Fine woven rings around a tick, as on old diplomas; centre ``x``, ``y``."""

    x: float
    y: float
    radius: float

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Return left, bottom, right and top."""
        r = self.radius
        return self.x - r, self.y - r, self.x + r, self.y + r

    def draw(self, canvas: Canvas) -> None:
        """Draw it."""
        canvas.setLineWidth(0.45)
        for turn in range(6):
            canvas.setStrokeColor(ACCENT if turn % 2 else AMBER)
            self._ring(canvas, 0.84, 0.13, 18, turn * math.pi / 3)
        canvas.setFillColor(WHITE)
        canvas.setStrokeColor(ACCENT)
        canvas.setLineWidth(0.9)
        canvas.circle(self.x, self.y, 0.66 * self.radius, stroke=1, fill=1)
        canvas.setFillColor(INK)
        canvas.circle(self.x, self.y, 0.58 * self.radius, stroke=0, fill=1)
        size = 0.62 * self.radius
        Tick(self.x - size / 2, self.y - size / 2, size, WHITE, 0.085 * self.radius).draw(canvas)

    def _ring(self, canvas: Canvas, middle: float, wave: float, waves: int, phase: float) -> None:
        path = canvas.beginPath()
        steps = 240
        for step in range(steps + 1):
            angle = 2 * math.pi * step / steps
            r = self.radius * (middle + wave * math.sin(waves * angle + phase))
            x, y = self.x + r * math.cos(angle), self.y + r * math.sin(angle)
            if step:
                path.lineTo(x, y)
            else:
                path.moveTo(x, y)
        path.close()
        canvas.drawPath(path, stroke=1, fill=0)


@dataclass(frozen=True, slots=True)
class Code:
    """A QR code of ``address`` as vectors, with its quiet zone inside ``size``."""

    address: str
    x: float
    y: float
    size: float

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Return left, bottom, right and top."""
        return self.x, self.y, self.x + self.size, self.y + self.size

    def draw(self, canvas: Canvas) -> None:
        """Draw it."""
        rows = [list(row) for row in segno.make_qr(self.address, error="m").matrix]
        module = self.size / (len(rows) + 8)
        canvas.setFillColor(WHITE)
        canvas.rect(self.x, self.y, self.size, self.size, stroke=0, fill=1)
        path = canvas.beginPath()
        for row, modules in enumerate(rows):
            top = self.y + self.size - (row + 4) * module
            for start, end in _dark(modules):
                path.rect(
                    self.x + (start + 4) * module, top - module, (end - start) * module, module
                )
        canvas.setFillColor(INK)
        canvas.drawPath(path, stroke=0, fill=1)


@dataclass(slots=True)
class Flow:
    """Pages that fill from top to bottom; ``y`` is where the next thing begins.

    ``first_floor`` is the lowest point on page one, where something stands already; ``squeeze``
    below 1 brings lines and gaps closer together.
    """

    first_floor: float
    squeeze: float = 1.0
    floor: float = 66.0
    top: float = HEIGHT - 92.0
    y: float = HEIGHT
    pages: list[list[Mark]] = field(default_factory=lambda: [[]])

    @property
    def room(self) -> float:
        """Return the height left on this page."""
        return self.y - (self.first_floor if len(self.pages) == 1 else self.floor)

    def put(self, *marks: Mark) -> None:
        """Place marks on this page."""
        self.pages[-1].extend(marks)

    def need(self, height: float) -> None:
        """Go to a new page unless so much height is left on this one."""
        if self.room < height:
            self.pages.append([])
            self.y = self.top

    def skip(self, points: float) -> None:
        """Leave room below what was placed."""
        self.y -= points * self.squeeze

    def lines(
        self,
        lines: Sequence[Line],
        *,
        x: float = MARGIN,
        colour: Color = TEXT,
        leading: float = 1.35,
    ) -> None:
        """Place lines below each other, going on to new pages where they must."""
        for item in lines:
            height = item.size * leading * self.squeeze
            self.need(height)
            self.put(Words(item, x, self.y - 0.78 * height, colour))
            self.y -= height


def _dark(modules: Sequence[int]) -> list[tuple[int, int]]:
    """Return start and end of each stretch of dark modules in a row."""
    stretches: list[tuple[int, int]] = []
    for index, dark in enumerate(modules):
        if dark and stretches and stretches[-1][1] == index:
            stretches[-1] = (stretches[-1][0], index + 1)
        elif dark:
            stretches.append((index, index + 1))
    return stretches


def _width_without_last_space(line: Line) -> float:
    spaces = len(line.text) - len(line.text.rstrip())
    return line.width - spaces * 0.265 * line.size
