"""The shapes of this room, shared by forms and JSON.

In forms people write amounts as they do on paper; in JSON amounts are minor units: cents, or
minutes of learning time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, TypeVar

from marshmallow import Schema, ValidationError, fields, validate

from ledger.accounts.models import BUCKETS, KINDS
from ledger.accounts.schemas import AsOf, MomentAsked, Receipt
from ledger.errors import DomainError
from ledger.files import parse_date
from ledger.funders.grant_rows import parse_unit
from ledger.messages import N_, Message
from ledger.money import LIMIT, UNITS
from ledger.paging import MAXIMUM
from ledger.providers.vocabulary import FORMS, SECTORS

FUNDER_KINDS = {
    "government": N_("Government"),
    "sector_fund": N_("Sector fund"),
    "employer": N_("Employer"),
    "region": N_("Region"),
}
_ZERO = re.compile(r"(€\s*)?0+([.,]0{1,2})?", re.ASCII)

Data = Mapping[str, Any] | None
T = TypeVar("T")


class Minor(fields.Field[int]):
    """An amount as people write it, in minor units of ``unit``; zero only when that is allowed."""

    def __init__(self, unit: str, *, zero: bool = False, **kwargs: Any) -> None:
        self._unit, self._zero = unit, zero
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Data, **kwargs: Any) -> int:
        text = str(value).strip()
        if self._zero and _ZERO.fullmatch(text):
            return 0
        return _parsed(parse_unit, text, self._unit)


class Day(fields.Field[date]):
    """A day as ``2026-03-31`` or ``31-03-2026``."""

    def _deserialize(self, value: Any, attr: str | None, data: Data, **kwargs: Any) -> date:
        return _parsed(parse_date, str(value))


class Words(fields.Field[list[str]]):
    """Names with commas or line ends between them."""

    def _deserialize(self, value: Any, attr: str | None, data: Data, **kwargs: Any) -> list[str]:
        names = (" ".join(part.split()) for part in re.split(r"[,;\n]", str(value)))
        found = list(dict.fromkeys(name for name in names if name))
        if len(found) > 50 or any(len(name) > 100 for name in found):
            raise ValidationError([Message(N_("Give at most 50 names of 100 characters."))])
        return found


class FunderForm(Schema):
    """What the operator fills in to admit a funder."""

    name = fields.String(required=True, validate=validate.Length(1, 300))
    funder_kind = fields.String(
        required=True, validate=validate.OneOf(list(FUNDER_KINDS), error=N_("Choose a kind."))
    )
    kvk = fields.String(load_default=None, validate=validate.Length(max=20))
    region = fields.String(load_default=None, validate=validate.Length(max=100))
    email = fields.Email(load_default=None, validate=validate.Length(max=254))
    website = fields.Url(load_default=None, schemes={"https"}, validate=validate.Length(max=500))


class SuspendForm(Schema):
    """Why, and until when the funder can reply."""

    reason = fields.String(required=True, validate=validate.Length(1, 1000))
    reply_until = Day(required=True)


class StaffForm(Schema):
    """Somebody who signs in for a funder."""

    name = fields.String(required=True, validate=validate.Length(1, 300))
    email = fields.Email(required=True, validate=validate.Length(max=254))
    role = fields.String(
        required=True, validate=validate.OneOf(["funder", "auditor"], error=N_("Choose a role."))
    )


class SchemeForm(Schema):
    """What a scheme is called and counted in."""

    name = fields.String(required=True, validate=validate.Length(1, 200))
    name_en = fields.String(required=True, validate=validate.Length(1, 200))
    unit = fields.String(
        required=True, validate=validate.OneOf(UNITS, error=N_("Choose euros or learning time."))
    )


def rules_form(unit: str) -> type[Schema]:
    """Return the shape of a version of the rules, with amounts in ``unit``."""

    def amount() -> fields.Field[Any]:
        return Minor(unit, zero=True, load_default=0)

    def percent(default: int, low: int = 0) -> fields.Field[Any]:
        return fields.Integer(load_default=default, validate=validate.Range(low, 100))

    def days(default: int) -> fields.Field[Any]:
        return fields.Integer(load_default=default, validate=validate.Range(0, 60))

    def years(default: int) -> fields.Field[Any]:
        return fields.Integer(load_default=default, validate=validate.Range(0, 120))

    def codes(known: Mapping[str, str]) -> fields.Field[Any]:
        known_code = fields.String(validate=validate.OneOf(list(known)))
        return fields.List(known_code, load_default=list)

    def rest() -> fields.Field[Any]:
        return fields.String(load_default="back", validate=validate.OneOf(["back", "lost"]))

    members: dict[str, fields.Field[Any]] = {
        "valid_from": Day(required=True),
        "accrual_period": fields.String(
            load_default="none", validate=validate.OneOf(["none", "month", "year"])
        ),
        "accrual_minor": amount(),
        "accrual_low_minor": amount(),
        "cap_minor": amount(),
        "cap_low_minor": amount(),
        "low_level_until": fields.Integer(load_default=2, validate=validate.Range(1, 8)),
        "full_from_percent": percent(50),
        "expiry_months": fields.Integer(load_default=None, validate=validate.Range(1, 600)),
        "regions": Words(load_default=list),
        "holder_sectors": codes(SECTORS),
        "own_employees": fields.Boolean(load_default=False),
        "age_from": years(16),
        "age_until": years(120),
        "course_sectors": codes(SECTORS),
        "forms": codes(FORMS),
        "share_percent": percent(100, 1),
        "max_per_course_minor": Minor(unit, load_default=None),
        "cooling_off_days": days(14),
        "free_until_days": days(7),
        "late_percent": percent(5),
        "rest_when_late": rest(),
        "abandoned_below": percent(25),
        "abandoned_percent": percent(25),
        "rest_when_abandoned": rest(),
        "complete_from": percent(80, 1),
        "four_eyes_minor": amount(),
    }
    # Plain dict members: the names are columns of the rule, one for one.
    return Schema.from_dict(dict(members), name="RulesForm")


def pay_in_form(unit: str) -> type[Schema]:
    """Return the shape of a payment, with the amount in ``unit``."""
    return Schema.from_dict(
        {
            "amount": Minor(unit, required=True),
            "reference": fields.String(required=True, validate=validate.Length(1, 140)),
            "received_on": Day(required=True),
        },
        name="PayInForm",
    )


def amount_form(unit: str) -> type[Schema]:
    """Return the shape of an amount that may be left out."""
    return Schema.from_dict({"amount": Minor(unit, load_default=None)}, name="AmountForm")


def grant_form(unit: str) -> type[Schema]:
    """Return the shape of one grant, with the amount in ``unit``."""
    return Schema.from_dict(
        {
            "account_number": fields.String(required=True, validate=validate.Length(1, 40)),
            "amount": Minor(unit, required=True),
            "expires_on": Day(load_default=None),
            "reference": fields.String(load_default=None, validate=validate.Length(max=140)),
        },
        name="GrantForm",
    )


class ReasonForm(Schema):
    """Why."""

    reason = fields.String(required=True, validate=validate.Length(1, 1000))


class PeriodForm(Schema):
    """A year or a month."""

    period = fields.String(required=True, validate=validate.Length(1, 20))


class PostingsAsked(Schema):
    """Which postings are asked for."""

    bucket = fields.String(load_default=None, validate=validate.OneOf(BUCKETS))
    kind = fields.String(load_default=None, validate=validate.OneOf(KINDS))
    lot_id = fields.String(load_default=None, validate=validate.Length(max=64))
    since = Day(load_default=None, metadata={"type": "string", "format": "date"})
    until = Day(load_default=None, metadata={"type": "string", "format": "date"})


class PostingsPageAsked(PostingsAsked, MomentAsked):
    """Which page of postings is asked for."""

    cursor = fields.String(load_default=None, validate=validate.Length(max=500))
    limit = fields.Integer(load_default=None, validate=validate.Range(1, MAXIMUM))


class Figures(Schema):
    """A scheme and where its budget is, in minor units; ``difference`` is 0 in sound books."""

    id = fields.String(required=True, attribute="scheme_id")
    name = fields.String(required=True, attribute="scheme_name")
    name_en = fields.String(required=True, attribute="scheme_name_en")
    funder = fields.String(required=True, attribute="funder_name")
    unit = fields.String(required=True, validate=validate.OneOf(UNITS))
    status = fields.String(required=True)
    paid_in = fields.Integer(required=True)
    fund = fields.Integer(required=True)
    available = fields.Integer(required=True)
    held = fields.Integer(required=True)
    paid = fields.Integer(required=True)
    payable = fields.Integer(required=True)
    transferred = fields.Integer(required=True)
    returned = fields.Integer(required=True)
    difference = fields.Integer(required=True)
    agrees = fields.Boolean(required=True)


class FiguresShown(Figures):
    """The figures of one scheme and the moment that they stand for."""

    as_of = fields.Nested(AsOf, required=True, allow_none=True)


class Schemes(Schema):
    """The schemes of the caller."""

    items = fields.List(fields.Nested(Figures), required=True)
    as_of = fields.Nested(AsOf, required=True, allow_none=True)


class PayIn(Schema):
    """Money that arrived; a reference counts once per scheme."""

    amount_minor = fields.Integer(
        required=True, strict=True, validate=validate.Range(min=1, max=LIMIT)
    )
    reference = fields.String(required=True, validate=validate.Length(1, 140))
    received_on = fields.Date(required=True)


class PaidIn(Schema):
    """The receipt of a payment."""

    receipt = fields.Nested(Receipt, required=True)


class NewGrant(Schema):
    """A grant to one account; without ``expires_on`` the scheme's rules decide."""

    account_number = fields.String(required=True, validate=validate.Length(1, 40))
    amount_minor = fields.Integer(
        required=True, strict=True, validate=validate.Range(min=1, max=LIMIT)
    )
    expires_on = fields.Date(load_default=None, allow_none=True)
    reference = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=140))


class Granted(Schema):
    """What became of a grant; ``awaiting`` has no receipt yet: a second person must approve."""

    batch_id = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(("awaiting", "committed")))
    receipt = fields.Nested(Receipt, required=True, allow_none=True)


class PostingShown(Schema):
    """A line of the books; ``account`` is a number that only this funder sees for an account."""

    transaction_id = fields.String(required=True)
    line = fields.Integer(required=True)
    kind = fields.String(required=True)
    occurred_on = fields.Date(required=True)
    bucket = fields.String(required=True)
    unit = fields.String(required=True)
    amount = fields.Integer(required=True)
    account = fields.String(required=True, allow_none=True)
    lot_id = fields.String(required=True, allow_none=True)
    provider = fields.String(required=True, allow_none=True)


class PostingsPage(Schema):
    """A page of postings, newest first."""

    items = fields.List(fields.Nested(PostingShown), required=True)
    next_cursor = fields.String(required=True, allow_none=True)
    as_of = fields.Nested(AsOf, required=True, allow_none=True)


def _parsed(parse: Callable[..., T], text: str, *more: str) -> T:
    try:
        return parse(text, *more)
    except DomainError as error:
        raise ValidationError([error.as_message]) from error
