"""The databases that tests get: empty, migrated, their own, on the engine they ask for."""

from __future__ import annotations

import sqlite3
from datetime import UTC, date, datetime

import psycopg
import pytest
from sqlalchemy import func, insert, inspect, select, text
from sqlalchemy.exc import DBAPIError

from ledger import migrations
from ledger.accounts.models import Transaction
from ledger.db import Database
from tests import postgres


def test_database_is_migrated_and_of_the_engine_named(
    database: Database, request: pytest.FixtureRequest
) -> None:
    asked = request.node.callspec.params["new_database"]
    assert database.engine.dialect.name == asked
    assert migrations.current(database.engine) == migrations.head()
    assert "journal_posting" in inspect(database.engine).get_table_names()


def test_neither_door_for_questions_lets_anything_be_written(database: Database) -> None:
    write = "DELETE FROM event"
    with pytest.raises(DBAPIError), database.reading() as session:
        session.execute(text(write))
    for _ in range(2):
        with pytest.raises((psycopg.Error, sqlite3.Error)), database.asking() as connection:
            connection.execute(write)
    with database.asking() as connection:
        assert connection.execute("SELECT 1").fetchall() == [(1,)]
    with database.reading() as session:
        assert session.scalar(text("SELECT 1")) == 1


@pytest.mark.parametrize("turn", ["first", "second"])
def test_no_row_is_left_from_another_test(database: Database, turn: str) -> None:
    row = {
        "id": "txn_1",
        "kind": "pay",
        "subject": "statement_1",
        "actor_id": "system",
        "occurred_on": date(2026, 1, 31),
        "recorded_at": datetime(2026, 1, 31, tzinfo=UTC),
        "hash": bytes(32),
    }
    with database.engine.begin() as connection:
        # of all tables the one whose rows are hardest to get rid of
        left = connection.scalar(select(func.count()).select_from(Transaction))
        assert left == 0, f"seen at the {turn} turn"
        connection.execute(insert(Transaction), row)


@pytest.mark.parametrize("turn", ["first", "second"])
def test_no_table_is_left_from_another_test(database: Database, turn: str) -> None:
    with database.engine.begin() as connection:
        assert not inspect(connection).has_table("left_over"), f"seen at the {turn} turn"
        connection.execute(text("CREATE TABLE left_over (id TEXT)"))


@pytest.mark.postgres
def test_a_used_database_is_emptied_and_a_changed_one_is_dropped(
    postgres_cluster: postgres.Cluster, postgres_template: str
) -> None:
    used = postgres_cluster.lend_database(postgres_template)
    postgres_cluster.take_back(used, postgres_template)
    assert postgres_cluster.lend_database(postgres_template) == used

    with postgres_cluster.connect(used) as connection:
        connection.execute("ALTER TABLE journal_posting DISABLE TRIGGER USER")
    postgres_cluster.take_back(used, postgres_template)
    fresh = postgres_cluster.lend_database(postgres_template)
    assert fresh != used
    postgres_cluster.take_back(fresh, postgres_template)


def test_the_wheel_runs_where_the_system_has_no_postgresql() -> None:
    cluster = postgres.start("wheel")
    try:
        assert cluster.programs.origin == "wheel"
        database = Database(cluster.server_url(cluster.create_database()))
        with database.engine.connect() as connection:
            assert connection.scalar(text("SELECT 1")) == 1
        database.dispose()
    finally:
        cluster.stop()
    assert not cluster.home.exists()
    assert cluster.process.poll() is not None


def test_an_unknown_choice_of_postgresql_is_refused_in_words() -> None:
    with pytest.raises(postgres.Unavailable, match="say 'system' or 'wheel'"):
        postgres.find_programs("docker")


def test_absent_programs_are_reported_with_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(postgres, "_system_folder", lambda: None)
    monkeypatch.setattr(postgres, "_wheel_folder", lambda: None)
    with pytest.raises(postgres.Unavailable, match="apt-get install postgresql"):
        postgres.find_programs()
