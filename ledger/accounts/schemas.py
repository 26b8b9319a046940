"""The shapes of accounts, shared by forms and JSON; amounts are minor units of ``unit``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from marshmallow import Schema, fields, validate

from ledger.accounts.models import KINDS, ROLES
from ledger.clock import AMSTERDAM
from ledger.messages import N_
from ledger.money import UNITS
from ledger.paging import MAXIMUM


class Paged(Schema):
    """Which page is asked for."""

    cursor = fields.String(
        validate=validate.Length(max=500),
        metadata={"description": "`next_cursor` of the page before; leave out for the first page."},
    )
    limit = fields.Integer(
        validate=validate.Range(min=1, max=MAXIMUM), metadata={"description": "25 by default."}
    )


class Moment(fields.AwareDateTime):
    """A moment, in UTC; without a zone only where ``default_timezone`` gives one."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        moment = super()._deserialize(value, attr, data, **kwargs)
        try:
            return moment.astimezone(UTC)
        except OverflowError as error:  # in the year 1 or 9999
            raise self.make_error("invalid", input=value, obj_type=self.OBJ_TYPE) from error


class MomentAsked(Schema):
    """As of which moment a call asks."""

    as_of = Moment(
        load_default=None,
        metadata={
            "description": "A moment with time zone, such as `2026-11-24T08:00:00Z`. The answer"
            " is then the same forever, and says which seal proves it."
        },
    )


class MomentForm(Schema):
    """As of which moment a page asks."""

    as_of = Moment(load_default=None, default_timezone=AMSTERDAM)


class PagedMoment(Paged, MomentAsked):
    """Which page is asked for, as of which moment."""


class AsOf(Schema):
    """The moment of an answer and the seal that it stands on."""

    asked = fields.AwareDateTime(required=True)
    counted_until = fields.AwareDateTime(
        required=True,
        metadata={"description": "Earlier than `asked` when that lies after the newest seal."},
    )
    size = fields.Integer(required=True, metadata={"description": "Of the seal."})
    root = fields.String(required=True, metadata={"description": "Of the seal, hexadecimal."})
    sealed_at = fields.AwareDateTime(required=True)


class JournalAsked(Paged):
    """Which part of the journal is asked for."""

    kind = fields.String(validate=validate.OneOf(KINDS))


class Me(Schema):
    """Whose key this is."""

    user_id = fields.String(required=True)
    name = fields.String(required=True)
    role = fields.String(required=True, validate=validate.OneOf(ROLES))
    organisation_id = fields.String(required=True, allow_none=True)
    account_id = fields.String(required=True, allow_none=True)


class Balance(Schema):
    """Sums over the lots of one unit."""

    unit = fields.String(required=True, validate=validate.OneOf(UNITS))
    available = fields.Integer(required=True, metadata={"description": "Free to spend today."})
    held = fields.Integer(required=True, metadata={"description": "Reserved for enrolments."})
    spent = fields.Integer(required=True, metadata={"description": "Paid, or to be paid."})
    expired = fields.Integer(
        required=True, metadata={"description": "Past its last day, not yet back in its fund."}
    )


class AccountShown(Schema):
    """A learning account with its balances."""

    id = fields.String(required=True)
    number = fields.String(required=True)
    opened_at = fields.AwareDateTime(required=True)
    on = fields.Date(required=True, metadata={"description": "The day of the balances."})
    balances = fields.List(fields.Nested(Balance), required=True)
    as_of = fields.Nested(AsOf, required=True, allow_none=True)


class Lot(Schema):
    """An amount with its own expiry."""

    id = fields.String(required=True)
    scheme_id = fields.String(required=True)
    scheme_name = fields.String(required=True)
    scheme_name_en = fields.String(required=True)
    funder_name = fields.String(required=True)
    unit = fields.String(required=True, validate=validate.OneOf(UNITS))
    origin = fields.String(required=True)
    rule_id = fields.String(required=True)
    enrolment_id = fields.String(
        required=True, allow_none=True, metadata={"description": "Set: for this enrolment only."}
    )
    granted_on = fields.Date(required=True)
    expires_on = fields.Date(
        required=True, allow_none=True, metadata={"description": "Last day to spend it."}
    )
    credited = fields.Integer(required=True)
    available = fields.Integer(required=True)
    held = fields.Integer(required=True)
    spent = fields.Integer(required=True)
    returned = fields.Integer(required=True)


class Lots(Schema):
    """All lots of an account, those that expire first come first."""

    items = fields.List(fields.Nested(Lot), required=True)
    as_of = fields.Nested(AsOf, required=True, allow_none=True)


class Effect(Schema):
    """How a transaction changed the account in one unit."""

    unit = fields.String(required=True, validate=validate.OneOf(UNITS))
    credited = fields.Integer(required=True)
    available = fields.Integer(required=True)
    held = fields.Integer(required=True)
    spent = fields.Integer(required=True)
    returned = fields.Integer(required=True)


class SchemeName(Schema):
    """A scheme and whose it is."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    name_en = fields.String(required=True)
    funder = fields.String(required=True)


class Movement(Schema):
    """A transaction as it touched the account."""

    id = fields.String(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    subject = fields.String(required=True)
    occurred_on = fields.Date(required=True)
    recorded_at = fields.AwareDateTime(required=True)
    effects = fields.List(fields.Nested(Effect), required=True)
    schemes = fields.List(fields.Nested(SchemeName), required=True)


class Movements(Schema):
    """A page of transactions, newest first."""

    items = fields.List(fields.Nested(Movement), required=True)
    next_cursor = fields.String(required=True, allow_none=True)
    as_of = fields.Nested(AsOf, required=True, allow_none=True)


class MovementLine(Schema):
    """A posting of the account."""

    line = fields.Integer(required=True)
    bucket = fields.String(required=True)
    unit = fields.String(required=True, validate=validate.OneOf(UNITS))
    amount = fields.Integer(required=True)
    scheme = fields.Nested(SchemeName, required=True)
    lot_id = fields.String(required=True)
    rule_id = fields.String(required=True, allow_none=True)
    rule_version = fields.Integer(required=True, allow_none=True)


class Receipt(Schema):
    """What proves that a transaction was recorded as it was."""

    id = fields.String(required=True)
    hash = fields.String(required=True, metadata={"description": "SHA-256, hexadecimal."})


class MovementShown(Movement):
    """A transaction of the account with its postings."""

    postings = fields.List(fields.Nested(MovementLine), required=True)
    receipt = fields.Nested(Receipt, required=True)
    resolves_id = fields.String(required=True, allow_none=True)
    reverses_id = fields.String(required=True, allow_none=True)
    as_of = fields.Nested(AsOf, required=True, allow_none=True)


class ConsentCode(Schema):
    """A code without the code: that is shown once, when it is made."""

    id = fields.String(required=True)
    created_at = fields.AwareDateTime(required=True)
    expires_at = fields.AwareDateTime(required=True)
    state = fields.String(
        required=True, validate=validate.OneOf(("open", "used", "withdrawn", "expired"))
    )
    used_for = fields.String(required=True, allow_none=True)


class ConsentCodes(Schema):
    """The codes of an account, newest first."""

    items = fields.List(fields.Nested(ConsentCode), required=True)


class NewConsentCode(Schema):
    """A code that lets one provider register one enrolment; keep it, it is not shown again."""

    code = fields.String(required=True)
    account_number = fields.String(required=True)
    expires_at = fields.AwareDateTime(required=True)


class Amount(Schema):
    """An amount in minor units."""

    minor = fields.Integer(required=True)
    unit = fields.String(required=True, validate=validate.OneOf(UNITS))


class JournalRow(Schema):
    """A transaction in the journal."""

    id = fields.String(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    subject = fields.String(required=True)
    actor_id = fields.String(required=True)
    occurred_on = fields.Date(required=True)
    recorded_at = fields.AwareDateTime(required=True)
    hash = fields.String(required=True)
    resolves_id = fields.String(required=True, allow_none=True)
    reverses_id = fields.String(required=True, allow_none=True)
    amounts = fields.List(fields.Nested(Amount), required=True)


class JournalPage(Schema):
    """A page of the journal, last recorded first."""

    items = fields.List(fields.Nested(JournalRow), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class JournalLine(Schema):
    """A posting."""

    line = fields.Integer(required=True)
    bucket = fields.String(required=True)
    unit = fields.String(required=True, validate=validate.OneOf(UNITS))
    amount = fields.Integer(required=True)
    scheme_id = fields.String(required=True)
    rule_id = fields.String(required=True, allow_none=True)
    account_id = fields.String(required=True, allow_none=True)
    lot_id = fields.String(required=True, allow_none=True)
    provider_id = fields.String(required=True, allow_none=True)


class JournalEntry(JournalRow):
    """A transaction with its postings."""

    postings = fields.List(fields.Nested(JournalLine), required=True)


class NewUser(Schema):
    """Somebody of an organisation who gets to sign in."""

    name = fields.String(required=True, validate=validate.Length(min=1, max=200))
    email = fields.String(required=True, validate=validate.Length(max=254))
    password = fields.String(required=True, validate=validate.Length(max=256))
    role = fields.String(
        required=True,
        validate=validate.OneOf(
            [role for role in ROLES if role != "holder"], error=N_("Choose a role.")
        ),
    )
    organisation = fields.String(required=True, validate=validate.Length(max=64))
