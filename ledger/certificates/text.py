"""Lines of text in any script: breaking, fitting, and the order in which to draw them.

Positions are in points. A paragraph's direction is that of its first strong letter; within it the
pieces are ordered by a simplified Unicode Bidirectional Algorithm (UAX 9) without explicit marks,
which :func:`ledger.certificates.fonts.clean` has removed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from ledger.certificates import fonts
from ledger.certificates.fonts import Face, Weight

_MIRROR = str.maketrans("()[]{}<>«»‹›", ")(][}{><»«›‹")
_AFTER_SIGN = re.compile(r"[^/\-]*[/\-]+ ?|[^/\-]+")


@dataclass(frozen=True, slots=True)
class Piece:
    """Text of one font and direction, ready to be drawn."""

    face: Face
    drawn: str

    def width(self, size: float) -> float:
        """Return its width in points."""
        return fonts.advance(self.drawn, self.face, size)


@dataclass(frozen=True, slots=True)
class Line:
    """One line, its pieces from left to right."""

    text: str
    pieces: tuple[Piece, ...]
    size: float
    right_to_left: bool = False

    @property
    def width(self) -> float:
        """Return its width in points."""
        return sum(piece.width(self.size) for piece in self.pieces)


def line(text: str, weight: Weight, size: float, *, right_to_left: bool | None = None) -> Line:
    """Return a text as one line, however wide that is."""
    turned = is_right_to_left(text) if right_to_left is None else right_to_left
    pieces = tuple(
        Piece(face, _drawn(run, face, level)) for run, face, level in _runs(text, weight, turned)
    )
    return Line(text, pieces, size, turned)


def wrap(text: str, weight: Weight, size: float, width: float) -> list[Line]:
    """Return the lines of a text within ``width`` points; a word wider than that is broken."""
    neat = fonts.clean(text)
    turned = is_right_to_left(neat)
    lines: list[Line] = []
    current, filled = "", 0.0
    for word in _words(neat, weight, size, width):
        # The space stays at the end of its line: readers that take the text out need it.
        bare = _measure(word.rstrip(), weight, size)
        if current and filled + bare > width:
            lines.append(line(current, weight, size, right_to_left=turned))
            current, filled = "", 0.0
        current += word
        filled += bare + (_measure(" ", weight, size) if word.endswith(" ") else 0.0)
    if current:
        lines.append(line(current, weight, size, right_to_left=turned))
    return lines


def fit(
    text: str, weight: Weight, *, largest: float, smallest: float, width: float, lines: int
) -> list[Line]:
    """Return the text as large as it goes in so many lines; at ``smallest``, in more lines."""
    size = largest
    while size > smallest:
        wrapped = wrap(text, weight, size, width)
        if len(wrapped) <= lines and not _breaks_words(wrapped):
            return wrapped
        size = max(smallest, size - 1)
    return wrap(text, weight, smallest, width)


def is_right_to_left(text: str) -> bool:
    """Tell whether the first letter with a direction is Arabic, Hebrew or the like."""
    for c in text:
        kind = unicodedata.bidirectional(c)
        if kind in ("L", "R", "AL"):
            return kind != "L"
    return False


def _breaks_words(wrapped: list[Line]) -> bool:
    return any(not item.text.endswith(" ") for item in wrapped[:-1])


@lru_cache(maxsize=8192)
def _measure(text: str, weight: Weight, size: float) -> float:
    return line(text, weight, size, right_to_left=False).width


def _words(text: str, weight: Weight, size: float, width: float) -> Iterator[str]:
    words = text.split(" ")
    for index, word in enumerate(words):
        space = " " if index < len(words) - 1 else ""
        if _measure(word, weight, size) <= width:
            yield word + space
            continue
        # Addresses and compounds break after a slash or hyphen rather than anywhere.
        for part in _AFTER_SIGN.findall(word + space):
            yield from _broken(part, weight, size, width)


def _broken(word: str, weight: Weight, size: float, width: float) -> Iterator[str]:
    part, filled = "", 0.0
    for cluster in fonts.clusters(word):
        added = _measure(cluster.rstrip(), weight, size)
        if part and filled + added > width:
            yield part
            part, filled = "", 0.0
        part += cluster
        filled += added
    yield part


def _runs(text: str, weight: Weight, turned: bool) -> Iterator[tuple[str, Face, int]]:
    """Yield the runs of one font and level, in the order of drawing (rule L2)."""
    runs: list[tuple[str, Face, int]] = []
    for part, level in _levels(text, turned):
        runs.extend((run, face, level) for run, face in _by_face(part, weight))
    for lowest in range(max((level for _, _, level in runs), default=0), 0, -1):
        ordered: list[tuple[str, Face, int]] = []
        for high, group in groupby(runs, key=lambda run: run[2] >= lowest):
            stretch = list(group)
            ordered.extend(reversed(stretch) if high else stretch)
        runs = ordered
    yield from runs


def _by_face(text: str, weight: Weight) -> Iterator[tuple[str, Face]]:
    first = fonts.face_for("x", weight)
    if first is not None and text.isprintable() and first.covers(text):
        yield text, first
        return
    current: Face | None = None
    part = ""
    for cluster in fonts.clusters(text):
        keeps = current is not None and not cluster.isalnum() and current.covers(cluster)
        face = current if keeps else fonts.face_for(cluster, weight)
        if face is None:
            # Checked at issue; a snapshot from before a change of fonts still has to print.
            cluster, face = "?", fonts.face_for("?", weight)
        if face is not current and current is not None and part:
            yield part, current
            part = ""
        current = face
        part += cluster
    if part and current is not None:
        yield part, current


def _levels(text: str, turned: bool) -> list[tuple[str, int]]:
    base = 1 if turned else 0
    kinds: list[str] = []
    for c in text:
        is_mark = unicodedata.bidirectional(c) == "NSM"
        kinds.append(kinds[-1] if is_mark and kinds else _kind(c))
    if not turned and "R" not in kinds:
        return [(text, 0)] if text else []
    levels: list[int] = []
    for index, kind in enumerate(kinds):
        if kind == "N":
            # Between two of a kind it takes that kind; otherwise the paragraph's (N1, N2).
            before = next((k for k in reversed(kinds[:index]) if k != "N"), "")
            after = next((k for k in kinds[index:] if k != "N"), "")
            right = before in ("R", "D") and after in ("R", "D") and "R" in (before, after)
            left = before in ("L", "D") and after in ("L", "D") and "L" in (before, after)
            levels.append(1 if right else (base + base % 2 if left else base))
        elif kind == "R":
            levels.append(1)
        else:
            near = next((k for k in reversed(kinds[:index]) if k in "LR"), "R" if turned else "L")
            levels.append(2 if base or (kind == "D" and near == "R") else 0)
    return [
        ("".join(text[index] for index, _ in group), level)
        for level, group in groupby(enumerate(levels), key=lambda item: item[1])
    ]


def _kind(c: str) -> str:
    kind = unicodedata.bidirectional(c)
    if kind in ("R", "AL"):
        return "R"
    if kind in ("EN", "AN"):
        return "D"
    return "L" if kind == "L" else "N"


def _drawn(run: str, face: Face, level: int) -> str:
    right_to_left = level % 2 == 1
    if face.shaped and is_right_to_left(run):
        return fonts.shape(run, face)
    if right_to_left:
        return "".join(reversed(list(fonts.clusters(run.translate(_MIRROR)))))
    return fonts.shape(run, face)
