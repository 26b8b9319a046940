"""How people write amounts, days and lines of text in the forms of this room."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, TypeVar

from marshmallow import ValidationError, fields

from ledger import clock
from ledger.errors import DomainError
from ledger.files import parse_date
from ledger.messages import N_, Message
from ledger.money import parse_amount
from ledger.providers.runs import Times

_SESSION = re.compile(
    r"(?P<day>[\d-]{8,10})[\s,;]+(?P<from>\d{1,2}[:.]\d{2})[\s,;–-]+(?P<until>\d{1,2}[:.]\d{2})",
    re.ASCII,
)
_MOST_NAMED = 20  # lines with an error; more would not be read

Data = Mapping[str, Any] | None
T = TypeVar("T")


class Euros(fields.Field[int]):
    """An amount in euros as people write it, kept in cents; zero is free of charge."""

    def _deserialize(self, value: Any, attr: str | None, data: Data, **kwargs: Any) -> int:
        text = str(value)
        if re.fullmatch(r"\s*(€\s*)?0([.,]0{1,2})?\s*", text):
            return 0
        return _refused_as_invalid(parse_amount, text)


class Day(fields.Field[date]):
    """A day as ``2026-03-31`` or ``31-03-2026``."""

    def _deserialize(self, value: Any, attr: str | None, data: Data, **kwargs: Any) -> date:
        return _refused_as_invalid(parse_date, str(value))


class Tenths(fields.Field[int]):
    """A number with at most one decimal, such as ``2,5``, kept in tenths."""

    def _deserialize(self, value: Any, attr: str | None, data: Data, **kwargs: Any) -> int:
        match = re.fullmatch(r"\s*(\d{1,4})(?:[.,](\d))?\s*", str(value), re.ASCII)
        if match is None:
            raise ValidationError(
                [Message(N_("Write a number with at most one decimal, such as 2,5."))]
            )
        return int(match[1]) * 10 + int(match[2] or 0)


class Lines(fields.Field[list[str]]):
    """One text per line; empty lines are left out."""

    def _deserialize(self, value: Any, attr: str | None, data: Data, **kwargs: Any) -> list[str]:
        return [line.strip() for line in str(value).splitlines() if line.strip()]


class Sessions(fields.Field[list[Times]]):
    """One session per line: the day, when it begins and when it ends, in Amsterdam's time."""

    def _deserialize(self, value: Any, attr: str | None, data: Data, **kwargs: Any) -> list[Times]:
        times, wrong = [], []
        for number, line in enumerate(str(value).splitlines(), start=1):
            if not line.strip():
                continue
            try:
                times.append(_session(line))
            except (ValueError, DomainError):
                wrong.append(
                    Message(
                        N_(
                            "Line %(line)s is not a session. "
                            "Write it like this: 31-03-2026 09:00-12:30."
                        ),
                        {"line": number},
                    )
                )
        if wrong:
            raise ValidationError(wrong[:_MOST_NAMED])
        return times


def _session(line: str) -> Times:
    match = _SESSION.fullmatch(line.strip())
    if match is None:
        raise ValueError("not a session")
    day = parse_date(match["day"])
    return Times(_moment(day, match["from"]), _moment(day, match["until"]))


def _moment(day: date, text: str) -> datetime:
    hour, minute = (int(part) for part in re.split("[:.]", text))
    return clock.local(day, hour, minute)


def _refused_as_invalid(parse: Callable[[str], T], text: str) -> T:
    try:
        return parse(text)
    except DomainError as error:
        raise ValidationError([error.as_message]) from error
