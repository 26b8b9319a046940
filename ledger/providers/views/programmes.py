"""A provider's programmes: qualifications that courses stack into."""

from __future__ import annotations

from dataclasses import asdict

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from ledger.errors import DomainError
from ledger.providers import catalogue
from ledger.providers.queries import offer
from ledger.providers.schemas.catalogue import ProgrammeForm, as_form
from ledger.providers.views.labels import room
from ledger.providers.views.own import provider_id
from ledger.web import auth, forms, unit

Page = str | tuple[str, int] | Response

blueprint = room("provider_programmes", __name__)


@blueprint.get("/provider/programmes")
@auth.roles("provider")
def index() -> Page:
    """List the programmes."""
    with unit.reading() as session:
        found = offer.programmes(session, provider_id())
    return render_template("providers/programmes.html", programmes=found)


@blueprint.get("/provider/programmes/new")
@auth.roles("provider")
def new() -> Page:
    """Ask about a new programme."""
    return render_template("providers/programme_form.html", programme=None, values={}, errors={})


@blueprint.post("/provider/programmes")
@auth.roles("provider")
def create() -> Page:
    """Add a programme."""
    try:
        facts = catalogue.ProgrammeFacts(**forms.load(ProgrammeForm, request.form))
        unit.perform(catalogue.create_programme, facts)
    except DomainError as error:
        return forms.refused("providers/programme_form.html", error, programme=None)
    flash(gettext("The programme is added."))
    return redirect(url_for("provider_programmes.index"), 303)


@blueprint.get("/provider/programmes/<programme_id>")
@auth.roles("provider")
def edit(programme_id: str) -> Page:
    """Show a programme in a form."""
    row = _own(programme_id)
    return render_template(
        "providers/programme_form.html", programme=row, values=as_form(asdict(row)), errors={}
    )


@blueprint.post("/provider/programmes/<programme_id>")
@auth.roles("provider")
def change(programme_id: str) -> Page:
    """Keep the changes of a programme."""
    row = _own(programme_id)
    try:
        facts = catalogue.ProgrammeFacts(**forms.load(ProgrammeForm, request.form))
        unit.perform(catalogue.edit_programme, programme_id, facts)
    except DomainError as error:
        return forms.refused("providers/programme_form.html", error, programme=row)
    flash(gettext("The programme is changed."))
    return redirect(url_for("provider_programmes.index"), 303)


def _own(programme_id: str) -> offer.ProgrammeRow:
    with unit.reading() as session:
        return offer.programme(session, programme_id, provider_id())
