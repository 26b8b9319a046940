"""Texts in two languages, free of HTTP: used by errors, the console and the certificates.

The msgids are English; catalogues lie in ``ledger/translations``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

from babel.dates import format_date as babel_date
from babel.dates import format_datetime as babel_datetime
from babel.numbers import format_currency, format_decimal
from babel.support import NullTranslations, Translations

from ledger.clock import AMSTERDAM
from ledger.messages import N_, Message
from ledger.money import Money

__all__ = [
    "LOCALES",
    "N_",
    "Message",
    "format_date",
    "format_moment",
    "format_money",
    "render",
    "translator",
]

LOCALES = ("nl", "en")
_FOLDER = Path(__file__).parent / "translations"
# British English writes dates and money the way readers in Europe expect them.
_FORMATS = {"nl": "nl_NL", "en": "en_GB"}


@lru_cache(maxsize=len(LOCALES))
def _translations(locale: str) -> NullTranslations:
    return Translations.load(str(_FOLDER), [locale])


def translator(locale: str) -> Callable[[str], str]:
    """Return the function that translates a msgid into ``nl`` or ``en``."""
    return _translations(locale).gettext


def render(message: Message, locale: str) -> str:
    """Return the text of ``message``, with money and dates written as ``locale`` does."""
    text = translator(locale)(message.msgid)
    if not message.params:
        return text
    return text % {name: _show(value, locale) for name, value in message.params.items()}


def format_money(minor: int, unit: str, locale: str) -> str:
    """Return cents as euros, or minutes as hours and minutes, as ``locale`` writes them."""
    if unit == "MIN":
        hours, minutes = divmod(abs(minor), 60)
        sign = "−" if minor < 0 else ""
        hour_word = translator(locale)(N_("h"))
        rest = f" {minutes} min" if minutes else ""
        return f"{sign}{hours} {hour_word}{rest}"
    return str(format_currency(Decimal(minor) / 100, "EUR", locale=_FORMATS[locale]))


def format_date(day: date, locale: str) -> str:
    """Return a date in words, such as ``3 maart 2026``."""
    return str(babel_date(day, "d MMMM y", locale=_FORMATS[locale]))


def format_moment(moment: datetime, locale: str) -> str:
    """Return a moment as date and wall-clock time in Amsterdam."""
    return str(babel_datetime(moment, "d MMMM y HH:mm", tzinfo=AMSTERDAM, locale=_FORMATS[locale]))


def _show(value: object, locale: str) -> str:
    if isinstance(value, Message):
        return render(value, locale)
    if isinstance(value, Money):
        return format_money(value.minor, value.unit, locale)
    if isinstance(value, datetime):
        return format_moment(value, locale)
    if isinstance(value, date):
        return format_date(value, locale)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(format_decimal(value, locale=_FORMATS[locale]))
    return str(value)
