"""A holder's questions about the account: what moved, why, and where each amount came from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from ledger import paging
from ledger.accounts import balances, expiry, lots, moments, neighbours, wording
from ledger.accounts.journal.batch import COUNTER_OF
from ledger.accounts.lots import LotView
from ledger.accounts.models import Lot, Organisation, Posting, Rule, Scheme, Transaction
from ledger.accounts.moments import AsOf
from ledger.accounts.neighbours import Named
from ledger.errors import NotFound
from ledger.messages import N_, Message
from ledger.money import UNITS
from ledger.paging import Page


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

    lot: LotView
    about: Named | None
    rule_version: int
    rule_valid_from: date
    terms: tuple[Message, ...]
    movements: tuple[Movement, ...]
    notices: tuple[tuple[int, date], ...]


def movements(
    session: Session,
    account_id: str,
    cursor: str | None = None,
    limit: int | None = None,
    then: AsOf | None = None,
) -> Page[Movement]:
    """Return a page of an account's transactions, last recorded first; ``then``: as of a moment.

    Raises Invalid for a bad cursor.
    """
    size = paging.size(limit)
    touched = _touched(account_id, then=then)
    after = paging.decode(cursor, 1)
    if after is not None:
        touched = touched.where(Posting.transaction_id < str(after[0]))
    rows = session.scalars(_newest(touched, size + 1)).all()
    page = paging.page(rows, size, lambda row: (row.id,))
    return Page(_told(session, account_id, page.items), page.next_cursor)


def movement(
    session: Session, account_id: str, transaction_id: str, then: AsOf | None = None
) -> MovementDetail:
    """Return one transaction of an account, with what belonged to it by ``then``.

    Raises NotFound when it touched the account not at all, or not yet.
    """
    touched = _touched(account_id, then=then).where(Posting.transaction_id == transaction_id)
    transaction = session.scalars(_newest(touched, 1)).one_or_none()
    if transaction is None:
        raise NotFound(N_("There is no such transaction on your account."))
    return MovementDetail(
        movement=_told(session, account_id, [transaction])[0],
        lines=_lines(session, account_id, transaction_id),
        hash=transaction.hash.hex(),
        resolves_id=transaction.resolves_id,
        resolved_by=_pointing(session, Transaction.resolves_id == transaction_id, then),
        reverses_id=transaction.reverses_id,
        reversed_by=_pointing(session, Transaction.reverses_id == transaction_id, then),
    )


def lots_of(session: Session, account_id: str, then: AsOf | None = None) -> tuple[LotView, ...]:
    """Return all lots of an account, or those opened by ``then`` as they were then.

    Those that expire first come first. As of a moment the counters are derived from the postings,
    since the guards know the present only.
    """
    own = lots.of_account(session, account_id)
    if then is None:
        return own
    counters = balances.lots_then(session, account_id, then)
    return tuple(_as_it_was(one, counters[one.id]) for one in own if one.id in counters)


def lot(session: Session, account_id: str, lot_id: str, then: AsOf | None = None) -> LotDetail:
    """Return one lot of an account with all that happened to it by ``then``. Raises NotFound."""
    own = lots_of(session, account_id, then)
    found = next((one for one in own if one.id == lot_id), None)
    if found is None:
        raise NotFound(N_("There is no such budget on your account."))
    rule = session.get_one(Rule, found.rule_id)
    rows = session.scalars(_newest(_touched(account_id, lot_id, then))).all()
    tied = found.enrolment_id
    return LotDetail(
        lot=found,
        about=neighbours.names(session, [tied]).get(tied) if tied else None,
        rule_version=rule.version,
        rule_valid_from=rule.valid_from,
        terms=wording.terms(rule, found.unit),
        movements=_told(session, account_id, rows[::-1], lot_id),
        # Notices have a day but no place in the log, so as of a moment nothing is sure of them.
        notices=tuple(expiry.notices_of(session, lot_id)) if then is None else (),
    )


def _as_it_was(lot: LotView, counters: Mapping[str, int]) -> LotView:
    return replace(
        lot,
        credited=counters["credited"],
        available=counters["available"],
        held=counters["held"],
        spent=counters["spent"],
        returned=counters["returned"],
    )


def _touched(account_id: str, lot_id: str | None = None, then: AsOf | None = None) -> Select[str]:
    """Select the ids of an account's transactions, by its index alone unless a lot is given."""
    query = select(Posting.transaction_id).where(
        Posting.account_id == account_id, moments.counted(Posting.transaction_id, then)
    )
    return query if lot_id is None else query.where(Posting.lot_id == lot_id)


def _newest(touched: Select[str], limit: int | None = None) -> Select[Transaction]:
    # Ids rise with time, so the index has an account's newest at hand; nothing is sorted.
    ids = touched.distinct().order_by(Posting.transaction_id.desc()).limit(limit).subquery()
    return (
        select(Transaction)
        .join(ids, ids.c.transaction_id == Transaction.id)
        .order_by(Transaction.id.desc())
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
        name, sign = COUNTER_OF[bucket]
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


def _pointing(session: Session, condition: ColumnElement[bool], then: AsOf | None) -> str | None:
    found = select(Transaction.id).where(condition, moments.counted(Transaction.id, then))
    return session.scalars(found).one_or_none()
