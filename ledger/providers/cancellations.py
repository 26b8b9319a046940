"""Leaving an enrolment early: withdrawal, late cancellation, stopping, force majeure, the provider.

Which row of the cancellation table applies follows from who acts and when; what it costs follows
from the rule version of each line. The page that shows it beforehand asks the same functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ledger import clock
from ledger.accounts import history, journal
from ledger.db import Work
from ledger.errors import Forbidden, Invalid, NotFound, WrongState
from ledger.messages import N_
from ledger.providers import attendance, enrolments, settling
from ledger.providers.models import Enrolment, Run
from ledger.providers.settlement import Event, status

# Why force majeure is stated; codes, because free text does not belong in the history.
REASONS = {
    "illness": N_("Illness or accident"),
    "family": N_("Death or serious illness in the family"),
    "care": N_("Unexpected care for somebody"),
    "disaster": N_("Fire, flood or another disaster"),
    "authority": N_("A measure of the authorities"),
}


@dataclass(frozen=True, slots=True)
class Cancelled:
    """An enrolment after cancelling, with the receipt when money moved."""

    enrolment: Enrolment
    receipt: journal.Receipt | None


@dataclass(frozen=True, slots=True)
class Preview:
    """What cancelling now would do; ``waits`` when attendance has to be stated or decided first."""

    event: Event
    waits: bool
    consequence: settling.Consequence


def cancel(work: Work, enrolment_id: str) -> Cancelled:
    """End an enrolment for the one who acts: the holder withdraws or stops, the provider cancels.

    Raises NotFound, Forbidden, and WrongState when it has ended or is disputed.
    """
    enrolment = enrolments.own(work, enrolment_id)
    if work.actor.role == "holder":
        return _by_holder(work, enrolment)
    if work.actor.role in ("provider", "operator"):
        return _by_provider(work, enrolment)
    raise Forbidden(N_("Only the learner or the provider can cancel."))


def force_majeure(work: Work, enrolment_id: str, reason: str) -> Cancelled:
    """State that something beyond the learner's power ended it: realised paid, the rest back.

    By the provider or the operator. Raises NotFound, Forbidden, WrongState, Invalid for an
    unknown reason and for held sessions without statement.
    """
    enrolment = enrolments.own(work, enrolment_id)
    if work.actor.role not in ("provider", "operator"):
        raise Forbidden(N_("Ask the provider or the operator to state force majeure."))
    _check_reason(reason)
    _require_confirmed(enrolment)
    attendance.forbid_own_learning(work, enrolment)
    stated = attendance.known(work.session, enrolment, work.now)
    attendance.require_no_dispute(work.session, enrolment)
    attendance.require_stated(stated)
    return _settle(work, enrolment, "force_majeure", stated.percent, reason=reason)


def ask_force_majeure(work: Work, enrolment_id: str, reason: str) -> Enrolment:
    """Let the holder ask for it; the provider or the operator decides. Raises as the verb."""
    enrolment = enrolments.own(work, enrolment_id)
    if work.actor.role != "holder":
        raise Forbidden(N_("Only the account holder can ask this."))
    _check_reason(reason)
    _require_confirmed(enrolment)
    if any(e.kind == "force_majeure_asked" for e in history.of(work.session, enrolment.id)):
        raise WrongState(N_("You asked this before. The provider or the operator decides."))
    history.record(work, enrolment.id, "force_majeure_asked", reason=reason)
    return enrolment


def cancel_run(work: Work, run_id: str) -> list[Cancelled]:
    """Cancel a whole run: everybody gets everything back. Raises NotFound and WrongState."""
    run = work.session.get(Run, run_id)
    if run is None or (
        work.actor.role != "operator" and run.provider_id != work.actor.organisation_id
    ):
        raise NotFound(N_("There is no such course run."))
    if run.status != "planned":
        raise WrongState(N_("This course run was cancelled."))
    active = work.session.scalars(
        select(Enrolment)
        .where(
            Enrolment.run_id == run_id,
            Enrolment.status.in_((*enrolments.UNCONFIRMED, *enrolments.HOLDS_PLACE)),
        )
        .order_by(Enrolment.id)
        .with_for_update(key_share=True)
    ).all()
    done = [_by_provider(work, enrolment) for enrolment in active]
    work.session.execute(update(Run).where(Run.id == run_id).values(status="cancelled"))
    history.record(work, run_id, "cancelled", enrolments=len(done))
    work.session.flush()
    return done


def preview(session: Session, enrolment: Enrolment, now: datetime) -> Preview:
    """Return what would happen if the holder cancelled now; nothing is changed."""
    event = holder_event(session, enrolment, now)
    stated = attendance.known(session, enrolment, now)
    waits = event == "attended" and (
        bool(stated.unstated) or attendance.has_dispute(session, enrolment)
    )
    percent = stated.percent if event == "attended" else 0
    result = settling.consequence(session, enrolment, event, percent, clock.today(now))
    return Preview(event, waits, result)


def holder_event(session: Session, enrolment: Enrolment, now: datetime) -> Event:
    """Return which event it is when the holder leaves a confirmed enrolment now."""
    run = session.get_one(Run, enrolment.run_id)
    if enrolment.status == "started" or enrolments.starts_at(session, run) <= now:
        return "attended"
    last = enrolment.cooling_off_until
    return "withdrawn" if last is not None and clock.today(now) <= last else "cancelled_late"


def _by_holder(work: Work, enrolment: Enrolment) -> Cancelled:
    if enrolment.status in enrolments.UNCONFIRMED:
        return Cancelled(enrolments.decline(work, enrolment.id), None)
    _require_confirmed(enrolment)
    if enrolment.stopped_at is not None:
        raise WrongState(N_("You stopped before; the provider has yet to state your attendance."))
    event = holder_event(work.session, enrolment, work.now)
    if event != "attended":
        return _settle(work, enrolment, event)
    stated = attendance.known(work.session, enrolment, work.now)
    if stated.unstated or attendance.has_dispute(work.session, enrolment):
        # What was attended decides the money, so stopping counts from now and is settled later.
        enrolment.stopped_at = work.now
        history.record(work, enrolment.id, "stopped")
        work.session.flush()
        return Cancelled(enrolment, None)
    return _settle(work, enrolment, event, stated.percent)


def _by_provider(work: Work, enrolment: Enrolment) -> Cancelled:
    if enrolment.status in enrolments.UNCONFIRMED:
        enrolments.end(work, enrolment, "cancelled_by_provider")
        return Cancelled(enrolment, None)
    _require_confirmed(enrolment)
    return _settle(work, enrolment, "cancelled_by_provider")


def _settle(
    work: Work, enrolment: Enrolment, event: Event, percent: int = 0, reason: str | None = None
) -> Cancelled:
    held = settling.held(work.session, enrolment.id)
    lines = settling.lines_of(held)
    receipt = settling.settle(work, enrolment, held, event, percent)
    if event in ("attended", "force_majeure"):
        enrolment.attended_percent = percent
    data = {"reason": reason} if reason else {}
    if receipt is not None:
        data["transaction_id"] = receipt.id
    before_start = (
        enrolments.starts_at(work.session, work.session.get_one(Run, enrolment.run_id)) > work.now
    )
    enrolments.end(work, enrolment, status(lines, event, percent), **data)
    if before_start:
        _give_place_back(work, enrolment.run_id)
    return Cancelled(enrolment, receipt)


def _give_place_back(work: Work, run_id: str) -> None:
    work.session.execute(update(Run).where(Run.id == run_id).values(taken=Run.taken - 1))


def _require_confirmed(enrolment: Enrolment) -> None:
    if enrolment.status in enrolments.UNCONFIRMED:
        raise WrongState(N_("This enrolment is not confirmed yet."))
    if enrolment.status not in enrolments.HOLDS_PLACE:
        raise WrongState(N_("This enrolment has ended."))


def _check_reason(reason: str) -> None:
    if reason not in REASONS:
        raise Invalid(N_("Choose a reason from the list."), field="reason")
