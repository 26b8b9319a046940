"""The sealer gives every transaction one place, whoever writes, seals or crashes meanwhile."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from multiprocessing.synchronize import Event as ProcessEvent
from pathlib import Path
from threading import Event, current_thread
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from ledger import server
from ledger.accounts import journal
from ledger.accounts.models import LogEntry, Seal, SealKey, Unsealed
from ledger.accounts.seals import checkpoints, keys, merkle, sealer, tiles, turn, watch
from ledger.accounts.seals.keys import Keys
from ledger.accounts.seals.tiles import Edge
from ledger.accounts.seals.watch import Watch
from ledger.db import SYSTEM, Database
from ledger.errors import Conflict
from tests.factories import World
from tests.integration.sealing import Posted, assert_sealed, keys_in, late, rolled_up, summed

SECOND = timedelta(seconds=1)
TICK = timedelta(microseconds=1)


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


@pytest.fixture
def posted(world: World) -> Posted:
    return Posted(world)


@pytest.fixture
def kept(tmp_path: Path) -> Keys:
    return keys_in(tmp_path)


def seal(world: World, kept: Keys) -> Seal | None:
    return world.do(SYSTEM, lambda work: sealer.seal(work, kept.signer(work)))


def entries(database: Database) -> dict[str, LogEntry]:
    with database.reading() as session:
        return {entry.transaction_id: entry for entry in session.scalars(select(LogEntry))}


def count(database: Database, table: Any) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_places_are_dense_and_in_order(world: World, posted: Posted, kept: Keys) -> None:
    first = posted.post(3)
    sealed = seal(world, kept)
    assert sealed is not None and (sealed.size, sealed.sealed_at) == (4, world.now)
    world.later(seconds=1)
    posted.post(2)
    second = seal(world, kept)
    assert second is not None and second.size == 6
    assert_sealed(world.database, 6)
    log = entries(world.database)
    assert {log[one].counted_at for one in first} == {world.now - SECOND}


def test_nothing_that_waits_gives_no_seal(world: World, kept: Keys) -> None:
    assert seal(world, kept) is None
    posted = Posted(world)
    assert seal(world, kept) is not None
    assert seal(world, kept) is None
    assert list(sealer.rounds(world.database, kept)) == []
    assert_sealed(world.database, 1)
    posted.post()
    assert list(sealer.rounds(world.database, kept)) == [1]


def test_a_seal_takes_no_more_than_a_batch(
    world: World, posted: Posted, kept: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealer, "BATCH", 100)
    posted.post(599)
    assert list(sealer.rounds(world.database, kept)) == [100] * 6
    posted.post(30)
    assert list(sealer.rounds(world.database, kept)) == [30]
    assert_sealed(world.database, 630)
    with world.database.reading() as session:
        hash_of = tiles.hash_of(session)
        seals = session.scalars(select(Seal)).all()
        for one in seals:
            assert merkle.root(one.size, hash_of) == one.root
        leaf = session.scalars(select(LogEntry.leaf).where(LogEntry.position == 300)).one()
    path = merkle.inclusion(300, 630, hash_of)
    assert merkle.verify_inclusion(leaf, 300, 630, path, seals[-1].root)


def test_what_commits_late_is_sealed_next_and_counts_from_then(
    world: World, posted: Posted, kept: Keys
) -> None:
    with late(world, posted.entries(2)):
        earlier = seal(world, kept)
        assert earlier is not None and earlier.size == 1
    world.later(minutes=1)
    ontime = posted.post()
    assert seal(world, kept) is not None
    assert_sealed(world.database, 4)
    log = entries(world.database)
    assert log[ontime[0]].counted_at == world.now
    early = [entry for entry in log.values() if entry.position and entry.counted_at < world.now]
    assert [entry.counted_at for entry in early] == [earlier.sealed_at + TICK] * 2


def test_moments_of_seals_rise_when_the_clock_is_moved_back(
    world: World, posted: Posted, kept: Keys
) -> None:
    first = seal(world, kept)
    assert first is not None
    world.later(hours=-2)
    (back,) = posted.post()
    second = seal(world, kept)
    assert second is not None
    assert second.sealed_at == first.sealed_at + TICK == entries(world.database)[back].counted_at
    assert_sealed(world.database, 2)


def test_a_row_that_waits_for_no_transaction_stays_and_stops_nobody(
    world: World, posted: Posted, kept: Keys
) -> None:
    with world.database.engine.begin() as connection:
        connection.execute(insert(Unsealed), {"transaction_id": "txn_0"})
    posted.post(2)
    assert list(sealer.rounds(world.database, kept)) == [3]
    assert list(sealer.rounds(world.database, kept)) == [0]
    with world.database.reading() as session:
        assert session.scalars(select(Unsealed.transaction_id)).all() == ["txn_0"]


CRASHES: dict[str, tuple[Any, str]] = {
    "after the places": (Edge, "add"),
    "before the tiles": (sealer, "_keep"),
    "before the root": (Edge, "root"),
    "before the signature": (checkpoints, "make"),
}


@pytest.mark.parametrize("point", CRASHES)
def test_a_fault_halfway_leaves_nothing(
    world: World, posted: Posted, kept: Keys, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    def crash(*_: object) -> None:
        raise OSError("no space left")

    seal(world, kept)
    posted.post(300)
    before = rolled_up(world.database)
    with monkeypatch.context() as patch:
        patch.setattr(*CRASHES[point], crash)
        with pytest.raises(OSError, match="no space left"):
            list(sealer.rounds(world.database, kept))
    assert (count(world.database, LogEntry), count(world.database, Unsealed)) == (1, 300)
    assert (count(world.database, Seal), rolled_up(world.database)) == (1, before)
    assert list(sealer.rounds(world.database, kept)) == [300]
    assert_sealed(world.database, 301)


def die_halfway(url: str, folder: Path) -> None:
    """Seal in a process of its own that ends before it commits."""
    database = Database(url)
    kept = keys_in(folder)
    with database.work(SYSTEM) as work:
        done = sealer.seal(work, kept.signer(work))
        os._exit(3 if done else 4)


def test_a_process_that_dies_leaves_nothing(
    world: World, posted: Posted, kept: Keys, tmp_path: Path
) -> None:
    posted.post(5)
    world.do(SYSTEM, kept.signer)
    dying = spawn(die_halfway, world.database.url, tmp_path)
    dying.join(60)
    assert dying.exitcode == 3
    assert (count(world.database, LogEntry), count(world.database, Seal)) == (0, 0)
    assert list(sealer.rounds(world.database, kept, wait=True)) == [6]
    assert_sealed(world.database, 6)


def seal_until(url: str, folder: Path, stop: ProcessEvent) -> None:
    """Seal in a process of its own, over and over."""
    database = Database(url)
    kept = keys_in(folder)
    while not stop.wait(0.001):
        for _ in sealer.rounds(database, kept):
            continue
    database.dispose()


def spawn(target: Callable[..., None], *arguments: object) -> Any:
    process = multiprocessing.get_context("spawn").Process(target=target, args=arguments)
    process.start()
    return process


@pytest.mark.timeout(600)
def test_no_place_is_given_twice_or_left_out_whoever_writes_and_seals(
    world: World, posted: Posted, kept: Keys, tmp_path: Path
) -> None:
    stop = multiprocessing.get_context("spawn").Event()
    sealers = [spawn(seal_until, world.database.url, tmp_path, stop) for _ in range(2)]

    def write(entry: journal.Entry) -> None:
        world.database.perform(SYSTEM, journal.post_many, [entry])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, posted.entries(120)))
        list(pool.map(write, posted.entries(120)))
    stop.set()
    for process in sealers:
        process.join(120)
        assert process.exitcode == 0
    for _ in sealer.rounds(world.database, kept):
        continue
    assert_sealed(world.database, 241)
    assert count(world.database, SealKey) == 1


@pytest.mark.postgres
@pytest.mark.parametrize("new_database", ["postgresql"], indirect=True)  # SQLite has one writer
def test_the_turn_is_one_at_a_time(world: World, posted: Posted, kept: Keys) -> None:
    world.do(SYSTEM, kept.signer)
    with world.database.work(SYSTEM) as other:
        assert turn.take(other.session) and turn.take(other.session, wait=True)
        assert list(sealer.rounds(world.database, kept)) == [0]
        assert seal(world, kept) is None
        posted.post(2)  # writers do not wait for it
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(lambda: list(sealer.rounds(world.database, kept, wait=True)))
            other.session.rollback()
            assert waiting.result(60) == [3]
    assert_sealed(world.database, 3)


def test_roll_ups_are_the_sums_of_what_is_sealed(world: World, kept: Keys) -> None:
    one, two = Posted(world), Posted(world)
    one.post(10)
    seal(world, kept)
    sealed = summed(world.database)
    assert sealed[one.scheme_id, "payable", "org_1"] == 30
    assert sealed[one.scheme_id, "bank", ""] == -100_020
    two.post(4)
    assert rolled_up(world.database) == sealed != summed(world.database)
    seal(world, kept)
    assert rolled_up(world.database) == summed(world.database)


class Rounds:
    """Stands for sealing: fails as often as told, and tells when it went well."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.done = Event()
        self.threads: set[str] = set()

    def __call__(self, database: Database, kept: Keys) -> list[int]:
        self.threads.add(current_thread().name)
        if self.failures:
            raise self.failures.pop(0)
        self.done.set()
        return [1]


def test_failures_are_logged_and_tried_again(
    database: Database, kept: Keys, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    rounds = Rounds(Conflict("the key is gone"), OSError("no route to the database"))
    monkeypatch.setattr(sealer, "rounds", rounds)
    watching = Watch(database, kept, 0.001)
    watching.start()
    assert rounds.done.wait(60)
    watching.stop()
    assert rounds.threads == {"sealer"}
    assert "could not be sealed: the key is gone" in caplog.text
    assert "no route to the database" in caplog.text
    watching.stop()  # twice does no harm


def test_pauses_grow_with_failures_up_to_a_bound(
    database: Database, kept: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealer, "rounds", Rounds(*(OSError("down") for _ in range(8))))
    watching = Watch(database, kept, 1)
    pauses: list[float] = []

    class Stopping(Event):
        def wait(self, timeout: float | None = None) -> bool:
            pauses.append(timeout or 0)
            return len(pauses) == 10

    watching._stopping = Stopping()
    watching.start()
    watching._thread.join(60)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60, 1]
    assert max(pauses) == watch.LONGEST_PAUSE


def test_while_serving_the_journal_is_sealed(
    world: World, posted: Posted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Watch] = []
    monkeypatch.setattr(Watch, "start", lambda watching: started.append(watching))
    monkeypatch.setenv("LEERREKENING_INSTANCE_PATH", str(tmp_path))
    monkeypatch.setenv("LEERREKENING_DATABASE_URL", world.database.url)
    monkeypatch.setenv("LEERREKENING_SEAL_SECONDS", "0")
    server.application()
    assert started == []
    monkeypatch.delenv("LEERREKENING_SEAL_SECONDS")
    server.application()
    (watching,) = started
    monkeypatch.undo()
    done, wanted = Event(), sealer.rounds

    def rounds(database: Database, kept: Keys) -> list[int]:
        counts = list(wanted(database, kept))
        done.set()
        return counts

    monkeypatch.setattr(sealer, "rounds", rounds)
    watching.start()
    assert done.wait(60)
    watching.stop()
    with world.database.reading() as session:
        sealed = sealer.newest(session)
        key = keys.current(session)
    assert sealed is not None and key is not None
    assert (sealed.size, sealed.key_id) == (1, key.id)
    assert checkpoints.read(sealed.note).origin == "127.0.0.1/journal"
    assert (tmp_path / "keys" / f"seal-{key.id}.pem").is_file()
