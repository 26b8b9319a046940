"""What may come in at all: sizes, characters and JSON that every engine can store."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from flask import Flask, abort, request
from flask.json.provider import DefaultJSONProvider
from werkzeug.routing import IntegerConverter

MEGABYTE = 1024 * 1024
_DEEPEST = 64
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class PlainInteger(IntegerConverter):
    """Whole numbers in ASCII digits that fit a database column."""

    regex = r"[0-9]{1,15}"


class StrictJSON(DefaultJSONProvider):
    """JSON without the extensions of Python's reader.

    Refuses NaN, infinities, numbers that overflow, names given twice, texts that are not Unicode,
    NUL characters and nesting deeper than 64, all by ValueError.
    """

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Return the value in ``s``. Raises ValueError when it is not plain JSON."""
        try:
            value = json.loads(
                s,
                parse_constant=_refuse_constant,
                parse_float=_finite,
                object_pairs_hook=_once,
                **kwargs,
            )
        except RecursionError:
            raise ValueError("nested too deeply") from None
        _check(value)
        return value


def init(app: Flask) -> None:
    """Bound what ``app`` accepts; configured limits are kept."""
    app.json = StrictJSON(app)
    app.url_map.converters["int"] = PlainInteger
    if app.config.get("MAX_CONTENT_LENGTH") is None:
        app.config["MAX_CONTENT_LENGTH"] = 25 * MEGABYTE
    app.before_request(_check_request)


def storable(text: str) -> bool:
    """Tell whether both engines can store ``text``: no NUL, no lone surrogate."""
    if text.isascii():  # nearly always, and quickly told
        return "\0" not in text
    return "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text)


def _check_request() -> None:
    if not storable(request.path):
        abort(404)
    given = []
    if request.query_string:
        given.append(request.args)
    if request.mimetype in _FORMS:
        given.append(request.form)
    for values in given:
        for name, value in values.items(multi=True):
            if not (storable(name) and storable(value)):
                abort(400)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("number out of range")
    return number


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name is given twice")
    return members


def _check(root: Any) -> None:
    # A list of work instead of recursion: the input decides the depth.
    todo: list[tuple[Any, int]] = [(root, 0)]
    while todo:
        value, depth = todo.pop()
        if depth > _DEEPEST:
            raise ValueError("nested too deeply")
        if isinstance(value, str) and not storable(value):
            raise ValueError("a text holds characters that cannot be stored")
        if isinstance(value, dict):
            todo.extend((part, depth + 1) for pair in value.items() for part in pair)
        elif isinstance(value, list):
            todo.extend((part, depth + 1) for part in value)
