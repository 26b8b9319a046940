"""Long work in steps: each step is a unit of work of its own, so that nobody waits for the whole.

A verb that goes on where it stopped, such as ``grants.go_on``, is called until it says that it is
done. A command does so itself. A page starts it in a thread of the server and waits a moment for
it: small work is done by then, large work goes on by itself while the page shows how far it is.
When the server stops halfway, nothing is lost: what was done is kept, and the page offers to go on.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Concatenate, ParamSpec, Protocol, TypeVar, cast

from ledger.db import Actor, Database, Work
from ledger.errors import DomainError

_log = logging.getLogger(__name__)
PATIENCE = 4.0  # seconds that a page waits before it shows how far the work is


class Progress(Protocol):
    """How far something is: ``handled`` counts rows or accounts."""

    @property
    def handled(self) -> int:
        """Return how many were handled."""

    @property
    def done(self) -> bool:
        """Tell whether nothing is left."""


P = ParamSpec("P")
T = TypeVar("T", bound=Progress)
_Key = tuple[str, str]
_running: dict[_Key, Future[Progress]] = {}
_lock = threading.Lock()


def to_the_end(
    database: Database,
    actor: Actor,
    verb: Callable[Concatenate[Work, P], T],
    tick: Callable[[T], None] | None,
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """Call ``verb`` in one unit of work after the other until it is done; return its last answer.

    ``tick`` is told each answer. What the verb raises ends it; the steps before are kept.
    """
    while True:
        progress = database.perform(actor, verb, *args, **kwargs)
        if tick is not None:
            tick(progress)
        if progress.done:
            return progress


def in_background(
    database: Database,
    actor: Actor,
    key: str,
    verb: Callable[Concatenate[Work, P], T],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T | None:
    """Let ``verb`` go on to its end in a thread; return its last answer when that comes soon.

    None: it is still going on. ``key`` names the work: what is going on in this process already
    is not begun a second time. Raises what the verb raises, when that comes soon.
    """

    def all_of_it() -> T:
        return to_the_end(database, actor, verb, None, *args, **kwargs)

    future = _started((database.url, key), all_of_it)
    try:
        return cast(T, future.result(timeout=PATIENCE))
    except TimeoutError:
        return None


def _started(key: _Key, task: Callable[[], Progress]) -> Future[Progress]:
    with _lock:
        future = _running.get(key)
        if future is not None:
            return future
        future = _running[key] = Future()
    thread = threading.Thread(target=_run, args=(key, task, future), daemon=True)
    thread.start()
    return future


def _run(key: _Key, task: Callable[[], Progress], future: Future[Progress]) -> None:
    try:
        answer = task()
    except BaseException as error:
        _forget(key)
        if not isinstance(error, DomainError):
            # Perhaps nobody waits for it any more; on the page it shows as standing still.
            _log.exception("stopped: %s", key[1])
        future.set_exception(error)
    else:
        _forget(key)
        future.set_result(answer)


def _forget(key: _Key) -> None:
    with _lock:
        _running.pop(key, None)
