"""Proof of the funders' side: what was paid in and granted, against the journal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Select, and_, case, func, or_, select, tuple_
from sqlalchemy.orm import Session

from ledger.accounts.models import Lot, Posting, Transaction
from ledger.accounts.verification.finding import Check, Finding, stream
from ledger.db import driver
from ledger.funders import granting
from ledger.funders.models import (
    AccrualRun,
    BudgetPayment,
    GrantBatch,
    GrantRow,
    Round,
    RoundRequest,
)
from ledger.messages import N_, Message
from ledger.sets import Question

_READ = 5_000  # rows of grants looked at together
_LOTS = Question(
    "SELECT subject, account_id, credited FROM lot WHERE origin = 'grant' AND subject {among}"
)


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
    """The rows of a batch are its count and total, and as many are handled as it says."""
    granted = and_(GrantRow.line <= GrantBatch.handled_line, GrantRow.refusal.is_(None))
    begun = GrantBatch.status.in_(("granting", "committed"))
    rows = stream(
        session,
        select(GrantBatch.id, GrantBatch.row_count, GrantBatch.total)
        .outerjoin(GrantRow, GrantRow.batch_id == GrantBatch.id)
        .group_by(GrantBatch.id)
        .having(
            or_(
                func.count(GrantRow.line) != GrantBatch.row_count,
                func.coalesce(func.sum(GrantRow.amount), 0) != GrantBatch.total,
                func.count(case((and_(begun, granted), 1))) != GrantBatch.granted_count,
                func.sum(case((and_(begun, granted), GrantRow.amount), else_=0))
                != GrantBatch.granted_total,
                func.count(GrantRow.refusal) != GrantBatch.refused_count,
            )
        ),
    )
    for row in rows:
        text = Message(N_("its rows are not the number or the total that it says"))
        yield Finding("grant_batch", row.id, text)


def grants(session: Session) -> Iterator[Finding]:
    """Every row that was granted stands in a lot, with its account and amount."""
    text = Message(N_("it was granted, but there is no such lot"))
    last = ("", 0)
    while True:
        rows = session.execute(_granted_rows(last)).all()
        if not rows:
            return
        last = (rows[-1].batch_id, rows[-1].line)
        subjects = [
            granting.subject(row.scheme_id, row.batch_id, row.line, row.reference) for row in rows
        ]
        found = {row[0]: row[1:] for row in _LOTS.ask(driver(session), subjects)}
        for row, subject in zip(rows, subjects, strict=True):
            if found.get(subject) != (row.account_id, row.amount):
                yield Finding("grant_row", f"{row.batch_id}:{row.line}", text)


def _granted_rows(after: tuple[str, int]) -> Select[*tuple[Any, ...]]:
    return (
        select(
            GrantRow.batch_id,
            GrantRow.line,
            GrantRow.account_id,
            GrantRow.amount,
            GrantRow.reference,
            GrantBatch.scheme_id,
        )
        .join(GrantBatch, GrantBatch.id == GrantRow.batch_id)
        .where(
            tuple_(GrantRow.batch_id, GrantRow.line) > after,
            GrantBatch.status.in_(("granting", "committed")),
            GrantRow.line <= GrantBatch.handled_line,
            GrantRow.refusal.is_(None),
        )
        .order_by(GrantRow.batch_id, GrantRow.line)
        .limit(_READ)
    )


def accruals(session: Session) -> Iterator[Finding]:
    """What an accrual run says that it credited is what lots were credited for its period."""
    # The subject is scheme:account:period.
    period = func.substr(Lot.subject, func.length(Lot.scheme_id) + func.length(Lot.account_id) + 3)
    rows = session.execute(
        select(Lot.scheme_id, period, func.count(), func.sum(Lot.credited))
        .where(Lot.origin == "accrual")
        .group_by(Lot.scheme_id, period)
    )
    credited = {(scheme_id, of): (count, int(total)) for scheme_id, of, count, total in rows}
    for run in session.scalars(select(AccrualRun).order_by(AccrualRun.id)):
        said = (run.credited_count, run.credited_total)
        if credited.get((run.scheme_id, run.period), (0, 0)) != said:
            text = Message(N_("it says it credited something else than the lots of its period"))
            yield Finding("accrual_run", run.id, text)


def rounds(session: Session) -> Iterator[Finding]:
    """A round granted what its requests got, and each request stands in a lot."""
    requests = (
        select(
            RoundRequest.round_id,
            func.count().label("number"),
            func.sum(RoundRequest.amount).label("total"),
        )
        .group_by(RoundRequest.round_id)
        .subquery()
    )
    rows = stream(
        session,
        select(Round.id)
        .outerjoin(requests, requests.c.round_id == Round.id)
        .where(
            or_(
                func.coalesce(requests.c.number, 0) != Round.request_count,
                func.coalesce(requests.c.total, 0) != Round.granted,
            )
        ),
    )
    for row in rows:
        text = Message(N_("it says it granted something else than its requests got"))
        yield Finding("grant_round", row.id, text)
    for row in stream(session, _requests_without_money()):
        text = Message(N_("it was granted, but there is no such lot"))
        yield Finding("round_request", row.id, text)


def _requests_without_money() -> Select[*tuple[Any, ...]]:
    return (
        select(RoundRequest.id)
        .outerjoin(Round, Round.id == RoundRequest.round_id)
        .outerjoin(
            Transaction,
            and_(
                Transaction.id == RoundRequest.transaction_id,
                Transaction.kind == "grant",
                Transaction.subject == RoundRequest.id,
            ),
        )
        .outerjoin(
            Lot,
            and_(
                Lot.origin == "grant",
                Lot.subject == RoundRequest.id,
                Lot.account_id == RoundRequest.account_id,
                Lot.scheme_id == Round.scheme_id,
                Lot.credited == RoundRequest.amount,
            ),
        )
        .where(or_(Round.id.is_(None), Transaction.id.is_(None), Lot.id.is_(None)))
    )


CHECKS = (
    Check(N_("payments of funders"), payments),
    Check(N_("grants decided together"), batches),
    Check(N_("grants and their lots"), grants),
    Check(N_("accrual per period"), accruals),
    Check(N_("rounds and their requests"), rounds),
)
