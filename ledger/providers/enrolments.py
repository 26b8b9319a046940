"""Enrolments: beginning one, declining, lapsing, and what a place in a run asks.

A worker requests a place, or a provider registers the worker with account number and consent
code. Nothing is held until the holder confirms, see :mod:`ledger.providers.confirmations`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ledger import clock, ids
from ledger.accounts import history, people
from ledger.accounts.models import Account
from ledger.db import Work
from ledger.errors import Conflict, Forbidden, NotFound, Overlap, RunFull, WrongState
from ledger.messages import N_
from ledger.providers import accreditations
from ledger.providers.models import Case, Course, Enrolment, Run, RunSession

CONFIRM_WITHIN = timedelta(days=14)
UNCONFIRMED = ("requested", "offered")
HOLDS_PLACE = ("confirmed", "started")


def request(work: Work, run_id: str) -> Enrolment:
    """Let the holder ask for a place in a course run; the catalogue price is frozen.

    Raises NotFound, NotAccredited, WrongState (cancelled, begun), RunFull, Overlap, and Conflict
    when there is an active enrolment in the same course.
    """
    account = _own_account(work)
    run, course = _run(work.session, run_id)
    _check_run(work, run, course)
    _check_overlap(work.session, account.id, run.id)
    enrolment = _new(work, ids.new("enr"), account.id, run, course, "holder")
    history.record(work, enrolment.id, "requested", run_id=run.id, price_cents=course.price_cents)
    return enrolment


def register(work: Work, run_id: str, account_number: str, consent_code: str) -> Enrolment:
    """Let a provider register the learner who gave it this code; the holder still confirms.

    Raises the same Invalid for an unknown account and a wrong code; otherwise as
    :func:`request`, but an overlap is kept for the holder's eyes.
    """
    run, course = _run(work.session, run_id)
    if work.actor.role != "provider" or run.provider_id != work.actor.organisation_id:
        raise NotFound(N_("There is no such course run."))
    _check_run(work, run, course)
    enrolment_id = ids.new("enr")
    account = people.use_consent_code(work, account_number, consent_code, enrolment_id)
    _lock_account(work.session, account.id)
    enrolment = _new(work, enrolment_id, account.id, run, course, "provider")
    history.record(work, enrolment.id, "offered", run_id=run.id, price_cents=course.price_cents)
    return enrolment


def decline(work: Work, enrolment_id: str) -> Enrolment:
    """Let the holder turn down an offer, or take back a request. Raises NotFound, WrongState."""
    enrolment = own(work, enrolment_id)
    if work.actor.role != "holder":
        raise Forbidden(N_("Only the account holder can decline an enrolment."))
    if enrolment.status not in UNCONFIRMED:
        raise WrongState(N_("This enrolment was confirmed or ended before."))
    end(work, enrolment, "declined")
    return enrolment


def lapse(work: Work) -> list[str]:
    """End what was not confirmed in time; return the ids. Running it twice does no harm."""
    late = work.session.scalars(
        select(Enrolment)
        .where(Enrolment.status.in_(UNCONFIRMED), Enrolment.confirm_until < work.now)
        .order_by(Enrolment.id)
        .with_for_update(skip_locked=True)
    ).all()
    for enrolment in late:
        end(work, enrolment, "lapsed")
    return [enrolment.id for enrolment in late]


def own(work: Work, enrolment_id: str) -> Enrolment:
    """Return an enrolment of the actor's, locked until the end of this work.

    A holder's own, a provider's own learner's, any for the operator; others are NotFound.
    """
    actor = work.actor
    owners = {
        "holder": Enrolment.account_id == actor.account_id,
        "provider": Enrolment.provider_id == actor.organisation_id,
        "operator": Enrolment.id == enrolment_id,
        "system": Enrolment.id == enrolment_id,
    }
    if actor.role not in owners:
        raise NotFound(N_("There is no such enrolment."))
    found = work.session.scalars(
        select(Enrolment)
        .where(Enrolment.id == enrolment_id, owners[actor.role])
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise NotFound(N_("There is no such enrolment."))
    return found


def end(work: Work, enrolment: Enrolment, status: str, **data: object) -> None:
    """Put an enrolment in a final status, with the event that says so."""
    enrolment.status = status
    enrolment.ended_at = work.now
    history.record(work, enrolment.id, status, **data)
    # Nothing is missing any more, so nobody has to look into it.
    work.session.execute(
        update(Case)
        .where(
            Case.kind == "missing_declaration",
            Case.subject == enrolment.id,
            Case.status == "open",
        )
        .values(status="closed", closed_at=work.now)
    )
    work.session.flush()


def starts_at(session: Session, run: Run) -> datetime:
    """Return when a run begins: its first session, or the start of its first day without one."""
    first = session.scalars(
        select(RunSession.starts_at)
        .where(RunSession.run_id == run.id)
        .order_by(RunSession.starts_at)
        .limit(1)
    ).one_or_none()
    return first or clock.local(run.starts_on)


def _own_account(work: Work) -> Account:
    if work.actor.account_id is None:
        raise NotFound(N_("There is no such account."))
    return _lock_account(work.session, work.actor.account_id)


def _lock_account(session: Session, account_id: str) -> Account:
    # One holder's enrolments wait for each other, so that overlap and balance are seen whole.
    account = session.scalars(
        select(Account).where(Account.id == account_id).with_for_update(key_share=True)
    ).one()
    if account.closed_at is not None:
        raise Conflict(N_("This account is closed."))
    return account


def _run(session: Session, run_id: str) -> tuple[Run, Course]:
    found = session.execute(
        select(Run, Course).join(Course, Course.id == Run.course_id).where(Run.id == run_id)
    ).one_or_none()
    if found is None or found[1].status == "draft":
        raise NotFound(N_("There is no such course run."))
    return found[0], found[1]


def require_offered(run_status: str, course_status: str, first: datetime, now: datetime) -> None:
    """Raise WrongState when a run that begins at ``first`` can no longer be taken."""
    if run_status != "planned":
        raise WrongState(N_("This course run was cancelled."))
    if course_status != "published":
        raise WrongState(N_("This course is no longer offered."))
    if first <= now:
        raise WrongState(N_("This course run has begun; choose a later one."))


def require_accredited(
    rows: Sequence[accreditations.Accredited],
    provider_status: str,
    course_id: str,
    sector: str,
    days: Iterable[date],
) -> None:
    """Raise NotAccredited when a day is not covered: that of buying, or that of beginning."""
    for day in sorted(set(days)):
        problem = accreditations.problem_of(rows, provider_status, course_id, sector, day)
        if problem is not None:
            raise accreditations.refusal(problem)


def require_place(taken: int, capacity: int) -> None:
    """Raise RunFull when no place is left."""
    if taken >= capacity:
        raise RunFull(N_("This course run is full; choose another one."))


def require_no_overlap(
    others: Iterable[tuple[datetime, datetime, str]],
    sessions: Sequence[tuple[datetime, datetime]],
) -> None:
    """Raise Overlap when one of ``others`` (begin, end, course) lies at the hours of a session."""
    for begins, ends, course in others:
        if any(
            begins < session_ends and session_begins < ends
            for session_begins, session_ends in sessions
        ):
            raise Overlap(
                N_("On %(moment)s you have a session of %(course)s, which you are enrolled in."),
                moment=begins,
                course=course,
            )


def _check_run(work: Work, run: Run, course: Course) -> None:
    require_offered(run.status, course.status, starts_at(work.session, run), work.now)
    for day in sorted({work.today, run.starts_on}):
        accreditations.require_valid(work.session, run.provider_id, course, day)
    require_place(run.taken, run.capacity)


def _check_overlap(session: Session, account_id: str, run_id: str) -> None:
    mine = session.scalars(select(RunSession).where(RunSession.run_id == run_id)).all()
    others = session.execute(
        select(RunSession, Course.title)
        .join(Run, Run.id == RunSession.run_id)
        .join(Course, Course.id == Run.course_id)
        .join(Enrolment, Enrolment.run_id == Run.id)
        .where(
            Enrolment.account_id == account_id,
            Enrolment.status.in_(HOLDS_PLACE),
        )
        .order_by(RunSession.starts_at)
    ).all()
    require_no_overlap(
        ((meeting.starts_at, meeting.ends_at, title) for meeting, title in others),
        [(meeting.starts_at, meeting.ends_at) for meeting in mine],
    )


def _new(
    work: Work, enrolment_id: str, account_id: str, run: Run, course: Course, begun_by: str
) -> Enrolment:
    active = select(Enrolment.id).where(
        Enrolment.account_id == account_id,
        Enrolment.course_id == course.id,
        Enrolment.ended_at.is_(None),
    )
    enrolment = Enrolment(
        id=enrolment_id,
        account_id=account_id,
        course_id=course.id,
        run_id=run.id,
        provider_id=run.provider_id,
        status="requested" if begun_by == "holder" else "offered",
        begun_by=begun_by,
        begun_at=work.now,
        price_cents=course.price_cents,
        own_share_cents=0,
        confirm_until=min(work.now + CONFIRM_WITHIN, starts_at(work.session, run)),
    )
    try:
        if work.session.execute(active).first():
            raise _Twice
        with work.session.begin_nested():
            work.session.add(enrolment)
    except (_Twice, IntegrityError):
        raise Conflict(N_("There is an active enrolment in this course already.")) from None
    return enrolment


class _Twice(Exception):
    """The same course again while an enrolment in it is active."""
