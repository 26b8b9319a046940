"""The catalogue for programs: courses and their runs."""

from __future__ import annotations

from typing import Any

from ledger import clock
from ledger.providers.queries import catalogue, runs
from ledger.providers.schemas.catalogue import (
    CourseDetailJson,
    CourseJson,
    CourseSearch,
    RunDetailJson,
    RunJson,
    RunQuery,
    page_of,
)
from ledger.web import auth, unit
from ledger.web.openapi import PREFIX, Blueprint

blueprint = Blueprint("courses", __name__, url_prefix=PREFIX, description="Courses and their runs.")


@blueprint.route("/courses", methods=["GET"])
@blueprint.arguments(CourseSearch, location="query")
@blueprint.response(200, page_of(CourseJson))
@auth.everyone
def list_courses(query: dict[str, Any]) -> Any:
    """Find courses in the catalogue, by title."""
    cursor, limit = query.pop("cursor"), query.pop("limit")
    with unit.reading() as session:
        return catalogue.search(
            session, catalogue.Filter(**query), clock.today(clock.now()), cursor, limit
        )


@blueprint.route("/courses/<course_id>", methods=["GET"])
@blueprint.response(200, CourseDetailJson)
@auth.everyone
def get_course(course_id: str) -> Any:
    """Return a course with its facts and its coming runs."""
    actor = auth.current_actor()
    with unit.reading() as session:
        return catalogue.course(
            session,
            course_id,
            clock.today(clock.now()),
            provider_id=actor.organisation_id if actor.role == "provider" else None,
            operator=actor.role == "operator",
        )


@blueprint.route("/runs", methods=["GET"])
@blueprint.arguments(RunQuery, location="query")
@blueprint.response(200, page_of(RunJson))
@auth.everyone
def list_runs(query: dict[str, Any]) -> Any:
    """List planned runs that start today or later, by start."""
    with unit.reading() as session:
        return runs.listing(
            session,
            query["course_id"],
            clock.today(clock.now()),
            query["cursor"],
            query["limit"],
        )


@blueprint.route("/runs/<run_id>", methods=["GET"])
@blueprint.response(200, RunDetailJson)
@auth.everyone
def get_run(run_id: str) -> Any:
    """Return a run with its sessions."""
    with unit.reading() as session:
        return runs.run(session, run_id, clock.today(clock.now()))
