"""Proof of the books: every sum derived again from the live rows, every deviation named.

Sums are made by the database; hashes are recomputed here, a stretch of transactions at a time.
Nothing is repaired: a finding is for people to judge.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ledger.accounts.models import Lot, Posting, Scheme, Transaction
from ledger.accounts.verification import balances, transactions
from ledger.accounts.verification.finding import Check, Finding
from ledger.messages import N_

__all__ = ["CHECKS", "Check", "Finding", "check", "counted"]

CHECKS = (
    Check(N_("hashes of transactions"), transactions.hashes),
    Check(N_("sums of transactions"), transactions.sums),
    Check(N_("missing rows"), transactions.loose_ends),
    Check(N_("things that happen once"), transactions.doubles),
    Check(N_("reservations and how they ended"), transactions.holds),
    Check(N_("reversals"), transactions.reversals),
    Check(N_("lots against their postings"), balances.lots),
    Check(N_("lots, accounts, schemes and units kept apart"), balances.kept_apart),
    Check(N_("budgets of schemes"), balances.budgets),
    Check(N_("expiry after notice"), balances.expiries),
)


def check(session: Session) -> Iterator[Finding]:
    """Yield all findings about the books, read from one snapshot."""
    for part in CHECKS:
        yield from part.run(session)


def counted(session: Session) -> dict[str, int]:
    """Return how many rows of each table the proof covers."""
    tables = (Transaction, Posting, Lot, Scheme)
    return {
        table.__tablename__: session.scalar(select(func.count()).select_from(table)) or 0
        for table in tables
    }
