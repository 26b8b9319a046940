"""The caller's own account, and links to what other rooms told about it."""

from __future__ import annotations

from flask import current_app, url_for

from ledger.accounts.neighbours import Named, Step
from ledger.errors import NotFound
from ledger.messages import N_
from ledger.web.auth import current_actor


def own_account() -> str:
    """Return the id of the caller's account. Raises NotFound for a holder without one."""
    account_id = current_actor().account_id
    if account_id is None:
        raise NotFound(N_("You have no learning account yet."))
    return account_id


def link(thing: Named | Step) -> str | None:
    """Return the address of a thing's page; None when it has none in this application."""
    if thing.endpoint is None or thing.endpoint not in current_app.view_functions:
        return None
    return url_for(thing.endpoint, **thing.values)
