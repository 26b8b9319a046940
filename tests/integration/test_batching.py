"""Batches on real databases: durable before the answer, nothing lost, nothing twice."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import insert, select

from ledger.batching import Batcher
from ledger.db import SYSTEM, Database, Work
from ledger.errors import Conflict, DomainError, RunFull
from ledger.web.models import IdempotencyKey

PATIENCE = 60  # seconds until a test that hangs fails


def keep(work: Work, names: Sequence[str]) -> list[str | DomainError]:
    """Write a row per name; names with an exclamation mark are refused, '?' is a mistake."""
    good = [name for name in names if not name.endswith("!")]
    if any(name.endswith("?") for name in good):
        raise ValueError("a mistake in the program")
    if good:
        # Any table will do; this one needs no other rows.
        row = {"actor_id": "test", "request_hash": "0" * 64, "status": 200, "body": ""}
        rows = [{**row, "key": name, "created_at": work.now} for name in good]
        work.session.execute(insert(IdempotencyKey), rows)
    return [f"kept {name}" if name in good else RunFull("Full.") for name in names]


def kept(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.scalars(select(IdempotencyKey.key).order_by(IdempotencyKey.key)))


def test_two_hundred_callers_lose_nothing_and_double_nothing(database: Database) -> None:
    batcher = Batcher(database, keep, limit=90)
    together = threading.Barrier(200)

    def call(caller: int) -> list[str]:
        together.wait(PATIENCE)
        got = []
        for turn in range(3):
            name = f"{caller:03}-{turn}" + ("!" if caller % 10 == 7 else "")
            if caller == 13 and turn == 1:
                name += "?"
            try:
                got.append(batcher.submit(name))
            except (RunFull, ValueError) as error:
                got.append(f"{type(error).__name__} {name}")
        return got

    with ThreadPoolExecutor(200) as pool:
        answers = list(pool.map(call, range(200)))
    expected = []
    for caller, got in enumerate(answers):
        names = [f"{caller:03}-{turn}" for turn in range(3)]
        if caller % 10 == 7:
            assert got == [f"RunFull {name}!" for name in names]
        elif caller == 13:
            assert got == [f"kept {names[0]}", f"ValueError {names[1]}?", f"kept {names[2]}"]
            expected += [names[0], names[2]]
        else:
            assert got == [f"kept {name}" for name in names]
            expected += names
    assert kept(database) == sorted(expected)


def test_it_is_durable_before_it_is_answered(database: Database) -> None:
    witness = Database(database.url)
    batcher = Batcher(database, keep)

    def call(caller: int) -> bool:
        name = f"{caller:02}"
        batcher.submit(name)
        return name in kept(witness)

    try:
        with ThreadPoolExecutor(16) as pool:
            assert all(pool.map(call, range(32)))
    finally:
        witness.dispose()


def test_what_a_unique_index_refuses_fails_nobody_else(database: Database) -> None:
    with database.work(SYSTEM) as work:
        keep(work, ["b"])
    gate = threading.Event()
    begun = threading.Event()
    all_there = threading.Barrier(4)

    def waiting_verb(work: Work, names: Sequence[str]) -> list[str | DomainError]:
        if names == ["first"]:
            begun.set()
            assert gate.wait(PATIENCE)
        return keep(work, names)

    batcher = Batcher(database, waiting_verb)

    def call(name: str) -> str:
        if name != "first":
            all_there.wait(PATIENCE)
        try:
            return batcher.submit(name)
        except Conflict as error:
            return type(error).__name__

    with ThreadPoolExecutor(4) as pool:
        leader = pool.submit(call, "first")
        assert begun.wait(PATIENCE)
        others = [pool.submit(call, name) for name in "abc"]
        all_there.wait(PATIENCE)
        gate.set()
        assert [one.result(PATIENCE) for one in others] == ["kept a", "Conflict", "kept c"]
        assert leader.result(PATIENCE) == "kept first"
    assert kept(database) == ["a", "b", "c", "first"]


def test_the_whole_batch_is_one_unit_of_work(database: Database) -> None:
    batcher = Batcher(database, keep)
    with pytest.raises(ValueError, match="a mistake"):
        batcher.submit("a?")
    assert kept(database) == []
    assert batcher.submit("a") == "kept a"
