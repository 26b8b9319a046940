"""Statements that are prepared once per connection, within the driver's transactions."""

from __future__ import annotations

from typing import Any, cast

import psycopg
import pytest
from psycopg.errors import ReadOnlySqlTransaction, UndefinedTable, UniqueViolation
from sqlalchemy.exc import OperationalError

from ledger.db import SYSTEM, Database, Work, driver, is_loss
from ledger.prepared import Prepared

WAITING = Prepared("INSERT INTO journal_unsealed VALUES (%s) RETURNING transaction_id")
ASKED = Prepared("SELECT transaction_id, NULL FROM journal_unsealed WHERE transaction_id = %s")


# SQLite's driver prepares by itself.
pytestmark = pytest.mark.parametrize("new_database", ["postgresql"], indirect=True)


def connection_of(work: Work) -> psycopg.Connection[Any]:
    return cast(psycopg.Connection[Any], driver(work.session))


def test_rows_are_seen_within_the_work_and_gone_when_it_is_undone(database: Database) -> None:
    class Undone(Exception):
        pass

    for _ in range(3):  # prepared once, and still there after each rollback
        with pytest.raises(Undone), database.work(SYSTEM) as work:
            connection = connection_of(work)
            assert WAITING.run(connection, ['it\'s "{new}" \\ ']) == [b'it\'s "{new}" \\ ']
            assert ASKED.run(connection, ['it\'s "{new}" \\ '])[1] is None
            raise Undone
    with database.work(SYSTEM) as work:
        assert ASKED.run(connection_of(work), ['it\'s "{new}" \\ ']) == []
        WAITING.run(connection_of(work), ["kept"])
    with database.reading() as session:
        assert ASKED.run(cast(psycopg.Connection[Any], driver(session)), ["kept"])


def test_refusals_are_the_drivers_own(database: Database) -> None:
    with pytest.raises(UniqueViolation), database.work(SYSTEM) as work:
        for _ in range(2):
            WAITING.run(connection_of(work), ["twice"])
    with pytest.raises(UndefinedTable), database.work(SYSTEM) as work:
        Prepared("SELECT 1 FROM nowhere WHERE %s = ''").run(connection_of(work), ["x"])


def test_who_only_reads_cannot_write(database: Database) -> None:
    with database.reading() as session, pytest.raises(ReadOnlySqlTransaction):
        WAITING.run(cast(psycopg.Connection[Any], driver(session)), ["no"])


def test_a_lost_server_is_noticed_and_the_next_work_has_another_connection(
    database: Database,
) -> None:
    outage = (psycopg.OperationalError, OperationalError)  # ours, or of undoing the work
    with pytest.raises(outage) as lost, database.work(SYSTEM) as work:
        connection = connection_of(work)
        ASKED.run(connection, ["x"])
        with database.work(SYSTEM) as other:
            connection_of(other).execute(
                "SELECT pg_terminate_backend(%s, 5000)", (connection.info.backend_pid,)
            )
        ASKED.run(connection, ["x"])
    assert is_loss(lost.value)
    with database.work(SYSTEM) as work:
        assert ASKED.run(connection_of(work), ["x"]) == []
