"""A funder's page about the budget of a scheme: paying in, and using again what came back."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from ledger.errors import DomainError
from ledger.funders import budgets, queries
from ledger.funders.schemas import amount_form, pay_in_form
from ledger.funders.views.labels import room
from ledger.funders.views.own import Page, figures
from ledger.web import auth, forms, unit

blueprint = room("funder_budget", __name__)


@blueprint.get("/funder/schemes/<scheme_id>/budget")
@auth.roles("funder")
def show(scheme_id: str) -> Page:
    """Show what was paid in, with the form for more."""
    return _page(scheme_id, None)


@blueprint.post("/funder/schemes/<scheme_id>/budget")
@auth.roles("funder")
def pay_in(scheme_id: str) -> Page:
    """Record a payment."""
    scheme = figures(scheme_id)
    try:
        given = forms.load(pay_in_form(scheme.unit), request.form)
        receipt = unit.perform(
            budgets.pay_in, scheme_id, given["amount"], given["reference"], given["received_on"]
        )
    except DomainError as error:
        return _page(scheme_id, error), error.status
    flash(gettext("The payment is recorded as %(number)s.", number=receipt.id))
    return _to(scheme_id)


@blueprint.post("/funder/schemes/<scheme_id>/budget/reallocate")
@auth.roles("funder")
def reallocate(scheme_id: str) -> Page:
    """Put money that came back into the fund again."""
    scheme = figures(scheme_id)
    try:
        given = forms.load(amount_form(scheme.unit), request.form)
        receipt = unit.perform(budgets.reallocate, scheme_id, given["amount"])
    except DomainError as error:
        return _page(scheme_id, error), error.status
    flash(gettext("The money is in the fund again, recorded as %(number)s.", number=receipt.id))
    return _to(scheme_id)


def _page(scheme_id: str, error: DomainError | None) -> str:
    scheme = figures(scheme_id)
    with unit.reading() as session:
        paid = queries.payments(session, scheme_id)
    return render_template(
        "funders/budget.html",
        scheme=scheme,
        payments=paid,
        errors=forms.texts(error) if error else {},
        values=request.form if error else {},
    )


def _to(scheme_id: str) -> Response:
    return redirect(url_for("funder_budget.show", scheme_id=scheme_id), 303)
