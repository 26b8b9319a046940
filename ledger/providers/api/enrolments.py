"""Enrolments for programs: beginning, confirming, cancelling, attendance and completion."""

from __future__ import annotations

from typing import Any

from ledger import clock
from ledger.accounts import journal
from ledger.db import Work
from ledger.errors import Invalid
from ledger.messages import N_
from ledger.providers import attendance, cancellations, completions, confirmations, enrolments
from ledger.providers.queries import enrolments as queries
from ledger.providers.queries import quotes as quote_queries
from ledger.providers.schemas.catalogue import page_of
from ledger.providers.schemas.enrolments import (
    AttendanceInput,
    CancelInput,
    CompleteForm,
    ConfirmInput,
    EnrolmentDetailJson,
    EnrolmentInput,
    EnrolmentJson,
    EnrolmentQuery,
    MovedJson,
    QuoteJson,
    QuoteQuery,
    confirmed_json,
    detail_json,
)
from ledger.web import auth, unit
from ledger.web.gathering import batched
from ledger.web.i18n import show
from ledger.web.idempotency import idempotent
from ledger.web.openapi import PREFIX, Blueprint

blueprint = Blueprint(
    "enrolments-api",
    __name__,
    url_prefix=PREFIX,
    description="From the request for a place to the result.",
)


@blueprint.route("/runs/<run_id>/quote", methods=["GET"])
@blueprint.arguments(QuoteQuery, location="query")
@blueprint.response(200, QuoteJson)
@auth.roles("holder")
def quote(query: dict[str, Any], run_id: str) -> Any:
    """Show which of the holder's lots would pay for a run, in order of spending, and why."""
    with unit.reading() as session:
        found = quote_queries.for_run(
            session,
            auth.current_actor(),
            run_id,
            clock.today(clock.now()),
            own_share_cents=query["own_share_cents"],
        )
    return {
        "price_cents": found.price_cents,
        "own_share_cents": found.own_share_cents,
        "funded_cents": found.funded_cents,
        "shortfall_cents": found.shortfall_cents,
        "lines": [
            {
                **{name: getattr(line, name) for name in _LINE},
                "reason": show(line.reason),
            }
            for line in found.lines
        ],
        "schemes": [
            {
                "scheme_id": part.scheme_id,
                "name": part.name,
                "unit": part.unit,
                "pays": part.pays,
                "unmet": [show(message) for message in part.unmet],
            }
            for part in found.schemes
        ],
    }


_LINE = ("position", "lot_id", "scheme_id", "scheme_name", "unit", "amount", "expires_on")


@blueprint.route("/enrolments", methods=["GET"])
@blueprint.arguments(EnrolmentQuery, location="query")
@blueprint.response(200, page_of(EnrolmentJson))
@auth.roles("holder", "provider", "operator")
def list_enrolments(query: dict[str, Any]) -> Any:
    """List the caller's enrolments, newest first; a provider sees its own learners'."""
    with unit.reading() as session:
        return queries.listed(
            session,
            auth.current_actor(),
            statuses=query["status"],
            run_id=query["run_id"],
            cursor=query["cursor"],
            limit=query["limit"],
        )


@blueprint.route("/enrolments", methods=["POST"])
@blueprint.arguments(EnrolmentInput)
@blueprint.response(201, MovedJson)
@auth.roles("holder", "provider")
@idempotent(MovedJson, status=201)
def begin(work: Work, given: dict[str, Any]) -> Any:
    """Ask for a place as a holder, or register a learner with number and code as a provider."""
    if work.actor.role == "holder":
        enrolment = enrolments.request(work, given["run_id"])
    else:
        for name in ("account_number", "consent_code"):
            if not given[name]:
                raise Invalid(N_("Fill this in."), field=name)
        enrolment = enrolments.register(
            work, given["run_id"], given["account_number"], given["consent_code"]
        )
    return _moved(work, enrolment.id, None)


@blueprint.route("/enrolments/<enrolment_id>", methods=["GET"])
@blueprint.response(200, EnrolmentDetailJson)
@auth.roles("holder", "provider", "operator")
def get_enrolment(enrolment_id: str) -> Any:
    """Return an enrolment with its sessions and history, for its holder also the split."""
    with unit.reading() as session:
        return detail_json(queries.detail(session, auth.current_actor(), enrolment_id))


@blueprint.route("/enrolments/<enrolment_id>/confirm", methods=["POST"])
@blueprint.arguments(ConfirmInput)
@blueprint.response(200, MovedJson)
@auth.roles("holder")
@batched(confirmations.confirm_many, confirmed_json)
def confirm(given: dict[str, Any], enrolment_id: str) -> confirmations.Wish:
    """Take the place and hold the price less the own share, from all lots or from none."""
    return confirmations.Wish(auth.current_actor(), enrolment_id, given["own_share_cents"])


@blueprint.route("/enrolments/<enrolment_id>/decline", methods=["POST"])
@blueprint.response(200, MovedJson)
@auth.roles("holder")
@idempotent(MovedJson)
def decline(work: Work, enrolment_id: str) -> Any:
    """Turn down an offer, or take back a request."""
    enrolments.decline(work, enrolment_id)
    return _moved(work, enrolment_id, None)


@blueprint.route("/enrolments/<enrolment_id>/cancel", methods=["POST"])
@blueprint.arguments(CancelInput)
@blueprint.response(200, MovedJson)
@auth.roles("holder", "provider", "operator")
@idempotent(MovedJson)
def cancel(work: Work, given: dict[str, Any], enrolment_id: str) -> Any:
    """Withdraw or stop as a holder, cancel as a provider; or force majeure with its reason."""
    reason = given["force_majeure"]
    if reason is None:
        return _moved(work, enrolment_id, cancellations.cancel(work, enrolment_id).receipt)
    if work.actor.role == "holder":
        cancellations.ask_force_majeure(work, enrolment_id, reason)
        return _moved(work, enrolment_id, None)
    done = cancellations.force_majeure(work, enrolment_id, reason)
    return _moved(work, enrolment_id, done.receipt)


@blueprint.route("/enrolments/<enrolment_id>/attendance", methods=["POST"])
@blueprint.arguments(AttendanceInput)
@blueprint.response(200, MovedJson)
@auth.roles("holder", "provider")
@idempotent(MovedJson)
def state_attendance(work: Work, given: dict[str, Any], enrolment_id: str) -> Any:
    """State per session whether the learner was there, or react to that as the learner."""
    wanted = "says" if work.actor.role == "holder" else "present"
    for index, item in enumerate(given["sessions"]):
        if item[wanted] is None:
            raise Invalid(N_("Fill this in."), field=f"sessions.{index}.{wanted}")
    if work.actor.role == "holder":
        for item in given["sessions"]:
            attendance.react(work, enrolment_id, item["session_id"], item["says"], item["note"])
    else:
        stated = {item["session_id"]: item["present"] for item in given["sessions"]}
        attendance.record(work, enrolment_id, stated)
    return _moved(work, enrolment_id, None)


@blueprint.route("/enrolments/<enrolment_id>/complete", methods=["POST"])
@blueprint.arguments(CompleteForm)
@blueprint.response(200, MovedJson)
@auth.roles("provider")
@idempotent(MovedJson)
def complete(work: Work, given: dict[str, Any], enrolment_id: str) -> Any:
    """Declare the result: pay-out, remainder and credential follow at once."""
    done = completions.complete(work, enrolment_id, given["result"], given["grade"])
    answer = _moved(work, enrolment_id, done.receipt)
    return {**answer, "credential_id": done.credential.id if done.credential else None}


def _moved(work: Work, enrolment_id: str, receipt: journal.Receipt | None) -> dict[str, Any]:
    row = queries.row(work.session, work.actor, enrolment_id)
    fields = {name: getattr(row, name) for name in EnrolmentJson().fields}
    return {**fields, "receipt": receipt, "credential_id": None}
