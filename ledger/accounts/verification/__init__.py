"""Proof of the books: everything derived again from the live rows, every deviation named.

Sums are made by the database; hashes are recomputed in :mod:`hasher`, on all cores. Nothing is
repaired: a finding is for people to judge. To follow one posting through the proof: its bytes in
:mod:`hashes`, its sum in :mod:`transactions`, its lot in :mod:`balances`, its scheme in
:mod:`buckets`, its transaction's place under a signed root in :mod:`log`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ledger.accounts.models import LogEntry, Lot, Posting, Scheme, Seal, Transaction
from ledger.accounts.seals.notes import Verifier
from ledger.accounts.verification import balances, buckets, hashes, log, transactions
from ledger.accounts.verification.anchors import Anchor
from ledger.accounts.verification.finding import Check, Finding, LongCheck
from ledger.messages import N_

__all__ = ["CHECKS", "AnyCheck", "Check", "Finding", "LongCheck", "check", "checks", "counted"]

AnyCheck = Check | LongCheck


def checks(kept: Sequence[Anchor] = (), trusted: Sequence[Verifier] = ()) -> tuple[AnyCheck, ...]:
    """Return the checks of the books, with checkpoints and public keys from elsewhere."""
    return (
        LongCheck(N_("hashes of transactions"), hashes.check),
        LongCheck(N_("the log and its seals"), partial(log.check, kept=kept, trusted=trusted)),
        Check(N_("places in the log"), transactions.one_place),
        Check(N_("sums of transactions"), transactions.sums),
        Check(N_("things that happen once"), transactions.doubles),
        Check(N_("reservations and how they ended"), transactions.holds),
        Check(N_("reversals"), transactions.reversals),
        Check(N_("lots against their postings"), balances.lots),
        Check(N_("lots against what credited them"), balances.credited),
        Check(N_("lots, accounts, schemes and units kept apart"), balances.kept_apart),
        Check(N_("budgets, funds and roll-ups of schemes"), buckets.check),
        Check(N_("expiry after notice"), balances.expiries),
        Check(N_("notices of expiry"), balances.notices),
    )


CHECKS = checks()


def check(session: Session) -> Iterator[Finding]:
    """Yield all findings about the books, read from one snapshot."""
    for part in CHECKS:
        yield from part.run(session)


def counted(session: Session) -> dict[str, int]:
    """Return how many rows of each table the proof covers."""
    tables = (Transaction, Posting, Lot, Scheme, LogEntry, Seal)
    return {
        table.__tablename__: session.scalar(select(func.count()).select_from(table)) or 0
        for table in tables
    }
