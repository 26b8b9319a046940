"""Callers in processes and threads of their own, who all do one thing until time is up.

A role says what a caller does. It lives in the child process, so that its connections, its batcher
and the interpreter's lock are those of one server process.
"""

from __future__ import annotations

import cProfile
import importlib
import multiprocessing
import os
import pstats
import sys
import threading
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from time import perf_counter
from types import TracebackType
from typing import Any, Protocol

PROFILE = "LEERREKENING_BENCH_PROFILE"  # when set, the first caller of each process is profiled
_SHOWN = 40  # functions in a profile


class Exhausted(Exception):
    """There is nothing left to do of what was prepared; time ends here for everyone."""


class Role(Protocol):
    """What the callers of one process do; made with the crew's arguments and its own number."""

    def prepare(self, load: Any) -> None:
        """Get ready for the next run; not timed."""

    def caller(self, number: int) -> Callable[[], object]:
        """Return what caller ``number`` of this process does again and again."""

    def close(self) -> None:
        """Let go of connections."""


class Crew:
    """Processes that each play ``role`` ('module:class') with a number of threads."""

    def __init__(self, role: str, processes: int, threads: int, **arguments: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipes: list[Connection] = []
        self._processes = []
        for number in range(processes):
            ours, theirs = context.Pipe()
            process = context.Process(
                target=_child, args=(theirs, role, threads, {**arguments, "process": number})
            )
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)
        self._collect()

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join(timeout=20)
            if process.is_alive():
                process.kill()

    def prepare(self, load: Any) -> None:
        """Let every process prepare the same load, or its own item of a list of as many."""
        loads = load if isinstance(load, list) else [load] * len(self._pipes)
        for pipe, own in zip(self._pipes, loads, strict=True):
            pipe.send(("prepare", own))
        self._collect()

    def run(self, seconds: float) -> float:
        """Let all callers work and return how often per second they were done together."""
        for pipe in self._pipes:
            pipe.send(("run", seconds))
        return float(sum(count / elapsed for count, elapsed in self._collect()))

    def _collect(self) -> list[Any]:
        answers = []
        for pipe in self._pipes:
            try:
                good, answer = pipe.recv()
            except EOFError:
                raise RuntimeError("a measuring process ended without a word") from None
            if not good:
                raise RuntimeError(f"a measuring process failed:\n{answer}")
            answers.append(answer)
        return answers


def _child(pipe: Connection, role: str, threads: int, arguments: dict[str, Any]) -> None:
    try:
        module, _, name = role.partition(":")
        player: Role = getattr(importlib.import_module(module), name)(threads=threads, **arguments)
    except BaseException:
        pipe.send((False, traceback.format_exc()))
        return
    pipe.send((True, None))
    while True:
        try:
            order, value = pipe.recv()
        except EOFError:
            player.close()
            return
        try:
            if order == "prepare":
                player.prepare(value)
                pipe.send((True, None))
            else:
                pipe.send((True, work(player, threads, value)))
        except BaseException:
            pipe.send((False, traceback.format_exc()))


def profiled(function: Callable[..., None], *arguments: object) -> None:
    """Run a function and print where its time went, what took most of it first."""
    profile = cProfile.Profile()
    profile.runcall(function, *arguments)
    pstats.Stats(profile, stream=sys.stderr).sort_stats("tottime").print_stats(_SHOWN)


def work(player: Role, threads: int, seconds: float) -> tuple[int, float]:
    """Let ``threads`` callers of a role work; return how often they were done, in what time."""
    counts = [0] * threads
    failures: list[BaseException] = []
    over = threading.Event()
    clock = {"end": 0.0, "start": 0.0}

    def begin() -> None:
        clock["start"] = perf_counter()
        clock["end"] = clock["start"] + seconds

    barrier = threading.Barrier(threads, begin)

    def call(number: int) -> None:
        once = player.caller(number)
        barrier.wait()
        if number == 0 and os.environ.get(PROFILE):
            profiled(repeat, once, number)
        else:
            repeat(once, number)

    def repeat(once: Callable[[], object], number: int) -> None:
        end = clock["end"]
        try:
            while perf_counter() < end and not over.is_set():
                once()
                counts[number] += 1
        except Exhausted:
            over.set()
        except BaseException as failure:
            failures.append(failure)
            over.set()

    callers = [threading.Thread(target=call, args=(number,)) for number in range(threads)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    elapsed = perf_counter() - clock["start"]
    if failures:
        raise failures[0]
    return sum(counts), elapsed
