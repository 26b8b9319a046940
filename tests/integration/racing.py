"""Real processes that do something at the same moment, each with connections of its own.

They are started by the module that is the main program of none of them, so they share nothing
with the tests but the database.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from ledger import config, create_app
from ledger.accounts.seals import sealer
from ledger.accounts.seals.keys import Keys
from ledger.batching import Batcher
from ledger.db import Actor, Database
from ledger.errors import DomainError
from ledger.providers import confirmations

PATIENCE = 120  # seconds until a process that hangs fails the test
Outcome = str  # 'ok', or the name of the refusal


@dataclass(frozen=True)
class Try:
    """A verb to be tried once, in a unit of work of its own."""

    actor: Actor
    verb: Callable[..., Any]
    arguments: tuple[Any, ...] = ()

    def __call__(self, database: Database) -> list[Outcome]:
        return [_outcome(lambda: database.perform(self.actor, self.verb, *self.arguments))]


@dataclass(frozen=True)
class Many:
    """Several tries one after the other."""

    tries: tuple[Try, ...]

    def __call__(self, database: Database) -> list[Outcome]:
        return [outcome for one in self.tries for outcome in one(database)]


@dataclass(frozen=True)
class Gathered:
    """Wishes of several threads of one process that go through its batcher."""

    wishes: tuple[confirmations.Wish, ...]

    def __call__(self, database: Database) -> list[Outcome]:
        batcher = Batcher(database, confirmations.confirm_many, apart=lambda w: w.actor.account_id)
        with ThreadPoolExecutor(len(self.wishes)) as pool:
            return list(pool.map(lambda wish: _outcome(lambda: batcher.submit(wish)), self.wishes))


@dataclass(frozen=True)
class Call:
    """The same API call, by an application of its own; the outcomes are status and body."""

    folder: Path
    path: str
    headers: tuple[tuple[str, str], ...]

    def __call__(self, database: Database) -> list[Outcome]:
        settings = config.load({"LEERREKENING_INSTANCE_PATH": str(self.folder)})
        app = create_app(replace(settings, secret_key="only for tests"), database)
        answer = app.test_client().post(self.path, json={}, headers=dict(self.headers))
        return [str(answer.status_code), answer.text]


@dataclass(frozen=True)
class Seal:
    """Seals so many times what waits at that moment."""

    folder: Path
    name: str
    times: int

    def __call__(self, database: Database) -> list[Outcome]:
        keys = Keys(self.folder, self.name)
        return [_outcome(lambda: list(sealer.rounds(database, keys))) for _ in range(self.times)]


def _outcome(call: Callable[[], object]) -> Outcome:
    try:
        call()
    except DomainError as refusal:
        return type(refusal).__name__
    return "ok"


class Racers:
    """So many processes that wait for a task."""

    def __init__(self, pairs: Sequence[tuple[Connection, BaseProcess]]) -> None:
        self.pairs = pairs

    def race(self, url: str, tasks: Sequence[Callable[[Database], list[Outcome]]]) -> list[Outcome]:
        """Let each task begin at the same moment in a process of its own; return all outcomes.

        Raises AssertionError with the trace of a task that failed.
        """
        assert len(tasks) <= len(self.pairs)
        running = self.pairs[: len(tasks)]
        for (pipe, _), task in zip(running, tasks, strict=True):
            pipe.send((url, task))
        for pipe, _ in running:
            assert _received(pipe) == "ready"
        for pipe, _ in running:
            pipe.send("go")
        answers = [_received(pipe) for pipe, _ in running]
        failed = [answer for answer in answers if isinstance(answer, BaseException)]
        assert not failed, failed
        return [outcome for answer in answers for outcome in answer]


def _received(pipe: Connection) -> Any:
    assert pipe.poll(PATIENCE), "a process does not answer"
    return pipe.recv()


@contextmanager
def racers(number: int) -> Iterator[Racers]:
    """Start so many processes, and end them."""
    # The server imports the house once; each process begins as a copy that has no connections.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    pairs: list[tuple[Connection, BaseProcess]] = []
    try:
        for _ in range(number):
            ours, theirs = context.Pipe()
            process: BaseProcess = context.Process(target=_work, args=(theirs,), daemon=True)
            process.start()
            theirs.close()
            pairs.append((ours, process))
        yield Racers(pairs)
    finally:
        for pipe, process in pairs:
            pipe.close()
            process.join(PATIENCE)
            process.close()


def _work(pipe: Connection) -> None:
    while True:
        try:
            url, task = pipe.recv()
        except EOFError:
            return
        database = Database(url)
        try:
            with database.reading() as session:
                session.connection()  # who has to connect yet would come too late
            pipe.send("ready")
            pipe.recv()
            answer: Any = task(database)
        except Exception as error:
            answer = RuntimeError(f"{type(error).__name__}: {error}")
        finally:
            database.dispose()
        pipe.send(answer)
