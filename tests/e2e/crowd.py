"""Holders who confirm through the API of a real server, and what they were answered.

What they confirm is made through the verbs beforehand, since the demonstration has too little of
it; from then on only the server's own processes touch the books.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from ledger import clock
from ledger.accounts import users
from ledger.accounts.models import Membership, Posting, Transaction
from ledger.db import SYSTEM, Database, Work
from ledger.providers import enrolments
from ledger.providers.models import Enrolment, EnrolmentLine
from tests.e2e.product import COMMAND, Answer, Visitor, command, environment_of, wait_until_up
from tests.factories import Holder, World

PATIENCE = 120  # seconds until a test that hangs fails
PRICE = 100_000


@dataclass(frozen=True)
class Wish:
    """An enrolment to be confirmed, and with which key of the API."""

    enrolment_id: str
    api_key: str


@dataclass
class Server:
    """A running server with all its processes; ``kill`` ends them as a power cut does."""

    url: str
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes]

    def confirm(self, wish: Wish) -> Answer | None:
        """Confirm once, always with the same key; None when there was no answer."""
        try:
            return Visitor(self.url).call(
                wish.api_key,
                "POST",
                f"/enrolments/{wish.enrolment_id}/confirm",
                {},
                Idempotency_Key=wish.enrolment_id,
            )
        except (OSError, HTTPException):
            return None

    def confirm_until_answered(self, wish: Wish) -> Answer:
        """Confirm as a patient client does, who tries again as long as the answer is 503."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            answer = self.confirm(wish)
            assert answer is not None, "the server is gone"
            if answer.status != 503:
                assert answer.status == 200, answer.text
                return answer
        raise AssertionError("it stays busy")

    def kill(self) -> None:
        """Stop every process at once, without a word."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)

    def limit_files(self, size: int) -> None:
        """Let no file that the server writes grow beyond ``size`` bytes, as a full disk does."""
        for pid in _family(self.process.pid):
            hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in _family(int(child)))]


@contextmanager
def serving(folder: Path, database_url: str, workers: int) -> Iterator[Server]:
    """Serve until the end of the block; whoever killed the server has to start another."""
    with closing(socket.socket()) as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    environment = environment_of(
        folder, LEERREKENING_DATABASE_URL=database_url, LEERREKENING_PUBLIC_URL=url
    )
    log = folder / "server.log"
    with log.open("ab") as written:
        process = subprocess.Popen(
            [COMMAND, "serve", "--port", str(port), "--workers", str(workers)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written,
            start_new_session=True,  # so that all of it can be killed, and nothing else
        )
    server = Server(url, environment, process)
    try:
        wait_until_up(process, url, log)
        yield server
    finally:
        if process.poll() is None:
            server.kill()


def wishes(database: Database, holders: int, each: int) -> list[Wish]:
    """Let so many holders ask for ``each`` places, with money enough for all of them."""
    world = World(database, clock.now())
    provider, scheme = world.provider(), world.scheme(10**9)
    runs = [
        world.run(world.course(provider), in_days=5 + 5 * n, capacity=holders) for n in range(each)
    ]
    made = []
    for number in range(holders):
        holder = world.holder(email=f"nr{number}@example.nl")
        world.lot(holder, PRICE * each, scheme)
        api_key = world.do(SYSTEM, _key_of, holder)
        with database.work(holder.actor, world.now) as work:
            made += [Wish(enrolments.request(work, run.id).id, api_key) for run in runs]
    return made


def _key_of(work: Work, holder: Holder) -> str:
    member = select(Membership.id).where(Membership.user_id == holder.actor.id)
    return users.add_api_key(work, work.session.scalars(member).one())


@dataclass
class Crowd:
    """Threads that confirm one wish after the other until told to stop; the answers by wish."""

    server: Server
    waiting: list[Wish]
    answers: dict[str, Answer] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)
    stopped: bool = False

    @contextmanager
    def rushing(self, threads: int) -> Iterator[None]:
        """Let so many threads go on during the block, and then until each has its answer."""
        with ThreadPoolExecutor(threads) as pool:
            running = [pool.submit(self._rush) for _ in range(threads)]
            try:
                yield
            finally:
                self.stopped = True
                for one in running:
                    one.result(PATIENCE)

    def until(self, number: int) -> None:
        """Wait until so many were answered."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.answers) >= number, PATIENCE)

    def _rush(self) -> None:
        while not self.stopped:
            try:
                wish = self.waiting.pop()
            except IndexError:
                return
            answer = self.server.confirm(wish)
            if answer is not None:
                with self.changed:
                    self.answers[wish.enrolment_id] = answer
                    self.changed.notify_all()


def prove(database: Database, confirmed: Sequence[str]) -> None:
    """Say what is wrong unless exactly these enrolments are confirmed, whole and once each."""
    with database.reading() as session:
        found = select(Enrolment.id, Enrolment.hold_id).where(Enrolment.status == "confirmed")
        holds = dict(session.execute(found).all())
        assert sorted(holds) == sorted(confirmed)
        posted = select(Transaction.id).where(Transaction.kind == "hold")
        assert sorted(session.scalars(posted)) == sorted(map(str, holds.values()))
        held = select(func.coalesce(func.sum(Posting.amount), 0)).where(Posting.bucket == "held")
        assert session.scalar(held) == PRICE * len(confirmed)
        lines = select(func.count()).select_from(EnrolmentLine)
        assert session.scalar(lines) == len(confirmed)


def verified(server: Server) -> None:
    """Let the product's own command prove the books."""
    proof = command(server.environment, "verify")
    assert proof.returncode == 0, proof.stdout + proof.stderr


def receipt(answer: Answer) -> Any:
    """Return the receipt in an answer."""
    return json.loads(answer.body)["receipt"]
