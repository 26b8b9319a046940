"""The yardstick django-hordak: its own environment, its own database on the same server."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from pathlib import Path

from bench.server import Server, cache_folder

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "hordak-requirements.txt"
PROCESSES = 2


@contextmanager
def hordak_rate(server: Server) -> Iterator[Callable[[float], float]]:
    """Give a function that lets two processes make transfers: how many per second."""
    python = _environment()
    name = server.cluster.create_database()
    environment = {**server.environment(), "PGDATABASE": name, "PYTHONPATH": str(HERE.parent)}
    command = [str(python), "-m", "bench.hordak.transfers"]
    subprocess.run([*command, "setup"], env=environment, check=True)
    with ExitStack() as stack:
        workers = [
            stack.enter_context(
                subprocess.Popen(
                    [*command, "serve"],
                    env=environment,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for _ in range(PROCESSES)
        ]
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"

        def rate(seconds: float) -> float:
            for worker in workers:
                assert worker.stdin is not None
                worker.stdin.write(f"{seconds}\n")
                worker.stdin.flush()
            return sum(map(_rate_of, workers))

        yield rate


def hordak_version() -> str:
    """Return the pinned version."""
    found = re.search(r"^django-hordak==(\S+)", REQUIREMENTS.read_text("utf-8"), re.MULTILINE)
    assert found is not None
    return found[1]


def _rate_of(worker: subprocess.Popen[str]) -> float:
    assert worker.stdout is not None
    count, elapsed = worker.stdout.readline().split()
    return float(count) / float(elapsed)


def _environment() -> Path:
    """Return the interpreter of the environment with the pinned packages, built when needed."""
    digest = sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = cache_folder("hordak") / digest
    python = folder / "bin" / "python"
    stamp = folder / "installed"
    if not stamp.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        subprocess.run([*pip, "--require-hashes", "-r", REQUIREMENTS], check=True)
        stamp.touch()
    return python
