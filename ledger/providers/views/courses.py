"""A provider's own catalogue: programmes and courses, their skills, and publishing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from ledger.errors import DomainError
from ledger.messages import N_
from ledger.providers import catalogue
from ledger.providers.models import Course
from ledger.providers.queries import catalogue as queries
from ledger.providers.queries import offer
from ledger.providers.schemas.catalogue import CourseForm, SkillForm, as_form
from ledger.providers.views.labels import room
from ledger.providers.views.own import provider_id, today
from ledger.web import auth, forms, unit

Page = str | tuple[str, int] | Response

blueprint = room("provider_courses", __name__)


@blueprint.get("/provider/courses")
@auth.roles("provider")
def index() -> Page:
    """List the provider's courses."""
    with unit.reading() as session:
        page = offer.courses(
            session,
            provider_id(),
            today(),
            request.args.get("status") or None,
            request.args.get("cursor"),
        )
    return render_template("providers/own_courses.html", page=page, values=request.args)


@blueprint.get("/provider/courses/new")
@auth.roles("provider")
def new() -> Page:
    """Ask about a new course."""
    values = {"language": "nl", "supervision": "none", "assessment": "none"}
    values["programme_id"] = request.args.get("programme_id", "")
    return _form(values=values)


@blueprint.post("/provider/courses")
@auth.roles("provider")
def create() -> Page:
    """Keep a new course as a draft."""
    try:
        facts = catalogue.CourseFacts(**forms.load(CourseForm, request.form))
        course = unit.perform(catalogue.create_course, facts)
    except DomainError as error:
        return _form(values=request.form, errors=forms.texts(error)), error.status
    flash(gettext("The course is kept as a draft."))
    return _to(course.id)


@blueprint.get("/provider/courses/<course_id>")
@auth.roles("provider")
def show(course_id: str) -> Page:
    """Show one of the provider's courses with what is still needed to publish it."""
    return _course_page(course_id, {})


@blueprint.get("/provider/courses/<course_id>/edit")
@auth.roles("provider")
def edit(course_id: str) -> Page:
    """Show a course in a form."""
    view = _own(course_id)
    return _form(values=as_form(asdict(view.facts)), course=view)


@blueprint.post("/provider/courses/<course_id>/edit")
@auth.roles("provider")
def change(course_id: str) -> Page:
    """Keep the changes of a course; the skills stay as they are."""
    view = _own(course_id)
    try:
        given = catalogue.CourseFacts(**forms.load(CourseForm, request.form))
        unit.perform(catalogue.edit_course, course_id, replace(given, skills=view.facts.skills))
    except DomainError as error:
        return _form(values=request.form, errors=forms.texts(error), course=view), error.status
    flash(gettext("The course is changed."))
    return _to(course_id)


@blueprint.post("/provider/courses/<course_id>/publish")
@auth.roles("provider")
def publish(course_id: str) -> Page:
    """Put a course in the catalogue."""
    return _step(catalogue.publish, course_id, N_("The course is in the catalogue."))


@blueprint.post("/provider/courses/<course_id>/withdraw")
@auth.roles("provider")
def withdraw(course_id: str) -> Page:
    """Take a course out of the catalogue."""
    return _step(catalogue.withdraw, course_id, N_("The course is no longer in the catalogue."))


@blueprint.get("/provider/courses/<course_id>/skills")
@auth.roles("provider")
def skills(course_id: str) -> Page:
    """Search ESCO for the skills that a course teaches."""
    return _skills_page(course_id, {})


@blueprint.post("/provider/courses/<course_id>/skills")
@auth.roles("provider")
def choose_skill(course_id: str) -> Page:
    """Add a skill, or leave it out when it was chosen before."""
    chosen = list(_own(course_id).facts.skills)
    try:
        uri = forms.load(SkillForm, request.form)["uri"]
        wanted = [u for u in chosen if u != uri] if uri in chosen else [*chosen, uri]
        unit.perform(catalogue.choose_skills, course_id, wanted)
    except DomainError as error:
        return _skills_page(course_id, forms.texts(error)), error.status
    q = request.form.get("q") or None
    return redirect(url_for("provider_courses.skills", course_id=course_id, q=q), 303)


def _form(
    values: MultiDict[str, str] | dict[str, str],
    errors: dict[str, list[str]] | None = None,
    course: queries.CourseView | None = None,
) -> str:
    with unit.reading() as session:
        programmes = offer.programmes(session, provider_id())
    return render_template(
        "providers/course_form.html",
        values=values,
        errors=errors or {},
        course=course,
        programmes=programmes,
    )


def _course_page(course_id: str, errors: dict[str, list[str]]) -> str:
    view = _own(course_id)
    return render_template(
        "providers/own_course.html", course=view, facts=view.facts, errors=errors
    )


def _skills_page(course_id: str, errors: dict[str, list[str]]) -> str:
    text = request.values.get("q", "")[:200]
    view = _own(course_id)
    with unit.reading() as session:
        found = offer.skills(session, text)
    return render_template(
        "providers/skills.html",
        course=view,
        found=found,
        chosen={uri for uri, _ in view.skills},
        q=text,
        errors=errors,
        values={"q": text},
    )


def _step(verb: Callable[..., Course], course_id: str, done: str) -> Page:
    try:
        unit.perform(verb, course_id)
    except DomainError as error:
        if error.status == 404:
            raise
        return _course_page(course_id, forms.texts(error)), error.status
    flash(gettext(done))
    return _to(course_id)


def _own(course_id: str) -> queries.CourseView:
    own = provider_id()
    with unit.reading() as session:
        return queries.own_course(session, course_id, today(), own)


def _to(course_id: str) -> Response:
    return redirect(url_for("provider_courses.show", course_id=course_id), 303)
