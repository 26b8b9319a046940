"""The attendance sheet of a run, and cancelling the run as a whole."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext
from werkzeug.wrappers import Response

from ledger import clock
from ledger.errors import DomainError
from ledger.providers import attendance, cancellations
from ledger.providers.queries import enrolments as queries
from ledger.providers.views.enrolment_words import words
from ledger.providers.views.labels import room
from ledger.web import auth, forms, unit

Page = str | tuple[str, int] | Response
_SAYS = {"yes": True, "no": False}

blueprint = room("attendance", __name__)
blueprint.context_processor(words)


@blueprint.get("/provider/runs/<run_id>/attendance")
@auth.roles("provider")
def sheet(run_id: str) -> Page:
    """Show who was there, per session that has begun."""
    return _page(run_id, {})


@blueprint.post("/provider/runs/<run_id>/attendance")
@auth.roles("provider")
def record(run_id: str) -> Page:
    """State attendance; what is left open stays unstated."""
    stated: dict[str, dict[str, bool]] = {}
    for name, says in request.form.items():
        enrolment_id, _, session_id = name.partition(":")
        if session_id and says in _SAYS:
            stated.setdefault(enrolment_id, {})[session_id] = _SAYS[says]
    try:
        unit.perform(attendance.record_run, run_id, stated)
    except DomainError as error:
        if error.status == 404:
            raise
        return _page(run_id, forms.texts(error)), error.status
    flash(gettext("The attendance is recorded."))
    return redirect(url_for("attendance.sheet", run_id=run_id), 303)


@blueprint.post("/provider/runs/<run_id>/cancel")
@auth.roles("provider")
def cancel_run(run_id: str) -> Page:
    """Cancel the whole run: everybody gets everything back."""
    try:
        done = unit.perform(cancellations.cancel_run, run_id)
    except DomainError as error:
        if error.status == 404:
            raise
        return _page(run_id, forms.texts(error)), error.status
    flash(
        ngettext(
            "The run is cancelled; %(num)s enrolment was ended and everything went back.",
            "The run is cancelled; %(num)s enrolments were ended and everything went back.",
            len(done),
        )
    )
    return redirect(url_for("attendance.sheet", run_id=run_id), 303)


def _page(run_id: str, errors: dict[str, list[str]]) -> str:
    with unit.reading() as session:
        found = queries.sheet(session, auth.current_actor(), run_id)
    return render_template(
        "providers/attendance.html",
        sheet=found,
        run=found.run,
        now=clock.now(),
        errors=errors,
        values=request.form,
    )
