"""Proof of balances: lots against their postings, budgets of schemes, expiry after notice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.orm import Session, aliased

from ledger import clock
from ledger.accounts.models import ExpiryNotice, Lot, Posting, Scheme, Transaction
from ledger.accounts.verification.finding import Finding, stream
from ledger.messages import N_, Message
from ledger.money import Money


def lots(session: Session) -> Iterator[Finding]:
    """The counters of each lot equal the sums of its postings, and none is below zero."""

    def of(*buckets: str, sign: int = 1) -> Any:
        amount = case((Posting.bucket.in_(buckets), sign * Posting.amount), else_=0)
        return func.coalesce(func.sum(amount), 0)

    derived = {
        "credited": of("fund", sign=-1),
        "available": of("available"),
        "held": of("held"),
        "spent": of("payable", "receivable", "bank"),
        "returned": of("returned"),
    }
    counters = [getattr(Lot, name) for name in derived]
    wrong = or_(
        *(getattr(Lot, name) != amount for name, amount in derived.items()),
        Lot.credited != Lot.available + Lot.held + Lot.spent + Lot.returned,
        *(counter < 0 for counter in counters),
    )
    columns = [amount.label(f"posted_{name}") for name, amount in derived.items()]
    for row in stream(
        session,
        select(Lot.id, Lot.unit, *counters, *columns)
        .outerjoin(Posting, Posting.lot_id == Lot.id)
        .group_by(Lot.id)
        .having(wrong),
    ):
        yield from _wrong_counters(row._mapping, list(derived))


def kept_apart(session: Session) -> Iterator[Finding]:
    """Postings of a lot stay within its account, scheme and unit; schemes keep to one unit."""
    for row in stream(
        session,
        select(Posting.transaction_id, Posting.line)
        .outerjoin(Lot, Lot.id == Posting.lot_id)
        .join(Scheme, Scheme.id == Posting.scheme_id)
        .where(
            or_(
                Posting.unit != Scheme.unit,
                and_(
                    Posting.lot_id.is_not(None),
                    or_(
                        Lot.id.is_(None),
                        Lot.account_id != Posting.account_id,
                        Lot.scheme_id != Posting.scheme_id,
                        Lot.unit != Posting.unit,
                    ),
                ),
            )
        ),
    ):
        yield Finding(
            "journal_posting",
            f"{row.transaction_id}/{row.line}",
            Message(N_("it mixes lots, accounts, schemes or units")),
        )


def budgets(session: Session) -> Iterator[Finding]:
    """Per scheme: paid in = in the fund + available + held + paid + returned, none below zero.

    Available, held and paid come from the lots' counters, the rest from postings, so that the two
    books prove each other.
    """
    of_lots = (
        select(Lot.scheme_id, func.sum(Lot.available + Lot.held + Lot.spent).label("out"))
        .group_by(Lot.scheme_id)
        .subquery()
    )
    paid_in = case(
        (and_(Transaction.kind == "pay_in", Posting.bucket == "bank"), -Posting.amount), else_=0
    )
    reversed_in = _pay_in_reversals()
    of_postings = (
        select(
            Posting.scheme_id,
            func.sum(paid_in + reversed_in).label("paid_in"),
            func.sum(case((Posting.bucket == "fund", Posting.amount), else_=0)).label("fund"),
            func.sum(case((Posting.bucket == "returned", Posting.amount), else_=0)).label("back"),
        )
        .join(Transaction, Transaction.id == Posting.transaction_id)
        .group_by(Posting.scheme_id)
        .subquery()
    )
    rows = session.execute(
        select(Scheme.id, Scheme.unit, of_postings, of_lots.c.out)
        .outerjoin(of_postings, of_postings.c.scheme_id == Scheme.id)
        .outerjoin(of_lots, of_lots.c.scheme_id == Scheme.id)
        .order_by(Scheme.id)
    )
    for row in rows:
        budget, fund, back, out = (int(n or 0) for n in (row.paid_in, row.fund, row.back, row.out))
        if budget != fund + back + out:
            yield Finding(
                "scheme",
                row.id,
                Message(
                    N_("%(budget)s was paid in, but %(total)s is accounted for"),
                    {
                        "budget": Money(budget, row.unit),
                        "total": Money(fund + back + out, row.unit),
                    },
                ),
            )
        if fund < 0 or back < 0:
            yield Finding("scheme", row.id, Message(N_("more left its fund than had been paid in")))


def expiries(session: Session) -> Iterator[Finding]:
    """Nothing expired before its day or without the last notice, a week ahead."""
    rows = stream(
        session,
        select(Transaction.id, Transaction.occurred_on, Lot.expires_on, ExpiryNotice.recorded_on)
        .join(Posting, Posting.transaction_id == Transaction.id)
        .join(Lot, Lot.id == Posting.lot_id)
        .outerjoin(ExpiryNotice, and_(ExpiryNotice.lot_id == Lot.id, ExpiryNotice.days_before == 7))
        .where(Transaction.kind == "expire", Posting.bucket == "available"),
    )
    for row in rows:
        if row.expires_on is None or row.occurred_on <= row.expires_on:
            text = N_("the money expired before its last day")
        elif row.recorded_on is None or row.occurred_on < row.recorded_on + clock.days(7):
            text = N_("the money expired without a notice a week ahead")
        else:
            continue
        yield Finding("journal_transaction", row.id, Message(text))


def _wrong_counters(row: Any, names: Sequence[str]) -> Iterator[Finding]:
    differing = [name for name in names if row[name] != int(row[f"posted_{name}"])]
    for name in differing:
        yield Finding(
            "lot",
            row["id"],
            Message(
                N_("“%(counter)s” is %(stored)s, its postings give %(posted)s"),
                {
                    "counter": name,
                    "stored": Money(row[name], row["unit"]),
                    "posted": Money(int(row[f"posted_{name}"]), row["unit"]),
                },
            ),
        )
    if not differing:
        yield Finding("lot", row["id"], Message(N_("its counters do not add up")))


def _pay_in_reversals() -> Any:
    origin = aliased(Transaction)
    of_pay_in = (
        select(origin.id)
        .where(origin.id == Transaction.reverses_id, origin.kind == "pay_in")
        .exists()
    )
    return case((and_(of_pay_in, Posting.bucket == "bank"), -Posting.amount), else_=0)
