"""What pages and calls of this room ask about the reader."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Concatenate, ParamSpec, TypeVar

from flask import current_app, make_response
from werkzeug.wrappers import Response

from ledger import clock
from ledger.db import Work
from ledger.funders import audit, steps
from ledger.funders.audit import Figures
from ledger.funders.pseudonyms import Pseudonyms
from ledger.web import unit
from ledger.web.auth import current_actor

Page = str | tuple[str, int] | Response
P = ParamSpec("P")
T = TypeVar("T", bound=steps.Progress)
_STILL = timedelta(seconds=15)  # a step takes some tenths of one
_AGAIN = "2"  # seconds after which a browser looks again


def figures(scheme_id: str) -> Figures:
    """Return the reader's scheme with its figures. Raises NotFound."""
    with unit.reading() as session:
        return audit.figures(session, current_actor(), scheme_id)


def pseudonyms() -> Pseudonyms:
    """Return the maker of account numbers, with this installation's secret."""
    return Pseudonyms(current_app.config["SECRET_KEY"])


def go_on(
    key: str, verb: Callable[Concatenate[Work, P], T], /, *args: P.args, **kwargs: P.kwargs
) -> T | None:
    """Let ``verb`` go on to its end in this server; return its last answer if it comes soon."""
    return steps.in_background(unit.database(), current_actor(), key, verb, *args, **kwargs)


def moves(moved_at: datetime | None) -> bool:
    """Tell whether long work went on a moment ago; otherwise somebody has to go on with it."""
    return moved_at is not None and clock.now() - moved_at < _STILL


def watched(page: Page, moved_at: datetime | None) -> Page:
    """Let the browser look again in a moment, while long work goes on by itself."""
    if not moves(moved_at):
        return page
    answer = make_response(page)
    # A header and no script: the page works in every browser, and says so in its text.
    answer.headers["Refresh"] = _AGAIN
    return answer
