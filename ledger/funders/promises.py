"""What of a scheme's fund is spoken for, so that nothing that was decided runs dry half-way.

Grants that are under way, an accrual pass and the budget of a round take their money in many
units of work. None of it is set apart in the books: it is in the fund until an account has it.
But whoever decides on more is told what is left besides, and refused beyond it. The decision and
this question stand in one unit of work that locks the scheme, so two cannot promise the same.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ledger.accounts import lots
from ledger.accounts.models import Scheme
from ledger.db import Work
from ledger.errors import InsufficientBalance
from ledger.funders.models import AccrualRun, GrantBatch, Round
from ledger.messages import N_
from ledger.money import Money


def promised(session: Session, scheme_id: str, now: datetime) -> int:
    """Return what was decided on and no account has yet, in minor units."""
    grants = select(func.sum(GrantBatch.total - GrantBatch.granted_total)).where(
        GrantBatch.scheme_id == scheme_id, GrantBatch.status == "granting"
    )
    accruals = select(func.sum(AccrualRun.promised - AccrualRun.pass_total)).where(
        AccrualRun.scheme_id == scheme_id,
        AccrualRun.status == "running",
        # Somebody's facts may have changed after the pass began.
        AccrualRun.promised > AccrualRun.pass_total,
    )
    rounds = select(func.sum(Round.budget - Round.granted)).where(
        Round.scheme_id == scheme_id, Round.status == "open", Round.closes_at > now
    )
    return sum(int(session.execute(one).scalar_one() or 0) for one in (grants, accruals, rounds))


def free(session: Session, scheme_id: str, now: datetime) -> int:
    """Return what of the fund is not promised yet, in minor units."""
    return lots.fund_balance(session, scheme_id) - promised(session, scheme_id, now)


def require(work: Work, scheme: Scheme, total: int) -> None:
    """Refuse to decide on ``total`` when less is free; ``scheme`` must be locked.

    Raises InsufficientBalance, with what is there and what of it is promised.
    """
    there = lots.fund_balance(work.session, scheme.id)
    taken = promised(work.session, scheme.id, work.now)
    if there - taken >= total:
        return
    if taken == 0:
        raise InsufficientBalance(
            N_("The fund of this scheme has %(fund)s, and this needs %(total)s. Pay in first."),
            fund=Money(there, scheme.unit),
            total=Money(total, scheme.unit),
        )
    raise InsufficientBalance(
        N_(
            "The fund of this scheme has %(fund)s, of which %(promised)s is promised already, and"
            " this needs %(total)s. Pay in first."
        ),
        fund=Money(there, scheme.unit),
        promised=Money(taken, scheme.unit),
        total=Money(total, scheme.unit),
    )
