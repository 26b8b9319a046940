"""Clawback (terugvordering): money that was paid comes back to the lots that it came from.

The lots are credited at once, against a receivable of the provider that is netted on its next
statements.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import select

from ledger import ids
from ledger.accounts import history, journal
from ledger.accounts.models import Lot, Posting
from ledger.db import Work
from ledger.errors import AlreadyDone, Invalid, NotFound, WrongState
from ledger.messages import N_
from ledger.money import EUR, MIN, Money, checked, split
from ledger.providers.holds import checked_reason
from ledger.providers.models import Declaration, EnrolmentLine
from ledger.providers.payouts import operator_only


def clawback(work: Work, enrolment_id: str, amount_cents: int, reason: str) -> Declaration:
    """Take back ``amount_cents`` of what was paid for an enrolment, once per enrolment.

    Each funder gets its share by what it paid; a lot that has expired passes it on to its scheme.
    When all of it is taken back, minutes of learning time go back as well. Raises Forbidden,
    NotFound, Invalid, WrongState when it was not paid yet, AlreadyDone.
    """
    operator_only(work)
    reason = checked_reason(reason)
    settlement = work.session.scalars(
        select(Declaration)
        .where(Declaration.enrolment_id == enrolment_id, Declaration.kind == "settlement")
        .with_for_update()
    ).one_or_none()
    if settlement is None:
        raise NotFound(N_("Nothing was declared for this enrolment."))
    if settlement.status in ("awaiting_clawback", "clawed_back"):
        raise AlreadyDone(N_("A clawback for this enrolment was made before."))
    if settlement.status != "paid":
        raise WrongState(N_("This was not paid yet. Put it on hold instead."))
    checked(amount_cents, "amount_cents")
    if amount_cents > settlement.amount_cents:
        raise Invalid(
            N_("No more than %(paid)s was paid for this enrolment."),
            field="amount_cents",
            paid=Money(settlement.amount_cents),
        )
    receipt = journal.post(
        work,
        journal.Entry(
            "clawback",
            enrolment_id,
            _postings(work, settlement, amount_cents),
            reverses_id=settlement.transaction_id,
        ),
    )
    declaration = Declaration(
        id=ids.new("dec"),
        provider_id=settlement.provider_id,
        enrolment_id=enrolment_id,
        transaction_id=receipt.id,
        kind="clawback",
        amount_cents=amount_cents,
        payable_on=work.today,
        status="awaiting_clawback",
        created_at=work.now,
    )
    settlement.status = "awaiting_clawback"
    work.session.add(declaration)
    for subject in (enrolment_id, settlement.id, declaration.id):
        history.record(work, subject, "clawback_made", amount=amount_cents, reason=reason)
    work.session.flush()
    return declaration


def _postings(work: Work, settlement: Declaration, amount_cents: int) -> tuple[journal.Line, ...]:
    rows = work.session.execute(
        select(EnrolmentLine, Lot.account_id, Lot.expires_on)
        .join(Lot, Lot.id == EnrolmentLine.lot_id)
        .where(EnrolmentLine.enrolment_id == settlement.enrolment_id, EnrolmentLine.paid > 0)
        .order_by(EnrolmentLine.position)
    ).all()
    euros = [row for row in rows if row[0].unit == EUR]
    parts = split(amount_cents, [row[0].paid for row in euros])
    postings: list[journal.Line] = []
    for (line, account_id, expires_on), part in zip(euros, parts, strict=True):
        if part:
            line.clawed_back = part
            postings += _pair(
                line,
                account_id,
                _home(expires_on, work.today),
                "receivable",
                part,
                settlement.provider_id,
            )
    if amount_cents == settlement.amount_cents:
        for line, account_id, expires_on in rows:
            if line.unit == MIN:
                line.clawed_back = line.paid
                postings += _minutes(work, settlement, line, account_id, expires_on)
    return tuple(postings)


def _minutes(
    work: Work,
    settlement: Declaration,
    line: EnrolmentLine,
    account_id: str,
    expires_on: date | None,
) -> Sequence[journal.Line]:
    """Undo where the settlement put the minutes of this line, whatever bucket that was."""
    taken = work.session.execute(
        select(Posting.bucket, Posting.provider_id).where(
            Posting.transaction_id == settlement.transaction_id,
            Posting.lot_id == line.lot_id,
            Posting.bucket.in_(("payable", "bank")),
            Posting.amount == line.paid,
        )
    ).first()
    if taken is None:
        raise ValueError(f"{settlement.id}: the books do not show the minutes of {line.lot_id}")
    home = _home(expires_on, work.today)
    return _pair(line, account_id, home, taken.bucket, line.paid, taken.provider_id)


def _home(expires_on: date | None, today: date) -> str:
    return "returned" if expires_on is not None and expires_on < today else "available"


def _pair(
    line: EnrolmentLine,
    account_id: str,
    home: str,
    source: str,
    amount: int,
    provider_id: str | None,
) -> tuple[journal.Line, journal.Line]:
    def posting(bucket: str, minor: int, provider: str | None) -> journal.Line:
        return journal.Line(
            bucket,
            minor,
            line.scheme_id,
            line.unit,
            line.rule_id,
            account_id,
            line.lot_id,
            provider,
        )

    return posting(source, -amount, provider_id), posting(home, amount, None)
