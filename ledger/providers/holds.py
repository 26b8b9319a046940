"""Holding back a payment: with a reason the provider can read, and a day by which it is decided."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import select

from ledger.accounts import history
from ledger.db import Work
from ledger.errors import Invalid, NotFound, WrongState
from ledger.messages import N_
from ledger.providers.models import Declaration
from ledger.providers.payouts import operator_only

LONGEST = timedelta(days=90)
_LONGEST_REASON = 1000


def hold(work: Work, declaration_id: str, reason: str, until: date) -> Declaration:
    """Hold back what is declared; it goes on no statement, and one that has it is not released.

    ``until`` is the day by which it is decided, at most 90 days ahead. Raises Forbidden, NotFound,
    Invalid, WrongState when it is not waiting to be paid.
    """
    operator_only(work)
    reason = checked_reason(reason)
    if not work.today < until <= work.today + LONGEST:
        raise Invalid(
            N_("Choose a day after today and within %(days)s days."),
            field="until",
            days=LONGEST.days,
        )
    declaration = _locked(work, declaration_id)
    if declaration.status != "payable":
        raise WrongState(N_("Only what waits to be paid can be put on hold."))
    declaration.status, declaration.hold_reason, declaration.hold_until = "on_hold", reason, until
    history.record(work, declaration.id, "payment_held", reason=reason, until=until.isoformat())
    work.session.flush()
    return declaration


def lift(work: Work, declaration_id: str, reason: str) -> Declaration:
    """End a hold, so that the next statement pays it. Raises Forbidden, NotFound, WrongState."""
    operator_only(work)
    reason = checked_reason(reason)
    declaration = _locked(work, declaration_id)
    if declaration.status != "on_hold":
        raise WrongState(N_("This payment is not on hold."))
    declaration.status, declaration.hold_reason, declaration.hold_until = "payable", None, None
    history.record(work, declaration.id, "payment_hold_lifted", reason=reason)
    work.session.flush()
    return declaration


def checked_reason(text: str) -> str:
    """Return a reason without spaces around it. Raises Invalid when empty or too long."""
    text = text.strip()
    if not 1 <= len(text) <= _LONGEST_REASON:
        raise Invalid(N_("Write the reason in 1 to 1000 characters."), field="reason")
    return text


def _locked(work: Work, declaration_id: str) -> Declaration:
    declaration = work.session.scalars(
        select(Declaration).where(Declaration.id == declaration_id).with_for_update()
    ).one_or_none()
    if declaration is None:
        raise NotFound(N_("There is no such declaration."))
    return declaration
