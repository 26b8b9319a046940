"""A private PostgreSQL cluster on a real disk with fsync on, and pgbench beside it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests import postgres

CACHE = Path(__file__).resolve().parent / ".cache"
SCALE = 10  # of pgbench: a million accounts
CLIENTS = 8
# What an operator would set on a small server; the same for ours and for every yardstick.
SETTINGS = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
}
NO_PGBENCH = (
    "pgbench is missing: it comes with the system's PostgreSQL and not with the Python package."
    " On Debian or Ubuntu: sudo apt-get install postgresql."
)
NO_DISK = (
    "There is no folder on a real disk that we and PostgreSQL can write in; set TMPDIR to one."
)
_RAM = ("tmpfs", "ramfs")


@dataclass(frozen=True)
class Server:
    """A running cluster with the pgbench that measures it."""

    cluster: postgres.Cluster
    pgbench: Path

    def url(self, database: str) -> str:
        """Return the SQLAlchemy URL of a database."""
        return self.cluster.server_url(database)

    def environment(self) -> dict[str, str]:
        """Return the environment in which PostgreSQL's own programs find this server."""
        port = str(postgres.SOCKET_PORT)
        own = {"PGHOST": str(self.cluster.home), "PGPORT": port, "PGUSER": "postgres"}
        return {**os.environ, **own}

    def pgbench_database(self) -> str:
        """Make a database with pgbench's own tables and return its name."""
        name = self.cluster.create_database()
        self._pgbench("--initialize", f"--scale={SCALE}", "--quiet", name)
        return name

    def pgbench_rate(self, database: str, seconds: float, *options: str) -> float:
        """Return the transactions per second of pgbench with prepared statements, 8 clients."""
        said = self._pgbench(
            "--no-vacuum",
            "--protocol=prepared",
            f"--client={CLIENTS}",
            "--jobs=2",
            f"--time={max(1, round(seconds))}",
            *options,
            database,
        )
        found = re.search(r"tps = ([\d.]+)", said)
        assert found is not None, said
        return float(found[1])

    def _pgbench(self, *arguments: str) -> str:
        done = subprocess.run(
            [self.pgbench, *arguments], env=self.environment(), capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(f"pgbench failed:\n{done.stderr}")
        return done.stdout


@contextmanager
def running(
    kept: str | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Start a server whose databases lie on a real disk; they are kept under the name ``kept``.

    Raises Unavailable with what to do when there is no PostgreSQL, pgbench or disk.
    """
    found = postgres.find_programs()
    own = found.folder / "pgbench"
    pgbench = own if own.exists() else Path(shutil.which("pgbench") or "")
    if not pgbench.name:
        raise postgres.Unavailable(NO_PGBENCH)
    folder = _folder(kept)
    try:
        cluster = postgres.start(data=folder, settings=SETTINGS, environment=environment)
        try:
            yield Server(cluster, pgbench)
        finally:
            cluster.stop()
    finally:
        if kept is None:
            shutil.rmtree(folder, ignore_errors=True)


def forget(pattern: str) -> None:
    """Remove kept databases whose name fits ``pattern`` and that no server is using."""
    for parent in _parents():
        for folder in parent.glob(pattern):
            if not (folder / "postmaster.pid").exists():
                shutil.rmtree(folder, ignore_errors=True)


def _folder(kept: str | None) -> Path:
    """Return a folder on a disk that the server's user may write in."""
    forget("cluster-*")  # of runs that were broken off
    for parent in _parents():
        try:
            parent.mkdir(parents=True, exist_ok=True)
            made = kept is not None and (parent / kept).is_dir()
            folder = parent / kept if kept else Path(tempfile.mkdtemp("", "cluster-", parent))
            folder.mkdir(mode=0o700, exist_ok=True)
        except OSError:
            continue
        identity = postgres.unprivileged()
        if identity and not made:
            os.chown(folder, identity["user"], identity["group"])
        # An own home directory is closed to the user that root's PostgreSQL runs as.
        trial = subprocess.run(["test", "-w", folder], cwd="/", **identity)
        if trial.returncode == 0:
            return folder
        folder.rmdir()
    raise postgres.Unavailable(NO_DISK)


def _parents() -> list[Path]:
    apart = f"leerrekening-bench-{os.geteuid()}"
    places = (CACHE, Path(tempfile.gettempdir()) / apart, Path("/var/tmp") / apart)  # noqa: S108
    return [place for place in places if _kind_of(place) not in _RAM]


def _kind_of(path: Path) -> str:
    """Return the kind of file system below ``path``, '' where the system does not tell."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return ""
    best, kind = "", ""
    for line in mounts.read_text("utf-8").splitlines():
        _, point, found, *_ = line.split()
        if path.is_relative_to(point) and len(point) >= len(best):
            best, kind = point, found
    return kind


def disk() -> Path:
    """Return a folder of ours on a real disk. Raises Unavailable."""
    for parent in _parents():
        with suppress(OSError):
            parent.mkdir(parents=True, exist_ok=True)
            return parent
    raise postgres.Unavailable(NO_DISK)


def cache_folder(name: str) -> Path:
    """Return a folder in the cache, made when it was not there."""
    folder = CACHE / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder
