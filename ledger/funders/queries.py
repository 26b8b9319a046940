"""What funders look at while they work: payments, batches of grants, accrual runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from ledger import paging
from ledger.accounts.models import Account, User
from ledger.errors import NotFound
from ledger.funders.models import AccrualRun, BudgetPayment, GrantBatch, GrantRow
from ledger.messages import N_
from ledger.paging import Page

_LATEST = 100  # shown in one list; older ones are in the audit


@dataclass(frozen=True, slots=True)
class PaymentView:
    """Money that was paid in, in minor units of the scheme."""

    id: str
    reference: str
    amount: int
    received_on: date
    recorded_by: str  # name of a colleague, or the id that stands in the books


@dataclass(frozen=True, slots=True)
class BatchView:
    """A batch of grants; persons by name where they are still known."""

    id: str
    file_name: str | None
    row_count: int
    total: int
    needs_second: bool
    status: str
    made_by: str  # user id
    made_by_name: str
    made_at: datetime
    decided_by_name: str | None
    decided_at: datetime | None
    reason: str | None
    granted_count: int
    granted_total: int
    refused_count: int
    moved_at: datetime | None

    @property
    def handled(self) -> int:
        """Return the number of rows that were granted or refused."""
        return self.granted_count + self.refused_count


@dataclass(frozen=True, slots=True)
class BatchRowView:
    """One grant of a batch, with the account number as it was sent."""

    line: int
    account_number: str
    amount: int
    expires_on: date | None
    reference: str | None
    refusal: str | None  # why it was not granted, a code of granting.REFUSALS


@dataclass(frozen=True, slots=True)
class RunView:
    """What all runs of one period credited together."""

    period: str
    credited_count: int
    credited_total: int
    first_run_at: datetime
    last_run_at: datetime
    status: str  # running, done
    visited: int  # accounts, in the present or last pass
    to_visit: int


def payments(session: Session, scheme_id: str) -> tuple[PaymentView, ...]:
    """Return what was paid in, newest first, at most a hundred."""
    rows = session.execute(
        select(BudgetPayment, User.name)
        .outerjoin(User, User.id == BudgetPayment.recorded_by)
        .where(BudgetPayment.scheme_id == scheme_id)
        .order_by(BudgetPayment.received_on.desc(), BudgetPayment.id.desc())
        .limit(_LATEST)
    )
    return tuple(
        PaymentView(row.id, row.reference, row.amount, row.received_on, name or row.recorded_by)
        for row, name in rows
    )


def batches(session: Session, scheme_id: str) -> tuple[BatchView, ...]:
    """Return the batches of a scheme, newest first, at most a hundred."""
    return _batches(session, scheme_id, None)


def batch(session: Session, scheme_id: str, batch_id: str) -> BatchView:
    """Return one batch of a scheme. Raises NotFound."""
    found = _batches(session, scheme_id, batch_id)
    if not found:
        raise NotFound(N_("There is no such batch of grants."))
    return found[0]


def _batches(session: Session, scheme_id: str, batch_id: str | None) -> tuple[BatchView, ...]:
    maker, decider = aliased(User), aliased(User)
    query = (
        select(GrantBatch, maker.name, decider.name)
        .outerjoin(maker, maker.id == GrantBatch.made_by)
        .outerjoin(decider, decider.id == GrantBatch.decided_by)
        .where(GrantBatch.scheme_id == scheme_id)
        .order_by(GrantBatch.id.desc())
        .limit(_LATEST)
    )
    if batch_id is not None:
        query = query.where(GrantBatch.id == batch_id)
    return tuple(
        BatchView(
            id=row.id,
            file_name=row.file_name,
            row_count=row.row_count,
            total=row.total,
            needs_second=row.needs_second,
            status=row.status,
            made_by=row.made_by,
            made_by_name=made_by or row.made_by,
            made_at=row.made_at,
            decided_by_name=decided_by or row.decided_by,
            decided_at=row.decided_at,
            reason=row.reason,
            granted_count=row.granted_count,
            granted_total=row.granted_total,
            refused_count=row.refused_count,
            moved_at=row.moved_at,
        )
        for row, made_by, decided_by in session.execute(query)
    )


def batch_rows(
    session: Session, batch_id: str, cursor: str | None = None, size: int | None = None
) -> Page[BatchRowView]:
    """Return one page of the rows of a batch, by line."""
    limit = paging.size(size)
    after = paging.decode(cursor, 1)
    query = (
        select(GrantRow, Account.number)
        .join(Account, Account.id == GrantRow.account_id)
        .where(GrantRow.batch_id == batch_id)
        .order_by(GrantRow.line)
        .limit(limit + 1)
    )
    if after is not None:
        query = query.where(GrantRow.line > int(after[0]))
    views = [_batch_row(row, number) for row, number in session.execute(query)]
    return paging.page(views, limit, lambda view: (view.line,))


def refused_rows(session: Session, batch_id: str) -> tuple[BatchRowView, ...]:
    """Return the rows of a batch that turned out impossible, by line, at most a hundred."""
    query = (
        select(GrantRow, Account.number)
        .join(Account, Account.id == GrantRow.account_id)
        .where(GrantRow.batch_id == batch_id, GrantRow.refusal.is_not(None))
        .order_by(GrantRow.line)
        .limit(_LATEST)
    )
    return tuple(_batch_row(row, number) for row, number in session.execute(query))


def _batch_row(row: GrantRow, number: str) -> BatchRowView:
    return BatchRowView(row.line, number, row.amount, row.expires_on, row.reference, row.refusal)


def accrual_runs(session: Session, scheme_id: str) -> tuple[RunView, ...]:
    """Return the periods of a scheme that were run, newest first."""
    rows = session.scalars(
        select(AccrualRun)
        .where(AccrualRun.scheme_id == scheme_id)
        .order_by(AccrualRun.period.desc())
        .limit(_LATEST)
    )
    return tuple(
        RunView(
            row.period,
            row.credited_count,
            row.credited_total,
            row.first_run_at,
            row.last_run_at,
            row.status,
            row.visited,
            row.to_visit,
        )
        for row in rows
    )
