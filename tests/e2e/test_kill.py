"""A power cut in the middle of an opening day: what was answered is there, once; nothing is half.

The real server, and the real PostgreSQL, are killed without a word while holders confirm.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ledger.db import Database
from ledger.migrations import upgrade
from tests import postgres
from tests.e2e.crowd import Crowd, Server, Wish, prove, receipt, serving, verified, wishes

HOLDERS, EACH = 6, 8


def whole_again(server: Server, database: Database, asked: list[Wish], crowd: Crowd) -> None:
    """Ask everything again with the same keys: who was answered before gets that answer."""
    answers = {}
    for wish in asked:
        answers[wish.enrolment_id] = server.confirm_until_answered(wish)
    for enrolment_id, before in crowd.answers.items():
        if before.status == 200:
            assert answers[enrolment_id].body == before.body
            assert answers[enrolment_id].headers["Idempotency-Replayed"] == "true"
    receipts = {receipt(answer)["id"] for answer in answers.values()}
    assert len(receipts) == len(asked)
    prove(database, list(answers))
    verified(server)


def test_the_server_is_killed(database: Database, database_url: str, tmp_path: Path) -> None:
    asked = wishes(database, HOLDERS, EACH)
    with serving(tmp_path, database_url, workers=2) as server:
        crowd = Crowd(server, asked[::-1])
        with crowd.rushing(threads=8):
            crowd.until(10)
            server.kill()
    assert {answer.status for answer in crowd.answers.values()} == {200}
    assert len(crowd.answers) < len(asked), "it was killed in the middle"
    with serving(tmp_path, database_url, workers=2) as server:
        whole_again(server, database, asked, crowd)


@pytest.fixture
def place() -> Iterator[Path]:
    """Give a short folder that PostgreSQL's user can use, too."""
    folder = Path(tempfile.mkdtemp(prefix="leerrekening-kill-", dir="/tmp"))
    identity = postgres.unprivileged()
    if identity:
        os.chown(folder, identity["user"], identity["group"])
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def start(place: Path) -> postgres.Cluster:
    """Start PostgreSQL on the same files, reached at the same address as before."""
    cluster = postgres.start(
        data=place / "data", settings={"fsync": "on", "full_page_writes": "on"}
    )
    address = place / "at"
    address.unlink(missing_ok=True)
    address.symlink_to(cluster.home)
    return cluster


def kill(cluster: postgres.Cluster) -> None:
    """Kill PostgreSQL with all its processes."""
    pid = cluster.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    cluster.process.send_signal(signal.SIGKILL)
    for child in children:
        with suppress(ProcessLookupError):
            os.kill(int(child), signal.SIGKILL)
    cluster.stop()


@pytest.mark.postgres
def test_postgresql_is_killed(place: Path, tmp_path: Path) -> None:
    cluster = start(place)
    try:
        name = cluster.create_database()
        url = cluster.server_url(name).replace(str(cluster.home), str(place / "at"))
        upgrade(url)
        database = Database(url)
        asked = wishes(database, HOLDERS, EACH)
        database.dispose()
        with serving(tmp_path, url, workers=2) as server:
            crowd = Crowd(server, asked[::-1])
            with crowd.rushing(threads=8):
                crowd.until(10)
                kill(cluster)
            answered = crowd.answers.values()
            assert {answer.status for answer in answered} <= {200, 503}
            late = [answer for answer in answered if answer.status == 503]
            assert {one.headers.get_content_type() for one in late} <= {"application/problem+json"}
            cluster = start(place)
            # The server was not restarted: it finds the database again by itself.
            whole_again(server, database, asked, crowd)
        database.dispose()
    finally:
        cluster.stop()
