"""Requests of the same moment share one unit of work, and each gets its own answer."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from ledger import batching
from ledger.batching import Batcher, OutcomeUnknown
from ledger.db import SYSTEM, Actor, Stale
from ledger.errors import Busy, DomainError, RunFull

PATIENCE = 30  # seconds until a test that hangs fails


@dataclass
class Books:
    """Stands in for the database: what a batch writes is kept when the unit of work ends."""

    kept: list[str] = field(default_factory=list)
    batches: list[list[str]] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    bad: dict[str, BaseException] = field(default_factory=dict)
    refused: dict[str, DomainError] = field(default_factory=dict)
    stopped_at_the_end_of: str = ""
    gate: threading.Event | None = None
    begun: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def perform(self, actor: Actor, verb: Callable[..., Any], requests: list[str]) -> Any:
        assert actor is SYSTEM
        outcomes = verb(self, requests)
        if self.stopped_at_the_end_of in requests:
            raise SystemExit
        self.kept += [text for text in requests if text not in self.refused]
        return outcomes

    def verb(self, work: object, requests: Sequence[str]) -> list[Any]:
        assert work is self
        self.batches.append(list(requests))
        self.threads.append(threading.get_ident())
        self.begun.release()
        if self.gate is not None:
            gate, self.gate = self.gate, None
            assert gate.wait(PATIENCE)
        for text in requests:
            if text in self.bad:
                raise self.bad[text]
        return [self.refused.get(text, f"done {text}") for text in requests]


class Queue(deque[Any]):
    """A queue that tells when somebody joined."""

    def __init__(self) -> None:
        super().__init__()
        self.joined = threading.Semaphore(0)

    def append(self, one: Any) -> None:
        super().append(one)
        self.joined.release()


class Crowd:
    """Callers, each on a thread, who come one after another while the first is being served."""

    def __init__(self, books: Books, pool: ThreadPoolExecutor, **settings: Any) -> None:
        self.books = books
        self.queue = Queue()
        self.batcher: Batcher[str, str] = Batcher(books, books.verb, **settings)  # type: ignore[arg-type]
        self.batcher._waiting = self.queue
        self._pool = pool

    def come(self, *texts: str) -> list[Future[str]]:
        """Let these join the queue, in this order."""
        futures = []
        for text in texts:
            futures.append(self._pool.submit(self.batcher.submit, text))
            assert self.queue.joined.acquire(timeout=PATIENCE)
        return futures

    @contextmanager
    def while_serving(self, first: str = "first") -> Iterator[Future[str]]:
        """Hold the leader in the middle of its unit of work for the length of the block."""
        gate = self.books.gate = threading.Event()
        leader = self._pool.submit(self.batcher.submit, first)
        assert self.books.begun.acquire(timeout=PATIENCE)
        yield leader
        gate.set()


@pytest.fixture
def books() -> Books:
    return Books()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(32) as pool:
        yield pool


@pytest.fixture
def crowd(books: Books, pool: ThreadPoolExecutor) -> Crowd:
    return Crowd(books, pool)


def answers(futures: Sequence[Future[str]]) -> list[str]:
    return [future.result(PATIENCE) for future in futures]


def test_who_is_alone_is_served_at_once_on_their_own_thread(books: Books, crowd: Crowd) -> None:
    before = threading.active_count()
    assert [crowd.batcher.submit("a"), crowd.batcher.submit("b")] == ["done a", "done b"]
    assert books.batches == [["a"], ["b"]]
    assert set(books.threads) == {threading.get_ident()}
    assert threading.active_count() == before


def test_who_comes_meanwhile_goes_together_in_order(books: Books, crowd: Crowd) -> None:
    with crowd.while_serving() as leader:
        waiting = crowd.come("a", "b", "c")
        assert not any(future.done() for future in waiting)
    assert answers([leader, *waiting]) == ["done first", "done a", "done b", "done c"]
    assert books.batches == [["first"], ["a", "b", "c"]]
    assert books.threads[0] != books.threads[1], "the leader served others after itself"


def test_a_batch_has_a_limit_and_the_first_come_go_first(
    books: Books, pool: ThreadPoolExecutor
) -> None:
    crowd = Crowd(books, pool, limit=2)
    with crowd.while_serving():
        waiting = crowd.come("a", "b", "c", "d", "e")
    answers(waiting)
    assert books.batches == [["first"], ["a", "b"], ["c", "d"], ["e"]]
    assert len(set(books.threads)) == 4, "each batch has a leader of its own"


def test_a_full_queue_refuses_and_keeps_those_in_it(books: Books, pool: ThreadPoolExecutor) -> None:
    crowd = Crowd(books, pool, bound=2)
    with crowd.while_serving():
        waiting = crowd.come("a", "b")
        with pytest.raises(Busy):
            crowd.batcher.submit("c")
    assert answers(waiting) == ["done a", "done b"]
    assert books.kept == ["first", "a", "b"]
    assert crowd.batcher.submit("d") == "done d"


def test_a_refusal_is_for_one(books: Books, crowd: Crowd) -> None:
    books.refused["b"] = RunFull("Full.")
    with crowd.while_serving():
        a, b, c = crowd.come("a", "b", "c")
    assert answers([a, c]) == ["done a", "done c"]
    assert b.exception(PATIENCE) is books.refused["b"]
    assert books.kept == ["first", "a", "c"]
    assert books.batches == [["first"], ["a", "b", "c"]]


@pytest.mark.parametrize("mistake", [ZeroDivisionError(), RunFull("Full.")])
def test_one_bad_request_fails_nobody_else(books: Books, crowd: Crowd, mistake: Exception) -> None:
    books.bad["c"] = mistake
    with crowd.while_serving():
        a, b, c, d = crowd.come("a", "b", "c", "d")
    assert answers([a, b, d]) == ["done a", "done b", "done d"]
    assert c.exception(PATIENCE) is mistake
    assert books.kept == ["first", "a", "b", "d"]
    assert books.batches[1:] == [["a", "b", "c", "d"], ["a", "b"], ["c", "d"], ["c"], ["d"]]
    assert crowd.batcher.submit("e") == "done e"


def test_a_mistake_of_the_only_one_is_not_tried_again(books: Books, crowd: Crowd) -> None:
    books.bad["a"] = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        crowd.batcher.submit("a")
    assert books.batches == [["a"]]


@pytest.mark.parametrize("outage", [Busy("Busy."), OperationalError("x", {}, Exception())])
def test_an_absent_database_is_asked_once(books: Books, crowd: Crowd, outage: Exception) -> None:
    books.bad["b"] = outage
    with crowd.while_serving():
        waiting = crowd.come("a", "b", "c")
    assert [future.exception(PATIENCE) for future in waiting] == [outage] * 3
    assert books.batches == [["first"], ["a", "b", "c"]]


def test_one_who_keeps_losing_to_others_fails_nobody_else(books: Books, crowd: Crowd) -> None:
    books.bad["b"] = Busy("Busy.")
    books.bad["b"].__cause__ = Stale()
    with crowd.while_serving():
        a, b = crowd.come("a", "b")
    assert a.result(PATIENCE) == "done a"
    assert isinstance(b.exception(PATIENCE), Busy)


def test_too_few_answers_keep_nothing(books: Books, pool: ThreadPoolExecutor) -> None:
    batcher: Batcher[str, str] = Batcher(books, lambda work, requests: [])  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="1 requests got 0 answers"):
        batcher.submit("a")
    assert books.kept == []


def test_those_kept_apart_share_no_batch_and_keep_their_order(
    books: Books, pool: ThreadPoolExecutor
) -> None:
    crowd = Crowd(books, pool, apart=lambda text: text[0])
    with crowd.while_serving("a0"):
        waiting = crowd.come("a1", "b1", "a2", "c1", "b2", "a3")
    answers(waiting)
    assert books.batches == [["a0"], ["a1", "b1", "c1"], ["a2", "b2"], ["a3"]]


def test_a_leader_stopped_halfway_leaves_its_batch_to_the_next(books: Books, crowd: Crowd) -> None:
    books.bad["a"] = KeyboardInterrupt()
    with crowd.while_serving():
        a, b, c = crowd.come("a", "b", "c")
    assert isinstance(a.exception(PATIENCE), KeyboardInterrupt)
    assert answers([b, c]) == ["done b", "done c"]
    assert books.batches == [["first"], ["a", "b", "c"], ["b", "c"]]
    assert crowd.batcher.submit("d") == "done d"


def test_when_nobody_knows_whether_it_was_kept_that_is_said(books: Books, crowd: Crowd) -> None:
    with crowd.while_serving() as leader:
        a, b = crowd.come("a", "b")
        books.stopped_at_the_end_of = "a"
    assert leader.result(PATIENCE) == "done first"
    assert isinstance(a.exception(PATIENCE), SystemExit)
    assert isinstance(b.exception(PATIENCE), OutcomeUnknown)
    assert crowd.batcher.submit("c") == "done c"


class Stopped(BaseException):
    """What stops a thread from outside."""


class Impatient:
    """The lock of a caller who is stopped while waiting, or in the moment of being woken."""

    def __init__(self, *, woken: bool) -> None:
        self._woken = woken
        self._lock = threading.Lock()

    def acquire(self) -> None:
        if not self._lock.locked():
            self._lock.acquire()
            return
        if self._woken:
            assert self._lock.acquire(timeout=PATIENCE)
        raise Stopped

    def release(self) -> None:
        self._lock.release()


@pytest.mark.parametrize("woken", [False, True])
def test_who_is_stopped_while_waiting_is_left_out(
    books: Books, crowd: Crowd, monkeypatch: pytest.MonkeyPatch, woken: bool
) -> None:
    patient = batching._Call

    def impatient(request: str, apart: object) -> batching._Call[str]:
        call = patient(request, apart)
        call.turn = Impatient(woken=woken)  # type: ignore[assignment]
        return call

    with crowd.while_serving() as leader:
        with monkeypatch.context() as patch:
            patch.setattr(batching, "_Call", impatient)
            stopped = crowd.come("stopped")
        waiting = crowd.come("a", "b")
    assert isinstance(stopped[0].exception(PATIENCE), Stopped)
    assert answers([leader, *waiting]) == ["done first", "done a", "done b"]
    assert books.kept == ["first", "a", "b"]


def test_many_callers_get_each_their_own(books: Books) -> None:
    together = threading.Barrier(64)
    crowd: Batcher[str, str] = Batcher(books, books.verb, limit=7)  # type: ignore[arg-type]

    def call(caller: int) -> list[str]:
        together.wait()
        return [crowd.submit(f"{caller}-{turn}") for turn in range(20)]

    with ThreadPoolExecutor(64) as pool:
        got = list(pool.map(call, range(64)))
    assert got == [[f"done {caller}-{turn}" for turn in range(20)] for caller in range(64)]
    assert len(books.kept) == len(set(books.kept)) == 64 * 20
    assert max(map(len, books.batches)) <= 7
