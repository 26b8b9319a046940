"""The operator's page about one declaration: hold it back, let it go, take it back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from marshmallow import Schema
from werkzeug.wrappers import Response

from ledger.accounts import history, organisations
from ledger.db import Work
from ledger.errors import DomainError
from ledger.messages import N_
from ledger.providers import clawbacks, holds
from ledger.providers.models import Declaration
from ledger.providers.queries import statements as queries
from ledger.providers.schemas.admission import ReasonForm
from ledger.providers.schemas.payouts import ClawbackForm, HoldForm
from ledger.providers.views.payout_words import payout_room
from ledger.web import auth, forms, unit

Page = str | tuple[str, int] | Response

blueprint = payout_room("declarations", __name__)


@blueprint.get("/operator/declarations/<declaration_id>")
@auth.roles("operator")
def show(declaration_id: str) -> Page:
    """Show a declaration with its history."""
    return _page(declaration_id, {})


@blueprint.post("/operator/declarations/<declaration_id>/hold")
@auth.roles("operator")
def hold(declaration_id: str) -> Page:
    """Hold the payment back."""
    return _step(holds.hold, declaration_id, HoldForm, N_("The payment is on hold."))


@blueprint.post("/operator/declarations/<declaration_id>/lift")
@auth.roles("operator")
def lift(declaration_id: str) -> Page:
    """End the hold."""
    return _step(holds.lift, declaration_id, ReasonForm, N_("The payment is no longer on hold."))


@blueprint.post("/operator/declarations/<declaration_id>/clawback")
@auth.roles("operator")
def clawback(declaration_id: str) -> Page:
    """Take money back to the lots that it came from."""
    return _step(
        _take_back, declaration_id, ClawbackForm, N_("The money is taken back to its accounts.")
    )


def _take_back(work: Work, declaration_id: str, *, amount_cents: int, reason: str) -> Declaration:
    found = queries.declaration(work.session, declaration_id)
    return clawbacks.clawback(work, found.enrolment_id, amount_cents, reason)


def _step(verb: Callable[..., object], declaration_id: str, shape: type[Schema], done: str) -> Page:
    try:
        unit.perform(verb, declaration_id, **forms.load(shape, request.form))
    except DomainError as error:
        if error.status == 404:
            raise
        return _page(declaration_id, forms.texts(error)), error.status
    flash(gettext(done))
    return redirect(url_for("declarations.show", declaration_id=declaration_id), 303)


def _page(declaration_id: str, errors: dict[str, list[str]]) -> str:
    # The form says euros, the verb says cents.
    shown: dict[str, Any] = {
        "amount" if name == "amount_cents" else name: texts for name, texts in errors.items()
    }
    with unit.reading() as session:
        line = queries.declaration(session, declaration_id)
        provider = organisations.get(session, line.provider_id)
        events = history.of(session, declaration_id)
    return render_template(
        "providers/declaration.html",
        line=line,
        provider=provider,
        events=events,
        errors=shown,
        values=request.form,
    )
