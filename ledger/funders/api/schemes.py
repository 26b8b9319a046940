"""Calls of a funder about its own schemes; auditors may read."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ledger.accounts import moments
from ledger.accounts.schemas import MomentAsked
from ledger.db import Work
from ledger.funders import audit, budgets, grants, schemas
from ledger.funders.audit import Filter
from ledger.funders.views.own import pseudonyms
from ledger.web.auth import current_actor, roles
from ledger.web.idempotency import idempotent
from ledger.web.openapi import PREFIX, Blueprint
from ledger.web.unit import reading

blueprint = Blueprint(
    "funder-api", __name__, url_prefix=PREFIX, description="A funder's schemes, to the cent."
)


@blueprint.get("/schemes")
@blueprint.arguments(MomentAsked, location="query")
@blueprint.response(200, schemas.Schemes)
@roles("funder", "auditor")
def list_schemes(asked: dict[str, Any]) -> dict[str, Any]:
    """Your schemes and where their budget is, or was as of a moment."""
    with reading() as session:
        then = moments.asked_for(session, asked["as_of"])
        return {"items": audit.overview(session, current_actor(), then), "as_of": then}


@blueprint.get("/schemes/<scheme_id>")
@blueprint.arguments(MomentAsked, location="query")
@blueprint.response(200, schemas.FiguresShown)
@roles("funder", "auditor")
def show_scheme(asked: dict[str, Any], scheme_id: str) -> dict[str, Any]:
    """One scheme and where its budget is, or was as of a moment."""
    with reading() as session:
        then = moments.asked_for(session, asked["as_of"])
        found = audit.figures(session, current_actor(), scheme_id, then)
    return {
        **asdict(found),
        "paid": found.paid,
        "difference": found.difference,
        "agrees": found.agrees,
        "as_of": then,
    }


@blueprint.post("/schemes/<scheme_id>/payments")
@blueprint.arguments(schemas.PayIn)
@blueprint.alt_response(201, schema=schemas.PaidIn)
@roles("funder")
@idempotent(schemas.PaidIn, status=201)
def pay_in(work: Work, given: dict[str, Any], scheme_id: str) -> dict[str, Any]:
    """Record money that arrived for a scheme."""
    receipt = budgets.pay_in(
        work, scheme_id, given["amount_minor"], given["reference"], given["received_on"]
    )
    return {"receipt": asdict(receipt)}


@blueprint.post("/schemes/<scheme_id>/grants")
@blueprint.arguments(schemas.NewGrant)
@blueprint.alt_response(201, schema=schemas.Granted)
@roles("funder")
@idempotent(schemas.Granted, status=201)
def grant(work: Work, given: dict[str, Any], scheme_id: str) -> dict[str, Any]:
    """Grant an amount to one account; above the scheme's limit a second person must approve."""
    outcome = grants.grant(
        work,
        scheme_id,
        given["account_number"],
        given["amount_minor"],
        given["expires_on"],
        given["reference"],
    )
    receipt = asdict(outcome.receipts[0]) if outcome.receipts else None
    return {"batch_id": outcome.batch_id, "status": outcome.status, "receipt": receipt}


@blueprint.get("/schemes/<scheme_id>/transactions")
@blueprint.arguments(schemas.PostingsPageAsked, location="query")
@blueprint.response(200, schemas.PostingsPage)
@roles("funder", "auditor")
def list_transactions(asked: dict[str, Any], scheme_id: str) -> dict[str, Any]:
    """The postings of a scheme, newest first; accounts under a number of your own."""
    cursor, limit, moment = (asked.pop(name) for name in ("cursor", "limit", "as_of"))
    with reading() as session:
        then = moments.asked_for(session, moment)
        page = audit.postings(
            session, current_actor(), scheme_id, pseudonyms(), Filter(**asked), cursor, limit, then
        )
    return {"items": page.items, "next_cursor": page.next_cursor, "as_of": then}
