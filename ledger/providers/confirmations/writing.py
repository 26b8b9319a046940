"""What a confirmation changes besides the books: state, split, place and account.

Each change says what it rests on: the enrolment is still unconfirmed, the holder confirmed nothing
else meanwhile, the run has the places. Where that is no longer so the work is stale.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from ledger import sets
from ledger.sets import Change

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
_ZEROS = {"paid": "bigint", "released": "bigint", "clawed_back": "bigint"}
_ENROLMENTS = f"""
    UPDATE enrolment SET status = 'confirmed', own_share_cents = d.own_share_cents,
        confirmed_at = d.confirmed_at, cooling_off_until = d.cooling_off_until,
        hold_id = d.hold_id
    FROM {sets.unnest("d", _ENROLMENT)}
    WHERE enrolment.id = d.id AND enrolment.status IN ('requested', 'offered')
    RETURNING enrolment.id
"""  # noqa: S608 (our own names)
_ENROLMENTS_ON_SQLITE = (
    "UPDATE enrolment SET status = 'confirmed', own_share_cents = ?2, confirmed_at = ?3,"
    " cooling_off_until = ?4, hold_id = ?5 WHERE id = ?1 AND status IN ('requested', 'offered')"
)
_ACCOUNTS = f"""
    UPDATE account SET version = account.version + 1 FROM {sets.unnest("d", _ACCOUNT)}
    WHERE account.id = d.id AND account.version = d.version AND account.closed_at IS NULL
    RETURNING account.id
"""  # noqa: S608
_ACCOUNTS_ON_SQLITE = (
    "UPDATE account SET version = version + 1 WHERE id = ?1 AND version = ?2 AND closed_at IS NULL"
)
_RUNS = f"""
    UPDATE course_run SET taken = taken + d.places FROM {sets.unnest("d", _RUN)}
    WHERE course_run.id = d.id AND status = 'planned' AND taken + d.places <= capacity
    RETURNING course_run.id
"""  # noqa: S608
_RUNS_ON_SQLITE = (
    "UPDATE course_run SET taken = taken + ?2 WHERE id = ?1 AND status = 'planned'"
    " AND taken + ?2 <= capacity"
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


def changes(confirmations: Sequence[Confirmation]) -> list[Change]:
    """Return what has to change for all of them; the runs, which everybody wants, last."""
    enrolments: list[sets.Row] = [
        (c.enrolment_id, c.own_share_cents, c.confirmed_at, c.cooling_off_until, c.hold_id)
        for c in confirmations
    ]
    accounts = sorted((c.account_id, c.account_version) for c in confirmations)
    lines: list[sets.Row] = [
        (c.enrolment_id, *line, 0, 0, 0) for c in confirmations for line in c.lines
    ]
    runs = sorted(Counter(c.run_id for c in confirmations).items())
    return [
        Change("enrolments", _ENROLMENT, _ENROLMENTS, _ENROLMENTS_ON_SQLITE, enrolments),
        Change("accounts", _ACCOUNT, _ACCOUNTS, _ACCOUNTS_ON_SQLITE, accounts),
        sets.addition("enrolment_lines", "enrolment_line", {**_LINE, **_ZEROS}, lines),
        Change("runs", _RUN, _RUNS, _RUNS_ON_SQLITE, runs),
    ]
