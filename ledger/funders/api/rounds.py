"""Calls about rounds: what is open to a holder, asking, and a funder's own rounds."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ledger import clock
from ledger.accounts.views.own import own_account
from ledger.db import Work
from ledger.funders import round_queries, rounds
from ledger.funders.api import shapes
from ledger.funders.round_queries import RoundView
from ledger.funders.rounds import Ask, Requested
from ledger.funders.views.own import figures
from ledger.web.auth import current_actor, roles
from ledger.web.gathering import batched
from ledger.web.i18n import show
from ledger.web.idempotency import idempotent
from ledger.web.openapi import PREFIX, Blueprint
from ledger.web.unit import reading

blueprint = Blueprint(
    "rounds-api",
    __name__,
    url_prefix=PREFIX,
    description="Rounds: a budget that holders ask for, first come first served.",
)


@blueprint.get("/rounds")
@blueprint.response(200, shapes.OfferedRounds)
@roles("holder")
def list_rounds() -> dict[str, Any]:
    """The rounds that are open or will open, and whether you can ask in them."""
    with reading() as session:
        offered = round_queries.offered(session, own_account(), clock.now())
    return {
        "items": [
            {
                **_shown(offer.round),
                "expires_on": offer.expires_on,
                "unmet": [show(message) for message in offer.unmet],
                "asked_at": offer.asked_at,
                "can_ask": offer.open,
            }
            for offer in offered
        ]
    }


def _answer(done: Requested) -> dict[str, Any]:
    found: dict[str, Any] = shapes.RequestMade().dump({**asdict(done), "amount_minor": done.amount})
    return found


@blueprint.post("/rounds/<round_id>/requests")
@blueprint.alt_response(201, schema=shapes.RequestMade)
@roles("holder")
@batched(rounds.request_many, _answer, status=201)
def ask(round_id: str) -> Ask:
    """Ask for the amount of a round, once; refused when its budget is spent."""
    return Ask(current_actor(), round_id)


@blueprint.get("/schemes/<scheme_id>/rounds")
@blueprint.response(200, shapes.Rounds)
@roles("funder", "auditor")
def list_of_scheme(scheme_id: str) -> dict[str, Any]:
    """The rounds of one of your schemes, newest first."""
    figures(scheme_id)
    with reading() as session:
        found = round_queries.of_scheme(session, scheme_id, clock.now())
    return {"items": [_shown(one) for one in found]}


@blueprint.post("/schemes/<scheme_id>/rounds")
@blueprint.arguments(shapes.NewRound)
@blueprint.alt_response(201, schema=shapes.RoundShown)
@roles("funder")
@idempotent(shapes.RoundShown, status=201)
def open_round(work: Work, given: dict[str, Any], scheme_id: str) -> dict[str, Any]:
    """Open a round; its budget is promised from the scheme's fund."""
    made = rounds.open_round(
        work,
        scheme_id,
        given["amount_minor"],
        given["budget_minor"],
        given["opens_at"] or work.now,
        given["closes_at"],
    )
    return _shown(round_queries.one(work.session, scheme_id, made.id, work.now))


@blueprint.post("/schemes/<scheme_id>/rounds/<round_id>/close")
@blueprint.response(200, shapes.RoundShown)
@roles("funder")
@idempotent(shapes.RoundShown, required=False)
def close(work: Work, scheme_id: str, round_id: str) -> dict[str, Any]:
    """Close a round before its time."""
    rounds.close(work, scheme_id, round_id)
    return _shown(round_queries.one(work.session, scheme_id, round_id, work.now))


def _shown(one: RoundView) -> dict[str, Any]:
    return {
        **asdict(one),
        "amount_minor": one.amount,
        "budget_minor": one.budget,
        "left_minor": one.left,
        "places_left": one.places,
    }
