"""The faces' way to the database: one question or one unit of work per request."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Concatenate, ParamSpec, TypeVar, cast

from flask import current_app
from sqlalchemy.orm import Session

from ledger.db import Database, Work
from ledger.web.auth import current_actor

P = ParamSpec("P")
T = TypeVar("T")


def database() -> Database:
    """Return the database of this application."""
    return cast(Database, current_app.extensions["ledger"].database)


def reading() -> AbstractContextManager[Session]:
    """Open a session for questions; nothing that happens in it can be kept."""
    return database().reading()


def perform(verb: Callable[Concatenate[Work, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run ``verb(work, …)`` in one unit of work as the current actor and return its answer."""
    return database().perform(current_actor(), verb, *args, **kwargs)
