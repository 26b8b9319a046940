"""The operator's pages about funders: admitting, suspending, and who signs in for them."""

from __future__ import annotations

import secrets

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from ledger.accounts import history, organisations, schemes, users
from ledger.errors import DomainError
from ledger.funders.schemas import FunderForm, StaffForm, SuspendForm
from ledger.funders.views.labels import room
from ledger.funders.views.own import Page
from ledger.web import auth, forms, unit

blueprint = room("funder_admission", __name__)


@blueprint.get("/operator/funders")
@auth.roles("operator")
def index() -> Page:
    """List the funders."""
    with unit.reading() as session:
        found = organisations.of_kind(session, "funder")
    return render_template("funders/funders.html", funders=found)


@blueprint.get("/operator/funders/new")
@auth.roles("operator")
def new() -> Page:
    """Ask about a funder to admit."""
    return render_template("funders/funder_form.html", values={}, errors={})


@blueprint.post("/operator/funders")
@auth.roles("operator")
def admit() -> Page:
    """Admit a funder."""
    try:
        given = forms.load(FunderForm, request.form)
        funder = unit.perform(organisations.admit, "funder", given.pop("name"), **given)
    except DomainError as error:
        return forms.refused("funders/funder_form.html", error)
    flash(gettext("The funder is admitted. Add who signs in for it next."))
    return _to(funder.id)


@blueprint.get("/operator/funders/<funder_id>")
@auth.roles("operator")
def show(funder_id: str) -> Page:
    """Show a funder with its people, schemes and history."""
    return _page(funder_id, None)


@blueprint.post("/operator/funders/<funder_id>/suspend")
@auth.roles("operator")
def suspend(funder_id: str) -> Page:
    """Suspend a funder, with a reason and a deadline to reply."""
    _exists(funder_id)
    try:
        given = forms.load(SuspendForm, request.form)
        unit.perform(organisations.suspend, funder_id, given["reason"], given["reply_until"])
    except DomainError as error:
        return _page(funder_id, error), error.status
    flash(gettext("The funder is suspended."))
    return _to(funder_id)


@blueprint.post("/operator/funders/<funder_id>/reinstate")
@auth.roles("operator")
def reinstate(funder_id: str) -> Page:
    """End a suspension."""
    _exists(funder_id)
    try:
        unit.perform(organisations.reinstate, funder_id)
    except DomainError as error:
        return _page(funder_id, error), error.status
    flash(gettext("The suspension is ended."))
    return _to(funder_id)


@blueprint.post("/operator/funders/<funder_id>/staff")
@auth.roles("operator")
def add_staff(funder_id: str) -> Page:
    """Add somebody who signs in for the funder; the first password is shown once."""
    _exists(funder_id)
    password = secrets.token_urlsafe(12)
    try:
        given = forms.load(StaffForm, request.form)
        unit.perform(
            users.add_user, given["email"], given["name"], password, given["role"], funder_id
        )
    except DomainError as error:
        return _page(funder_id, error), error.status
    return _page(funder_id, None, made={"email": given["email"], "password": password})


def _page(funder_id: str, error: DomainError | None, made: dict[str, str] | None = None) -> str:
    with unit.reading() as session:
        funder = organisations.get(session, funder_id, "funder")
        events = history.of(session, funder_id)
        suspensions = [event for event in events if event.kind == "suspended"]
        return render_template(
            "funders/funder.html",
            funder=funder,
            events=events,
            suspension=suspensions[-1] if funder.status == "suspended" else None,
            staff=users.all_users(session, funder_id),
            schemes=schemes.of_funder(session, funder_id),
            made=made,
            errors=forms.texts(error) if error else {},
            values=request.form if error else {},
        )


def _exists(funder_id: str) -> None:
    with unit.reading() as session:
        organisations.get(session, funder_id, "funder")


def _to(funder_id: str) -> Response:
    return redirect(url_for("funder_admission.show", funder_id=funder_id), 303)
