"""The forms and JSON of programmes, courses, runs and the search for them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from marshmallow import Schema, fields, validate

from ledger.messages import N_
from ledger.providers.schemas.fields import Day, Euros, Lines, Sessions, Tenths
from ledger.providers.vocabulary import ASSESSMENTS, FORMS, LANGUAGES, SECTORS, SUPERVISIONS


def _one_of(words: Mapping[str, str], **options: Any) -> fields.String:
    return fields.String(
        validate=validate.OneOf(list(words), error=N_("Choose one of the list.")), **options
    )


class ProgrammeForm(Schema):
    """What a provider fills in about a programme."""

    title = fields.String(required=True)
    title_en = fields.String(load_default=None)
    description = fields.String(load_default="")


class CourseForm(Schema):
    """What a provider fills in about a course; the skills are chosen on a page of their own."""

    code = fields.String(required=True, validate=validate.Length(max=40))
    title = fields.String(required=True, validate=validate.Length(max=300))
    title_en = fields.String(load_default=None, validate=validate.Length(max=300))
    programme_id = fields.String(load_default=None)
    description = fields.String(load_default="", validate=validate.Length(max=5000))
    outcomes = Lines(load_default=list)
    sector = _one_of(SECTORS, required=True)
    region = fields.String(load_default=None)
    language = _one_of(LANGUAGES, load_default="nl")
    form = _one_of(FORMS, required=True)
    workload_hours = fields.Integer(required=True, validate=validate.Range(1, 10_000))
    ects_tenths = Tenths(load_default=None)
    eqf_level = fields.Integer(load_default=None, validate=validate.Range(1, 8))
    level_reference = fields.String(load_default=None)
    assessment = _one_of(ASSESSMENTS, load_default="none")
    supervision = _one_of(SUPERVISIONS, load_default="none")
    quality_assurance = fields.String(load_default="")
    quality_assurance_url = fields.String(load_default=None)
    prerequisites = fields.String(load_default="")
    is_micro_credential = fields.Boolean(load_default=False)
    price_cents = Euros(required=True)


class RunForm(Schema):
    """What a provider fills in about a run."""

    starts_on = Day(required=True)
    ends_on = Day(required=True)
    capacity = fields.Integer(required=True)
    location = fields.String(load_default="")
    sessions = Sessions(required=True)


class SkillForm(Schema):
    """One skill to add or to leave out."""

    uri = fields.String(required=True, validate=validate.Length(max=300))


class CourseQuery(Schema):
    """What the search in the catalogue takes from the address."""

    text = fields.String(
        data_key="q", load_default="", metadata={"description": "Words that all occur."}
    )
    sector = fields.String(load_default=None)
    region = fields.String(load_default=None)
    form = fields.String(load_default=None)
    level = fields.Integer(load_default=None, validate=validate.Range(1, 8))
    language = fields.String(load_default=None)
    start = Day(
        load_default=None,
        metadata={"description": "A run begins on this day or later.", "format": "date"},
    )


class PageQuery(Schema):
    """Which page of a list."""

    cursor = fields.String(load_default=None)
    limit = fields.Integer(load_default=None, validate=validate.Range(1, 100))


class CourseSearch(CourseQuery, PageQuery):
    """The search and the page of it."""


class RunQuery(PageQuery):
    """Which runs."""

    course_id = fields.String(load_default=None)


class RunJson(Schema):
    """A course run; ``price_cents`` is the course's price now."""

    id = fields.String(required=True)
    course_id = fields.String(required=True)
    course_title = fields.String(required=True)
    starts_on = fields.Date(required=True)
    ends_on = fields.Date(required=True)
    location = fields.String(required=True)
    capacity = fields.Integer(required=True)
    places_left = fields.Integer(required=True)
    status = fields.String(required=True)
    sessions = fields.Integer(required=True, metadata={"description": "How many."})
    price_cents = fields.Integer(required=True)


class RunSessionJson(Schema):
    """One meeting; moments in UTC."""

    id = fields.String(required=True)
    starts_at = fields.AwareDateTime(required=True)
    ends_at = fields.AwareDateTime(required=True)


class RunDetailJson(Schema):
    """One run with its sessions."""

    run = fields.Nested(RunJson, attribute="row", required=True)
    provider_id = fields.String(required=True)
    provider_name = fields.String(required=True)
    sessions = fields.List(fields.Nested(RunSessionJson), required=True)
    accredited = fields.Function(
        lambda view: view.problem is None,
        metadata={"type": "boolean", "description": "Whether an account can pay for it."},
    )


class CourseJson(Schema):
    """A course in a list; ``next_start`` is the first day of the next run."""

    id = fields.String(required=True)
    code = fields.String(required=True)
    title = fields.String(required=True)
    title_en = fields.String(allow_none=True)
    provider_id = fields.String(required=True)
    provider_name = fields.String(required=True)
    sector = fields.String(required=True)
    region = fields.String(allow_none=True)
    form = fields.String(required=True)
    language = fields.String(required=True)
    workload_hours = fields.Integer(required=True)
    eqf_level = fields.Integer(allow_none=True)
    is_micro_credential = fields.Boolean(required=True)
    price_cents = fields.Integer(required=True)
    next_start = fields.Date(allow_none=True)
    accredited = fields.Function(
        lambda row: row.problem is None,
        metadata={"type": "boolean", "description": "Whether an account can pay for it today."},
    )


class FactsJson(Schema):
    """What the provider states."""

    code = fields.String()
    title = fields.String()
    title_en = fields.String(allow_none=True)
    description = fields.String()
    outcomes = fields.List(fields.String())
    sector = fields.String()
    region = fields.String(allow_none=True)
    language = fields.String()
    form = fields.String()
    workload_hours = fields.Integer()
    ects_tenths = fields.Integer(allow_none=True)
    eqf_level = fields.Integer(allow_none=True)
    level_reference = fields.String(allow_none=True)
    assessment = fields.String()
    supervision = fields.String()
    quality_assurance = fields.String()
    quality_assurance_url = fields.String(allow_none=True)
    prerequisites = fields.String()
    is_micro_credential = fields.Boolean()
    price_cents = fields.Integer()


class CourseDetailJson(Schema):
    """One course with everything that is known of it."""

    id = fields.String(required=True)
    status = fields.String(required=True)
    facts = fields.Nested(FactsJson, required=True)
    provider_id = fields.String(required=True)
    provider_name = fields.String(required=True)
    programme_title = fields.String(allow_none=True)
    skills = fields.Function(
        lambda view: [{"uri": uri, "label": label} for uri, label in view.skills],
        metadata={"type": "array", "items": {"type": "object"}},
    )
    runs = fields.List(fields.Nested(RunJson), required=True)
    accredited = fields.Function(
        lambda view: view.problem is None,
        metadata={"type": "boolean", "description": "Whether an account can pay for it today."},
    )


def page_of(item: type[Schema]) -> type[Schema]:
    """Return the shape of one page of a list."""
    members: dict[str, Any] = {
        "items": fields.List(fields.Nested(item), required=True),
        "next_cursor": fields.String(allow_none=True),
    }
    name = item.__name__.removesuffix("Json")
    return type(f"{name}PageJson", (Schema,), {"__doc__": f"A page of {name}.", **members})


def as_form(values: dict[str, Any]) -> dict[str, str]:
    """Return facts as the form shows them: the other way round of ``CourseForm``."""
    shown = {}
    for name, value in values.items():
        if value is None or value is False:
            shown[name] = ""
        elif value is True:
            shown[name] = "yes"
        elif name == "price_cents":
            shown[name] = f"{value // 100},{value % 100:02d}"
        elif name == "ects_tenths":
            shown[name] = f"{value // 10},{value % 10}"
        elif isinstance(value, list | tuple):
            shown[name] = "\n".join(value)
        elif isinstance(value, date):
            shown[name] = value.isoformat()
        else:
            shown[name] = str(value)
    return shown
