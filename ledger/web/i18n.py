"""The reader's language: asked for in the address, remembered, the person's own, the browser's."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from urllib.parse import quote, urlencode

from babel.numbers import format_decimal
from flask import Flask, Response, g, request, url_for
from flask_babel import Babel, get_locale

from ledger.clock import today
from ledger.i18n import LOCALES, format_date, format_moment, format_money, render
from ledger.messages import Message
from ledger.money import Money
from ledger.web import auth

DEFAULT = "nl"
NAMES = {"nl": "Nederlands", "en": "English"}
_COOKIE = "leerrekening-language"
_YEAR = 365 * 24 * 60 * 60


def init(app: Flask) -> None:
    """Set up languages, and the template filters that write money and dates."""
    Babel(
        app,
        default_locale=DEFAULT,
        default_timezone="Europe/Amsterdam",
        default_translation_directories=str(Path(__file__).parents[1] / "translations"),
        locale_selector=_choose,
    )
    app.after_request(_remember)
    app.jinja_env.filters.update(
        money=money, date=show_date, datetime=show_moment, number=number, message=show
    )
    app.jinja_env.globals.update(
        language=language, language_url=language_url, page_url=page_url, LANGUAGES=NAMES
    )


def language() -> str:
    """Return the language of this answer: ``nl`` or ``en``."""
    locale = get_locale()
    return locale.language if locale is not None else DEFAULT


def language_url(code: str) -> str:
    """Return this page's address in another language; the start page's after a form was sent."""
    if request.endpoint is None or request.method != "GET":
        return url_for("web.home", lang=code)
    return page_url(lang=code)


def page_url(**changes: str | None) -> str:
    """Return this page's address with some query values set, or left out where None."""
    query = request.args.to_dict(flat=False)
    query.update({name: [value] if value else [] for name, value in changes.items()})
    text = urlencode([(name, value) for name, values in query.items() for value in values])
    return f"{quote(request.path)}?{text}" if text else quote(request.path)


def show(message: Message | str) -> str:
    """Return a message from the domain in the reader's language."""
    if isinstance(message, str):
        message = Message(message)
    return render(message, language())


def money(amount: int | Money, unit: str = "EUR") -> str:
    """Return minor units, or Money, as the reader writes it."""
    shown = amount if isinstance(amount, Money) else Money(amount, unit)
    return format_money(shown.minor, shown.unit, language())


def show_date(day: date | None) -> str:
    """Return a date in words; nothing for none. A moment becomes its date in Amsterdam."""
    if isinstance(day, datetime):
        day = today(day)
    return format_date(day, language()) if day else ""


def show_moment(moment: datetime | None) -> str:
    """Return a moment as date and time in Amsterdam; nothing for none."""
    return format_moment(moment, language()) if moment else ""


def number(value: float) -> str:
    """Return a number with the reader's separators."""
    return str(format_decimal(value, locale="nl_NL" if language() == "nl" else "en_GB"))


def _choose() -> str:
    asked = request.args.get("lang") if request.query_string else None
    if asked in LOCALES:
        return asked
    if auth.is_api():
        return _preferred() or DEFAULT
    remembered = request.cookies.get(_COOKIE)
    if remembered in LOCALES:
        return remembered
    # Only when somebody already looked the person up: an error page must not ask again.
    own = getattr(g.get("_login_user"), "language", None)
    return own if own in LOCALES else _preferred() or DEFAULT


def _preferred() -> str | None:
    # Ordered by preference; en-GB counts as en.
    asked = (tag.lower().split("-")[0] for tag in request.accept_languages.values())
    return next((language for language in asked if language in LOCALES), None)


def _remember(response: Response) -> Response:
    if request.endpoint != "static":
        if "Vary" in response.headers:
            response.vary.add("Accept-Language")
        else:
            response.headers["Vary"] = "Accept-Language"
    if not request.query_string:
        return response
    asked = request.args.get("lang")
    # A file asked for in another language says nothing about the pages.
    if asked in LOCALES and response.mimetype == "text/html" and not auth.is_api():
        response.set_cookie(
            _COOKIE,
            asked,
            max_age=_YEAR,
            httponly=True,
            samesite="Lax",
            secure=request.is_secure,
            path="/",
        )
    return response
