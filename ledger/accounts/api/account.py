"""Calls about the caller, and about the caller's own account."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ledger import clock
from ledger.accounts import lots, moments, people, schemas, statements
from ledger.accounts.views.own import own_account
from ledger.web import auth
from ledger.web.auth import current_actor, roles
from ledger.web.openapi import PREFIX, Blueprint
from ledger.web.unit import perform, reading

blueprint = Blueprint(
    "account-api", __name__, url_prefix=PREFIX, description="Your own learning account."
)


@blueprint.get("/me")
@blueprint.response(200, schemas.Me)
@auth.signed_in
def me() -> dict[str, Any]:
    """Who the key belongs to, and in which role it acts."""
    actor = current_actor()
    person = auth.principal()
    return {
        "user_id": actor.id,
        "name": person.name if person else "",
        "role": actor.role,
        "organisation_id": actor.organisation_id,
        "account_id": actor.account_id,
    }


@blueprint.get("/account")
@blueprint.arguments(schemas.MomentAsked, location="query")
@blueprint.response(200, schemas.AccountShown)
@roles("holder")
def show(asked: dict[str, Any]) -> dict[str, Any]:
    """The account and its balances today, or as of a moment."""
    with reading() as session:
        then = moments.asked_for(session, asked["as_of"])
        today = clock.today(then.counted_until if then else clock.now())
        account = people.account(session, own_account())
        return {
            "id": account.id,
            "number": account.number,
            "opened_at": account.opened_at,
            "on": today,
            "balances": lots.totals(statements.lots_of(session, account.id, then), today),
            "as_of": then,
        }


@blueprint.get("/account/lots")
@blueprint.arguments(schemas.MomentAsked, location="query")
@blueprint.response(200, schemas.Lots)
@roles("holder")
def list_lots(asked: dict[str, Any]) -> dict[str, Any]:
    """The amounts that the balance consists of, those that expire first come first."""
    with reading() as session:
        then = moments.asked_for(session, asked["as_of"])
        return {"items": statements.lots_of(session, own_account(), then), "as_of": then}


@blueprint.get("/account/transactions")
@blueprint.arguments(schemas.PagedMoment, location="query")
@blueprint.response(200, schemas.Movements)
@roles("holder")
def list_transactions(asked: dict[str, Any]) -> dict[str, Any]:
    """What happened on the account, last recorded first."""
    with reading() as session:
        then = moments.asked_for(session, asked["as_of"])
        page = statements.movements(
            session, own_account(), asked.get("cursor"), asked.get("limit"), then
        )
        return {"items": page.items, "next_cursor": page.next_cursor, "as_of": then}


@blueprint.get("/account/transactions/<transaction_id>")
@blueprint.arguments(schemas.MomentAsked, location="query")
@blueprint.response(200, schemas.MovementShown)
@roles("holder")
def show_transaction(asked: dict[str, Any], transaction_id: str) -> dict[str, Any]:
    """One transaction with the postings on the account and its receipt."""
    with reading() as session:
        then = moments.asked_for(session, asked["as_of"])
        found = statements.movement(session, own_account(), transaction_id, then)
    return {
        **asdict(found.movement),
        "postings": found.lines,
        "receipt": {"id": found.movement.id, "hash": found.hash},
        "resolves_id": found.resolves_id,
        "reverses_id": found.reverses_id,
        "as_of": then,
    }


@blueprint.get("/account/consent-codes")
@blueprint.response(200, schemas.ConsentCodes)
@roles("holder")
def list_codes() -> dict[str, Any]:
    """The consent codes that were made; the codes themselves are not kept."""
    now = clock.now()
    with reading() as session:
        codes = people.consent_codes(session, own_account())
    return {"items": [{**asdict(code), "state": code.state(now)} for code in codes]}


# Without Idempotency-Key: a stored answer would keep the code that only its hash may be kept of.
@blueprint.post("/account/consent-codes")
@blueprint.response(201, schemas.NewConsentCode)
@roles("holder")
def make_code() -> dict[str, Any]:
    """Make a code with which one provider may register one enrolment; shown only now."""
    account_id = own_account()
    code = perform(people.make_consent_code, account_id)
    with reading() as session:
        account = people.account(session, account_id)
        newest = people.consent_codes(session, account_id)[0]
    return {
        "code": code,
        "account_number": account.number,
        "expires_at": newest.expires_at,
    }


@blueprint.delete("/account/consent-codes/<code_id>")
@blueprint.response(204)
@roles("holder")
def withdraw_code(code_id: str) -> None:
    """Withdraw a code that was not used."""
    perform(people.withdraw_consent_code, own_account(), code_id)
