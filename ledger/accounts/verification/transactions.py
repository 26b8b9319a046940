"""Proof of transactions: their sums, that things happen once, and what ends or undoes what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, true, union_all
from sqlalchemy.orm import Session, aliased

from ledger.accounts.models import LogEntry, Posting, Scheme, Transaction, Unsealed
from ledger.accounts.verification.finding import Finding, stream
from ledger.messages import N_, Message
from ledger.money import EUR, Money

_ENDINGS = ("release", "settle", "reversal")


def sums(session: Session) -> Iterator[Finding]:
    """Each transaction sums to zero per scheme, whose unit all its postings have."""
    total = func.sum(Posting.amount)
    wrong = (
        select(Posting.transaction_id, Posting.scheme_id, total.label("total"))
        .group_by(Posting.transaction_id, Posting.scheme_id)
        .having(total != 0)
        .subquery()
    )
    for row in stream(
        session,
        select(wrong.c.transaction_id, wrong.c.total, Scheme.unit).outerjoin(
            Scheme, Scheme.id == wrong.c.scheme_id
        ),
    ):
        yield Finding(
            "journal_transaction",
            row.transaction_id,
            Message(
                N_("its postings sum to %(amount)s instead of zero"),
                {"amount": Money(int(row.total), row.unit or EUR)},
            ),
        )


def one_place(session: Session) -> Iterator[Finding]:
    """Each transaction has one place in the log or waits for it, and nothing else waits."""
    for row in stream(
        session,
        select(Transaction.id, LogEntry.position)
        .outerjoin(LogEntry, LogEntry.transaction_id == Transaction.id)
        .outerjoin(Unsealed, Unsealed.transaction_id == Transaction.id)
        .where(LogEntry.position.is_(None) == Unsealed.transaction_id.is_(None)),
    ):
        if row.position is None:
            text = N_("it has no place in the log and does not wait for one")
            yield Finding("journal_transaction", row.id, Message(text))
        else:
            text = N_("it waits for a place in the log, but has one")
            yield Finding("journal_unsealed", row.id, Message(text))
    known = select(Transaction.id).where(Transaction.id == Unsealed.transaction_id).exists()
    for (id_,) in stream(session, select(Unsealed.transaction_id).where(~known)):
        text = N_("there is no such transaction to wait for")
        yield Finding("journal_unsealed", id_, Message(text))
    for row in stream(
        session,
        select(LogEntry.transaction_id, func.max(LogEntry.position).label("position"))
        .group_by(LogEntry.transaction_id)
        .having(func.count() > 1),
    ):
        text = N_("its transaction has another place as well")
        yield Finding("journal_log", str(row.position), Message(text))


def doubles(session: Session) -> Iterator[Finding]:
    """A thing happens once per subject; a hold ends once and is reversed once at most."""
    for row in stream(
        session,
        select(Transaction.kind, Transaction.subject, func.max(Transaction.id).label("id"))
        .group_by(Transaction.kind, Transaction.subject)
        .having(func.count() > 1),
    ):
        yield Finding(
            "journal_transaction",
            row.id,
            Message(
                N_("“%(kind)s” happened more than once for %(subject)s"),
                {"kind": row.kind, "subject": row.subject},
            ),
        )
    for column, text in (
        (Transaction.resolves_id, N_("this hold ended more than once")),
        (Transaction.reverses_id, N_("it was reversed more than once")),
    ):
        for (target,) in stream(
            session,
            select(column).where(column.is_not(None)).group_by(column).having(func.count() > 1),
        ):
            yield Finding("journal_transaction", str(target), Message(text))


def holds(session: Session) -> Iterator[Finding]:
    """What ends a hold is about the same thing and takes exactly what was held from each lot."""
    hold = aliased(Transaction)
    for row in stream(
        session,
        select(Transaction.id)
        .outerjoin(hold, hold.id == Transaction.resolves_id)
        .where(
            Transaction.resolves_id.is_not(None),
            or_(
                hold.id.is_(None),
                hold.kind != "hold",
                Transaction.kind.not_in(_ENDINGS),
                Transaction.subject != hold.subject,
            ),
        ),
    ):
        yield Finding(
            "journal_transaction", row.id, Message(N_("it ends something else than its own hold"))
        )
    pairs = _with_their_target(Transaction.resolves_id, true())
    rest = func.sum(Posting.amount)
    for row in stream(
        session,
        select(pairs.c.target.label("hold_id"), Posting.lot_id, Posting.unit, rest.label("rest"))
        .join(Posting, Posting.transaction_id == pairs.c.id)
        .where(Posting.bucket == "held")
        .group_by(pairs.c.target, Posting.lot_id, Posting.unit)
        .having(rest != 0),
    ):
        yield Finding(
            "journal_transaction",
            row.hold_id,
            Message(
                N_("%(amount)s of this ended hold is unaccounted for in lot %(lot)s"),
                {"amount": Money(int(row.rest), row.unit), "lot": row.lot_id},
            ),
        )


def reversals(session: Session) -> Iterator[Finding]:
    """A reversal undoes its transaction to the cent, bucket by bucket."""
    # A clawback names what it takes back too, but may take a part; only a reversal undoes it all.
    pairs = _with_their_target(Transaction.reverses_id, Transaction.kind == "reversal")
    rest = func.sum(Posting.amount)
    of_same = (Posting.bucket, Posting.lot_id, Posting.scheme_id, Posting.provider_id)
    for row in stream(
        session,
        select(pairs.c.target.label("id"), Posting.bucket)
        .join(Posting, Posting.transaction_id == pairs.c.id)
        .group_by(pairs.c.target, *of_same)
        .having(rest != 0),
    ):
        yield Finding(
            "journal_transaction",
            row.id,
            Message(N_("its reversal does not undo “%(bucket)s”"), {"bucket": row.bucket}),
        )


def _with_their_target(column: Any, wanted: ColumnElement[bool]) -> Any:
    """Select, per transaction that ``column`` names, its id and that of the one that names it."""
    named = and_(column.is_not(None), wanted)
    return union_all(
        select(column.label("target"), Transaction.id.label("id")).where(named),
        select(column, column).where(named),
    ).subquery()
