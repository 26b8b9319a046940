"""Proof of lots: against their postings and what credited them; their expiry after notice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import Session, aliased

from ledger import clock
from ledger.accounts.expiry import GRACE_DAYS, NOTICES
from ledger.accounts.journal.batch import COUNTER_OF, COUNTERS
from ledger.accounts.models import Account, ExpiryNotice, Lot, Posting, Transaction
from ledger.accounts.verification.finding import Finding, stream
from ledger.messages import N_, Message


def lots(session: Session) -> Iterator[Finding]:
    """The counters of each lot equal the sums of its postings, and none is below zero."""
    posted = (
        select(Posting.lot_id, *(_posted(name).label(name) for name in COUNTERS))
        .where(Posting.lot_id.is_not(None))
        .group_by(Posting.lot_id)
        .subquery()
    )
    counters = [getattr(Lot, name) for name in COUNTERS]
    sums = [func.coalesce(posted.c[name], 0) for name in COUNTERS]
    wrong = or_(
        *(counter != total for counter, total in zip(counters, sums, strict=True)),
        Lot.credited != Lot.available + Lot.held + Lot.spent + Lot.returned,
        *(counter < 0 for counter in counters),
    )
    for row in stream(
        session,
        select(Lot.id, Lot.unit, *counters, *sums)
        .outerjoin(posted, posted.c.lot_id == Lot.id)
        .where(wrong),
    ):
        id_, unit, *numbers = row
        stored, found = numbers[: len(COUNTERS)], map(int, numbers[len(COUNTERS) :])
        yield Finding("lot", id_, _counters(unit, stored, list(found)))


def credited(session: Session) -> Iterator[Finding]:
    """Each lot is what the transaction that credited it says, column by column."""
    credit = aliased(Transaction)
    line = aliased(Posting)
    account = select(Account.id).where(Account.id == Lot.account_id).exists()
    for row in stream(
        session,
        select(Lot.id, credit.id.label("credit"))
        .outerjoin(credit, and_(credit.kind == Lot.origin, credit.subject == Lot.subject))
        .outerjoin(
            line,
            and_(
                line.transaction_id == credit.id,
                line.bucket == "fund",
                line.lot_id == Lot.id,
                line.account_id == Lot.account_id,
                line.scheme_id == Lot.scheme_id,
                line.rule_id == Lot.rule_id,
                line.unit == Lot.unit,
                line.amount == -Lot.credited,
            ),
        )
        .where(or_(line.line.is_(None), credit.occurred_on != Lot.granted_on, ~account)),
    ):
        text = (
            N_("no transaction credited it")
            if row.credit is None
            else N_("it is not what transaction %(credit)s credited")
        )
        yield Finding("lot", row.id, Message(text, {"credit": row.credit}))


def kept_apart(session: Session) -> Iterator[Finding]:
    """Postings of a lot stay within its account, scheme and unit; the lot exists."""
    for row in stream(
        session,
        select(Posting.transaction_id, Posting.line, Posting.lot_id, Lot.id.label("lot"))
        .outerjoin(Lot, Lot.id == Posting.lot_id)
        .where(
            or_(
                and_(Lot.id.is_(None), Posting.lot_id.is_not(None)),
                and_(Posting.lot_id.is_(None), Posting.account_id.is_not(None)),
                Lot.account_id != Posting.account_id,
                and_(Lot.id.is_not(None), Posting.account_id.is_(None)),
                Lot.scheme_id != Posting.scheme_id,
                Lot.unit != Posting.unit,
            )
        ),
    ):
        text = (
            N_("it names lot %(lot)s, which does not exist")
            if row.lot_id is not None and row.lot is None
            else N_("it mixes lots, accounts, schemes or units")
        )
        id_ = f"{row.transaction_id}/{row.line}"
        yield Finding("journal_posting", id_, Message(text, {"lot": row.lot_id}))


def expiries(session: Session) -> Iterator[Finding]:
    """Nothing expired before its day or without the last notice, a week ahead."""
    last = NOTICES[-1]
    rows = stream(
        session,
        select(
            Transaction.id,
            Transaction.occurred_on,
            Lot.id.label("lot"),
            Lot.expires_on,
            ExpiryNotice.recorded_on,
        )
        .join(Posting, Posting.transaction_id == Transaction.id)
        .join(Lot, Lot.id == Posting.lot_id)
        .outerjoin(
            ExpiryNotice, and_(ExpiryNotice.lot_id == Lot.id, ExpiryNotice.days_before == last)
        )
        .where(Transaction.kind == "expire", Posting.bucket == "available"),
    )
    for row in rows:
        values = {"lot": row.lot}
        if row.expires_on is None or row.occurred_on <= row.expires_on:
            text = N_("the money of lot %(lot)s expired before its last day")
            yield Finding("journal_transaction", row.id, Message(text, values))
        elif row.recorded_on is None:
            text = N_("the money of lot %(lot)s expired without a notice a week ahead")
            yield Finding("journal_transaction", row.id, Message(text, values))
        elif row.occurred_on < row.recorded_on + clock.days(GRACE_DAYS):
            text = N_("the money expired less than a week after this notice")
            yield Finding("expiry_notice", f"{row.lot}/{last}", Message(text))


def notices(session: Session) -> Iterator[Finding]:
    """Each notice is that of the nearest threshold that its lot had passed."""
    for row in stream(
        session,
        select(ExpiryNotice.lot_id, ExpiryNotice.days_before, ExpiryNotice.recorded_on)
        .add_columns(Lot.expires_on)
        .outerjoin(Lot, Lot.id == ExpiryNotice.lot_id),
    ):
        left = (row.expires_on - row.recorded_on).days if row.expires_on else None
        due = None if left is None else min((n for n in NOTICES if n >= left), default=None)
        if row.days_before != due:
            text = N_("its lot does not expire so many days after it")
            yield Finding("expiry_notice", f"{row.lot_id}/{row.days_before}", Message(text))


def _posted(counter: str) -> ColumnElement[int]:
    """Return what the postings of a lot say of a counter."""
    signs = {bucket: sign for bucket, (name, sign) in COUNTER_OF.items() if name == counter}
    (sign,) = set(signs.values())
    return func.sum(case((Posting.bucket.in_(signs), sign * Posting.amount), else_=0))


def _counters(unit: str, stored: Sequence[int], found: Sequence[int]) -> Message:
    differing = [
        f"{name} {one} / {other}"
        for name, one, other in zip(COUNTERS, stored, found, strict=True)
        if one != other
    ]
    if not differing:
        return Message(N_("its counters do not add up"))
    return Message(
        N_("its counters differ from its postings (in %(unit)s, minor): %(counters)s"),
        {"unit": unit, "counters": ", ".join(differing)},
    )
