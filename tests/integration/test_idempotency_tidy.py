"""Old answers to API calls are forgotten in small steps, young ones never."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from sqlalchemy import insert, select

from ledger import cli, clock
from ledger.db import SYSTEM, Database
from ledger.web.models import IdempotencyKey


def keep(database: Database, *ages: int) -> None:
    row = {"actor_id": "usr_1", "request_hash": "0" * 64, "status": 200, "body": "{}"}
    with database.work(SYSTEM) as work:
        rows = [
            {**row, "key": f"{age} days", "created_at": work.now - clock.days(age)} for age in ages
        ]
        work.session.execute(insert(IdempotencyKey), rows)


def kept(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.scalars(select(IdempotencyKey.key).order_by(IdempotencyKey.key)))


def test_what_is_older_than_a_month_is_forgotten(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "_TIDIED_AT_ONCE", 2)
    keep(database, 0, 29, 31, 40, 41, 42, 400)
    done = CliRunner().invoke(cli.tidy, ["--days", "41"], obj=database)
    assert done.output == "Forgot 3 answers to API calls older than 41 days.\n"
    assert kept(database) == ["0 days", "29 days", "31 days", "40 days"]
    done = CliRunner().invoke(cli.tidy, obj=database)
    assert done.output == "Forgot 2 answers to API calls older than 30 days.\n"
    assert kept(database) == ["0 days", "29 days"]


def test_less_than_what_was_promised_cannot_be_asked(database: Database) -> None:
    keep(database, 20)
    done = CliRunner().invoke(cli.tidy, ["--days", "10"], obj=database)
    assert done.exit_code != 0
    assert kept(database) == ["20 days"]
