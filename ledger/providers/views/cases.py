"""The operator's cases: disputed attendance, and enrolments about which nothing was declared."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from ledger.errors import DomainError
from ledger.providers import attendance
from ledger.providers.queries import cases
from ledger.providers.schemas.enrolments import CaseForm
from ledger.providers.views.enrolment_words import words
from ledger.providers.views.labels import room
from ledger.web import auth, forms, unit

Page = str | tuple[str, int] | Response

blueprint = room("cases", __name__)
blueprint.context_processor(words)


@blueprint.get("/operator/cases")
@auth.roles("operator")
def index() -> Page:
    """List open cases, most urgent first; the closed ones when asked."""
    return _page({}, None)


@blueprint.post("/operator/cases/<case_id>/close")
@auth.roles("operator")
def close(case_id: str) -> Page:
    """Decide a case."""
    try:
        given = forms.load(CaseForm, request.form)
        unit.perform(attendance.close_case, case_id, given["decision"], given["present"])
    except DomainError as error:
        if error.status == 404:
            raise
        return _page(forms.texts(error), case_id), error.status
    flash(gettext("The case is closed."))
    return redirect(url_for("cases.index"), 303)


def _page(errors: dict[str, list[str]], wrong: str | None) -> str:
    status = "closed" if request.args.get("status") == "closed" else "open"
    with unit.reading() as session:
        found = cases.listed(session, status)
    return render_template(
        "providers/cases.html",
        cases=found,
        status=status,
        errors=errors,
        wrong=wrong,
        values=request.form,
    )
