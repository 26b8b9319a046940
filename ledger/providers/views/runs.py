"""A provider's course runs: the list of a course and planning a new one."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from ledger.errors import DomainError
from ledger.providers import runs
from ledger.providers.queries import catalogue as queries
from ledger.providers.schemas.catalogue import RunForm
from ledger.providers.views.labels import room
from ledger.providers.views.own import provider_id, today
from ledger.web import auth, forms, unit

Page = str | tuple[str, int] | Response

blueprint = room("provider_runs", __name__)


@blueprint.get("/provider/courses/<course_id>/runs")
@auth.roles("provider")
def index(course_id: str) -> Page:
    """List the runs of a course."""
    return render_template("providers/own_runs.html", course=_own(course_id))


@blueprint.get("/provider/courses/<course_id>/runs/new")
@auth.roles("provider")
def new(course_id: str) -> Page:
    """Ask about a new run."""
    return render_template("providers/run_form.html", course=_own(course_id), values={}, errors={})


@blueprint.post("/provider/courses/<course_id>/runs")
@auth.roles("provider")
def create(course_id: str) -> Page:
    """Plan a run."""
    course = _own(course_id)
    try:
        facts = runs.RunFacts(**forms.load(RunForm, request.form))
        unit.perform(runs.create, course_id, facts)
    except DomainError as error:
        return forms.refused("providers/run_form.html", error, course=course)
    flash(gettext("The run is planned."))
    return redirect(url_for("provider_runs.index", course_id=course_id), 303)


def _own(course_id: str) -> queries.CourseView:
    own = provider_id()
    with unit.reading() as session:
        return queries.own_course(session, course_id, today(), own)
