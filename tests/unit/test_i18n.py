"""Money and dates in words, exact to the cent."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from ledger import i18n
from ledger.messages import Message
from ledger.money import LIMIT, Money


def _plain(text: str) -> str:
    return text.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("minor", "unit", "locale", "text"),
    [
        (123456, "EUR", "nl", "€ 1.234,56"),
        (123456, "EUR", "en", "€1,234.56"),
        (LIMIT, "EUR", "nl", "€ 90.071.992.547.409,91"),
        (90, "MIN", "nl", "1 uur 30 min"),
        (-120, "MIN", "en", "−2 h"),
    ],
)
def test_amounts_are_written_as_the_reader_does(
    minor: int, unit: str, locale: str, text: str
) -> None:
    assert _plain(i18n.format_money(minor, unit, locale)) == text


def test_the_values_of_a_message_are_written_in_its_language() -> None:
    message = Message(
        "%(a)s %(b)s %(c)s %(d)s",
        {
            "a": Money(5000),
            "b": date(2026, 3, 2),
            "c": datetime(2026, 3, 2, 9, tzinfo=UTC),
            "d": 1234,
        },
    )
    assert _plain(i18n.render(message, "nl")) == "€ 50,00 2 maart 2026 2 maart 2026 10:00 1.234"
