"""What would pay for a run or an enrolment, asked by its holder; nothing is held."""

from __future__ import annotations

from datetime import date

from sqlalchemy.orm import Session

from ledger.accounts import people
from ledger.db import Actor
from ledger.errors import NotFound
from ledger.messages import N_
from ledger.providers.models import Course, Enrolment, Run
from ledger.providers.quotes import Quote, quote


def for_run(
    session: Session, actor: Actor, run_id: str, on: date, *, own_share_cents: int = 0
) -> Quote:
    """Return the quote for a run at the course's price of today. Raises NotFound."""
    run = session.get(Run, run_id)
    course = session.get(Course, run.course_id) if run is not None else None
    if run is None or course is None or course.status == "draft" or actor.account_id is None:
        raise NotFound(N_("There is no such course run."))
    account = people.account(session, actor.account_id)
    own_share_cents = min(own_share_cents, course.price_cents)
    return quote(
        session, account, course, run, course.price_cents, on, own_share_cents=own_share_cents
    )


def for_enrolment(session: Session, enrolment: Enrolment, on: date) -> Quote:
    """Return the quote for an enrolment at its frozen price, without an own share."""
    return quote(
        session,
        people.account(session, enrolment.account_id),
        session.get_one(Course, enrolment.course_id),
        session.get_one(Run, enrolment.run_id),
        enrolment.price_cents,
        on,
        enrolment_id=enrolment.id,
    )
