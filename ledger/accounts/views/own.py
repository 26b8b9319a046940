"""The caller's own account, for every face that shows it."""

from __future__ import annotations

from ledger.errors import NotFound
from ledger.messages import N_
from ledger.web.auth import current_actor


def own_account() -> str:
    """Return the id of the caller's account. Raises NotFound for a holder without one."""
    account_id = current_actor().account_id
    if account_id is None:
        raise NotFound(N_("You have no learning account yet."))
    return account_id
