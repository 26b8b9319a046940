"""A funder's pages about its schemes: where the budget is, and what the rules say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from marshmallow import Schema
from werkzeug.wrappers import Response

from ledger import clock
from ledger.accounts import history, schemes, wording
from ledger.accounts.models import Rule
from ledger.errors import DomainError, Invalid
from ledger.funders import audit, rules
from ledger.funders.schemas import SchemeForm, rules_form
from ledger.funders.views.labels import room
from ledger.funders.views.own import Page, figures
from ledger.messages import N_, Message
from ledger.money import EUR, UNITS
from ledger.web import auth, forms, unit
from ledger.web.auth import current_actor

blueprint = room("funder_schemes", __name__)


@blueprint.get("/funder/schemes")
@auth.roles("funder")
def index() -> Page:
    """List the funder's schemes with their figures."""
    with unit.reading() as session:
        found = audit.overview(session, current_actor())
    return render_template("funders/schemes.html", schemes=found)


@blueprint.get("/funder/schemes/new")
@auth.roles("funder")
def new() -> Page:
    """Ask about a new scheme; the fields start with what most schemes say."""
    values = {
        "unit": EUR,
        "valid_from": clock.today(clock.now()).isoformat(),
        **_as_filled_in(rules_form(EUR)().load({"valid_from": "2000-01-01"}), EUR),
    }
    return render_template("funders/scheme_form.html", scheme=None, values=values, errors={})


@blueprint.post("/funder/schemes")
@auth.roles("funder")
def create() -> Page:
    """Make a scheme."""
    asked = request.form.get("unit", EUR)
    shape = rules_form(asked if asked in UNITS else EUR)
    try:
        names, terms = _loaded(SchemeForm, shape)
        valid_from = terms.pop("valid_from")
        scheme = unit.perform(
            rules.create_scheme,
            names["name"],
            names["name_en"],
            names["unit"],
            _terms(terms, None),
            valid_from,
        )
    except DomainError as error:
        return forms.refused("funders/scheme_form.html", error, scheme=None)
    flash(gettext("The scheme is made. Pay in its budget next."))
    return _to(scheme.id)


@blueprint.get("/funder/schemes/<scheme_id>")
@auth.roles("funder")
def show(scheme_id: str) -> Page:
    """Show a scheme: figures, rules now and later, history."""
    scheme = figures(scheme_id)
    with unit.reading() as session:
        versions = schemes.versions(session, scheme_id)
        told = {rule.id: wording.terms(rule, scheme.unit) for rule in versions}
        events = history.of(session, scheme_id)
    return render_template(
        "funders/scheme.html",
        scheme=scheme,
        versions=versions,
        told=told,
        events=events,
        today=clock.today(clock.now()),
    )


@blueprint.get("/funder/schemes/<scheme_id>/rules/new")
@auth.roles("funder")
def new_rules(scheme_id: str) -> Page:
    """Ask about a new version of the rules, starting from the last one."""
    scheme = figures(scheme_id)
    with unit.reading() as session:
        last = schemes.versions(session, scheme_id)[0]
    terms = {name: getattr(last, name) for name in schemes.TERMS}
    terms["own_employees"] = scheme.funder_id in last.employers
    values = _as_filled_in(terms, scheme.unit)
    return render_template("funders/scheme_form.html", scheme=scheme, values=values, errors={})


@blueprint.post("/funder/schemes/<scheme_id>/rules")
@auth.roles("funder")
def add_rules(scheme_id: str) -> Page:
    """Add a version of the rules."""
    scheme = figures(scheme_id)
    with unit.reading() as session:
        last = schemes.versions(session, scheme_id)[0]
    try:
        terms = forms.load(rules_form(scheme.unit), request.form)
        valid_from = terms.pop("valid_from")
        unit.perform(rules.add_version, scheme_id, valid_from, _terms(terms, last))
    except DomainError as error:
        return forms.refused("funders/scheme_form.html", error, scheme=scheme)
    flash(gettext("The new rules are kept. They hold from the day that you chose."))
    return _to(scheme_id)


@blueprint.post("/funder/schemes/<scheme_id>/close")
@auth.roles("funder")
def close(scheme_id: str) -> Page:
    """Close a scheme."""
    unit.perform(rules.close_scheme, scheme_id)
    flash(gettext("The scheme is closed. What was granted can still be spent."))
    return _to(scheme_id)


def _loaded(*shapes: type[Schema]) -> list[dict[str, Any]]:
    """Return what every shape makes of the form, or all that is wrong at once."""
    found: list[dict[str, Any]] = []
    wrong: dict[str, list[Message]] = {}
    for shape in shapes:
        try:
            found.append(forms.load(shape, request.form))
        except Invalid as error:
            wrong.update(error.field_errors)
    if wrong:
        raise Invalid(N_("Some answers need another look."), field_errors=wrong)
    return found


def _terms(given: Mapping[str, Any], last: Rule | None) -> dict[str, Any]:
    """Return columns of a rule; what the form does not ask stays as in the last version."""
    own = current_actor().organisation_id or ""
    others = [one for one in (last.employers if last else []) if one != own]
    terms = {name: value for name, value in given.items() if name != "own_employees"}
    terms["employers"] = [*others, own] if given["own_employees"] else others
    terms["course_ids"] = list(last.course_ids) if last else []
    return terms


def _as_filled_in(terms: Mapping[str, Any], in_unit: str) -> dict[str, Any]:
    """Return rules as somebody would write them in the form."""

    def written(name: str, value: Any) -> Any:
        if name.endswith("_minor"):
            if not value:
                return ""
            return f"{value // 100},{value % 100:02d}" if in_unit == EUR else str(value)
        if name == "regions":
            return ", ".join(value)
        if isinstance(value, bool):
            return "yes" if value else ""
        return "" if value is None else value

    return {name: written(name, value) for name, value in terms.items() if name != "valid_from"}


def _to(scheme_id: str) -> Response:
    return redirect(url_for("funder_schemes.show", scheme_id=scheme_id), 303)
