"""Proof that every transaction is what was recorded: hashed anew, on all cores when there is much.

Each core gets a program of its own (:mod:`hasher`) and one stretch of ids after the other; on
PostgreSQL all read the same snapshot.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from queue import SimpleQueue
from typing import IO, Any, cast

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from ledger.accounts.models import Posting, Transaction
from ledger.accounts.verification import hasher
from ledger.accounts.verification.finding import Finding, Progress
from ledger.db import driver
from ledger.messages import N_, Message

STRETCH = 10_000  # transactions that a worker reads at a time
FAULTS = {
    "nothing": N_("it has no postings"),
    "gap": N_("a posting of it is missing"),
    "content": N_("its content is not what was recorded at the time"),
    "opening": N_(
        "its content, or the last day or the enrolment of lot %(lot)s that it opened, is not what"
        " was recorded at the time"
    ),
    "orphan": N_("its transaction is gone"),
}


def check(session: Session, progress: Progress) -> Iterator[Finding]:
    """Compare each stored hash with the one that its rows give now; find postings without one."""
    total = session.scalar(select(func.count()).select_from(Transaction)) or 0
    stretches = _stretches(session)
    done = 0
    for number, faults in _proved(session, stretches):
        done += number
        progress(done, total)
        for fault in faults:
            yield from _findings(session, fault)


def cores() -> int:
    """Return how many cores this program may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _stretches(session: Session) -> list[hasher.Stretch]:
    number = func.row_number().over(order_by=Transaction.id).label("number")
    rows = select(Transaction.id, number).subquery()
    ends = session.scalars(
        select(rows.c.id).where(rows.c.number % STRETCH == 0).order_by(rows.c.id)
    ).all()
    return list(zip(["", *ends], [*ends, None], strict=True))


def _proved(
    session: Session, stretches: list[hasher.Stretch]
) -> Iterator[tuple[int, list[hasher.Fault]]]:
    number = min(cores(), len(stretches))
    place = _place(session) if number > 1 else None
    if place is None:
        connection = driver(session)
        yield from (hasher.prove(connection, stretch) for stretch in stretches)
        return
    with _workers(place, number) as idle, ThreadPoolExecutor(number) as threads:

        def ask(stretch: hasher.Stretch) -> tuple[int, list[hasher.Fault]]:
            worker = idle.get()
            try:
                return worker.prove(stretch)
            finally:
                idle.put(worker)

        yield from threads.map(ask, stretches)


def _place(session: Session) -> dict[str, str] | None:
    """Return where another program finds these books; None when it cannot."""
    url = session.get_bind().engine.url
    if url.get_backend_name() == "sqlite":
        return {"sqlite": url.database} if url.database else None
    snapshot = session.execute(text("SELECT pg_export_snapshot()")).scalar_one()
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return {"postgresql": plain, "snapshot": snapshot}


class _Worker:
    """A program of its own that proves one stretch at a time."""

    def __init__(self, place: dict[str, str]) -> None:
        # -P: the modules beside it must not be taken for those of the standard library.
        self._process = subprocess.Popen(
            [sys.executable, "-P", hasher.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self._say(place)

    def prove(self, stretch: hasher.Stretch) -> tuple[int, list[hasher.Fault]]:
        """Return its answer. Raises RuntimeError when it broke down; it has said why."""
        self._say(stretch)
        answer = cast(IO[str], self._process.stdout).readline()
        if not answer:
            raise RuntimeError(f"a worker of the proof ended with {self._process.wait()}")
        number, faults = json.loads(answer)
        return number, faults

    def end(self) -> None:
        """Let it end, and wait for that."""
        self._process.communicate()

    def _say(self, line: object) -> None:
        into = cast(IO[str], self._process.stdin)
        into.write(json.dumps(line) + "\n")
        into.flush()


@contextmanager
def _workers(place: dict[str, str], number: int) -> Iterator[SimpleQueue[_Worker]]:
    idle: SimpleQueue[_Worker] = SimpleQueue()
    with ExitStack() as stack:
        for _ in range(number):
            worker = _Worker(place)
            stack.callback(worker.end)
            idle.put(worker)
        yield idle


def _findings(session: Session, fault: hasher.Fault) -> Iterator[Finding]:
    table, id_, what, values = fault
    message = Message(N_(FAULTS[what]), values)
    if what != "orphan":
        yield Finding(table, id_, message)
        return
    lines: Any = select(Posting.line).where(Posting.transaction_id == id_).order_by(Posting.line)
    for line in session.scalars(lines):
        yield Finding(table, f"{id_}/{line}", message)
