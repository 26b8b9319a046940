"""Writing confirmed enrolments: state, split, place and account, together in one statement.

Each change says what it rests on: the enrolment is still unconfirmed, the holder confirmed nothing
else meanwhile, the run has the places. Where that is no longer so the work is stale.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import psycopg

from ledger import sets
from ledger.db import Stale
from ledger.sets import Connection

_ENROLMENT = {
    "id": "text",
    "own_share_cents": "bigint",
    "confirmed_at": "timestamptz",
    "cooling_off_until": "date",
    "hold_id": "text",
}
_LINE = {
    "enrolment_id": "text",
    "lot_id": "text",
    "position": "bigint",
    "scheme_id": "text",
    "rule_id": "text",
    "unit": "text",
    "held": "bigint",
}
_ACCOUNT = {"id": "text", "version": "bigint"}
_RUN = {"id": "text", "places": "bigint"}
_ZEROS = "paid, released, clawed_back"

_ON_POSTGRESQL = f"""
    WITH enrolments AS (
        UPDATE enrolment SET status = 'confirmed', own_share_cents = d.own_share_cents,
            confirmed_at = d.confirmed_at, cooling_off_until = d.cooling_off_until,
            hold_id = d.hold_id
        FROM {sets.unnest("d", _ENROLMENT)}
        WHERE enrolment.id = d.id AND enrolment.status IN ('requested', 'offered')
        RETURNING enrolment.id
    ), accounts AS (
        UPDATE account SET version = account.version + 1 FROM {sets.unnest("d", _ACCOUNT)}
        WHERE account.id = d.id AND account.version = d.version AND account.closed_at IS NULL
        RETURNING account.id
    ), lines AS (
        INSERT INTO enrolment_line ({", ".join(_LINE)}, {_ZEROS})
        SELECT {", ".join(_LINE)}, 0, 0, 0 FROM {sets.unnest("r", _LINE)}
    ), runs AS (
        UPDATE course_run SET taken = taken + d.places FROM {sets.unnest("d", _RUN)}
        WHERE course_run.id = d.id AND status = 'planned' AND taken + d.places <= capacity
        RETURNING course_run.id
    )
    SELECT (SELECT count(*) FROM enrolments), (SELECT count(*) FROM accounts),
        (SELECT count(*) FROM runs)
""".encode()  # noqa: S608 (our own names)
_ON_SQLITE = (
    "UPDATE enrolment SET status = 'confirmed', own_share_cents = ?2, confirmed_at = ?3,"
    " cooling_off_until = ?4, hold_id = ?5 WHERE id = ?1 AND status IN ('requested', 'offered')",
    "UPDATE account SET version = version + 1 WHERE id = ?1 AND version = ?2 AND closed_at IS NULL",
    "UPDATE course_run SET taken = taken + ?2 WHERE id = ?1 AND status = 'planned'"
    " AND taken + ?2 <= capacity",
)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What is written for one enrolment; a line: lot, position, scheme, rule, unit, amount."""

    enrolment_id: str
    account_id: str
    account_version: int
    run_id: str
    own_share_cents: int
    confirmed_at: datetime
    cooling_off_until: date | None
    hold_id: str | None
    lines: Sequence[tuple[str, int, str, str, str, int]]


def write(connection: Connection, confirmations: Sequence[Confirmation]) -> None:
    """Write all of them. Raises Stale when something they rest on has changed meanwhile."""
    enrolments: list[sets.Row] = [
        (c.enrolment_id, c.own_share_cents, c.confirmed_at, c.cooling_off_until, c.hold_id)
        for c in confirmations
    ]
    accounts = sorted((c.account_id, c.account_version) for c in confirmations)
    lines: list[sets.Row] = [(c.enrolment_id, *line) for c in confirmations for line in c.lines]
    runs = sorted(Counter(c.run_id for c in confirmations).items())
    if isinstance(connection, sqlite3.Connection):
        done = _on_sqlite(connection, enrolments, accounts, lines, runs)
    else:
        done = _on_postgresql(connection, enrolments, accounts, lines, runs)
    if done != (len(enrolments), len(accounts), len(runs)):
        raise Stale(f"{done} of {len(enrolments)} enrolments, accounts and their runs")


def _on_postgresql(
    connection: psycopg.Connection[tuple[int, int, int]],
    enrolments: Sequence[sets.Row],
    accounts: Sequence[sets.Row],
    lines: Sequence[sets.Row],
    runs: Sequence[sets.Row],
) -> tuple[int, int, int]:
    parameters = [
        *sets.columns(enrolments, len(_ENROLMENT)),
        *sets.columns(accounts, len(_ACCOUNT)),
        *sets.columns(lines, len(_LINE)),
        *sets.columns(runs, len(_RUN)),
    ]
    row = connection.execute(_ON_POSTGRESQL, parameters, prepare=True).fetchone()
    return row or (0, 0, 0)


def _on_sqlite(
    connection: sqlite3.Connection,
    enrolments: Sequence[sets.Row],
    accounts: Sequence[sets.Row],
    lines: Sequence[sets.Row],
    runs: Sequence[sets.Row],
) -> tuple[int, int, int]:
    done = [
        connection.executemany(statement, [tuple(map(sets.stored, row)) for row in rows]).rowcount
        for statement, rows in zip(_ON_SQLITE, (enrolments, accounts, runs), strict=True)
    ]
    zeros = dict.fromkeys(_ZEROS.split(", "), "bigint")
    sets.insert(
        connection, "enrolment_line", {**_LINE, **zeros}, [(*row, 0, 0, 0) for row in lines]
    )
    return done[0], done[1], done[2]
