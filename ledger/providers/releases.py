"""Paying providers, the second step: another person releases a statement, and the books follow.

Per scheme: payable → bank for what is paid, bank → receivable for what is netted. Together the
bank postings are what is transferred.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ledger.accounts import history, journal
from ledger.accounts.models import Posting
from ledger.db import Work
from ledger.errors import AlreadyDone, FourEyes, NotFound, WrongState
from ledger.messages import N_
from ledger.money import EUR
from ledger.providers.models import Declaration, Statement, StatementLine
from ledger.providers.payouts import locked_provider, operator_only, payable_iban, person


def release(work: Work, statement_id: str) -> journal.Receipt:
    """Pay a prepared statement: payable → bank per scheme, and receivable netted.

    Raises Forbidden, NotFound, FourEyes for the person who prepared it, AlreadyDone when it was
    released, WrongState when something on it was put on hold since.
    """
    operator_only(work)
    statement = work.session.scalars(
        select(Statement).where(Statement.id == statement_id).with_for_update()
    ).one_or_none()
    if statement is None:
        raise NotFound(N_("There is no such statement."))
    if statement.status == "paid":
        raise AlreadyDone(N_("This statement was released before."))
    if person(work) == statement.prepared_by:
        raise FourEyes(N_("Someone else has to release this statement: you prepared it."))
    payable_iban(locked_provider(work, statement.provider_id))
    lines = _lines(work.session, statement_id)
    if any(row.kind == "settlement" and row.status != "payable" for row, _ in lines):
        raise WrongState(N_("Something on this statement was put on hold. Look at its lines."))
    entry = journal.Entry("pay", statement_id, _payment_lines(work.session, statement, lines))
    receipt = journal.post(work, entry)
    for declaration, amount in lines:
        _conclude(work, statement, declaration, amount)
    statement.status = "paid"
    statement.released_by = person(work)
    statement.released_at = work.now
    history.record(work, statement_id, "statement_released", total=statement.total_cents)
    work.session.flush()
    return receipt


def _lines(session: Session, statement_id: str) -> list[tuple[Declaration, int]]:
    rows = session.execute(
        select(Declaration, StatementLine.amount_cents)
        .join(StatementLine, StatementLine.declaration_id == Declaration.id)
        .where(StatementLine.statement_id == statement_id)
        .order_by(Declaration.id)
        .with_for_update(of=Declaration)
    )
    return [(declaration, amount) for declaration, amount in rows]


def _payment_lines(
    session: Session, statement: Statement, lines: Sequence[tuple[Declaration, int]]
) -> tuple[journal.Line, ...]:
    """Return the postings per scheme, in the order of scheme ids."""
    owed = _per_scheme(
        session, [row.transaction_id for row, _ in lines if row.kind == "settlement"], "payable"
    )
    netted: dict[str, int] = defaultdict(int)
    for row, amount in lines:
        if row.kind == "clawback":
            for scheme_id, part in _share_of_clawback(session, row, -amount).items():
                netted[scheme_id] += part
    postings = []
    for scheme_id in sorted(owed.keys() | netted.keys()):
        for bucket, amount in (
            ("payable", -owed.get(scheme_id, 0)),
            ("receivable", netted.get(scheme_id, 0)),
            ("bank", owed.get(scheme_id, 0) - netted.get(scheme_id, 0)),
        ):
            if amount:
                provider = None if bucket == "bank" else statement.provider_id
                postings.append(journal.Line(bucket, amount, scheme_id, EUR, provider_id=provider))
    paid = sum(line.amount for line in postings if line.bucket == "bank")
    if paid != statement.total_cents:
        raise ValueError(f"{statement.number}: the books say {paid}, the statement says otherwise")
    return tuple(postings)


def _per_scheme(session: Session, transaction_ids: Sequence[str], bucket: str) -> dict[str, int]:
    """Return per scheme what these transactions put into a bucket, in cents."""
    sums: dict[str, int] = defaultdict(int)
    for start in range(0, len(transaction_ids), 500):
        rows = session.execute(
            select(Posting.scheme_id, func.sum(Posting.amount))
            .where(
                Posting.transaction_id.in_(transaction_ids[start : start + 500]),
                Posting.bucket == bucket,
                Posting.unit == EUR,
            )
            .group_by(Posting.scheme_id)
        )
        for scheme_id, amount in rows:
            sums[scheme_id] += int(amount)
    return dict(sums)


def _share_of_clawback(session: Session, declaration: Declaration, amount: int) -> dict[str, int]:
    """Return from which schemes' receivables ``amount`` is netted, after what was netted before."""
    before = session.execute(
        select(func.coalesce(-func.sum(StatementLine.amount_cents), 0))
        .join(Statement, Statement.id == StatementLine.statement_id)
        .where(StatementLine.declaration_id == declaration.id, Statement.status == "paid")
    ).scalar_one()
    skip = int(before)
    shares: dict[str, int] = {}
    claims = _per_scheme(session, [declaration.transaction_id], "receivable")
    for scheme_id, claim in sorted(claims.items()):
        left = -claim - min(skip, -claim)
        skip -= -claim - left
        part = min(left, amount)
        amount -= part
        if part:
            shares[scheme_id] = part
    return shares


def _conclude(work: Work, statement: Statement, declaration: Declaration, amount: int) -> None:
    if declaration.kind == "settlement":
        declaration.status = "paid"
        history.record(work, declaration.id, "declaration_paid", statement_id=statement.id)
        history.record(work, declaration.enrolment_id, "settled", statement_id=statement.id)
        return
    netted = work.session.execute(
        select(-func.sum(StatementLine.amount_cents))
        .join(Statement, Statement.id == StatementLine.statement_id)
        .where(
            StatementLine.declaration_id == declaration.id,
            (Statement.status == "paid") | (Statement.id == statement.id),
        )
    ).scalar_one()
    history.record(
        work, declaration.id, "clawback_netted", statement_id=statement.id, amount=-amount
    )
    if int(netted) == declaration.amount_cents:
        settlement = work.session.scalars(
            select(Declaration).where(
                Declaration.enrolment_id == declaration.enrolment_id,
                Declaration.kind == "settlement",
            )
        ).one()
        declaration.status = settlement.status = "clawed_back"
