"""The public catalogue: search, a course with all its facts, a run."""

from __future__ import annotations

from flask import render_template, request
from werkzeug.wrappers import Response

from ledger.errors import DomainError
from ledger.providers.queries import catalogue as courses
from ledger.providers.queries import runs
from ledger.providers.schemas.catalogue import CourseQuery, CourseSearch
from ledger.providers.views.labels import room
from ledger.providers.views.own import today
from ledger.web import auth, forms, unit

Page = str | tuple[str, int] | Response

blueprint = room("catalogue", __name__)


@blueprint.get("/courses")
@auth.everyone
def search() -> Page:
    """Find courses; everything that was asked stands in the address."""
    day = today()
    with unit.reading() as session:
        regions = courses.regions(session)
        try:
            asked = forms.load(CourseSearch, request.args)
        except DomainError as error:
            page = render_template(
                "providers/catalogue.html",
                errors=forms.texts(error),
                values=request.args,
                regions=regions,
                page=None,
                asked=False,
            )
            return page, error.status
        cursor, limit = asked.pop("cursor"), asked.pop("limit")
        found = courses.search(session, courses.Filter(**asked), day, cursor, limit)
    return render_template(
        "providers/catalogue.html",
        errors={},
        values=request.args,
        regions=regions,
        page=found,
        asked=any(request.args.get(name) for name in _asked_names()),
    )


@blueprint.get("/courses/<course_id>")
@auth.everyone
def course(course_id: str) -> Page:
    """Show a course with all its facts."""
    actor = auth.current_actor()
    with unit.reading() as session:
        view = courses.course(
            session,
            course_id,
            today(),
            provider_id=actor.organisation_id if actor.role == "provider" else None,
            operator=actor.role == "operator",
        )
    return render_template("providers/course.html", course=view, facts=view.facts)


@blueprint.get("/runs/<run_id>")
@auth.everyone
def run(run_id: str) -> Page:
    """Show a run with its sessions and the places that are left."""
    with unit.reading() as session:
        view = runs.run(session, run_id, today())
    return render_template("providers/run.html", run=view, row=view.row)


def _asked_names() -> list[str]:
    return [field.data_key or name for name, field in CourseQuery().fields.items()]
