"""The operator's pages about accreditations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from marshmallow import Schema
from werkzeug.wrappers import Response

from ledger.accounts import organisations
from ledger.errors import DomainError
from ledger.messages import N_
from ledger.providers import accreditations
from ledger.providers.queries import accreditations as queries
from ledger.providers.queries import catalogue
from ledger.providers.schemas.admission import AccreditationForm, ReasonForm, SuspendForm
from ledger.providers.views.labels import room
from ledger.providers.views.own import today
from ledger.web import auth, forms, unit

Page = str | tuple[str, int] | Response

blueprint = room("accreditations", __name__)


@blueprint.get("/operator/accreditations")
@auth.roles("operator")
def index() -> Page:
    """List accreditations, newest first."""
    status = request.args.get("status", "")
    with unit.reading() as session:
        page = queries.listing(
            session,
            status if status in queries.STATES else None,
            request.args.get("cursor"),
        )
    return render_template(
        "providers/accreditations.html", page=page, states=queries.STATES, values=request.args
    )


@blueprint.get("/operator/providers/<provider_id>/accredit")
@auth.roles("operator")
def new(provider_id: str) -> Page:
    """Ask about an accreditation of a provider, or of one course of it."""
    return _form(provider_id, {}, {"valid_from": today().isoformat()}, request.args.get("course"))


@blueprint.post("/operator/providers/<provider_id>/accredit")
@auth.roles("operator")
def create(provider_id: str) -> Page:
    """Accredit a provider, or one course of it."""
    course_id = request.form.get("course") or None
    try:
        grant = accreditations.Grant(**forms.load(AccreditationForm, request.form))
        if course_id is None:
            row = unit.perform(accreditations.accredit_provider, provider_id, grant)
        else:
            row = unit.perform(accreditations.accredit_course, course_id, grant)
    except DomainError as error:
        page = _form(provider_id, forms.texts(error), request.form, course_id)
        return page, error.status
    flash(gettext("The accreditation is granted."))
    return _to(row.id)


@blueprint.get("/operator/accreditations/<accreditation_id>")
@auth.roles("operator")
def show(accreditation_id: str) -> Page:
    """Show an accreditation with its history."""
    return _page(accreditation_id, {})


@blueprint.post("/operator/accreditations/<accreditation_id>/suspend")
@auth.roles("operator")
def suspend(accreditation_id: str) -> Page:
    """Suspend an accreditation, with a reason and a deadline to reply."""
    return _step(
        accreditations.suspend, accreditation_id, SuspendForm, N_("The accreditation is suspended.")
    )


@blueprint.post("/operator/accreditations/<accreditation_id>/reinstate")
@auth.roles("operator")
def reinstate(accreditation_id: str) -> Page:
    """End a suspension, with a reason."""
    return _step(
        accreditations.reinstate, accreditation_id, ReasonForm, N_("The suspension is ended.")
    )


@blueprint.post("/operator/accreditations/<accreditation_id>/withdraw")
@auth.roles("operator")
def withdraw(accreditation_id: str) -> Page:
    """Withdraw an accreditation, with a reason."""
    return _step(
        accreditations.withdraw,
        accreditation_id,
        ReasonForm,
        N_("The accreditation is withdrawn."),
    )


def _step(verb: Callable[..., None], accreditation_id: str, shape: type[Schema], done: str) -> Page:
    try:
        unit.perform(verb, accreditation_id, **forms.load(shape, request.form))
    except DomainError as error:
        return _page(accreditation_id, forms.texts(error)), error.status
    flash(gettext(done))
    return _to(accreditation_id)


def _form(
    provider_id: str, errors: dict[str, list[str]], values: Any, course_id: str | None
) -> str:
    with unit.reading() as session:
        provider = organisations.get(session, provider_id, "provider")
        course = (
            catalogue.own_course(session, course_id, today(), provider_id) if course_id else None
        )
    return render_template(
        "providers/accreditation_form.html",
        provider=provider,
        course=course,
        marks=accreditations.QUALITY_MARKS,
        errors=errors,
        values=values,
        sectors_chosen=request.form.getlist("sectors"),
    )


def _page(accreditation_id: str, errors: dict[str, list[str]]) -> str:
    with unit.reading() as session:
        view = queries.accreditation(session, accreditation_id)
    return render_template(
        "providers/accreditation.html",
        row=view.row,
        events=view.events,
        errors=errors,
        values=request.form,
    )


def _to(accreditation_id: str) -> Response:
    return redirect(url_for("accreditations.show", accreditation_id=accreditation_id), 303)
