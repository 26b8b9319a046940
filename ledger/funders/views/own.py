"""What pages and calls of this room ask about the reader."""

from __future__ import annotations

from flask import current_app
from werkzeug.wrappers import Response

from ledger.funders import audit
from ledger.funders.audit import Figures
from ledger.funders.pseudonyms import Pseudonyms
from ledger.web import unit
from ledger.web.auth import current_actor

Page = str | tuple[str, int] | Response


def figures(scheme_id: str) -> Figures:
    """Return the reader's scheme with its figures. Raises NotFound."""
    with unit.reading() as session:
        return audit.figures(session, current_actor(), scheme_id)


def pseudonyms() -> Pseudonyms:
    """Return the maker of account numbers, with this installation's secret."""
    return Pseudonyms(current_app.config["SECRET_KEY"])
