"""A holder's page about rounds: in which one can ask, what one would get, and the button."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext

from ledger import clock
from ledger.accounts.views.own import own_account
from ledger.errors import DomainError
from ledger.funders import round_queries, rounds
from ledger.funders.rounds import Ask
from ledger.funders.views.labels import room
from ledger.funders.views.own import Page
from ledger.web import auth, forms, gathering, unit
from ledger.web.auth import current_actor

blueprint = room("rounds", __name__)


@blueprint.get("/rounds")
@auth.roles("holder")
def index() -> Page:
    """List the rounds that are open or will open, with what the reader would get."""
    return _page(None)


@blueprint.post("/rounds/<round_id>/requests")
@auth.roles("holder")
def ask(round_id: str) -> Page:
    """Ask for the amount of a round."""
    try:
        done = gathering.submit(rounds.request_many, Ask(current_actor(), round_id))
    except DomainError as error:
        return _page(error), error.status
    flash(gettext("It is yours. The amount is on your account."))
    return redirect(url_for("account.show_transaction", transaction_id=done.receipt.id), 303)


def _page(error: DomainError | None) -> str:
    with unit.reading() as session:
        found = round_queries.offered(session, own_account(), clock.now())
    return render_template(
        "funders/offered.html", offered=found, errors=forms.texts(error) if error else {}
    )
