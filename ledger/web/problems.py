"""What went wrong, told to machines under /api/ (RFC 9457) and to people everywhere else.

Source: RFC 9457, Problem Details for HTTP APIs. ``type`` is the address of a page that explains
the kind of problem; ``errors`` names every wrong field at once.
"""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from flask import (
    Flask,
    Response,
    current_app,
    g,
    make_response,
    render_template,
    request,
    url_for,
)
from flask_babel import gettext
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from ledger.batching import OutcomeUnknown
from ledger.db import is_loss
from ledger.errors import DomainError
from ledger.messages import Message
from ledger.web import auth, explanations, phrases
from ledger.web.explanations import Explanation
from ledger.web.i18n import language, show

MEDIA_TYPE = "application/problem+json"
_RETRY_SECONDS = (5, 20)
_NOT_KEPT = {"content-type", "content-length"}

FieldMessages = Mapping[str, Sequence[Message]]


def init(app: Flask) -> None:
    """Answer every refusal and failure of ``app`` in the caller's language and form."""
    app.register_error_handler(DomainError, _on_domain_error)
    app.register_error_handler(HTTPException, _on_http_exception)
    # SQLAlchemy's, and those of the driver itself where it is used without.
    for outage in (
        OperationalError,
        PoolTimeout,
        psycopg.OperationalError,
        psycopg.InterfaceError,
        sqlite3.OperationalError,
        OutcomeUnknown,
    ):
        app.register_error_handler(outage, _on_outage)
    for bad in (DataError, psycopg.DataError):
        app.register_error_handler(bad, _on_data_error)


def document(error: DomainError) -> dict[str, Any]:
    """Return a refusal as a problem document in the language of this request."""
    kind = explanations.for_error(error)
    return _document(kind, show(error.as_message), error.field_errors)


def _document(kind: Explanation, detail: str, fields: FieldMessages) -> dict[str, Any]:
    problem: dict[str, Any] = {
        "type": url_for("web.problem", code=kind.code, _external=True),
        "title": gettext(kind.title),
        "status": kind.status,
        "detail": detail,
        "code": kind.code,
    }
    if fields:
        problem["errors"] = [
            {"field": field, "detail": show(message)}
            for field, messages in fields.items()
            for message in messages
        ]
    return problem


def answer(
    kind: Explanation,
    detail: str | None = None,
    fields: FieldMessages | None = None,
    headers: Sequence[tuple[str, str]] = (),
) -> Response:
    """Return a problem as JSON under /api/, as a page elsewhere."""
    text = detail if detail is not None else gettext(kind.advice)
    if auth.is_api():
        content = json.dumps(_document(kind, text, fields or {}), ensure_ascii=False)
        response = Response(content + "\n", kind.status, mimetype=MEDIA_TYPE)
        response.headers["Content-Language"] = language()
    else:
        if kind.status >= 500 and "_login_user" not in g:
            g.no_principal = True
        page = render_template("errors/problem.html", kind=kind, detail=text, fields=fields or {})
        response = make_response(page, kind.status)
    for name, value in headers:
        if name.lower() not in _NOT_KEPT:
            response.headers[name] = value
    if kind.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="leerrekening"'
    if kind.status == 503:
        # Spread, or all who were turned away together would come back together.
        response.headers["Retry-After"] = str(random.randint(*_RETRY_SECONDS))  # noqa: S311
    return response


def _on_domain_error(error: DomainError) -> Response:
    return answer(explanations.for_error(error), show(error.as_message), error.field_errors)


def _on_http_exception(error: HTTPException) -> Response | HTTPException:
    status = error.code or 500
    if status < 400:
        return error  # a redirect of the router
    if isinstance(error, CSRFError):
        return answer(explanations.ALL["form-expired"])
    messages = getattr(error, "data", {}).get("messages")
    if status in (400, 422) and messages:
        # Webargs puts the place before the fields: json, query, headers.
        fields = {
            name: inner
            for place in messages.values()
            for name, inner in phrases.field_errors(place).items()
        }
        refusal = phrases.refusal({})
        return answer(explanations.for_error(refusal), show(refusal.as_message), fields)
    headers = list(error.get_response().headers.items())
    return answer(explanations.for_status(status), headers=headers)


def _on_outage(error: Exception) -> Response:
    current_app.logger.exception("the database did not answer")
    # When it went away at the very end of a change, nobody knows whether that was kept.
    unknown = isinstance(error, OutcomeUnknown) or is_loss(error)
    if unknown and request.method not in ("GET", "HEAD", "OPTIONS"):
        return answer(explanations.ALL["outcome-unknown"])
    return answer(explanations.for_status(503))


def _on_data_error(error: Exception) -> Response:
    current_app.logger.exception("the database refused a value that got past the checks")
    return answer(explanations.for_status(400))
