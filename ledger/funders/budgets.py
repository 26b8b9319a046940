"""Budget: money that a funder pays into a scheme, and expired money that goes back to its fund."""

from __future__ import annotations

from datetime import date

from sqlalchemy.exc import IntegrityError

from ledger import ids
from ledger.accounts import balances, history, journal
from ledger.accounts.journal import Entry, Line, Receipt
from ledger.accounts.models import Scheme
from ledger.db import Work
from ledger.errors import AlreadyDone, Conflict, Invalid
from ledger.funders import reach
from ledger.funders.models import BudgetPayment
from ledger.messages import N_
from ledger.money import Money, checked

REFERENCE_LENGTH = 140  # what a bank transfer can carry


def pay_in(work: Work, scheme_id: str, amount: int, reference: str, received_on: date) -> Receipt:
    """Record money (cents, or minutes) that arrived for a scheme: bank −, fund +.

    ``reference`` is the transfer's; one counts once per scheme. Raises Invalid, NotFound,
    AlreadyDone when the reference was recorded before.
    """
    amount = checked(amount)
    reference = _reference(reference)
    if received_on > work.today:
        raise Invalid(N_("This date lies in the future."), field="received_on")
    scheme = reach.scheme_changed(work, scheme_id)
    payment = BudgetPayment(
        id=ids.new("bud"),
        scheme_id=scheme.id,
        reference=reference,
        amount=amount,
        received_on=received_on,
        recorded_by=reach.person_of(work),
        recorded_at=work.now,
    )
    try:
        with work.session.begin_nested():
            work.session.add(payment)
    except IntegrityError:
        raise AlreadyDone(
            N_("A payment with this reference was recorded before."), field="reference"
        ) from None
    history.record(work, payment.id, "budget.paid_in", amount=amount, scheme_id=scheme.id)
    return journal.post(work, Entry("pay_in", payment.id, _lines(scheme, "bank", "fund", amount)))


def reallocate(work: Work, scheme_id: str, amount: int | None = None) -> Receipt:
    """Put expired money of a scheme back into its fund; all of it when no amount is given.

    Raises Conflict when less has come back than is asked for.
    """
    scheme = reach.scheme_changed(work, scheme_id)
    there = balances.bucket_balance(work.session, scheme.id, "returned")
    wanted = there if amount is None else checked(amount)
    if there == 0 or wanted > there:
        raise Conflict(
            N_("There is %(there)s that came back and was not put to use yet."),
            field="amount",
            there=Money(there, scheme.unit),
        )
    subject = ids.new("rea")
    history.record(work, subject, "budget.reallocated", amount=wanted, scheme_id=scheme.id)
    return journal.post(
        work, Entry("reallocate", subject, _lines(scheme, "returned", "fund", wanted))
    )


def _lines(scheme: Scheme, source: str, target: str, amount: int) -> tuple[Line, Line]:
    return (
        Line(source, -amount, scheme.id, unit=scheme.unit),
        Line(target, amount, scheme.id, unit=scheme.unit),
    )


def _reference(text: str) -> str:
    text = " ".join(text.split())
    if not text:
        raise Invalid(N_("Give the reference of the transfer."), field="reference")
    if len(text) > REFERENCE_LENGTH:
        raise Invalid(
            N_("Use at most %(limit)s characters."), field="reference", limit=REFERENCE_LENGTH
        )
    return text
