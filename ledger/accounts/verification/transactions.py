"""Proof of single transactions: their hashes, sums, rows, and that things happen once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, aliased

from ledger.accounts.canonical import Head, Line, digest
from ledger.accounts.models import Posting, Transaction
from ledger.accounts.verification.finding import Finding, stream
from ledger.messages import N_, Message
from ledger.money import Money

STRETCH = 2000  # transactions whose hashes are recomputed at a time
_HEAD = tuple(Transaction.__table__.c[name] for name in Head.__slots__)
_LINE = tuple(Posting.__table__.c[name] for name in Line.__slots__)
_ENDINGS = ("release", "settle", "reversal")


def hashes(session: Session) -> Iterator[Finding]:
    """Compare each stored hash with the one that its rows give now."""
    last = ""
    columns = (*_HEAD, Transaction.hash)
    while True:
        rows = session.execute(
            select(*columns).where(Transaction.id > last).order_by(Transaction.id).limit(STRETCH)
        ).all()
        if not rows:
            return
        lines = _lines_between(session, last, rows[-1].id)
        for *head, stored in rows:
            if not _matches(Head(*head), lines.get(head[0], []), stored):
                yield Finding(
                    "journal_transaction",
                    head[0],
                    Message(N_("its content is not what was recorded at the time")),
                )
        last = rows[-1].id


def sums(session: Session) -> Iterator[Finding]:
    """Each transaction sums to zero per unit and scheme."""
    total = func.sum(Posting.amount)
    for row in stream(
        session,
        select(Posting.transaction_id, Posting.unit, total.label("total"))
        .group_by(Posting.transaction_id, Posting.unit, Posting.scheme_id)
        .having(total != 0),
    ):
        yield Finding(
            "journal_transaction",
            row.transaction_id,
            Message(
                N_("its postings sum to %(amount)s instead of zero"),
                {"amount": Money(int(row.total), row.unit)},
            ),
        )


def loose_ends(session: Session) -> Iterator[Finding]:
    """Transactions have postings, postings have a transaction, lines are numbered without gap."""
    without = ~select(Posting.line).where(Posting.transaction_id == Transaction.id).exists()
    for row in stream(session, select(Transaction.id).where(without)):
        yield Finding("journal_transaction", row.id, Message(N_("it has no postings")))
    orphan = ~select(Transaction.id).where(Transaction.id == Posting.transaction_id).exists()
    for row in stream(session, select(Posting.transaction_id, Posting.line).where(orphan)):
        yield Finding(
            "journal_posting",
            f"{row.transaction_id}/{row.line}",
            Message(N_("its transaction is gone")),
        )
    for row in stream(
        session,
        select(Posting.transaction_id)
        .group_by(Posting.transaction_id)
        .having(or_(func.max(Posting.line) != func.count(), func.min(Posting.line) != 1)),
    ):
        yield Finding(
            "journal_transaction", row.transaction_id, Message(N_("a posting of it is missing"))
        )


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
        .join(hold, hold.id == Transaction.resolves_id)
        .where(
            or_(
                hold.kind != "hold",
                Transaction.kind.not_in(_ENDINGS),
                Transaction.subject != hold.subject,
            )
        ),
    ):
        yield Finding(
            "journal_transaction", row.id, Message(N_("it ends something else than its own hold"))
        )
    ends = aliased(Transaction)
    pair = func.coalesce(Transaction.resolves_id, Transaction.id)
    rest = func.sum(Posting.amount)
    ended = or_(
        Transaction.resolves_id.is_not(None),
        select(ends.id).where(ends.resolves_id == Transaction.id).exists(),
    )
    for row in stream(
        session,
        select(pair.label("hold_id"), Posting.lot_id, Posting.unit, rest.label("rest"))
        .join(Posting, Posting.transaction_id == Transaction.id)
        .where(Posting.bucket == "held", ended)
        .group_by(pair, Posting.lot_id, Posting.unit)
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
    original = func.coalesce(Transaction.reverses_id, Transaction.id)
    reversing = aliased(Transaction)
    # A clawback names what it takes back too, but may take a part; only a reversal undoes it all.
    involved = or_(
        Transaction.kind == "reversal",
        select(reversing.id)
        .where(reversing.reverses_id == Transaction.id, reversing.kind == "reversal")
        .exists(),
    )
    rest = func.sum(Posting.amount)
    for row in stream(
        session,
        select(original.label("id"), Posting.bucket)
        .join(Posting, Posting.transaction_id == Transaction.id)
        .where(involved)
        .group_by(original, Posting.bucket, Posting.lot_id, Posting.scheme_id, Posting.provider_id)
        .having(rest != 0),
    ):
        yield Finding(
            "journal_transaction",
            row.id,
            Message(N_("its reversal does not undo “%(bucket)s”"), {"bucket": row.bucket}),
        )


def _lines_between(session: Session, after: str, until: str) -> dict[str, Sequence[Line]]:
    rows = session.execute(
        select(Posting.transaction_id, *_LINE)
        .where(Posting.transaction_id > after, Posting.transaction_id <= until)
        .order_by(Posting.transaction_id, Posting.line)
    )
    return {
        transaction_id: [Line(*row[1:]) for row in group]
        for transaction_id, group in groupby(rows, lambda row: row.transaction_id)
    }


def _matches(head: Head, lines: Sequence[Line], stored: bytes) -> bool:
    # A value of the wrong kind cannot have been hashed, so it must not stop the proof either.
    try:
        return digest(head, lines) == stored
    except (AttributeError, TypeError, ValueError):
        return False
