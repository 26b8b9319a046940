"""A funder's page about accrual: what a period would credit, and the run that does it."""

from __future__ import annotations

from datetime import date

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext

from ledger import clock
from ledger.errors import DomainError
from ledger.funders import accruals, queries
from ledger.funders.accruals import Result
from ledger.funders.schemas import PeriodForm
from ledger.funders.views import own
from ledger.funders.views.labels import room
from ledger.funders.views.own import Page, figures
from ledger.web import auth, forms, unit
from ledger.web.auth import current_actor

blueprint = room("funder_accrual", __name__)


@blueprint.get("/funder/schemes/<scheme_id>/accrual")
@auth.roles("funder")
def show(scheme_id: str) -> Page:
    """Show the periods that were run, with the form for a period."""
    with unit.reading() as session:
        running = [
            row for row in queries.accrual_runs(session, scheme_id) if row.status == "running"
        ]
    page = _page(scheme_id)
    moved_at = max((row.last_run_at for row in running), default=None)
    return own.watched(page, moved_at)


@blueprint.post("/funder/schemes/<scheme_id>/accrual")
@auth.roles("funder")
def run(scheme_id: str) -> Page:
    """Run a period; show first what it would do unless ``action`` says run."""
    try:
        given = forms.load(PeriodForm, request.form)
        period = given["period"]
        with unit.reading() as session:
            looked = accruals.look(session, current_actor(), scheme_id, period, _today())
        if request.form.get("action") != "run":
            return _page(scheme_id, result=looked)
        unit.perform(accruals.begin, scheme_id, period, looked)
        result = own.go_on(f"{scheme_id}:{period}", accruals.go_on, scheme_id, period)
    except DomainError as error:
        return _page(scheme_id, error=error), error.status
    return _told(scheme_id, period, result)


@blueprint.post("/funder/schemes/<scheme_id>/accrual/go-on")
@auth.roles("funder")
def go_on(scheme_id: str) -> Page:
    """Go on with a period that was stopped halfway."""
    try:
        period = forms.load(PeriodForm, request.form)["period"]
        result = own.go_on(f"{scheme_id}:{period}", accruals.go_on, scheme_id, period)
    except DomainError as error:
        return _page(scheme_id, error=error), error.status
    return _told(scheme_id, period, result)


def _told(scheme_id: str, period: str, result: Result | None) -> Page:
    if result is None:
        flash(gettext("The period is being run. It goes on when you leave this page."))
    else:
        flash(
            gettext(
                "Period %(period)s is run: %(count)s accounts were credited.",
                period=period,
                count=result.credited,
            )
        )
    return redirect(url_for("funder_accrual.show", scheme_id=scheme_id), 303)


def _today() -> date:
    return clock.today(clock.now())


def _page(scheme_id: str, *, error: DomainError | None = None, result: Result | None = None) -> str:
    scheme = figures(scheme_id)
    with unit.reading() as session:
        found = queries.accrual_runs(session, scheme_id)
    return render_template(
        "funders/accrual.html",
        scheme=scheme,
        runs=found,
        moves=own.moves,
        result=result,
        errors=forms.texts(error) if error else {},
        values=request.form,
    )
