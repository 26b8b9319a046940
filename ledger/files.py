"""Tabular files: uploads become rows that can be trusted as text, and rows become CSV.

Reading accepts what spreadsheets in the Netherlands write: UTF-8 with or without BOM, UTF-16 with
BOM or Windows-1252; semicolons, commas or tabs; quoted cells with line ends in them. It refuses
what would put something else into the books than the sender saw, with the line in the message.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from ledger.errors import Invalid
from ledger.messages import N_, Message

MAX_BYTES = 20 * 1024 * 1024
MAX_ROWS = 60_000
MAX_COLUMNS = 100
MAX_CELL = 4_000  # characters
MAX_ERRORS = 20  # rows named in one refusal; more would not be read
_PART = 64 * 1024  # characters of a CSV that are sent together

_FIELD = "file"
_DELIMITERS = (";", ",", "\t")
# Everything that no keyboard writes and no screen shows; tab, line feed and return may stay.
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_AROUND = " \t\r\n\u00a0\ufeff"
_LINE_END = re.compile(r"\r\n|\r|\n")
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})|(\d{1,2})-(\d{1,2})-(\d{4})", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d[\d.,]*", re.ASCII)
# The characters that make a spreadsheet run a cell, also in the full width that some accept.
_FORMULA = frozenset("=+-@\t\r\n＝＋－＠")


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the line where it starts (the first line of the file is 1) and its cells."""

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """The columns that the file has, by canonical name and in its own order, and its rows."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def read_table(data: bytes, columns: Mapping[str, Sequence[str]], required: Set[str]) -> Table:
    """Return the rows of an uploaded file; cells are trimmed and composed (NFC), "" when empty.

    ``columns`` gives per canonical name the other headers that are accepted (capitals, spaces,
    hyphens and underscores make no difference); ``required`` names those that must be there.
    Empty rows are left out. Raises Invalid on ``file``, naming columns and lines.
    """
    text = decode(data)
    text, told = _excel_hint(text)
    names = {_plain(alias): name for name, more in columns.items() for alias in (name, *more)}
    delimiter = told or _sniff(text, names)
    lines = records(text, delimiter, 2 if told else 1)
    _, header = next(lines, (0, []))
    found = _columns(header, names, required)
    rows = tuple(_rows(lines, found, len(header)))
    if not rows:
        raise Invalid(N_("The file has a header but no rows."), field=_FIELD)
    return Table(tuple(found.values()), rows)


def decode(data: bytes, *, drop_controls: bool = False) -> str:
    """Return the text of a file in UTF-8, UTF-16 with BOM or Windows-1252.

    Raises Invalid when it is empty, too large, no text, or holds characters that cannot be shown;
    ``drop_controls`` leaves those out instead, for a publisher's file that we cannot correct.
    """
    if len(data) > MAX_BYTES:
        raise Invalid(
            N_("The file is too large. The limit is %(megabytes)s MB."),
            field=_FIELD,
            megabytes=MAX_BYTES // 1024 // 1024,
        )
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise Invalid(N_("This is a spreadsheet. Save it as CSV and send that file."), field=_FIELD)
    text = _decoded(data)
    if not text.strip():
        raise Invalid(N_("The file is empty."), field=_FIELD)
    if drop_controls:
        return _FORBIDDEN.sub("", text)
    bad = _FORBIDDEN.search(text)
    if bad:
        raise Invalid(
            N_("Line %(line)s holds a character that cannot be used (%(code)s)."),
            field=_FIELD,
            line=len(_LINE_END.findall(text, 0, bad.start())) + 1,
            code=f"U+{ord(bad[0]):04X}",
        )
    return text


def records(text: str, delimiter: str, line: int = 1) -> Iterator[tuple[int, list[str]]]:
    """Yield each record that is not empty, trimmed and composed, with the line where it starts.

    ``line`` is the number of the text's first line. Raises Invalid where the quoting breaks.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        start = line + reader.line_num
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise Invalid(
                N_("Line %(line)s cannot be read. Check the quotation marks."),
                field=_FIELD,
                line=start,
            ) from error
        cells = [unicodedata.normalize("NFC", cell.strip(_AROUND)) for cell in cells]
        if any(cells):
            yield start, cells


def _decoded(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        # An odd last byte is a cut-off file; half surrogates are refused with their line.
        return _or_refuse(data, "utf-16", "surrogatepass")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    try:
        # Half surrogates written as UTF-8 would be read as three odd letters of Windows-1252.
        return data.decode("utf-8-sig", "surrogatepass")
    except UnicodeDecodeError:
        return _or_refuse(data, "cp1252", "strict")


def _or_refuse(data: bytes, encoding: str, errors: str) -> str:
    try:
        return data.decode(encoding, errors)
    except UnicodeDecodeError as error:
        raise Invalid(
            N_("The file is not readable text. Save it as CSV in UTF-8."), field=_FIELD
        ) from error


def _excel_hint(text: str) -> tuple[str, str | None]:
    # Excel may write its delimiter on a line before the header.
    match = re.match(r"sep=(.)(\r\n|\r|\n)", text)
    return (text[match.end() :], match[1]) if match else (text, None)


def _sniff(text: str, names: Mapping[str, str]) -> str:
    """Return the delimiter with which the header makes most sense."""

    def sense(delimiter: str) -> tuple[int, int]:
        try:
            _, header = next(records(text, delimiter), (0, []))
        except Invalid:
            return (-1, 0)
        return sum(_plain(cell) in names for cell in header), len(header)

    return max(_DELIMITERS, key=sense)


def _plain(header: str) -> str:
    return re.sub(r"[\s_-]+", " ", header).strip().casefold()


def _columns(header: Sequence[str], names: Mapping[str, str], required: Set[str]) -> dict[int, str]:
    """Return canonical names by position; raises Invalid with all that is wrong at once."""
    used = len(header) - next((i for i, cell in enumerate(reversed(header)) if cell), 0)
    if used > MAX_COLUMNS:
        raise Invalid(
            N_("The file has too many columns. The limit is %(limit)s."),
            field=_FIELD,
            limit=MAX_COLUMNS,
        )
    found = {i: names.get(_plain(cell), "") for i, cell in enumerate(header[:used])}
    given = [name for name in found.values() if name]
    unknown = [header[i][:60] or "?" for i, name in found.items() if not name]
    missing = sorted(required - set(given))
    twice = sorted({name for name in given if given.count(name) > 1})
    problems = [
        Message(msgid, {"columns": ", ".join(which)})
        for msgid, which in (
            (N_("The file has columns that are not known: %(columns)s."), unknown),
            (N_("The file lacks these columns: %(columns)s."), missing),
            (N_("The file has these columns more than once: %(columns)s."), twice),
        )
        if which
    ]
    if problems:
        raise Invalid(N_("The columns of the file are not right."), field_errors={_FIELD: problems})
    return found


def _rows(
    records: Iterator[tuple[int, list[str]]], found: Mapping[int, str], width: int
) -> Iterator[Row]:
    problems: list[Message] = []
    for number, (line, cells) in enumerate(records, start=1):
        if number > MAX_ROWS:
            raise Invalid(
                N_("The file has too many rows. The limit is %(limit)s."),
                field=_FIELD,
                limit=MAX_ROWS,
            )
        problem = _problem(line, cells, found, width)
        if problem is None:
            yield Row(line, {name: cells[i] for i, name in found.items()})
            continue
        problems.append(problem)
        if len(problems) == MAX_ERRORS:
            break
    if problems:
        raise Invalid(N_("The file has rows that are not right."), field_errors={_FIELD: problems})


def _problem(
    line: int, cells: Sequence[str], found: Mapping[int, str], width: int
) -> Message | None:
    if len(cells) < len(found) or any(cells[len(found) :]):
        return Message(
            N_("Line %(line)s has %(cells)s cells where the header has %(columns)s."),
            {"line": line, "cells": len(cells), "columns": width},
        )
    for i, name in found.items():
        if len(cells[i]) > MAX_CELL:
            return Message(
                N_("Line %(line)s: “%(column)s” is longer than %(limit)s characters."),
                {"line": line, "column": name, "limit": MAX_CELL},
            )
    return None


def parse_date(text: str, field: str = "date") -> date:
    """Return the date in ``2026-03-31`` or ``31-03-2026``. Raises Invalid when there is none."""
    match = _DATE.fullmatch(text.strip())
    if match is None:
        raise Invalid(N_("Write the date as day-month-year, for example 31-03-2026."), field=field)
    year, month, day = match[1] or match[6], match[2] or match[5], match[3] or match[4]
    try:
        return date(int(year), int(month), int(day))
    except ValueError as error:
        raise Invalid(
            N_("The date %(date)s does not exist."), field=field, date=text.strip()
        ) from error


def write_csv(rows: Iterable[Sequence[object]], header: Sequence[str], locale: str = "nl") -> bytes:
    """Return CSV in UTF-8 with BOM, as spreadsheets open it: ``;`` and ``1,50`` in Dutch.

    Text that a spreadsheet would run as a formula gets an apostrophe in front (OWASP: CSV
    injection); numbers stay numbers, also negative ones. None becomes an empty cell.
    """
    return b"".join(stream_csv(rows, header, locale))


def stream_csv(
    rows: Iterable[Sequence[object]], header: Sequence[str], locale: str = "nl"
) -> Iterator[bytes]:
    """Yield what :func:`write_csv` returns, in parts, for files that do not fit in memory."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";" if locale == "nl" else ",", quoting=csv.QUOTE_ALL)
    writer.writerow([_cell(text, locale) for text in header])
    yield codecs.BOM_UTF8
    for row in rows:
        writer.writerow([_cell(value, locale) for value in row])
        if out.tell() > _PART:
            yield out.getvalue().encode("utf-8", "replace")
            out.seek(0)
            out.truncate()
    yield out.getvalue().encode("utf-8", "replace")


def _cell(value: object, locale: str) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}".replace(".", "," if locale == "nl" else ".")
    if isinstance(value, datetime | date):
        return value.isoformat()
    text = str(value)
    if isinstance(value, int | float) or _NUMBER.fullmatch(text):
        return text
    risky = text[:1] in _FORMULA or text.lstrip()[:1] in _FORMULA
    return f"'{text}" if risky else text
