"""The books as a funder's auditors read them: figures that must agree, and every line below them.

Sign and buckets are the journal's: positive is a gain of the bucket; ``bank`` is what left for the
outside world and, negative, what came from it. For each scheme, exactly:

    paid in = fund + available + held + paid + returned
    paid    = payable − receivable that is still owed back + transferred
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select, union_all
from sqlalchemy.orm import Session

from ledger import paging
from ledger.accounts import balances, lots, moments
from ledger.accounts.models import BUCKETS, Lot, Organisation, Posting, Scheme, Transaction
from ledger.accounts.moments import AsOf
from ledger.db import Actor
from ledger.errors import Invalid, NotFound
from ledger.funders import reach
from ledger.funders.models import BudgetPayment
from ledger.funders.pseudonyms import Pseudonyms
from ledger.messages import N_
from ledger.paging import Page

_STREAMED = 5_000  # postings read together for an export


@dataclass(frozen=True, slots=True)
class Figures:
    """Where a scheme's budget is, in minor units of ``unit``, from the postings alone."""

    scheme_id: str
    scheme_name: str
    scheme_name_en: str
    funder_id: str
    funder_name: str
    unit: str
    status: str
    paid_in: int
    fund: int
    available: int
    held: int
    payable: int  # owed to providers, less what they owe back
    transferred: int
    returned: int

    @property
    def paid(self) -> int:
        """Return what was spent on education: owed to providers or transferred to them."""
        return self.payable + self.transferred

    @property
    def difference(self) -> int:
        """Return paid in less everything it became; anything but 0 is a fault in the books."""
        return self.paid_in - (self.fund + self.available + self.held + self.paid + self.returned)

    @property
    def agrees(self) -> bool:
        """Tell whether the sum is right."""
        return self.difference == 0


@dataclass(frozen=True, slots=True)
class Guards:
    """The same figures once more, from the rows that guard the fund and every lot."""

    fund: int
    available: int
    held: int


@dataclass(frozen=True, slots=True)
class PostingView:
    """One line of the books; ``account`` is the funder's pseudonymous number."""

    transaction_id: str
    line: int
    kind: str
    occurred_on: date
    bucket: str
    unit: str
    amount: int
    scheme_id: str
    scheme_name: str
    account: str | None
    lot_id: str | None
    provider: str | None
    rule_id: str | None


@dataclass(frozen=True, slots=True)
class TransactionView:
    """A transaction with the reader's own lines; ``hash`` is the receipt's, in hexadecimal."""

    id: str
    kind: str
    occurred_on: date
    recorded_at: datetime
    resolves_id: str | None
    reverses_id: str | None
    hash: str
    lines: tuple[PostingView, ...]
    others: bool  # there are lines of other funders, which are not shown


@dataclass(frozen=True, slots=True)
class Filter:
    """Which postings: all of them, or by bucket, kind, lot and dates (both included)."""

    bucket: str | None = None
    kind: str | None = None
    lot_id: str | None = None
    since: date | None = None
    until: date | None = None


def overview(session: Session, actor: Actor, then: AsOf | None = None) -> tuple[Figures, ...]:
    """Return the figures of every scheme that the actor may read, by funder and name."""
    funder_id = reach.funder_seen_by(session, actor)
    query = select(Scheme, Organisation.name).join(
        Organisation, Organisation.id == Scheme.funder_id
    )
    if funder_id is not None:
        query = query.where(Scheme.funder_id == funder_id)
    rows = session.execute(query.order_by(Organisation.name, Scheme.name)).all()
    return _figures(session, [(scheme, funder) for scheme, funder in rows], then)


def figures(session: Session, actor: Actor, scheme_id: str, then: AsOf | None = None) -> Figures:
    """Return the figures of one scheme. Raises NotFound for somebody else's."""
    scheme = reach.scheme_seen(session, actor, scheme_id)
    funder = session.get_one(Organisation, scheme.funder_id)
    return _figures(session, [(scheme, funder.name)], then)[0]


def guards(session: Session, actor: Actor, scheme_id: str) -> Guards:
    """Count the figures of a scheme again from all its accounts; it takes as long as it has lots.

    Raises NotFound for somebody else's.
    """
    scheme = reach.scheme_seen(session, actor, scheme_id)
    available, held = session.execute(
        select(
            func.coalesce(func.sum(Lot.available), 0), func.coalesce(func.sum(Lot.held), 0)
        ).where(Lot.scheme_id == scheme.id)
    ).one()
    return Guards(lots.fund_balance(session, scheme.id), int(available), int(held))


def _figures(
    session: Session, schemes: Sequence[tuple[Scheme, str]], then: AsOf | None
) -> tuple[Figures, ...]:
    ids = [scheme.id for scheme, _ in schemes]
    sums = balances.of_schemes(session, ids, then)
    paid_in = _paid_in(session, ids, then)
    return tuple(
        Figures(
            scheme_id=scheme.id,
            scheme_name=scheme.name,
            scheme_name_en=scheme.name_en,
            funder_id=scheme.funder_id,
            funder_name=funder_name,
            unit=scheme.unit,
            status=scheme.status,
            paid_in=paid_in.get(scheme.id, 0),
            fund=sums[scheme.id]["fund"],
            available=sums[scheme.id]["available"],
            held=sums[scheme.id]["held"],
            payable=sums[scheme.id]["payable"] + sums[scheme.id]["receivable"],
            transferred=sums[scheme.id]["bank"] + paid_in.get(scheme.id, 0),
            returned=sums[scheme.id]["returned"],
        )
        for scheme, funder_name in schemes
    )


def _paid_in(session: Session, scheme_ids: Sequence[str], then: AsOf | None) -> dict[str, int]:
    """Return per scheme what its payments put into the books, less those that were reversed.

    They are found by the few payments of a scheme, not among all its postings.
    """
    paid = (
        select(BudgetPayment.scheme_id, Transaction.id)
        .join(Transaction, Transaction.subject == BudgetPayment.id)
        .where(Transaction.kind == "pay_in", BudgetPayment.scheme_id.in_(scheme_ids))
        .cte("paid")
    )
    undone = select(paid.c.scheme_id, Transaction.id).join(
        Transaction, Transaction.reverses_id == paid.c.id
    )
    each = union_all(select(paid.c.scheme_id, paid.c.id), undone).subquery()
    amount = (
        select(func.sum(Posting.amount))
        .where(
            Posting.transaction_id == each.c.id,
            Posting.scheme_id == each.c.scheme_id,
            Posting.bucket == "bank",
            moments.counted(Posting.transaction_id, then),
        )
        .scalar_subquery()
    )
    sums = select(each.c.scheme_id, func.sum(amount)).group_by(each.c.scheme_id)
    return {scheme_id: -int(total or 0) for scheme_id, total in session.execute(sums)}


def postings(
    session: Session,
    actor: Actor,
    scheme_id: str,
    pseudonyms: Pseudonyms,
    which: Filter = Filter(),
    cursor: str | None = None,
    size: int | None = None,
    then: AsOf | None = None,
) -> Page[PostingView]:
    """Return one page of a scheme's postings, newest first. Raises NotFound, Invalid."""
    scheme = reach.scheme_seen(session, actor, scheme_id)
    limit = paging.size(size)
    question = _lines(session, scheme, which, then)
    rows = session.execute(_after(question, paging.decode(cursor, 2), limit + 1)).all()
    views = [_view(scheme, pseudonyms, *row) for row in rows]
    return paging.page(views, limit, lambda view: (view.transaction_id, view.line))


def every_posting(
    session: Session,
    actor: Actor,
    scheme_id: str,
    pseudonyms: Pseudonyms,
    which: Filter = Filter(),
    then: AsOf | None = None,
) -> Iterator[PostingView]:
    """Yield all postings of a scheme, newest first, without keeping them in memory."""
    scheme = reach.scheme_seen(session, actor, scheme_id)
    question = _lines(session, scheme, which, then)
    before: tuple[str | int, ...] | None = None
    while True:
        rows = session.execute(_after(question, before, _STREAMED)).all()
        for row in rows:
            yield _view(scheme, pseudonyms, *row)
        if len(rows) < _STREAMED:
            return
        before = (rows[-1][0].transaction_id, rows[-1][0].line)


def _lines(
    session: Session, scheme: Scheme, which: Filter, then: AsOf | None
) -> Select[Posting, str, date, str]:
    if which.bucket is not None and which.bucket not in BUCKETS:
        raise Invalid(N_("There is no such part of the books."), field="bucket")
    query = (
        select(Posting, Transaction.kind, Transaction.occurred_on, Organisation.name)
        .join(Transaction, Transaction.id == Posting.transaction_id)
        .outerjoin(Organisation, Organisation.id == Posting.provider_id)
        .where(_own_lines(session, scheme, which), moments.counted(Posting.transaction_id, then))
    )
    for wanted, column in ((which.bucket, Posting.bucket), (which.kind, Transaction.kind)):
        if wanted:
            query = query.where(column == wanted)
    if which.since:
        query = query.where(Transaction.occurred_on >= which.since)
    if which.until:
        query = query.where(Transaction.occurred_on <= which.until)
    return query


def _own_lines(session: Session, scheme: Scheme, which: Filter) -> ColumnElement[bool]:
    if not which.lot_id:
        return Posting.scheme_id == scheme.id
    # The account leads to a lot's few postings; a lot is of one scheme, so are they.
    lot = session.get(Lot, which.lot_id)
    if lot is None or lot.scheme_id != scheme.id:
        return false()
    return and_(Posting.account_id == lot.account_id, Posting.lot_id == lot.id)


def _after(
    question: Select[Posting, str, date, str],
    before: tuple[str | int, ...] | None,
    limit: int,
) -> Select[Posting, str, date, str]:
    if before is not None:
        transaction_id, line = before
        # The first condition says less, and lets the index begin in the right place.
        question = question.where(
            Posting.transaction_id <= transaction_id,
            or_(Posting.transaction_id < transaction_id, Posting.line > line),
        )
    # Lines rise while transactions fall, which no key of the table does: so it is the scheme's own
    # index that is read, however many postings of other schemes there are since.
    return question.order_by(Posting.transaction_id.desc(), Posting.line).limit(limit)


def _view(
    scheme: Scheme,
    pseudonyms: Pseudonyms,
    posting: Posting,
    kind: str,
    occurred_on: date,
    provider: str | None,
) -> PostingView:
    return PostingView(
        transaction_id=posting.transaction_id,
        line=posting.line,
        kind=kind,
        occurred_on=occurred_on,
        bucket=posting.bucket,
        unit=posting.unit,
        amount=posting.amount,
        scheme_id=scheme.id,
        scheme_name=scheme.name,
        account=pseudonyms.of(scheme.funder_id, posting.account_id) if posting.account_id else None,
        lot_id=posting.lot_id,
        provider=provider,
        rule_id=posting.rule_id,
    )


def transaction(
    session: Session,
    actor: Actor,
    transaction_id: str,
    pseudonyms: Pseudonyms,
    then: AsOf | None = None,
) -> TransactionView:
    """Return a transaction with the lines that the actor may see.

    Raises NotFound when none of its lines are the actor's, or when it did not count by ``then``.
    """
    funder_id = reach.funder_seen_by(session, actor)
    head = session.get(Transaction, transaction_id)
    rows = session.execute(
        select(Posting, Scheme, Organisation.name)
        .join(Scheme, Scheme.id == Posting.scheme_id)
        .outerjoin(Organisation, Organisation.id == Posting.provider_id)
        .where(Posting.transaction_id == transaction_id)
        .order_by(Posting.line)
    ).all()
    own = [row for row in rows if funder_id is None or row[1].funder_id == funder_id]
    if head is None or not own:
        raise NotFound(N_("There is no such transaction."))
    moments.require(session, transaction_id, then)
    return TransactionView(
        id=head.id,
        kind=head.kind,
        occurred_on=head.occurred_on,
        recorded_at=head.recorded_at,
        resolves_id=head.resolves_id,
        reverses_id=head.reverses_id,
        hash=head.hash.hex(),
        lines=tuple(
            _view(scheme, pseudonyms, posting, head.kind, head.occurred_on, provider)
            for posting, scheme, provider in own
        ),
        others=len(own) < len(rows),
    )
