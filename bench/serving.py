"""``hold_http``: enrolments confirmed through the API of the real server."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from time import perf_counter, sleep

from bench import holders, load
from bench.grounds import Grounds
from bench.measuring import Figure, Pair

CONNECTIONS = 128
WORKERS = 2
HOST = "127.0.0.1"
FAST = 6_000  # more than any machine confirms in a second
_BODY = b'{"own_share_cents": 0}'


@contextmanager
def _beside_constant(grounds: Grounds) -> Iterator[Pair]:
    with ExitStack() as stack:
        name = stack.enter_context(grounds.ready.ledger())
        ours = _free_port()
        instance = stack.enter_context(tempfile.TemporaryDirectory())
        environment = {
            **os.environ,
            "LEERREKENING_DATABASE_URL": grounds.server.url(name),
            "LEERREKENING_INSTANCE_PATH": instance,
        }
        serve = ["ledger.cli", "serve", f"--port={ours}", f"--workers={WORKERS}"]
        stack.enter_context(_serving(serve, ours, "/healthz", environment))
        constant = _free_port()
        fixed = ["bench.constant", str(constant), str(WORKERS)]
        stack.enter_context(_serving(fixed, constant, "/", dict(os.environ)))
        next_holder = 0

        def confirm(seconds: float) -> float:
            nonlocal next_holder
            first, count = next_holder, round(FAST * max(seconds, 1))
            next_holder += count
            with grounds.server.cluster.connect(name) as connection:
                holders.add(connection, grounds.ready.offer, first, count, keys=True)
                connection.execute("ANALYZE")
                connection.execute("CHECKPOINT")
            requests = iter([_confirmation(n) for n in range(first, first + count)])
            return load.rate(HOST, ours, CONNECTIONS, requests, seconds)

        def answer(seconds: float) -> float:
            same = _confirmation(0)
            return load.rate(HOST, constant, CONNECTIONS, iter(lambda: same, b""), seconds)

        yield Pair(confirm, answer)


def _confirmation(n: int) -> bytes:
    """Return the whole request with which holder ``n`` confirms."""
    one = holders.holder(n)
    head = (
        f"POST /api/v1/enrolments/{one.enrolment_id}/confirm HTTP/1.1\r\n"
        f"Host: {HOST}\r\n"
        f"Authorization: Bearer {one.key}\r\n"
        f"Idempotency-Key: {one.enrolment_id}\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(_BODY)}\r\n\r\n"
    )
    return head.encode() + _BODY


@contextmanager
def _serving(
    module: list[str], port: int, path: str, environment: dict[str, str]
) -> Iterator[None]:
    """Run a server and wait until it answers."""
    process = subprocess.Popen(
        [sys.executable, "-m", *module],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(f"http://{HOST}:{port}{path}", process)
        yield
    finally:
        process.terminate()
        process.wait()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    end = perf_counter() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 (our own address)
                return
        except OSError as error:
            if process.poll() is not None or perf_counter() > end:
                raise RuntimeError(f"{url} does not answer: {error}") from error
        sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


FIGURES = (
    Figure(
        "hold_http",
        "answers/s",
        0.30,
        "higher",
        f"POST …/confirm on leerrekening serve --workers {WORKERS}, {CONNECTIONS} connections",
        f"granian with as many workers and threads answering constant JSON, {CONNECTIONS}"
        " connections",
        _beside_constant,
    ),
)
