"""Who is looking: the provider it works for, the day it is, the language of a title."""

from __future__ import annotations

from datetime import date

from ledger import clock
from ledger.errors import Forbidden
from ledger.messages import N_
from ledger.web.auth import current_actor
from ledger.web.i18n import language


def provider_id() -> str:
    """Return the provider that the visitor works for. Raises Forbidden."""
    actor = current_actor()
    if actor.role != "provider" or actor.organisation_id is None:
        raise Forbidden(N_("This page is for providers."))
    return actor.organisation_id


def today() -> date:
    """Return today's date in Amsterdam."""
    return clock.today(clock.now())


def own_title(title: str | None, title_en: str | None) -> str:
    """Return a title in the reader's language when it has one."""
    return (title_en if language() == "en" and title_en else title) or ""
