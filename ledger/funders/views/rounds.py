"""A funder's pages about rounds: opening one, what is left of it, closing it before its time."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from marshmallow import Schema
from werkzeug.wrappers import Response

from ledger import clock
from ledger.accounts.schemas import Moment
from ledger.clock import AMSTERDAM
from ledger.errors import DomainError
from ledger.funders import promises, round_queries, rounds
from ledger.funders.schemas import Minor
from ledger.funders.views.labels import room
from ledger.funders.views.own import Page, figures
from ledger.web import auth, forms, unit

blueprint = room("funder_rounds", __name__)


def _form(unit_name: str) -> type[Schema]:
    """Return the shape of a new round, with amounts in its unit and moments as clocks show them."""
    return Schema.from_dict(
        {
            "amount": Minor(unit_name, required=True),
            "budget": Minor(unit_name, required=True),
            "opens_at": Moment(load_default=None, default_timezone=AMSTERDAM),
            "closes_at": Moment(required=True, default_timezone=AMSTERDAM),
        },
        name="RoundForm",
    )


@blueprint.get("/funder/schemes/<scheme_id>/rounds")
@auth.roles("funder")
def index(scheme_id: str) -> Page:
    """List the rounds of a scheme, with the form for a new one."""
    return _page(scheme_id, None)


@blueprint.post("/funder/schemes/<scheme_id>/rounds")
@auth.roles("funder")
def open_round(scheme_id: str) -> Page:
    """Open a round."""
    scheme = figures(scheme_id)
    try:
        given = forms.load(_form(scheme.unit), request.form)
        made = unit.perform(
            rounds.open_round,
            scheme_id,
            given["amount"],
            given["budget"],
            given["opens_at"] or clock.now(),
            given["closes_at"],
        )
    except DomainError as error:
        return _page(scheme_id, error), error.status
    flash(gettext("The round is made. Its budget is kept apart for it."))
    return _to(scheme_id, made.id)


@blueprint.get("/funder/schemes/<scheme_id>/rounds/<round_id>")
@auth.roles("funder")
def show(scheme_id: str, round_id: str) -> Page:
    """Show a round: what is left, and how many asked."""
    return _round_page(scheme_id, round_id, None)


@blueprint.post("/funder/schemes/<scheme_id>/rounds/<round_id>/close")
@auth.roles("funder")
def close(scheme_id: str, round_id: str) -> Page:
    """Close a round before its time."""
    try:
        unit.perform(rounds.close, scheme_id, round_id)
    except DomainError as error:
        return _round_page(scheme_id, round_id, error), error.status
    flash(gettext("The round is closed. What was not asked for is free again in the fund."))
    return _to(scheme_id, round_id)


def _page(scheme_id: str, error: DomainError | None) -> str:
    scheme = figures(scheme_id)
    now = clock.now()
    with unit.reading() as session:
        found = round_queries.of_scheme(session, scheme_id, now)
        free = promises.free(session, scheme_id, now)
    return render_template(
        "funders/rounds.html",
        scheme=scheme,
        rounds=found,
        free=free,
        errors=forms.texts(error) if error else {},
        values=request.form if error else {},
    )


def _round_page(scheme_id: str, round_id: str, error: DomainError | None) -> str:
    scheme = figures(scheme_id)
    with unit.reading() as session:
        found = round_queries.one(session, scheme_id, round_id, clock.now())
    return render_template(
        "funders/round.html",
        scheme=scheme,
        round=found,
        errors=forms.texts(error) if error else {},
    )


def _to(scheme_id: str, round_id: str) -> Response:
    return redirect(url_for("funder_rounds.show", scheme_id=scheme_id, round_id=round_id), 303)
