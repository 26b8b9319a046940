"""No room left: who asks is told so, nothing is half written; with room it goes on by itself."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from ledger.db import Database
from ledger.migrations import upgrade
from tests import postgres
from tests.e2e.crowd import Server, Wish, prove, serving, verified, wishes
from tests.e2e.product import Answer

HOLDERS, EACH = 4, 30
UNLIMITED = 2**40


def fill(server: Server, asked: list[Wish]) -> tuple[list[str], Answer, Wish]:
    """Confirm until there is no room; return what was confirmed, and the answer to the last."""
    done: list[str] = []
    for wish in asked:
        answer = server.confirm(wish)
        assert answer is not None
        if answer.status != 200:
            return done, answer, wish
        done.append(wish.enrolment_id)
    raise AssertionError("there was room for all of it")


def without_room(server: Server, database: Database, asked: list[Wish]) -> list[str]:
    """Fill the disk and say what is wrong with how that is told; return what was confirmed."""
    done, answer, refused = fill(server, asked)
    told(answer)
    others = [wish for wish in asked if wish.enrolment_id not in done]
    for wish in others[-3:]:
        again = server.confirm(wish)
        assert again is not None
        told(again)
    prove(database, done)
    assert refused.enrolment_id not in done
    return done


def told(answer: Answer) -> None:
    """Say what is wrong with a refusal for want of room."""
    assert answer.status in (503, 507), answer.text
    assert answer.headers.get_content_type() == "application/problem+json"
    assert json.loads(answer.body)["detail"].endswith(".")


def with_room(server: Server, database: Database, asked: list[Wish]) -> None:
    """Confirm everything, also what was refused before, with the same keys."""
    for wish in asked:
        server.confirm_until_answered(wish)
    prove(database, [wish.enrolment_id for wish in asked])
    verified(server)


def test_sqlite_has_no_room(sqlite_template: Path, tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(sqlite_template.read_bytes())
    database = Database(f"sqlite:///{path}")
    asked = wishes(database, HOLDERS, EACH)
    with closing(sqlite3.connect(path)) as connection:
        # Else its log has room that it would use again.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with serving(tmp_path, database.url, workers=1) as server:
        server.limit_files(path.stat().st_size)
        without_room(server, database, asked)
        server.limit_files(UNLIMITED)
        with_room(server, database, asked)
    database.dispose()


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """Give a folder that holds 128 MiB; a disk of one's own needs somebody who may mount."""
    folder = Path(tempfile.mkdtemp(prefix="leerrekening-disk-", dir="/tmp"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128m", "leerrekening", folder], capture_output=True
    )
    if mounted.returncode != 0:
        folder.rmdir()
        pytest.skip(f"mounting is not permitted here: {mounted.stderr.decode().strip()}")
    identity = postgres.unprivileged()
    if identity:
        os.chown(folder, identity["user"], identity["group"])
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
        folder.rmdir()


@pytest.mark.postgres
def test_postgresql_has_no_room(small_disk: Path, tmp_path: Path) -> None:
    cluster = postgres.start(data=small_disk / "data", settings={"wal_recycle": "off"})
    try:
        url = cluster.server_url(cluster.create_database())
        upgrade(url)
        database = Database(url)
        asked = wishes(database, HOLDERS, EACH)
        with serving(tmp_path, url, workers=1) as server:
            ballast = small_disk / "ballast"
            _occupy(ballast, leave=0)
            without_room(server, database, asked)
            ballast.unlink()
            with_room(server, database, asked)
        database.dispose()
    finally:
        cluster.stop()


def _occupy(ballast: Path, leave: int) -> None:
    """Write a file until only ``leave`` bytes are free."""
    room = os.statvfs(ballast.parent)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, room.f_bavail * room.f_frsize - leave)


@pytest.mark.postgres
def test_postgresql_says_that_there_is_no_room(
    postgres_cluster: postgres.Cluster, postgres_template: str, tmp_path: Path
) -> None:
    """The same answer from the server where nobody may mount: its own error of a full disk."""
    name = postgres_cluster.create_database(postgres_template)
    database = Database(postgres_cluster.server_url(name))
    asked = wishes(database, HOLDERS, 3)
    with serving(tmp_path, database.url, workers=1) as server:
        with postgres_cluster.connect(name) as connection:
            _full_after(connection, 12)
        without_room(server, database, asked)
        with postgres_cluster.connect(name) as connection:
            connection.execute("DROP TRIGGER full_disk ON journal_posting")
        with_room(server, database, asked)
    database.dispose()
    postgres_cluster.drop_database(name)


def _full_after(connection: psycopg.Connection[object], rows: int) -> None:
    """Let the table of postings take so many more rows, and then no more."""
    found = connection.execute("SELECT count(*) FROM journal_posting").fetchone()
    assert isinstance(found, tuple)
    most = sql.Literal(int(found[0]) + rows)
    connection.execute(
        sql.SQL(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " IF (SELECT count(*) FROM journal_posting) >= {} THEN RAISE EXCEPTION"
            " 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';"
            " END IF; RETURN NEW; END $$"
        ).format(most)
    )
    connection.execute(
        "CREATE TRIGGER full_disk BEFORE INSERT ON journal_posting"
        " FOR EACH ROW EXECUTE FUNCTION full_disk()"
    )
