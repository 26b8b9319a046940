"""Carrying out grants that were decided on: in steps, each a unit of work of its own.

A step handles the next rows of a batch in the order of their lines: it credits the accounts and
moves the batch's row, which says how far it is. So nobody is credited twice, whatever stops the
program, and the next step goes on where the last one ended. The batch's row is locked for the
length of a step: two who go on at the same time take turns.

A row that turned out impossible since it was checked is refused by name and the rest goes on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from ledger.accounts import history, lots
from ledger.accounts.journal import Receipt
from ledger.accounts.lots import Credit
from ledger.accounts.models import Account, Scheme
from ledger.db import Work, driver
from ledger.errors import Conflict
from ledger.funders.models import GrantBatch, GrantRow
from ledger.messages import N_
from ledger.sets import Question

STEP = 2_000  # rows: some tenths of a second, in which nobody else waits for long
REFUSALS = {
    "closed": N_("The account was closed meanwhile."),
    "expired": N_("The grant would have expired already."),
    "repeated": N_("A grant with this reference was made before."),
}
_GRANTED = Question(
    "SELECT key, (SELECT id FROM lot WHERE origin = 'grant' AND subject = key) FROM {keys}"
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How far a batch is; ``receipts`` are those of the last step, in the order of its rows."""

    batch_id: str
    status: str
    row_count: int
    total: int
    granted_count: int = 0
    granted_total: int = 0
    refused_count: int = 0
    receipts: tuple[Receipt, ...] = ()

    @property
    def handled(self) -> int:
        """Return the number of rows that were granted or refused."""
        return self.granted_count + self.refused_count

    @property
    def done(self) -> bool:
        """Tell whether there is nothing left to go on with."""
        return self.status != "granting"


class _Row(NamedTuple):
    line: int
    account_id: str
    amount: int
    expires_on: date | None
    reference: str | None
    closed: bool


def step(work: Work, scheme: Scheme, batch: GrantBatch) -> Outcome:
    """Handle the next rows of a batch that is being granted and is locked by this work.

    Raises InsufficientBalance when the fund falls short, WrongState when the scheme was closed,
    Conflict when the whole batch turned out impossible: then this step is undone.
    """
    rows = _next_rows(work.session, batch, STEP)
    refused = _refusals(work, scheme.id, rows)
    subjects = {row.line: subject(scheme.id, batch.id, row.line, row.reference) for row in rows}
    wanted = [
        Credit(
            row.account_id,
            row.amount,
            "grant",
            subjects[row.line],
            expires_on=row.expires_on,
            actor_id=batch.decided_by,
        )
        for row in rows
        if row.line not in refused
    ]
    receipts = lots.credit(work, scheme.id, wanted)
    _keep_refusals(work.session, batch.id, refused)
    batch.granted_count += len(wanted)
    batch.granted_total += sum(credit.amount for credit in wanted)
    batch.refused_count += len(refused)
    batch.handled_line = rows[-1].line if rows else batch.handled_line
    batch.moved_at = work.now
    if batch.granted_count + batch.refused_count == batch.row_count:
        if batch.granted_count == 0 and len(rows) == batch.row_count:
            # Nothing is done: better said to who decides on it than kept as if it were.
            raise Conflict(REFUSALS[next(iter(refused.values()))])
        _finish(work, scheme, batch)
    return outcome(batch, receipts)


def outcome(batch: GrantBatch, receipts: Sequence[Receipt] = ()) -> Outcome:
    """Return how far a batch is."""
    return Outcome(
        batch.id,
        batch.status,
        batch.row_count,
        batch.total,
        batch.granted_count,
        batch.granted_total,
        batch.refused_count,
        tuple(receipts),
    )


def subject(scheme_id: str, batch_id: str, line: int, reference: str | None) -> str:
    """Return the subject of a row's transaction: of its reference, which counts once per scheme."""
    if not reference:
        return f"{batch_id}:{line}"
    # Only a digest: what people write in a reference has no place in the books.
    digest = hashlib.sha256(reference.encode()).hexdigest()[:32]
    return f"{scheme_id}:{digest}"


def granted_subjects(session: Session, subjects: Sequence[str]) -> set[str]:
    """Return which of ``subjects`` were granted before."""
    if not subjects:
        return set()
    rows = _GRANTED.ask(driver(session), subjects)
    return {row[0] for row in rows if row[1] is not None}


def _next_rows(session: Session, batch: GrantBatch, limit: int) -> list[_Row]:
    rows = session.execute(
        select(
            GrantRow.line,
            GrantRow.account_id,
            GrantRow.amount,
            GrantRow.expires_on,
            GrantRow.reference,
            Account.closed_at.is_not(None),
        )
        .join(Account, Account.id == GrantRow.account_id)
        .where(GrantRow.batch_id == batch.id, GrantRow.line > batch.handled_line)
        .order_by(GrantRow.line)
        .limit(limit)
    )
    return [_Row._make(row) for row in rows]


def _refusals(work: Work, scheme_id: str, rows: Sequence[_Row]) -> dict[int, str]:
    """Return why rows cannot be granted any more, by line."""
    referenced = {
        subject(scheme_id, "", row.line, row.reference): row.line for row in rows if row.reference
    }
    before = granted_subjects(work.session, list(referenced))
    found = {referenced[one]: "repeated" for one in before}
    for row in rows:
        if row.closed:
            found[row.line] = "closed"
        elif row.expires_on is not None and row.expires_on < work.today:
            found[row.line] = "expired"
    return found


def _keep_refusals(session: Session, batch_id: str, refused: dict[int, str]) -> None:
    if refused:
        session.connection().execute(
            update(GrantRow)
            .where(GrantRow.batch_id == batch_id, GrantRow.line == bindparam("at"))
            .values(refusal=bindparam("why")),
            [{"at": line, "why": why} for line, why in refused.items()],
        )


def _finish(work: Work, scheme: Scheme, batch: GrantBatch) -> None:
    batch.status = "committed"
    history.record(
        work,
        batch.id,
        "grant_batch.committed",
        scheme_id=scheme.id,
        total=batch.granted_total,
        refused=batch.refused_count,
    )
