"""The books as a funder's auditors read them: figures that must agree, and every line below them.

Sign and buckets are the journal's: positive is a gain of the bucket; ``bank`` is what left for the
outside world and, negative, what came from it. For each scheme, exactly:

    paid in = fund + available + held + paid + returned
    paid    = payable − receivable that is still owed back + transferred
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Select, func, select, tuple_, union_all
from sqlalchemy.orm import Session, aliased

from ledger import paging
from ledger.accounts.models import BUCKETS, Lot, Organisation, Posting, Scheme, Transaction
from ledger.db import Actor
from ledger.errors import Invalid, NotFound
from ledger.funders import reach
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
    lots_available: int  # the same two once more, from the guards of the lots
    lots_held: int

    @property
    def paid(self) -> int:
        """Return what was spent on education: owed to providers or transferred to them."""
        return self.payable + self.transferred

    @property
    def difference(self) -> int:
        """Return paid in less everything it became; anything but 0 is a fault in the books."""
        return self.paid_in - (self.fund + self.available + self.held + self.paid + self.returned)

    @property
    def lots_difference(self) -> int:
        """Return how far postings and lots are apart; anything but 0 is a fault in the books."""
        return abs(self.available - self.lots_available) + abs(self.held - self.lots_held)

    @property
    def agrees(self) -> bool:
        """Tell whether every sum is right."""
        return self.difference == 0 and self.lots_difference == 0


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


def overview(session: Session, actor: Actor) -> tuple[Figures, ...]:
    """Return the figures of every scheme that the actor may read, by funder and name."""
    funder_id = reach.funder_seen_by(session, actor)
    query = select(Scheme, Organisation.name).join(
        Organisation, Organisation.id == Scheme.funder_id
    )
    if funder_id is not None:
        query = query.where(Scheme.funder_id == funder_id)
    rows = session.execute(query.order_by(Organisation.name, Scheme.name)).all()
    return tuple(_figures(session, scheme, funder) for scheme, funder in rows)


def figures(session: Session, actor: Actor, scheme_id: str) -> Figures:
    """Return the figures of one scheme. Raises NotFound for somebody else's."""
    scheme = reach.scheme_seen(session, actor, scheme_id)
    funder = session.get_one(Organisation, scheme.funder_id)
    return _figures(session, scheme, funder.name)


def _figures(session: Session, scheme: Scheme, funder_name: str) -> Figures:
    sums = dict.fromkeys(BUCKETS, 0)
    for bucket, amount in session.execute(
        select(Posting.bucket, func.sum(Posting.amount))
        .where(Posting.scheme_id == scheme.id)
        .group_by(Posting.bucket)
    ):
        sums[bucket] = int(amount)
    paid_in = _paid_in(session, scheme.id)
    available, held = session.execute(
        select(
            func.coalesce(func.sum(Lot.available), 0), func.coalesce(func.sum(Lot.held), 0)
        ).where(Lot.scheme_id == scheme.id)
    ).one()
    return Figures(
        scheme_id=scheme.id,
        scheme_name=scheme.name,
        scheme_name_en=scheme.name_en,
        funder_id=scheme.funder_id,
        funder_name=funder_name,
        unit=scheme.unit,
        status=scheme.status,
        paid_in=paid_in,
        fund=sums["fund"],
        available=sums["available"],
        held=sums["held"],
        payable=sums["payable"] + sums["receivable"],
        transferred=sums["bank"] + paid_in,
        returned=sums["returned"],
        lots_available=int(available),
        lots_held=int(held),
    )


def _paid_in(session: Session, scheme_id: str) -> int:
    # A reversed payment counts with the kind of what it reverses.
    reversed_one = aliased(Transaction)
    kind = func.coalesce(reversed_one.kind, Transaction.kind)
    total = session.scalar(
        select(func.sum(Posting.amount))
        .join(Transaction, Transaction.id == Posting.transaction_id)
        .outerjoin(reversed_one, reversed_one.id == Transaction.reverses_id)
        .where(Posting.scheme_id == scheme_id, Posting.bucket == "bank", kind == "pay_in")
    )
    return -int(total or 0)


def postings(
    session: Session,
    actor: Actor,
    scheme_id: str,
    pseudonyms: Pseudonyms,
    which: Filter = Filter(),
    cursor: str | None = None,
    size: int | None = None,
) -> Page[PostingView]:
    """Return one page of a scheme's postings, newest first. Raises NotFound, Invalid."""
    scheme = reach.scheme_seen(session, actor, scheme_id)
    limit = paging.size(size)
    before = paging.decode(cursor, 2)
    rows = session.execute(_lines(scheme, which, before, limit + 1)).all()
    views = [_view(scheme, pseudonyms, *row) for row in rows]
    return paging.page(views, limit, lambda view: (view.transaction_id, view.line))


def every_posting(
    session: Session,
    actor: Actor,
    scheme_id: str,
    pseudonyms: Pseudonyms,
    which: Filter = Filter(),
) -> Iterator[PostingView]:
    """Yield all postings of a scheme, newest first, without keeping them in memory."""
    scheme = reach.scheme_seen(session, actor, scheme_id)
    before: tuple[str | int, ...] | None = None
    while True:
        rows = session.execute(_lines(scheme, which, before, _STREAMED)).all()
        for row in rows:
            yield _view(scheme, pseudonyms, *row)
        if len(rows) < _STREAMED:
            return
        before = (rows[-1][0].transaction_id, rows[-1][0].line)


def _lines(
    scheme: Scheme, which: Filter, before: tuple[str | int, ...] | None, limit: int
) -> Select[Posting, str, date, str]:
    if which.bucket is not None and which.bucket not in BUCKETS:
        raise Invalid(N_("There is no such part of the books."), field="bucket")
    # The index holds each bucket in order, so the newest of every bucket are at hand; a scheme
    # with a million postings is never sorted for one page.
    newest = [
        select(_keys(scheme, which, before, limit, bucket).subquery())
        for bucket in ([which.bucket] if which.bucket else BUCKETS)
    ]
    keys = union_all(*newest).subquery()
    return (
        select(Posting, Transaction.kind, Transaction.occurred_on, Organisation.name)
        .join(
            keys,
            (keys.c.transaction_id == Posting.transaction_id) & (keys.c.line == Posting.line),
        )
        .join(Transaction, Transaction.id == Posting.transaction_id)
        .outerjoin(Organisation, Organisation.id == Posting.provider_id)
        .order_by(Posting.transaction_id.desc(), Posting.line.desc())
        .limit(limit)
    )


def _keys(
    scheme: Scheme,
    which: Filter,
    before: tuple[str | int, ...] | None,
    limit: int,
    bucket: str,
) -> Select[str, int]:
    query = (
        select(Posting.transaction_id, Posting.line)
        .where(Posting.scheme_id == scheme.id, Posting.bucket == bucket)
        .order_by(Posting.transaction_id.desc(), Posting.line.desc())
        .limit(limit)
    )
    if which.lot_id:
        query = query.where(Posting.lot_id == which.lot_id)
    conditions = []
    if which.kind:
        conditions.append(Transaction.kind == which.kind)
    if which.since:
        conditions.append(Transaction.occurred_on >= which.since)
    if which.until:
        conditions.append(Transaction.occurred_on <= which.until)
    if conditions:
        query = query.join(Transaction, Transaction.id == Posting.transaction_id)
        query = query.where(*conditions)
    if before is not None:
        # The first condition says less, and lets the index begin in the right place.
        query = query.where(
            Posting.transaction_id <= before[0],
            tuple_(Posting.transaction_id, Posting.line) < tuple_(*before),
        )
    return query


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
    session: Session, actor: Actor, transaction_id: str, pseudonyms: Pseudonyms
) -> TransactionView:
    """Return a transaction with the lines that the actor may see.

    Raises NotFound when none of its lines are the actor's.
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
