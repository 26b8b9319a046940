"""A funder's page about accrual: what a period would credit, and the run that does it."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext

from ledger.errors import DomainError
from ledger.funders import accruals, queries
from ledger.funders.accruals import Result
from ledger.funders.schemas import PeriodForm
from ledger.funders.views.labels import room
from ledger.funders.views.own import Page, figures
from ledger.web import auth, forms, unit

blueprint = room("funder_accrual", __name__)


@blueprint.get("/funder/schemes/<scheme_id>/accrual")
@auth.roles("funder")
def show(scheme_id: str) -> Page:
    """Show the periods that were run, with the form for a period."""
    return _page(scheme_id)


@blueprint.post("/funder/schemes/<scheme_id>/accrual")
@auth.roles("funder")
def run(scheme_id: str) -> Page:
    """Run a period; show first what it would do unless ``action`` says run."""
    only_look = request.form.get("action") != "run"
    try:
        given = forms.load(PeriodForm, request.form)
        result = unit.perform(accruals.run, scheme_id, given["period"], dry_run=only_look)
    except DomainError as error:
        return _page(scheme_id, error=error), error.status
    if only_look:
        return _page(scheme_id, result=result)
    flash(
        gettext(
            "Period %(period)s is run: %(count)s accounts were credited.",
            period=result.period,
            count=result.credited,
        )
    )
    return redirect(url_for("funder_accrual.show", scheme_id=scheme_id), 303)


def _page(scheme_id: str, *, error: DomainError | None = None, result: Result | None = None) -> str:
    scheme = figures(scheme_id)
    with unit.reading() as session:
        found = queries.accrual_runs(session, scheme_id)
    return render_template(
        "funders/accrual.html",
        scheme=scheme,
        runs=found,
        result=result,
        errors=forms.texts(error) if error else {},
        values=request.form,
    )
