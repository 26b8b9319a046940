"""A holder's questions about the account: what moved, why, and where each amount came from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from ledger import paging
from ledger.accounts import expiry, lots, neighbours, wording
from ledger.accounts.models import Lot, Organisation, Posting, Rule, Scheme, Transaction
from ledger.accounts.neighbours import Named
from ledger.errors import Invalid, NotFound
from ledger.messages import N_, Message
from ledger.money import UNITS
from ledger.paging import Page

# Which counter of an account a bucket's postings change, as the journal says.
_COUNTER_OF = {
    "fund": ("credited", -1),
    "available": ("available", 1),
    "held": ("held", 1),
    "returned": ("returned", 1),
    "payable": ("spent", 1),
    "receivable": ("spent", 1),
    "bank": ("spent", 1),
}


@dataclass(frozen=True, slots=True)
class SchemeName:
    """A scheme in both languages, and whose it is."""

    id: str
    name: str
    name_en: str
    funder: str


@dataclass(frozen=True, slots=True)
class Effect:
    """How a transaction changed an account in one unit; positive: more of it."""

    unit: str
    credited: int = 0
    available: int = 0
    held: int = 0
    spent: int = 0
    returned: int = 0


@dataclass(frozen=True, slots=True)
class Movement:
    """A transaction as it touched one account; ``about`` is what it was for, if known."""

    id: str
    kind: str
    subject: str
    occurred_on: date
    recorded_at: datetime
    effects: tuple[Effect, ...]
    schemes: tuple[SchemeName, ...]
    about: Named | None


@dataclass(frozen=True, slots=True)
class MovementLine:
    """One posting of a movement: which lot of which scheme, under which version of its rules."""

    line: int
    bucket: str
    unit: str
    amount: int
    scheme: SchemeName
    lot_id: str
    lot_granted_on: date
    lot_expires_on: date | None
    lot_origin: str
    rule_id: str | None
    rule_version: int | None
    rule_valid_from: date | None
    provider: str | None


@dataclass(frozen=True, slots=True)
class MovementDetail:
    """A movement with its postings, its receipt and the transactions that it belongs to."""

    movement: Movement
    lines: tuple[MovementLine, ...]
    hash: str
    resolves_id: str | None
    resolved_by: str | None
    reverses_id: str | None
    reversed_by: str | None


@dataclass(frozen=True, slots=True)
class LotDetail:
    """A lot from grant to end, with the rules that it was granted under, in words."""

    lot: lots.LotView
    about: Named | None
    rule_version: int
    rule_valid_from: date
    terms: tuple[Message, ...]
    movements: tuple[Movement, ...]
    notices: tuple[tuple[int, date], ...]


def movements(
    session: Session, account_id: str, cursor: str | None = None, limit: int | None = None
) -> Page[Movement]:
    """Return a page of an account's transactions, newest first. Raises Invalid for a bad cursor."""
    size = paging.size(limit)
    query = _of_account(account_id).order_by(Transaction.occurred_on.desc(), Transaction.id.desc())
    after = paging.decode(cursor, 2)
    if after is not None:
        day, last = _day(after[0]), str(after[1])
        query = query.where(
            or_(
                Transaction.occurred_on < day,
                and_(Transaction.occurred_on == day, Transaction.id < last),
            )
        )
    page = paging.page(
        session.scalars(query.limit(size + 1)).all(),
        size,
        lambda row: (row.occurred_on.isoformat(), row.id),
    )
    return Page(_told(session, account_id, page.items), page.next_cursor)


def movement(session: Session, account_id: str, transaction_id: str) -> MovementDetail:
    """Return one transaction of an account. Raises NotFound when it touched it not at all."""
    transaction = session.scalars(
        _of_account(account_id).where(Transaction.id == transaction_id)
    ).one_or_none()
    if transaction is None:
        raise NotFound(N_("There is no such transaction on your account."))
    return MovementDetail(
        movement=_told(session, account_id, [transaction])[0],
        lines=_lines(session, account_id, transaction_id),
        hash=transaction.hash.hex(),
        resolves_id=transaction.resolves_id,
        resolved_by=_pointing(session, Transaction.resolves_id == transaction_id),
        reverses_id=transaction.reverses_id,
        reversed_by=_pointing(session, Transaction.reverses_id == transaction_id),
    )


def lot(session: Session, account_id: str, lot_id: str) -> LotDetail:
    """Return one lot of an account with all that happened to it. Raises NotFound."""
    found = next((x for x in lots.of_account(session, account_id) if x.id == lot_id), None)
    if found is None:
        raise NotFound(N_("There is no such budget on your account."))
    rule = session.get_one(Rule, found.rule_id)
    rows = session.scalars(
        _of_account(account_id, lot_id).order_by(Transaction.occurred_on, Transaction.id)
    ).all()
    tied = found.enrolment_id
    return LotDetail(
        lot=found,
        about=neighbours.names(session, [tied]).get(tied) if tied else None,
        rule_version=rule.version,
        rule_valid_from=rule.valid_from,
        terms=wording.terms(rule, found.unit),
        movements=_told(session, account_id, rows, lot_id),
        notices=tuple(expiry.notices_of(session, lot_id)),
    )


def _of_account(account_id: str, lot_id: str | None = None) -> Select[Transaction]:
    touched = Posting.account_id == account_id
    if lot_id is not None:
        touched = and_(touched, Posting.lot_id == lot_id)
    return select(Transaction).where(
        Transaction.id.in_(select(Posting.transaction_id).where(touched))
    )


def _told(
    session: Session, account_id: str, rows: Sequence[Transaction], lot_id: str | None = None
) -> tuple[Movement, ...]:
    ids = [row.id for row in rows]
    touched = [Posting.account_id == account_id, Posting.transaction_id.in_(ids)]
    if lot_id is not None:
        touched.append(Posting.lot_id == lot_id)
    sums = session.execute(
        select(
            Posting.transaction_id,
            Posting.unit,
            Posting.bucket,
            Posting.scheme_id,
            func.sum(Posting.amount),
        )
        .where(*touched)
        .group_by(Posting.transaction_id, Posting.unit, Posting.bucket, Posting.scheme_id)
    ).all()
    counters: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    of_schemes: dict[str, list[str]] = defaultdict(list)
    for transaction_id, unit, bucket, scheme_id, amount in sums:
        name, sign = _COUNTER_OF[bucket]
        counters[transaction_id, unit][name] += sign * int(amount)
        if scheme_id not in of_schemes[transaction_id]:
            of_schemes[transaction_id].append(scheme_id)
    schemes = scheme_names(session, {row[3] for row in sums})
    about = neighbours.names(session, {row.subject for row in rows})
    return tuple(
        Movement(
            id=row.id,
            kind=row.kind,
            subject=row.subject,
            occurred_on=row.occurred_on,
            recorded_at=row.recorded_at,
            effects=tuple(
                Effect(unit, **counters[row.id, unit])
                for unit in UNITS
                if (row.id, unit) in counters
            ),
            schemes=tuple(schemes[scheme_id] for scheme_id in sorted(of_schemes[row.id])),
            about=about.get(row.subject),
        )
        for row in rows
    )


def scheme_names(session: Session, scheme_ids: Collection[str]) -> dict[str, SchemeName]:
    """Return the names of schemes by their ids."""
    rows = session.execute(
        select(Scheme.id, Scheme.name, Scheme.name_en, Organisation.name)
        .join(Organisation, Organisation.id == Scheme.funder_id)
        .where(Scheme.id.in_(scheme_ids))
    )
    return {row[0]: SchemeName(*row) for row in rows}


def _lines(session: Session, account_id: str, transaction_id: str) -> tuple[MovementLine, ...]:
    rows = session.execute(
        select(Posting, Lot, Rule.version, Rule.valid_from, Organisation.name)
        .join(Lot, Lot.id == Posting.lot_id)
        .outerjoin(Rule, Rule.id == Posting.rule_id)
        .outerjoin(Organisation, Organisation.id == Posting.provider_id)
        .where(Posting.transaction_id == transaction_id, Posting.account_id == account_id)
        .order_by(Posting.line)
    ).all()
    schemes = scheme_names(session, {row[0].scheme_id for row in rows})
    return tuple(
        MovementLine(
            line=posting.line,
            bucket=posting.bucket,
            unit=posting.unit,
            amount=posting.amount,
            scheme=schemes[posting.scheme_id],
            lot_id=lot.id,
            lot_granted_on=lot.granted_on,
            lot_expires_on=lot.expires_on,
            lot_origin=lot.origin,
            rule_id=posting.rule_id,
            rule_version=version,
            rule_valid_from=valid_from,
            provider=provider,
        )
        for posting, lot, version, valid_from, provider in rows
    )


def _pointing(session: Session, condition: ColumnElement[bool]) -> str | None:
    return session.scalars(select(Transaction.id).where(condition).limit(1)).first()


def _day(text: str | int) -> date:
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        raise Invalid(N_("This page address is not right; start at the first page.")) from None
