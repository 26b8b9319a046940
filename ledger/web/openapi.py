"""The JSON API's frame: one OpenAPI 3.1 document, bearer keys, problems for errors.

Rooms make ``Blueprint("enrolments", __name__, url_prefix="/api/v1")`` from this module and
create_app registers them with the ``Api`` that ``init`` returned.
"""

from __future__ import annotations

import http
from collections.abc import Callable
from typing import Any, cast

import flask_smorest
from flask import Flask, Request, Response, abort, current_app
from marshmallow import Schema, fields
from webargs.core import missing
from webargs.flaskparser import FlaskParser, is_json_request

from ledger.web import problems
from ledger.web.auth import everyone

PREFIX = "/api/v1"


class FieldProblem(Schema):
    """What is wrong with one field; nested ones are written ``modules.0.title``."""

    field = fields.String(required=True)
    detail = fields.String(required=True)


class Problem(Schema):
    """A problem as RFC 9457 describes it."""

    type = fields.Url(required=True, metadata={"description": "A page about this problem."})
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    code = fields.String(required=True, metadata={"description": "Stable; use it in programs."})
    errors = fields.List(fields.Nested(FieldProblem))


class Parser(FlaskParser):
    """Reads arguments as strictly as the rest of the shell; wrong ones answer 400."""

    DEFAULT_VALIDATION_STATUS = 400

    def _raw_load_json(self, req: Request) -> Any:
        if not is_json_request(req):
            if req.mimetype or req.content_length:
                abort(415)
            return missing
        content = req.get_data(cache=True)
        if not content:
            return missing
        try:
            return current_app.json.loads(content)
        except ValueError:
            abort(400)


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]
    """A part of the API."""

    ARGUMENTS_PARSER = Parser()

    def arguments(self, schema: Schema | type[Schema], **options: Any) -> Callable[..., Any]:
        """Declare what a call takes; the schema is made once and not at every call."""
        shape = schema() if isinstance(schema, type) else schema
        return cast(Callable[..., Any], super().arguments(shape, **options))


class Api(flask_smorest.Api):  # type: ignore[misc]
    """The API, leaving errors to ``problems`` so that pages keep theirs."""

    ERROR_SCHEMA = Problem

    def _register_error_handlers(self) -> None:
        """Add none: the ones of the library would answer pages in JSON too."""

    def _register_responses(self) -> None:
        content = {problems.MEDIA_TYPE: {"schema": Problem}}
        for status in http.HTTPStatus:
            response: dict[str, Any] = {"description": status.phrase}
            if status >= 400:
                response["content"] = content
            self.spec.components.response(status.name, response, lazy=True)
        self.spec.components.response(
            self.DEFAULT_ERROR_RESPONSE_NAME,
            {"description": "Something went wrong", "content": content},
            lazy=True,
        )

    @everyone
    def _openapi_json(self) -> Response:
        response: Response = super()._openapi_json()
        response.headers["Cache-Control"] = "public, max-age=300"
        return response


def init(app: Flask) -> Api:
    """Set up the API on ``app``; its description is at /api/v1/openapi.json."""
    app.config.update(
        API_TITLE="Leerrekening",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX=PREFIX,
        OPENAPI_JSON_PATH="openapi.json",
    )
    api = Api(app, spec_kwargs={"security": [{"bearer": []}]})
    api.spec.components.security_scheme(
        "bearer",
        {"type": "http", "scheme": "bearer", "description": "An API key of a person or system."},
    )
    return api
