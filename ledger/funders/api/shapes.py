"""The JSON of rounds; amounts are minor units of ``unit``."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from ledger.accounts.schemas import Moment, Receipt
from ledger.money import LIMIT, UNITS


class NewRound(Schema):
    """A round: everybody who asks gets the amount, as long as the budget lasts."""

    amount_minor = fields.Integer(
        required=True, strict=True, validate=validate.Range(min=1, max=LIMIT)
    )
    budget_minor = fields.Integer(
        required=True, strict=True, validate=validate.Range(min=1, max=LIMIT)
    )
    opens_at = Moment(
        load_default=None, allow_none=True, metadata={"description": "Now when left out."}
    )
    closes_at = Moment(required=True)


class RoundShown(Schema):
    """A round with what is left of it, in minor units of ``unit``."""

    id = fields.String(required=True)
    scheme_id = fields.String(required=True)
    scheme_name = fields.String(required=True)
    scheme_name_en = fields.String(required=True)
    funder = fields.String(required=True, attribute="funder_name")
    unit = fields.String(required=True, validate=validate.OneOf(UNITS))
    opens_at = fields.AwareDateTime(required=True)
    closes_at = fields.AwareDateTime(required=True)
    amount_minor = fields.Integer(required=True)
    budget_minor = fields.Integer(required=True)
    left_minor = fields.Integer(required=True)
    places_left = fields.Integer(required=True)
    request_count = fields.Integer(required=True)
    state = fields.String(
        required=True, validate=validate.OneOf(("planned", "open", "spent", "closed"))
    )


class Rounds(Schema):
    """The rounds of a scheme."""

    items = fields.List(fields.Nested(RoundShown), required=True)


class OfferedRound(RoundShown):
    """A round as its holder sees it; ``unmet`` says why one cannot ask."""

    expires_on = fields.Date(required=True, allow_none=True)
    unmet = fields.List(fields.String(), required=True)
    asked_at = fields.AwareDateTime(required=True, allow_none=True)
    can_ask = fields.Boolean(required=True)


class OfferedRounds(Schema):
    """The rounds that are open or will open."""

    items = fields.List(fields.Nested(OfferedRound), required=True)


class RequestMade(Schema):
    """A request that was granted; the amount is on the account."""

    id = fields.String(required=True)
    round_id = fields.String(required=True)
    amount_minor = fields.Integer(required=True)
    unit = fields.String(required=True, validate=validate.OneOf(UNITS))
    expires_on = fields.Date(required=True, allow_none=True)
    receipt = fields.Nested(Receipt, required=True)
