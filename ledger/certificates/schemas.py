"""Shapes of credentials, shared by pages and API."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from ledger.certificates.issuing import REASONS
from ledger.messages import N_


class Revocation(Schema):
    """Why a credential is withdrawn."""

    reason = fields.String(
        required=True, validate=validate.OneOf(list(REASONS), error=N_("Choose a reason."))
    )


class Sharing(Schema):
    """Whether the public page has the holder's name; an empty answer means no."""

    shows_name = fields.Boolean(load_default=False)


class Paging(Schema):
    """Which page of a list is asked for."""

    cursor = fields.String(validate=validate.Length(max=500))
    limit = fields.Integer(validate=validate.Range(min=1, max=100))


class Verification(Schema):
    """What the public may know about a credential."""

    id = fields.String()
    valid = fields.Boolean(metadata={"description": "False once withdrawn or replaced."})
    status = fields.String(metadata={"enum": ["issued", "revoked", "superseded"]})
    revoked_on = fields.Date(allow_none=True)
    revocation_reason = fields.String(allow_none=True)
    learner_name = fields.String(
        allow_none=True, metadata={"description": "Null when the holder does not share it."}
    )
    title = fields.String()
    awarding_body = fields.String()
    awarded_on = fields.Date()
    issued_on = fields.Date()
    learning_outcomes = fields.List(fields.String())
    workload_hours = fields.Integer()
    ects = fields.String(allow_none=True)
    level = fields.Integer(
        allow_none=True, metadata={"description": "EQF/NLQF, only when classified."}
    )


class Skill(Schema):
    """A skill of ESCO."""

    uri = fields.String()
    label = fields.String()


class Content(Schema):
    """Every element of Annex I of Council Recommendation 2022/C 243/02, as it was on issue."""

    learner_name = fields.String()
    title = fields.String()
    description = fields.String()
    issuer_country = fields.String()
    issuer_region = fields.String()
    awarding_body = fields.String()
    awarded_on = fields.Date()
    issued_on = fields.Date()
    learning_outcomes = fields.List(fields.String())
    workload_hours = fields.Integer()
    ects = fields.String(allow_none=True)
    eqf_level = fields.Integer(allow_none=True)
    nlqf_reference = fields.String(allow_none=True)
    assessment_type = fields.String()
    participation_form = fields.String()
    quality_assurance = fields.String()
    quality_assurance_url = fields.String()
    prerequisites = fields.String()
    supervision = fields.String()
    grade = fields.String()
    stackable_into = fields.String()
    skills = fields.List(fields.Nested(Skill))
    further_information = fields.String()
    course_language = fields.String()


class CredentialAnswer(Schema):
    """A credential as its holder or provider sees it."""

    id = fields.String()
    enrolment_id = fields.String()
    course_id = fields.String()
    status = fields.String(metadata={"enum": ["issued", "revoked", "superseded"]})
    awarded_on = fields.Date()
    issued_at = fields.AwareDateTime()
    revoked_at = fields.AwareDateTime(allow_none=True)
    revocation_reason = fields.String(allow_none=True)
    shows_name = fields.Boolean()
    content = fields.Nested(Content)
    pdf_url = fields.String()
    verify_url = fields.String()


class CredentialPage(Schema):
    """One page of credentials."""

    items = fields.List(fields.Nested(CredentialAnswer))
    next_cursor = fields.String(allow_none=True)
