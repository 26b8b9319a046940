"""Enrolments: beginning one, and the holder's confirmation that holds the money.

A worker requests a place, or a provider registers the worker with account number and consent
code. Nothing is held until the holder confirms; then the place is taken and the price held from
all lots together, or nothing happens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ledger import clock, ids
from ledger.accounts import history, journal, people
from ledger.accounts.models import Account, Rule
from ledger.db import Work
from ledger.errors import Conflict, Forbidden, Invalid, NotFound, Overlap, RunFull, WrongState
from ledger.messages import N_
from ledger.money import EUR
from ledger.providers import accreditations, quotes
from ledger.providers.models import ACTIVE, Case, Course, Enrolment, EnrolmentLine, Run, RunSession

CONFIRM_WITHIN = timedelta(days=14)
UNCONFIRMED = ("requested", "offered")
HOLDS_PLACE = ("confirmed", "started")


@dataclass(frozen=True, slots=True)
class Confirmed:
    """An enrolment with the receipt of its hold; no receipt when nothing had to be held."""

    enrolment: Enrolment
    receipt: journal.Receipt | None


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


def confirm(work: Work, enrolment_id: str, own_share_cents: int = 0) -> Confirmed:
    """Take the place and hold the price less the own share, from all lots or from none.

    Only the holder may. Raises NotFound, Forbidden, WrongState, Invalid (own share), NotAccredited,
    Overlap, RunFull and InsufficientBalance, which says what is missing and what would help.
    """
    if work.actor.role != "holder":
        raise Forbidden(N_("Only the account holder can confirm an enrolment."))
    account = _own_account(work)
    enrolment = own(work, enrolment_id)
    if enrolment.status not in UNCONFIRMED:
        raise WrongState(N_("This enrolment was confirmed or ended before."))
    if enrolment.confirm_until < work.now:
        raise WrongState(
            N_("The time to confirm ended on %(moment)s."), moment=enrolment.confirm_until
        )
    run, course = _run(work.session, enrolment.run_id)
    _check_run(work, run, course)
    _check_overlap(work.session, account.id, run.id, but=enrolment.id)
    _check_own_share(enrolment.price_cents, own_share_cents)
    quote = quotes.quote(
        work.session,
        account,
        course,
        run,
        enrolment.price_cents,
        work.today,
        own_share_cents=own_share_cents,
        enrolment_id=enrolment.id,
    )
    quote.require()
    receipt = _hold(work, enrolment, quote)
    # The run is the row that everybody wants, so it is locked last and shortest.
    _take_place(work.session, run.id)
    enrolment.status = "confirmed"
    enrolment.own_share_cents = own_share_cents
    enrolment.confirmed_at = work.now
    enrolment.hold_id = receipt.id if receipt else None
    enrolment.cooling_off_until = _cooling_off(work, quote, run)
    history.record(
        work,
        enrolment.id,
        "confirmed",
        own_share_cents=own_share_cents,
        funded_cents=quote.funded_cents,
        transaction_id=enrolment.hold_id,
    )
    work.session.flush()
    return Confirmed(enrolment, receipt)


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


def _check_run(work: Work, run: Run, course: Course) -> None:
    if run.status != "planned":
        raise WrongState(N_("This course run was cancelled."))
    if course.status != "published":
        raise WrongState(N_("This course is no longer offered."))
    if starts_at(work.session, run) <= work.now:
        raise WrongState(N_("This course run has begun; choose a later one."))
    # Accredited today and on the first day, since that is when the learning is bought and begins.
    for day in sorted({work.today, run.starts_on}):
        accreditations.require_valid(work.session, run.provider_id, course, day)
    if run.taken >= run.capacity:
        raise RunFull(N_("This course run is full; choose another one."))


def _check_own_share(price_cents: int, own_share_cents: int) -> None:
    if isinstance(own_share_cents, bool) or not isinstance(own_share_cents, int):
        raise Invalid(N_("Give a whole number of cents."), field="own_share_cents")
    if not 0 <= own_share_cents <= price_cents:
        raise Invalid(
            N_("Your own share lies between 0 and the price of the course."),
            field="own_share_cents",
        )


def _check_overlap(session: Session, account_id: str, run_id: str, but: str = "") -> None:
    mine = session.scalars(select(RunSession).where(RunSession.run_id == run_id)).all()
    others = session.execute(
        select(RunSession, Course.title)
        .join(Run, Run.id == RunSession.run_id)
        .join(Course, Course.id == Run.course_id)
        .join(Enrolment, Enrolment.run_id == Run.id)
        .where(
            Enrolment.account_id == account_id,
            Enrolment.status.in_(HOLDS_PLACE),
            Enrolment.id != but,
        )
        .order_by(RunSession.starts_at)
    ).all()
    for meeting, title in others:
        if any(meeting.starts_at < m.ends_at and m.starts_at < meeting.ends_at for m in mine):
            raise Overlap(
                N_("On %(moment)s you have a session of %(course)s, which you are enrolled in."),
                moment=meeting.starts_at,
                course=title,
            )


def _new(
    work: Work, enrolment_id: str, account_id: str, run: Run, course: Course, begun_by: str
) -> Enrolment:
    active = select(Enrolment.id).where(
        Enrolment.account_id == account_id,
        Enrolment.course_id == course.id,
        Enrolment.status.in_(ACTIVE),
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


def _hold(work: Work, enrolment: Enrolment, quote: quotes.Quote) -> journal.Receipt | None:
    if not quote.lines:
        return None
    entry = journal.Entry("hold", enrolment.id, tuple(_held(enrolment.account_id, quote.lines)))
    receipt = journal.post(work, entry)
    work.session.add_all(
        EnrolmentLine(
            enrolment_id=enrolment.id,
            lot_id=line.lot_id,
            position=line.position,
            scheme_id=line.scheme_id,
            rule_id=line.rule_id,
            unit=line.unit,
            held=line.amount,
            paid=0,
            released=0,
            clawed_back=0,
        )
        for line in quote.lines
    )
    return receipt


def _held(account_id: str, lines: Sequence[quotes.Line]) -> list[journal.Line]:
    postings = []
    for line in lines:
        for bucket, amount in (("available", -line.amount), ("held", line.amount)):
            postings.append(
                journal.Line(
                    bucket,
                    amount,
                    line.scheme_id,
                    line.unit,
                    rule_id=line.rule_id,
                    account_id=account_id,
                    lot_id=line.lot_id,
                )
            )
    return postings


def _take_place(session: Session, run_id: str) -> None:
    taken = session.execute(
        update(Run)
        .where(Run.id == run_id, Run.status == "planned", Run.taken < Run.capacity)
        .values(taken=Run.taken + 1)
    )
    if taken.rowcount != 1:  # type: ignore[attr-defined]
        raise RunFull(N_("This course run is full; choose another one."))


def _cooling_off(work: Work, quote: quotes.Quote, run: Run) -> date | None:
    """Return the last day of free withdrawal: the most favourable of the rules that pay."""
    rules = work.session.scalars(
        select(Rule).where(Rule.id.in_({line.rule_id for line in quote.lines if line.unit == EUR}))
    )
    last_days = [
        min(
            work.today + timedelta(days=rule.cooling_off_days),
            run.starts_on - timedelta(days=rule.free_until_days + 1),
        )
        for rule in rules
    ]
    last = max(last_days, default=run.starts_on)
    return last if last >= work.today else None
