"""The operator's forms: admitting and suspending providers, and accrediting them."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from ledger.providers.schemas.fields import Day


class ProviderForm(Schema):
    """What the operator fills in to admit a provider."""

    name = fields.String(required=True, validate=validate.Length(1, 300))
    kvk = fields.String(required=True, validate=validate.Length(max=20))
    iban = fields.String(required=True, validate=validate.Length(max=50))
    email = fields.Email(load_default=None, validate=validate.Length(max=254))
    website = fields.Url(load_default=None, schemes={"https"}, validate=validate.Length(max=500))
    region = fields.String(load_default=None, validate=validate.Length(max=100))
    country = fields.String(load_default="NL", validate=validate.Regexp(r"[A-Z]{2}\Z"))


class SuspendForm(Schema):
    """Why, and until when the provider can reply."""

    reason = fields.String(required=True, validate=validate.Length(1, 1000))
    reply_until = Day(required=True)


class ReasonForm(Schema):
    """Why."""

    reason = fields.String(required=True, validate=validate.Length(1, 1000))


class ReplyForm(Schema):
    """What the provider answers."""

    reply = fields.String(required=True, validate=validate.Length(1, 1000))


class StaffForm(Schema):
    """Somebody who works for the provider and gets to sign in."""

    name = fields.String(required=True, validate=validate.Length(1, 300))
    email = fields.Email(required=True, validate=validate.Length(max=254))


class AccreditationForm(Schema):
    """Mark, evidence, scope and days."""

    quality_mark = fields.String(required=True)
    evidence_url = fields.String(required=True)
    sectors = fields.List(fields.String(), load_default=list)
    valid_from = Day(required=True)
    valid_until = Day(required=True)
