"""Forms of web pages: the same marshmallow shapes as the API, all errors at once, values kept."""

from __future__ import annotations

from typing import Any, cast

from flask import render_template, request
from marshmallow import EXCLUDE, Schema, ValidationError, fields
from werkzeug.datastructures import MultiDict

from ledger.errors import DomainError
from ledger.web.i18n import show
from ledger.web.phrases import refusal


def load(schema: Schema | type[Schema], form: MultiDict[str, str]) -> dict[str, Any]:
    """Return what ``schema`` makes of a submitted form.

    Spaces around answers are dropped and empty answers count as not given; fields that the schema
    does not know (the CSRF token) are left out. Raises Invalid with every field's errors.
    """
    shape = schema() if isinstance(schema, type) else schema
    try:
        return cast(dict[str, Any], shape.load(_answers(shape, form), unknown=EXCLUDE))
    except ValidationError as error:
        raise refusal(error.messages) from None


def refused(template: str, error: DomainError, /, **context: Any) -> tuple[str, int]:
    """Show a form again with what was wrong and what was filled in; for ``except DomainError``.

    The template gets ``errors`` (field → texts, the empty name for the whole form) and
    ``values`` (as submitted).
    """
    body = render_template(template, errors=texts(error), values=request.form, **context)
    return body, error.status


def texts(error: DomainError) -> dict[str, list[str]]:
    """Return a refusal as field → texts in the reader's language."""
    shown = {
        field: [show(message) for message in messages]
        for field, messages in error.field_errors.items()
    }
    return shown or {"": [show(error.as_message)]}


def _answers(shape: Schema, form: MultiDict[str, str]) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for field_name, field in shape.load_fields.items():
        name = field.data_key or field_name
        given = [text.strip() for text in form.getlist(name) if text.strip()]
        if isinstance(field, fields.List):
            if given:
                answers[name] = given
        elif given:
            answers[name] = given[-1]
    return answers
