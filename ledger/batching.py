"""Gathering: requests that come at the same moment share one unit of work, each with its answer.

No thread of its own and no waiting for company: a caller who finds nobody leading leads at once,
with a batch of one. Who comes while a batch is being kept waits in a queue; when the leader has its
own answer it hands over to the first in the queue, who takes everybody along.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from typing import Final, Generic, TypeVar

import psycopg
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ledger.db import SYSTEM, Database, Work
from ledger.errors import Busy, DomainError
from ledger.messages import N_

Q = TypeVar("Q")
A = TypeVar("A")
BatchVerb = Callable[[Work, Sequence[Q]], Sequence[A | DomainError]]

_PENDING: Final = object()
_OUTAGE = (
    OperationalError,
    InterfaceError,
    PoolTimeout,
    psycopg.OperationalError,
    psycopg.InterfaceError,
    sqlite3.OperationalError,
)


class OutcomeUnknown(Exception):
    """The thread that kept this for others was stopped at the commit: it is kept, or it is not."""


class _Call(Generic[Q]):
    """A request with who may not share its batch, and a lock that its caller waits for."""

    __slots__ = ("apart", "outcome", "request", "told", "turn")

    def __init__(self, request: Q, apart: Hashable) -> None:
        self.request = request
        self.apart = apart
        self.outcome: object = _PENDING
        self.told = False
        # Each caller has a lock of its own, so that waking one does not wake the others.
        self.turn = threading.Lock()

    def wake(self) -> None:
        """Let the caller go on: it has its outcome, or it leads."""
        self.turn.release()
        self.told = True


class Batcher(Generic[Q, A]):
    """Runs ``verb(work, requests)`` for all who ask at the same moment, as the system.

    The verb answers each request, in the same order, with its answer or with the refusal of this
    one; a refused request must have written nothing. When a batch fails as a whole it is undone
    and tried again in halves, so that one bad request never fails its neighbours. Requests with the
    same value of ``apart`` never share a batch and keep their order. At most ``limit`` go
    together, at most ``bound`` wait.
    """

    def __init__(
        self,
        database: Database,
        verb: BatchVerb[Q, A],
        *,
        apart: Callable[[Q], Hashable] | None = None,
        limit: int = 500,
        bound: int = 2000,
    ) -> None:
        self._database = database
        self._verb = verb
        self._apart = apart
        self._limit = limit
        self._bound = bound
        self._mutex = threading.Lock()
        self._waiting: deque[_Call[Q]] = deque()
        self._leader: _Call[Q] | None = None

    def submit(self, request: Q) -> A:
        """Return the answer to ``request``, once it is durably kept.

        Raises the DomainError that the verb gave for it, Busy when too many wait, whatever the
        verb raises for this request alone, and OutcomeUnknown.
        """
        call = _Call(request, self._apart(request) if self._apart else None)
        try:
            if not self._enter(call):
                call.turn.acquire()
            if call.outcome is _PENDING:
                self._lead(call)
        except BaseException:
            self._leave(call)
            raise
        if isinstance(call.outcome, BaseException):
            raise call.outcome
        return call.outcome  # type: ignore[return-value]

    def _enter(self, call: _Call[Q]) -> bool:
        """Join the queue; tell whether this call leads instead, because nobody does."""
        with self._mutex:
            if self._leader is None:
                self._leader = call
                return True
            if len(self._waiting) >= self._bound:
                raise Busy(
                    N_("It is very busy. Nothing was changed; please try again in a minute.")
                )
            call.turn.acquire()
            self._waiting.append(call)
            return False

    def _leave(self, call: _Call[Q]) -> None:
        """Take a call back whose thread was stopped; what is being kept already is not undone."""
        with self._mutex, suppress(ValueError):
            self._waiting.remove(call)
        self._hand_over(call)

    def _hand_over(self, call: _Call[Q]) -> None:
        """Let the first in the queue lead, when ``call`` still does."""
        with self._mutex:
            if self._leader is not call:
                return
            self._leader = self._waiting.popleft() if self._waiting else None
            if self._leader is not None:
                self._leader.wake()

    def _lead(self, own: _Call[Q]) -> None:
        batch = [own]
        attempt = _Attempt(self._database, self._verb)
        try:
            with self._mutex:
                self._take(batch)
            self._serve(own, batch, attempt)
        finally:
            self._settle(own, batch, attempt.may_be_kept)

    def _take(self, batch: list[_Call[Q]]) -> None:
        """Let those in the queue join the batch, as many as may and fit."""
        seen = {call.apart for call in batch}
        later: list[_Call[Q]] = []
        try:
            while self._waiting and len(batch) < self._limit:
                call = self._waiting.popleft()
                if self._apart is not None and call.apart in seen:
                    later.append(call)
                    continue
                seen.add(call.apart)
                batch.append(call)
        finally:
            self._waiting.extendleft(reversed(later))

    def _serve(self, own: _Call[Q], batch: list[_Call[Q]], attempt: _Attempt[Q, A]) -> None:
        parts = [batch]
        while parts:
            part = parts.pop()
            outcomes = attempt.run([call.request for call in part])
            if outcomes is None:
                half = len(part) // 2
                parts += [part[half:], part[:half]]
                continue
            for call, outcome in zip(part, outcomes, strict=True):
                call.outcome = outcome
            if not parts:
                # Before the answers, so that the next batch is under way while these go out.
                self._hand_over(own)
            for call in part:
                if call is not own:
                    call.wake()

    def _settle(self, own: _Call[Q], batch: list[_Call[Q]], may_be_kept: bool) -> None:
        """Leave nobody waiting when the leader is stopped halfway."""
        again = []
        for call in batch:
            if call is own or call.told:
                continue
            if call.outcome is _PENDING and not may_be_kept:
                again.append(call)
                continue
            if call.outcome is _PENDING:
                call.outcome = OutcomeUnknown("stopped while this was being kept")
            with suppress(RuntimeError):  # it was woken in the moment before we were stopped
                call.wake()
        if again:
            with self._mutex:
                self._waiting.extendleft(reversed(again))
        self._hand_over(own)


class _Attempt(Generic[Q, A]):
    """Runs parts of one batch, each in a unit of work."""

    def __init__(self, database: Database, verb: BatchVerb[Q, A]) -> None:
        self._database = database
        self._verb = verb
        self.may_be_kept = False  # the verb is through, its end is not known

    def run(self, requests: list[Q]) -> Sequence[object] | None:
        """Return what each gets, an answer or an exception; None when halves must be tried."""
        outcomes: Sequence[object] | None
        try:
            outcomes = self._database.perform(SYSTEM, self._all, requests)
        except Exception as error:
            alike = len(requests) == 1 or _is_outage(error)
            outcomes = [error] * len(requests) if alike else None
        self.may_be_kept = False
        return outcomes

    def _all(self, work: Work, requests: list[Q]) -> Sequence[object]:
        self.may_be_kept = False
        outcomes = self._verb(work, requests)
        if len(outcomes) != len(requests):
            raise RuntimeError(f"{len(requests)} requests got {len(outcomes)} answers")
        self.may_be_kept = True
        return outcomes


def _is_outage(error: Exception) -> bool:
    """Tell whether no request in particular is to blame.

    Trying the halves would only ask an absent database more often, and after a connection that
    was lost at the commit nobody knows whether it was kept.
    """
    if isinstance(error, Busy):
        # Lost again and again: on SQLite to a writer who locks all, else over somebody's rows.
        cause = getattr(error.__cause__, "orig", error.__cause__)
        return cause is None or isinstance(cause, sqlite3.Error)
    return isinstance(error, _OUTAGE)
