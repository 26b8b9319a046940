"""A database of a version that this release does not know is named and left alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import inspect, text

from ledger import migrations
from ledger.db import Database
from ledger.errors import Conflict


@contextmanager
def at_version(database: Database, version: str) -> Iterator[None]:
    """Let the database say it is at ``version``; the same database is lent to other tests."""
    say = text("UPDATE alembic_version SET version_num = :version")
    with database.engine.begin() as connection:
        connection.execute(say, {"version": version})
    try:
        yield
    finally:
        with database.engine.begin() as connection:
            connection.execute(say, {"version": migrations.head()})


@pytest.mark.parametrize("version", ["0002", "9999"])  # before the first release; a later one
def test_an_unknown_version_is_refused_and_nothing_is_touched(
    database: Database, version: str
) -> None:
    before = sorted(inspect(database.engine).get_table_names())
    with at_version(database, version):
        with pytest.raises(Conflict) as refusal:
            migrations.upgrade(database.url)
        assert migrations.current(database.engine) == version
    assert version in str(refusal.value)
    assert "demo --reset" in str(refusal.value)
    assert sorted(inspect(database.engine).get_table_names()) == before


def test_the_newest_is_known_and_left_alone(database: Database) -> None:
    assert migrations.current(database.engine) == migrations.head()
    assert migrations.head() in migrations.known()
    migrations.upgrade(database.url)
    assert migrations.current(database.engine) == migrations.head()
