"""Requests of one moment in one unit of work: ``submit`` for pages, ``batched`` for API writes.

Many holders confirm at the same moment, on an opening day. What they ask goes through one
:class:`~ledger.batching.Batcher` per verb and application, whichever face it came by. For API
calls the keys of :mod:`ledger.web.idempotency` are read, and written with the change and the
answer, in that same unit of work.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any, Protocol, TypeVar, cast

from flask import Response, current_app

from ledger.batching import Batcher, BatchVerb
from ledger.db import Actor, Work, driver
from ledger.errors import Busy, DomainError
from ledger.web import idempotency, outcomes, unit
from ledger.web.outcomes import Key, Outcome


class Request(Protocol):
    """What a batch verb takes: something that somebody asks for."""

    @property
    def actor(self) -> Actor:
        """Who asks."""


R = TypeVar("R", bound=Request)
A = TypeVar("A")
_making = threading.Lock()


@dataclass(frozen=True, slots=True)
class _Call:
    """A request, and for an API call its key and how its outcome is written down."""

    request: Any
    key: Key | None = None
    write: Callable[[Any], Outcome] | None = None


def submit(verb: BatchVerb[R, A], request: R) -> A:
    """Let ``verb(work, requests)`` do this together with what others ask now; return the answer.

    Returns once it is durably kept. Raises the refusal of this request, and Busy.
    """
    return cast(A, _batcher(verb).submit(_Call(request)))


def batched(
    verb: BatchVerb[R, A], show: Callable[[A], dict[str, Any]], *, status: int = 200
) -> Callable[[Callable[..., R]], Callable[..., Response]]:
    """Turn ``view(…) -> request`` into an API view whose request ``verb`` does once per key.

    ``show`` makes JSON's dictionary of an answer. Stands where ``idempotent`` stands.
    """

    def decorate(view: Callable[..., R]) -> Callable[..., Response]:
        @wraps(view)
        def wrapper(*args: Any, **kwargs: Any) -> Response:
            key = idempotency.asked_key()
            asked = view(*args, **kwargs)
            # Whoever leads writes the outcome down, but in the language of who asked.
            here = copy_context()

            def write(answer: A | DomainError) -> Outcome:
                return here.run(_written, show, status, answer)

            outcome = _batcher(verb).submit(_Call(asked, key, write))
            return idempotency.response(cast(Outcome, outcome))

        wrapper._apidoc = idempotency.described(view)  # type: ignore[attr-defined]
        return wrapper

    return decorate


def _written(show: Callable[[A], dict[str, Any]], status: int, answer: A | DomainError) -> Outcome:
    if isinstance(answer, DomainError):
        return idempotency.refusal(answer)
    return Outcome(current_app.json.dumps(show(answer)), status)


def _batcher(verb: BatchVerb[Any, Any]) -> Batcher[_Call, object]:
    known: dict[object, Batcher[_Call, object]]
    known = current_app.extensions.setdefault("ledger_batchers", {})
    found = known.get(verb)
    if found is None:
        # Made at the first request, so after a server has forked its workers.
        with _making:
            found = known.setdefault(
                verb, Batcher(unit.database(), partial(_all, verb), apart=_account)
            )
    return found


def _account(call: _Call) -> str:
    # What one holder asks at the same moment goes one after the other: a second enrolment, and
    # the same call with the same key.
    actor: Actor = call.request.actor
    return actor.account_id or actor.id


def _all(
    verb: BatchVerb[Any, Any], work: Work, calls: Sequence[_Call]
) -> list[object | DomainError]:
    """Do what is new and give what was done before, each as its caller gets it."""
    connection = driver(work.session)
    kept = outcomes.find(connection, [call.key for call in calls if call.key is not None])
    before = [_before(kept, call.key) for call in calls]
    fresh = [call for call, outcome in zip(calls, before, strict=True) if outcome is None]
    answers = _fresh(verb, work, [call.request for call in fresh])
    made = [_outcome(call, answer) for call, answer in zip(fresh, answers, strict=True)]
    named = [(call.key, outcome) for call, outcome in zip(fresh, made, strict=True) if call.key]
    outcomes.keep(connection, work.now, [(k, o) for k, o in named if isinstance(o, Outcome)])
    new = iter(made)
    return [next(new) if outcome is None else outcome for outcome in before]


def _before(kept: Mapping[Key, outcomes.Kept], key: Key | None) -> Outcome | DomainError | None:
    if key is None or key not in kept:
        return None
    fingerprint, outcome = kept[key]
    return outcome if fingerprint == key.fingerprint else idempotency.reused()


def _fresh(
    verb: BatchVerb[Any, Any], work: Work, requests: Sequence[Any]
) -> Sequence[object | DomainError]:
    if len(requests) != 1:
        return verb(work, requests) if requests else ()
    # Alone: a refusal of the whole batch is its own, so undo what it began and keep that refusal.
    try:
        with work.session.begin_nested():
            return verb(work, requests)
    except Busy:
        raise
    except DomainError as refusal:
        return [refusal]


def _outcome(call: _Call, answer: object) -> object | DomainError:
    # Being busy is no outcome: trying again with the same key must be possible.
    return answer if call.write is None or isinstance(answer, Busy) else call.write(answer)
