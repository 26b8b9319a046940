"""The operator's pages about providers: admitting, suspending, and who signs in for them."""

from __future__ import annotations

import secrets

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from ledger import paging
from ledger.accounts import organisations, users
from ledger.errors import DomainError
from ledger.providers.queries import offer, providers
from ledger.providers.schemas.admission import ProviderForm, StaffForm, SuspendForm
from ledger.providers.views.labels import room
from ledger.providers.views.own import today
from ledger.web import auth, forms, unit

Page = str | tuple[str, int] | Response

blueprint = room("admission", __name__)


@blueprint.get("/operator/providers")
@auth.roles("operator")
def index() -> Page:
    """List the providers."""
    with unit.reading() as session:
        found = providers.listing(session, today())
    return render_template("providers/providers.html", providers=found)


@blueprint.get("/operator/providers/new")
@auth.roles("operator")
def new() -> Page:
    """Ask about a provider to admit."""
    return render_template("providers/provider_form.html", values={"country": "NL"}, errors={})


@blueprint.post("/operator/providers")
@auth.roles("operator")
def admit() -> Page:
    """Admit a provider."""
    try:
        given = forms.load(ProviderForm, request.form)
        provider = unit.perform(organisations.admit, "provider", **given)
    except DomainError as error:
        return forms.refused("providers/provider_form.html", error)
    flash(gettext("The provider is admitted. Accredit it next."))
    return _to(provider.id)


@blueprint.get("/operator/providers/<provider_id>")
@auth.roles("operator")
def show(provider_id: str) -> Page:
    """Show a provider with its people, accreditations and history."""
    return _page(provider_id, {})


@blueprint.post("/operator/providers/<provider_id>/suspend")
@auth.roles("operator")
def suspend(provider_id: str) -> Page:
    """Suspend a provider, with a reason and a deadline to reply."""
    _exists(provider_id)
    try:
        given = forms.load(SuspendForm, request.form)
        unit.perform(organisations.suspend, provider_id, given["reason"], given["reply_until"])
    except DomainError as error:
        return _page(provider_id, forms.texts(error)), error.status
    flash(gettext("The provider is suspended."))
    return _to(provider_id)


@blueprint.post("/operator/providers/<provider_id>/reinstate")
@auth.roles("operator")
def reinstate(provider_id: str) -> Page:
    """End a suspension."""
    _exists(provider_id)
    try:
        unit.perform(organisations.reinstate, provider_id)
    except DomainError as error:
        return _page(provider_id, forms.texts(error)), error.status
    flash(gettext("The suspension is ended."))
    return _to(provider_id)


@blueprint.post("/operator/providers/<provider_id>/staff")
@auth.roles("operator")
def add_staff(provider_id: str) -> Page:
    """Add somebody who signs in for the provider; the first password is shown once."""
    _exists(provider_id)
    password = secrets.token_urlsafe(12)
    try:
        given = forms.load(StaffForm, request.form)
        unit.perform(
            users.add_user, given["email"], given["name"], password, "provider", provider_id
        )
    except DomainError as error:
        return _page(provider_id, forms.texts(error)), error.status
    return _page(provider_id, {}, made={"email": given["email"], "password": password})


def _page(
    provider_id: str, errors: dict[str, list[str]], made: dict[str, str] | None = None
) -> str:
    with unit.reading() as session:
        view = providers.provider(session, provider_id)
        courses = offer.courses(session, provider_id, today(), limit=paging.MAXIMUM)
    return render_template(
        "providers/provider.html",
        provider=view,
        courses=courses.items,
        errors=errors,
        values=request.form if errors else {},
        made=made,
    )


def _exists(provider_id: str) -> None:
    with unit.reading() as session:
        organisations.get(session, provider_id, "provider")


def _to(provider_id: str) -> Response:
    return redirect(url_for("admission.show", provider_id=provider_id), 303)
