"""The forms and JSON of enrolments, attendance and completion."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from ledger.messages import N_
from ledger.money import LIMIT
from ledger.providers.cancellations import REASONS
from ledger.providers.completions import RESULTS
from ledger.providers.confirmations import Confirmed
from ledger.providers.schemas.fields import Euros

_CHOOSE = N_("Choose one of the list.")


class RegisterForm(Schema):
    """What a provider fills in to register a learner."""

    run_id = fields.String(required=True)
    account_number = fields.String(required=True, validate=validate.Length(max=40))
    consent_code = fields.String(required=True, validate=validate.Length(max=40))


class ConfirmForm(Schema):
    """What a holder fills in to confirm; the own share in euros."""

    own_share = Euros(load_default=0)
    password = fields.String(required=True)


class ReactForm(Schema):
    """What a holder says about a statement of attendance."""

    session_id = fields.String(required=True)
    says = fields.String(required=True)
    note = fields.String(load_default="", validate=validate.Length(max=1000))


class CompleteForm(Schema):
    """How a provider says that an enrolment ended."""

    result = fields.String(required=True, validate=validate.OneOf(list(RESULTS), error=_CHOOSE))
    grade = fields.String(load_default=None, validate=validate.Length(max=100))


class ReasonForm(Schema):
    """Why it is force majeure."""

    reason = fields.String(required=True, validate=validate.OneOf(list(REASONS), error=_CHOOSE))


class CaseForm(Schema):
    """What the operator decides in a case; ``present`` in a dispute only."""

    decision = fields.String(required=True, validate=validate.Length(max=1000))
    present = fields.Boolean(load_default=None, allow_none=True)


class EnrolmentInput(Schema):
    """A holder gives the run; a provider also the learner's account number and consent code."""

    run_id = fields.String(required=True)
    account_number = fields.String(load_default=None)
    consent_code = fields.String(load_default=None)


class ConfirmInput(Schema):
    """The part of the price that the holder pays outside the account, in cents."""

    own_share_cents = fields.Integer(
        strict=True, load_default=0, validate=validate.Range(min=0, max=LIMIT)
    )


class QuoteQuery(Schema):
    """The part of the price that the holder would pay outside the account, in cents."""

    own_share_cents = fields.Integer(load_default=0, validate=validate.Range(min=0, max=LIMIT))


class CancelInput(Schema):
    """Empty to cancel; with a reason to state (provider) or ask for (holder) force majeure."""

    force_majeure = fields.String(
        load_default=None, allow_none=True, validate=validate.OneOf(list(REASONS), error=_CHOOSE)
    )


class AttendanceItem(Schema):
    """A provider states ``present``; a holder ``says`` confirmed or disputed, with a note."""

    session_id = fields.String(required=True)
    present = fields.Boolean(load_default=None)
    says = fields.String(
        load_default=None, validate=validate.OneOf(["confirmed", "disputed"], error=_CHOOSE)
    )
    note = fields.String(load_default="", validate=validate.Length(max=1000))


class AttendanceInput(Schema):
    """One or more sessions of the enrolment's run."""

    sessions = fields.List(
        fields.Nested(AttendanceItem), required=True, validate=validate.Length(min=1, max=400)
    )


class EnrolmentQuery(Schema):
    """Which enrolments are asked for."""

    run_id = fields.String(load_default=None)
    status = fields.List(fields.String(), load_default=list)
    cursor = fields.String(load_default=None, validate=validate.Length(max=500))
    limit = fields.Integer(load_default=None, validate=validate.Range(min=1, max=100))


class ReceiptJson(Schema):
    """The journal transaction that moved the money, with its hash."""

    id = fields.String(required=True)
    hash = fields.String(required=True)


class EnrolmentJson(Schema):
    """One enrolment; amounts in cents, moments in UTC, days in Amsterdam."""

    id = fields.String(required=True)
    status = fields.String(required=True)
    begun_by = fields.String(required=True)
    begun_at = fields.DateTime(required=True)
    account_number = fields.String(required=True)
    course_id = fields.String(required=True)
    course_title = fields.String(required=True)
    provider_id = fields.String(required=True)
    provider_name = fields.String(required=True)
    run_id = fields.String(required=True)
    starts_on = fields.Date(required=True)
    ends_on = fields.Date(required=True)
    price_cents = fields.Integer(required=True)
    own_share_cents = fields.Integer(required=True)
    confirm_until = fields.DateTime(required=True)
    confirmed_at = fields.DateTime(allow_none=True)
    cooling_off_until = fields.Date(allow_none=True)
    stopped_at = fields.DateTime(allow_none=True)
    result = fields.String(allow_none=True)
    grade = fields.String(allow_none=True)
    attended_percent = fields.Integer(allow_none=True)
    ended_at = fields.DateTime(allow_none=True)


class MovedJson(EnrolmentJson):
    """An enrolment after a step; ``receipt`` is null when no money moved."""

    receipt = fields.Nested(ReceiptJson, allow_none=True)
    credential_id = fields.String(allow_none=True)


class LineJson(Schema):
    """What one lot contributes, in minor units of ``unit``; only its holder sees it."""

    position = fields.Integer()
    lot_id = fields.String()
    scheme_id = fields.String()
    scheme_name = fields.String()
    funder_name = fields.String()
    unit = fields.String()
    held = fields.Integer()
    paid = fields.Integer()
    released = fields.Integer()
    lost = fields.Integer()


class EnrolmentSessionJson(Schema):
    """A session with what provider and learner said about it."""

    id = fields.String()
    starts_at = fields.DateTime()
    ends_at = fields.DateTime()
    present = fields.Boolean(allow_none=True)
    holder_says = fields.String(allow_none=True)


class EventJson(Schema):
    """A step in the history."""

    kind = fields.String()
    at = fields.DateTime()


class EnrolmentDetailJson(EnrolmentJson):
    """One enrolment with its sessions and history; ``lines`` are empty for a provider."""

    lines = fields.List(fields.Nested(LineJson))
    sessions = fields.List(fields.Nested(EnrolmentSessionJson))
    events = fields.List(fields.Nested(EventJson))
    credential_id = fields.String(allow_none=True)
    is_disputed = fields.Boolean()


class QuoteLineJson(Schema):
    """What one lot would pay, and why it comes at this place."""

    position = fields.Integer()
    lot_id = fields.String()
    scheme_id = fields.String()
    scheme_name = fields.String()
    unit = fields.String()
    amount = fields.Integer()
    expires_on = fields.Date(allow_none=True)
    reason = fields.String()


class SchemePartJson(Schema):
    """What one scheme would pay; ``unmet`` says why it pays nothing, or no more."""

    scheme_id = fields.String()
    name = fields.String()
    unit = fields.String()
    pays = fields.Integer()
    unmet = fields.List(fields.String())


class QuoteJson(Schema):
    """The split of the price over lots, in order of spending; amounts in cents."""

    price_cents = fields.Integer()
    own_share_cents = fields.Integer()
    funded_cents = fields.Integer()
    shortfall_cents = fields.Integer()
    lines = fields.List(fields.Nested(QuoteLineJson))
    schemes = fields.List(fields.Nested(SchemePartJson))


def detail_json(detail: Any) -> dict[str, Any]:
    """Return the answer of one enrolment from its queries' Detail."""
    row = {name: getattr(detail.row, name) for name in EnrolmentJson().fields}
    return {
        **row,
        "lines": detail.lines,
        "sessions": detail.sessions,
        "events": detail.events,
        "credential_id": detail.credential_id,
        "is_disputed": detail.is_disputed,
    }


def confirmed_json(done: Confirmed) -> dict[str, Any]:
    """Return what ``MovedJson`` makes of a confirmed enrolment, a good deal quicker.

    On an opening day this is written thousands of times while others wait for it.
    """
    until, receipt = done.cooling_off_until, done.receipt
    return {
        "id": done.id,
        "status": "confirmed",
        "begun_by": done.begun_by,
        "begun_at": done.begun_at.isoformat(),
        "account_number": done.account_number,
        "course_id": done.course_id,
        "course_title": done.course_title,
        "provider_id": done.provider_id,
        "provider_name": done.provider_name,
        "run_id": done.run_id,
        "starts_on": done.starts_on.isoformat(),
        "ends_on": done.ends_on.isoformat(),
        "price_cents": done.price_cents,
        "own_share_cents": done.own_share_cents,
        "confirm_until": done.confirm_until.isoformat(),
        "confirmed_at": done.confirmed_at.isoformat(),
        "cooling_off_until": until.isoformat() if until else None,
        "stopped_at": None,
        "result": None,
        "grade": None,
        "attended_percent": None,
        "ended_at": None,
        "receipt": {"id": receipt.id, "hash": receipt.hash} if receipt else None,
        "credential_id": None,
    }
