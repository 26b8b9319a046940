"""The operator's forms about paying providers."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from ledger.providers.schemas.fields import Day, Euros


class PrepareForm(Schema):
    """Which month, and which provider; without one: all that are due money."""

    period = fields.String(required=True, validate=validate.Length(max=7))
    provider = fields.String(load_default=None, validate=validate.Length(max=40))


class ReleaseForm(Schema):
    """The password again, because money leaves."""

    password = fields.String(required=True, validate=validate.Length(max=1024))


class HoldForm(Schema):
    """Why a payment is held back, and until when."""

    reason = fields.String(required=True, validate=validate.Length(1, 1000))
    until = Day(required=True)


class ClawbackForm(Schema):
    """How much is taken back, and why."""

    amount_cents = Euros(required=True, data_key="amount")
    reason = fields.String(required=True, validate=validate.Length(1, 1000))
