"""The embedded fonts, and which of them sets which piece of text.

Fira Sans sets Latin, Greek and Cyrillic in three weights; Noto Sans takes over, script by script,
for what Fira lacks. All come from pinned packages under the SIL Open Font License. Text outside
all of them is refused by :func:`check_coverage`, because a printed box is worse than a question.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import uharfbuzz  # type: ignore[import-untyped]
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont, shapeStr

from ledger.errors import Invalid
from ledger.i18n import N_

Weight = Literal["regular", "semibold", "bold"]

_FIRA: dict[Weight, str] = {
    "regular": "FiraSans-Regular.ttf",
    "semibold": "FiraSans-SemiBold.ttf",
    "bold": "FiraSans-Bold.ttf",
}
_SCRIPTS = (
    "",
    "Arabic",
    "Hebrew",
    "Armenian",
    "Georgian",
    "Ethiopic",
    "Devanagari",
    "Bengali",
    "Gurmukhi",
    "Gujarati",
    "Oriya",
    "Tamil",
    "Telugu",
    "Kannada",
    "Malayalam",
    "Sinhala",
    "Thai",
    "Lao",
    "Khmer",
    "Myanmar",
    "Symbols",
)
_JOINERS = "\u200c\u200d"
_FIRST_PRIVATE = 0xE000


@dataclass(frozen=True, slots=True)
class Face:
    """One registered font: its name for the canvas and the characters it has a picture of.

    ``shaped`` fonts need HarfBuzz (joining letters, vowel signs); ``thin`` ones are drawn with an
    outline so that they stand beside Fira.
    """

    name: str
    characters: frozenset[int] = field(repr=False)
    shaped: bool = False
    thin: bool = False

    def covers(self, cluster: str) -> bool:
        """Tell whether every visible character of a cluster is in the font."""
        return all(ord(c) in self.characters for c in cluster if c not in _JOINERS)


def clean(text: str) -> str:
    """Return the text composed, on one line, without characters that have no picture.

    Control characters, direction marks and zero-width spaces could hide or turn around what a
    reader sees. The two joiners stay: Persian and Indic spelling needs them.
    """
    spaced = " ".join(unicodedata.normalize("NFC", text).split())
    return "".join(c for c in spaced if c in _JOINERS or not _is_invisible(c))


def clusters(text: str) -> Iterator[str]:
    """Yield each character with the marks and joiners that belong to it."""
    current = ""
    for c in text:
        if current and not (c in _JOINERS or unicodedata.category(c).startswith("M")):
            yield current
            current = ""
        current += c
    if current:
        yield current


@lru_cache(maxsize=4096)
def face_for(cluster: str, weight: Weight) -> Face | None:
    """Return the first font that can set a cluster, or None."""
    for face in _candidates(weight):
        if face.covers(cluster):
            return face
    chinese = _han()
    return chinese if chinese.covers(cluster) else None


def check_coverage(text: str, *, field: str | None = None) -> None:
    """Refuse a text that cannot be printed; the message lists the characters.

    Errors: ``Invalid``.
    """
    lost = dict.fromkeys(c for c in clusters(clean(text)) if face_for(c, "regular") is None)
    if lost:
        raise Invalid(
            N_("These characters cannot be printed on a certificate: %(characters)s"),
            field=field,
            characters=" ".join(lost),
        )


def shape(text: str, face: Face) -> str:
    """Return the text in drawing order, with joined letters where the font has them."""
    # The shaper works in thousandths of an em, so the result holds for every size.
    return str.__str__(text) if not face.shaped else shapeStr(text, face.name, 10, force=True)


def advance(drawn: str, face: Face, size: float) -> float:
    """Return the width in points of what :func:`shape` returned."""
    data = getattr(drawn, "__shapeData__", None)
    if data is not None:
        return float(sum(item.x_advance for item in data)) * size / 1000
    return float(pdfmetrics.stringWidth(drawn, face.name, size))


def initial_font() -> str:
    """Return the font that a new canvas must start with, so that Helvetica is never referred to."""
    return _fira("regular").name


def _is_invisible(c: str) -> bool:
    # Cc control, Cf direction marks and zero width, Cs half a character, Zl/Zp line separators;
    # the last ones are variation selectors and the two Hangul fillers.
    return (
        unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        or "\ufe00" <= c <= "\ufe0f"
        or c in "\u034f\u115f\u1160\u3164\uffa0"
    )


@lru_cache
def _candidates(weight: Weight) -> tuple[Face, ...]:
    return (_fira(weight), *(_noto(script) for script in _SCRIPTS))


@lru_cache
def _fira(weight: Weight) -> Face:
    path = _resource("fontpkg_fira_sans", f"files/{_FIRA[weight]}")
    return _register(f"Fira-{weight}", path, shaped=False)


@lru_cache
def _noto(script: str) -> Face:
    path = _resource("manimgx_fonts", f"NotoSans{script}[wght].ttf")
    return _register(f"Noto-{script or 'Latin'}", path, shaped=True)


@lru_cache
def _han() -> Face:
    # 17 MB: opened only when a text has Chinese or Japanese in it.
    path = _resource("textflowkit_fonts", "fonts/NotoSansSC.ttf")
    return _register("Noto-Han", path, shaped=False, thin=True)


def _resource(package: str, name: str) -> Path:
    return Path(str(files(package).joinpath(name)))


def _register(name: str, path: Path, *, shaped: bool, thin: bool = False) -> Face:
    font = TTFont(name, str(path), shapable=shaped)
    # Planes above the first do not fit reportlab's ToUnicode table; private use has no meaning.
    characters = frozenset(
        code
        for code in font.face.charToGlyph
        if code <= 0xFFFF and unicodedata.category(chr(code)) not in ("Co", "Cn")
    )
    if shaped:
        _number_bare_glyphs(font, path)
    pdfmetrics.registerFont(font)
    return Face(name, characters, shaped, thin)


def _number_bare_glyphs(font: TTFont, path: Path) -> None:
    # reportlab numbers glyphs without a character in order of first use, so the bytes of a file
    # would depend on what the process drew before. Numbered up front, they do not.
    measure = uharfbuzz.Font(uharfbuzz.Face(uharfbuzz.Blob(path.read_bytes())))
    code = _FIRST_PRIVATE
    face: Any = font.face
    for glyph in range(measure.face.glyph_count):
        if glyph not in face.glyphToChar:
            while code in face.charToGlyph:
                code += 1
            face.charToGlyph[code] = glyph
            face.glyphToChar[glyph] = [code]
            face.charWidths[code] = measure.get_glyph_h_advance(glyph)
            code += 1
