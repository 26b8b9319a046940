"""The same call twice gives the same answer once done: ``Idempotency-Key`` for API writes.

Key row, change and stored answer stand in one unit of work. The verb runs within a savepoint, so
that a refusal undoes what the verb did while the key and the refusal itself are kept. Calls that
share a unit of work with others' are in :mod:`ledger.web.gathering`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from copy import deepcopy
from functools import wraps
from typing import Any

from flask import Response, current_app, request
from marshmallow import Schema
from sqlalchemy.exc import IntegrityError

from ledger.db import Work
from ledger.errors import Busy, Conflict, DomainError, Invalid
from ledger.messages import N_
from ledger.web import auth, problems, unit
from ledger.web.models import IdempotencyKey
from ledger.web.outcomes import REMEMBERED_DAYS, Key, Outcome

HEADER = "Idempotency-Key"
_LONGEST = 255
_PLAIN = re.compile("[!-~]+").fullmatch
_PARAMETER = {
    "in": "header",
    "name": HEADER,
    "description": "A value of your choice, new for each intended change (a UUID serves well). "
    "Repeating a call with the same key and body gives the first answer again, for at least "
    f"{REMEMBERED_DAYS} days.",
    "schema": {"type": "string", "minLength": 1, "maxLength": _LONGEST},
}

Call = Callable[..., Any]
Write = Callable[[Work], tuple[Any, int]]


class IdempotencyKeyReused(Conflict):
    """The key came earlier with another request."""


class IdempotencyKeyMissing(Invalid):
    """This call needs a key."""


def idempotent(
    schema: Schema | type[Schema] | None = None, *, status: int = 200, required: bool = True
) -> Callable[[Call], Callable[..., Response]]:
    """Turn ``view(work, …) -> answer`` into an API view that does its work at most once per key.

    The view runs inside the unit of work; its answer is dumped by ``schema`` when there is one and
    sent with ``status``. With ``required=False`` a call without key is simply done. Goes below
    ``@blp.arguments`` and ``@roles``.
    """
    shape = schema() if isinstance(schema, type) else schema

    def decorate(view: Call) -> Callable[..., Response]:
        @wraps(view)
        def wrapper(*args: Any, **kwargs: Any) -> Response:
            def write(work: Work) -> tuple[Any, int]:
                answer = view(work, *args, **kwargs)
                return (shape.dump(answer) if shape else answer), status

            return run(write, required=required)

        wrapper._apidoc = described(view, required=required)  # type: ignore[attr-defined]
        return wrapper

    return decorate


def described(view: Call, *, required: bool = True) -> dict[str, Any]:
    """Return the description of an API view with the header in it."""
    apidoc: dict[str, Any] = deepcopy(getattr(view, "_apidoc", {}))
    manual = apidoc.setdefault("manual_doc", {})
    manual.setdefault("parameters", []).append({**_PARAMETER, "required": required})
    return apidoc


def run(write: Write, *, required: bool = True) -> Response:
    """Do ``write(work) -> (answer, status)`` once for this request's key and answer it.

    Raises IdempotencyKeyMissing, IdempotencyKeyReused, and what ``write`` raises when no key is
    given.
    """
    key = asked_key(required=required)
    if key is None:
        answer, status = unit.perform(write)
        return response(Outcome(current_app.json.dumps(answer), status))
    return response(unit.perform(_once, key, write))


def asked_key(*, required: bool = True) -> Key | None:
    """Return the key of this request. Raises IdempotencyKeyMissing, and Invalid for a wrong one."""
    value = request.headers.get(HEADER, "")
    if not value:
        if required:
            raise IdempotencyKeyMissing(
                N_("Send an Idempotency-Key header, so that this change is made only once."),
                field=HEADER,
            )
        return None
    if len(value) > _LONGEST or not _PLAIN(value):
        raise Invalid(
            N_("An Idempotency-Key has 1 to 255 letters, digits and marks, without spaces."),
            field=HEADER,
        )
    return Key(auth.current_actor().id, value, _fingerprint())


def _fingerprint() -> str:
    content = request.get_data(cache=True)
    head = f"{request.method}\n{request.full_path}\n{request.mimetype}\n".encode()
    return hashlib.sha256(head + content).hexdigest()


def _once(work: Work, key: Key, write: Write) -> Outcome:
    identity = (key.actor_id, key.value)
    row = work.session.get(IdempotencyKey, identity)
    if row is None:
        row = IdempotencyKey(
            actor_id=key.actor_id,
            key=key.value,
            request_hash=key.fingerprint,
            status=0,
            body="",
            created_at=work.now,
        )
        try:
            with work.session.begin_nested():
                work.session.add(row)
        except IntegrityError:
            # The same call at the same time came first; PostgreSQL let us wait for its end.
            row = work.session.get(IdempotencyKey, identity)
            if row is None:
                raise
    if row.request_hash != key.fingerprint:
        raise reused()
    if row.status:
        return Outcome(row.body, row.status, replayed=True)
    outcome = _attempt(work, write)
    row.body, row.status = outcome.body, outcome.status
    return outcome


def reused() -> IdempotencyKeyReused:
    """Return the refusal of a key that came before with another request."""
    return IdempotencyKeyReused(
        N_("This Idempotency-Key was used before for another request. Use a new one.")
    )


def _attempt(work: Work, write: Write) -> Outcome:
    try:
        with work.session.begin_nested():
            answer, status = write(work)
    except Busy:
        raise  # not an outcome: trying again with the same key must be possible
    except DomainError as error:
        return refusal(error)
    return Outcome(current_app.json.dumps(answer), status)


def refusal(error: DomainError) -> Outcome:
    """Return a refusal as it is kept, in the language of this request."""
    return Outcome(current_app.json.dumps(problems.document(error)), error.status)


def response(outcome: Outcome) -> Response:
    """Return the response that sends an outcome."""
    sent = Response(
        outcome.body + "\n",
        outcome.status,
        mimetype=problems.MEDIA_TYPE if outcome.status >= 400 else "application/json",
    )
    if outcome.replayed:
        sent.headers["Idempotency-Replayed"] = "true"
    return sent
