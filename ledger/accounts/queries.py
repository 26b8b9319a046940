"""An operator's questions about the books; accounts appear by number, never by name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from ledger import paging
from ledger.accounts.models import KINDS, Account, Organisation, Posting, Scheme, Transaction
from ledger.errors import Invalid, NotFound
from ledger.messages import N_
from ledger.money import UNITS, Money
from ledger.paging import Page


@dataclass(frozen=True, slots=True)
class JournalRow:
    """A transaction in the journal; ``amounts`` is what changed place, per unit."""

    id: str
    kind: str
    subject: str
    actor_id: str
    occurred_on: date
    recorded_at: datetime
    hash: str
    resolves_id: str | None
    reverses_id: str | None
    amounts: tuple[Money, ...]


@dataclass(frozen=True, slots=True)
class JournalLine:
    """A posting; ``account`` is the number of the account, ``provider`` a name."""

    line: int
    bucket: str
    unit: str
    amount: int
    scheme_id: str
    scheme: str
    rule_id: str | None
    account_id: str | None
    account: str | None
    lot_id: str | None
    provider_id: str | None
    provider: str | None


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """A transaction with its postings."""

    row: JournalRow
    lines: tuple[JournalLine, ...]


def journal(
    session: Session,
    kind: str | None = None,
    cursor: str | None = None,
    limit: int | None = None,
) -> Page[JournalRow]:
    """Return a page of the whole journal, last recorded first. Raises Invalid."""
    if kind and kind not in KINDS:
        raise Invalid(N_("There is no such kind of transaction."), field="kind")
    size = paging.size(limit)
    query = select(Transaction).order_by(Transaction.id.desc()).limit(size + 1)
    after = paging.decode(cursor, 1)
    if after is not None:
        query = query.where(Transaction.id < str(after[0]))
    if kind:
        query = query.where(Transaction.kind == kind)
    page = paging.page(session.scalars(query).all(), size, lambda row: (row.id,))
    amounts = _amounts(session, [row.id for row in page.items])
    return Page(tuple(_row(row, amounts) for row in page.items), page.next_cursor)


def transaction(session: Session, transaction_id: str) -> JournalEntry:
    """Return a transaction with all its postings. Raises NotFound."""
    found = session.get(Transaction, transaction_id)
    if found is None:
        raise NotFound(N_("There is no such transaction."))
    rows = session.execute(
        select(Posting, Scheme.name, Account.number, Organisation.name)
        .join(Scheme, Scheme.id == Posting.scheme_id)
        .outerjoin(Account, Account.id == Posting.account_id)
        .outerjoin(Organisation, Organisation.id == Posting.provider_id)
        .where(Posting.transaction_id == transaction_id)
        .order_by(Posting.line)
    )
    lines = tuple(
        JournalLine(
            line=posting.line,
            bucket=posting.bucket,
            unit=posting.unit,
            amount=posting.amount,
            scheme_id=posting.scheme_id,
            scheme=scheme,
            rule_id=posting.rule_id,
            account_id=posting.account_id,
            account=number,
            lot_id=posting.lot_id,
            provider_id=posting.provider_id,
            provider=provider,
        )
        for posting, scheme, number, provider in rows
    )
    return JournalEntry(_row(found, _amounts(session, [found.id])), lines)


def _amounts(session: Session, ids: list[str]) -> dict[tuple[str, str], int]:
    gained = func.sum(case((Posting.amount > 0, Posting.amount), else_=0))
    rows = session.execute(
        select(Posting.transaction_id, Posting.unit, gained)
        .where(Posting.transaction_id.in_(ids))
        .group_by(Posting.transaction_id, Posting.unit)
    )
    return {(row[0], row[1]): int(row[2]) for row in rows}


def _row(row: Transaction, amounts: dict[tuple[str, str], int]) -> JournalRow:
    return JournalRow(
        id=row.id,
        kind=row.kind,
        subject=row.subject,
        actor_id=row.actor_id,
        occurred_on=row.occurred_on,
        recorded_at=row.recorded_at,
        hash=row.hash.hex(),
        resolves_id=row.resolves_id,
        reverses_id=row.reverses_id,
        amounts=tuple(
            Money(amounts[row.id, unit], unit) for unit in UNITS if (row.id, unit) in amounts
        ),
    )
