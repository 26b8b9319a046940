"""Proof of the funders' side: what was paid in and granted, against the journal."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ledger.accounts.models import Lot, Posting, Transaction
from ledger.accounts.verification.finding import Check, Finding, stream
from ledger.funders.models import AccrualRun, BudgetPayment, GrantBatch, GrantRow
from ledger.messages import N_, Message


def payments(session: Session) -> Iterator[Finding]:
    """Every payment stands in the journal with its amount, and no pay-in is without payment."""
    posted = (
        select(Transaction.subject, Posting.scheme_id, Posting.amount)
        .join(Posting, Posting.transaction_id == Transaction.id)
        .where(Transaction.kind == "pay_in", Posting.bucket == "fund")
        .subquery()
    )
    rows = stream(
        session,
        select(BudgetPayment.id, posted.c.subject)
        .outerjoin(
            posted,
            (posted.c.subject == BudgetPayment.id)
            & (posted.c.scheme_id == BudgetPayment.scheme_id)
            & (posted.c.amount == BudgetPayment.amount),
        )
        .where(posted.c.subject.is_(None)),
    )
    for row in rows:
        text = Message(N_("it was paid in, but the journal does not say so"))
        yield Finding("budget_payment", row.id, text)
    unpaid = ~select(BudgetPayment.id).where(BudgetPayment.id == Transaction.subject).exists()
    for (transaction_id,) in stream(
        session, select(Transaction.id).where(Transaction.kind == "pay_in", unpaid)
    ):
        text = Message(N_("it pays in, but there is no such payment"))
        yield Finding("journal_transaction", transaction_id, text)


def batches(session: Session) -> Iterator[Finding]:
    """The rows of a batch are its count and total."""
    rows = stream(
        session,
        select(GrantBatch.id)
        .join(GrantRow, GrantRow.batch_id == GrantBatch.id)
        .group_by(GrantBatch.id, GrantBatch.row_count, GrantBatch.total)
        .having(
            (func.count() != GrantBatch.row_count) | (func.sum(GrantRow.amount) != GrantBatch.total)
        ),
    )
    for row in rows:
        text = Message(N_("its rows are not the number or the total that was decided on"))
        yield Finding("grant_batch", row.id, text)


def accruals(session: Session) -> Iterator[Finding]:
    """What an accrual run says that it credited is what lots were credited for its period."""
    for run in session.scalars(select(AccrualRun).order_by(AccrualRun.id)):
        count, total = session.execute(
            select(func.count(), func.coalesce(func.sum(Lot.credited), 0)).where(
                Lot.origin == "accrual",
                Lot.scheme_id == run.scheme_id,
                Lot.subject.like(f"{run.scheme_id}:%:{run.period}"),
            )
        ).one()
        if (count, total) != (run.credited_count, run.credited_total):
            text = Message(N_("it says it credited something else than the lots of its period"))
            yield Finding("accrual_run", run.id, text)


CHECKS = (
    Check(N_("payments of funders"), payments),
    Check(N_("grants decided together"), batches),
    Check(N_("accrual per period"), accruals),
)
