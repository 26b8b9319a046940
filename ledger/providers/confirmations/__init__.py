"""Confirming enrolments: the place is taken and the price held, many holders' at once.

:func:`confirm_many` reads all facts in one round trip, decides in Python without writing, and
writes what was decided in one: a wish that is refused leaves nothing behind and does not touch its
neighbours. The same path serves one holder and a whole opening day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from ledger import clock
from ledger.accounts import history, journal
from ledger.db import Actor, Stale, Work, driver
from ledger.errors import (
    Conflict,
    DomainError,
    Forbidden,
    InsufficientBalance,
    Invalid,
    NotFound,
    WrongState,
)
from ledger.messages import N_
from ledger.money import EUR
from ledger.providers import enrolments, quotes
from ledger.providers.confirmations import facts, writing
from ledger.providers.confirmations.facts import Enrolment, Facts, Run


@dataclass(frozen=True, slots=True)
class Wish:
    """A holder's wish to confirm an enrolment, paying a part outside the account."""

    actor: Actor
    enrolment_id: str
    own_share_cents: int = 0


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A confirmed enrolment; no receipt when nothing had to be held."""

    id: str
    begun_by: str
    begun_at: datetime
    account_id: str
    account_number: str
    course_id: str
    course_title: str
    provider_id: str
    provider_name: str
    run_id: str
    starts_on: date
    ends_on: date
    price_cents: int
    own_share_cents: int
    funded_cents: int
    confirm_until: datetime
    confirmed_at: datetime
    cooling_off_until: date | None  # last day of free withdrawal; None: none
    receipt: journal.Receipt | None


@dataclass(frozen=True, slots=True)
class _Decision:
    """What will be written for a wish."""

    wish: Wish
    enrolment: Enrolment
    run: Run
    quote: quotes.Quote
    cooling_off_until: date | None


def confirm(work: Work, enrolment_id: str, own_share_cents: int = 0) -> Confirmed:
    """Take the place and hold the price less the own share, from all lots or from none.

    Only the holder may. Raises NotFound, Forbidden, WrongState, Invalid (own share), NotAccredited,
    Overlap, RunFull and InsufficientBalance, which says what is missing and what would help.
    """
    (outcome,) = confirm_many(work, [Wish(work.actor, enrolment_id, own_share_cents)])
    if isinstance(outcome, DomainError):
        raise outcome
    return outcome


def confirm_many(work: Work, wishes: Sequence[Wish]) -> list[Confirmed | DomainError]:
    """Confirm what can be confirmed; return an outcome or a refusal per wish, in order.

    Each wish is of another account, as the caller sees to. Raises Stale when another changed
    meanwhile what was read: then nothing of this is kept and the whole work has to run again.
    """
    connection = driver(work.session)
    known = facts.read(connection, [wish.enrolment_id for wish in wishes], work.today)
    taken: dict[str, int] = {}
    outcomes: list[_Decision | DomainError] = []
    for wish in wishes:
        try:
            outcomes.append(_decide(work, known, wish, taken))
        except DomainError as refusal:
            outcomes.append(refusal)
    decisions = [outcome for outcome in outcomes if isinstance(outcome, _Decision)]
    done = iter(_carry_out(work, decisions))
    return [next(done) if isinstance(o, _Decision) else o for o in outcomes]


def _decide(work: Work, known: Facts, wish: Wish, taken: dict[str, int]) -> _Decision:
    if wish.actor.role != "holder":
        raise Forbidden(N_("Only the account holder can confirm an enrolment."))
    enrolment = known.enrolments.get(wish.enrolment_id)
    if enrolment is None or enrolment.account_id != wish.actor.account_id:
        raise NotFound(N_("There is no such enrolment."))
    if enrolment.account_closed:
        raise Conflict(N_("This account is closed."))
    if enrolment.status not in enrolments.UNCONFIRMED:
        raise WrongState(N_("This enrolment was confirmed or ended before."))
    if enrolment.confirm_until < work.now:
        raise WrongState(
            N_("The time to confirm ended on %(moment)s."), moment=enrolment.confirm_until
        )
    run = known.runs[enrolment.run_id]
    _check_run(work, run, taken.get(run.id, 0))
    if enrolment.others:
        sessions = [(meeting.starts_at, meeting.ends_at) for meeting in run.meetings()]
        enrolments.require_no_overlap(enrolment.others, sessions)
    _check_own_share(enrolment.price_cents, wish.own_share_cents)
    quote = _quote(work, known, enrolment, run, wish.own_share_cents)
    quote.require()
    taken[run.id] = taken.get(run.id, 0) + 1
    return _Decision(wish, enrolment, run, quote, _cooling_off(work, known, quote, run))


def _check_run(work: Work, run: Run, taken_now: int) -> None:
    first = run.first_session or clock.local(run.starts_on)
    enrolments.require_offered(run.status, run.course.status, first, work.now)
    enrolments.require_accredited(
        run.accreditations,
        run.provider_status,
        run.course.id,
        run.course.sector,
        (work.today, run.starts_on),
    )
    enrolments.require_place(run.taken + taken_now, run.capacity)


def _check_own_share(price_cents: int, own_share_cents: int) -> None:
    if isinstance(own_share_cents, bool) or not isinstance(own_share_cents, int):
        raise Invalid(N_("Give a whole number of cents."), field="own_share_cents")
    if not 0 <= own_share_cents <= price_cents:
        raise Invalid(
            N_("Your own share lies between 0 and the price of the course."),
            field="own_share_cents",
        )


def _quote(
    work: Work, known: Facts, enrolment: Enrolment, run: Run, own_share_cents: int
) -> quotes.Quote:
    wanted = {lot.scheme_id for lot in enrolment.lots}
    if not wanted <= known.schemes.keys():
        # Between the two questions somebody spent what these lots had.
        raise Stale("a lot")
    schemes = [known.schemes[key] for key in sorted(wanted)]
    rules = {}
    for scheme in schemes:
        if scheme.rule is None:
            raise NotFound(N_("This scheme has no rules in force on %(day)s."), day=work.today)
        rules[scheme.id] = scheme.rule
    return quotes.split(
        enrolment.lots,
        schemes,
        rules,
        enrolment.person,
        run.course,
        enrolment.price_cents,
        work.today,
        own_share_cents,
    )


def _cooling_off(work: Work, known: Facts, quote: quotes.Quote, run: Run) -> date | None:
    """Return the last day of free withdrawal: the most favourable of the rules that pay."""
    paying = [known.schemes[line.scheme_id] for line in quote.lines if line.unit == EUR]
    last_days = [
        min(
            work.today + timedelta(days=rule.cooling_off_days),
            run.starts_on - timedelta(days=rule.free_until_days + 1),
        )
        for scheme in paying
        if (rule := scheme.rule) is not None
    ]
    last = max(last_days, default=run.starts_on)
    return last if last >= work.today else None


def _carry_out(work: Work, decisions: Sequence[_Decision]) -> list[Confirmed]:
    if not decisions:
        return []
    entries = {d.enrolment.id: _hold(d) for d in decisions if d.quote.lines}
    holds = {key: entry.id for key, entry in entries.items()}
    along = [
        *writing.changes([_written(work, d, holds.get(d.enrolment.id)) for d in decisions]),
        history.to_record(work, [_event(d, holds.get(d.enrolment.id)) for d in decisions]),
    ]
    try:
        receipts = journal.post_many(work, list(entries.values()), along)
    except InsufficientBalance as error:
        # The lots had enough when they were read; look again at what they have now.
        raise Stale("a lot") from error
    by_id = dict(zip(entries, receipts, strict=True))
    work.session.expire_all()  # rows that it read before are no longer true
    return [_confirmed(work, d, by_id.get(d.enrolment.id)) for d in decisions]


def _hold(decision: _Decision) -> journal.Entry:
    account_id = decision.enrolment.account_id
    lines = [
        journal.Line(
            bucket,
            amount,
            line.scheme_id,
            line.unit,
            rule_id=line.rule_id,
            account_id=account_id,
            lot_id=line.lot_id,
        )
        for line in decision.quote.lines
        for bucket, amount in (("available", -line.amount), ("held", line.amount))
    ]
    return journal.Entry(
        "hold", decision.enrolment.id, tuple(lines), actor_id=decision.wish.actor.id
    )


def _confirmed(work: Work, decision: _Decision, receipt: journal.Receipt | None) -> Confirmed:
    enrolment, run = decision.enrolment, decision.run
    return Confirmed(
        id=enrolment.id,
        begun_by=enrolment.begun_by,
        begun_at=enrolment.begun_at,
        account_id=enrolment.account_id,
        account_number=enrolment.account_number,
        course_id=run.course.id,
        course_title=run.course.title,
        provider_id=run.provider_id,
        provider_name=run.provider_name,
        run_id=run.id,
        starts_on=run.starts_on,
        ends_on=run.ends_on,
        price_cents=enrolment.price_cents,
        own_share_cents=decision.wish.own_share_cents,
        funded_cents=decision.quote.funded_cents,
        confirm_until=enrolment.confirm_until,
        confirmed_at=work.now,
        cooling_off_until=decision.cooling_off_until,
        receipt=receipt,
    )


def _event(decision: _Decision, hold_id: str | None) -> history.NewEvent:
    data = {
        "own_share_cents": decision.wish.own_share_cents,
        "funded_cents": decision.quote.funded_cents,
        "transaction_id": hold_id,
    }
    return history.NewEvent(decision.enrolment.id, "confirmed", decision.wish.actor.id, data)


def _written(work: Work, decision: _Decision, hold_id: str | None) -> writing.Confirmation:
    return writing.Confirmation(
        enrolment_id=decision.enrolment.id,
        account_id=decision.enrolment.account_id,
        account_version=decision.enrolment.account_version,
        run_id=decision.run.id,
        own_share_cents=decision.wish.own_share_cents,
        confirmed_at=work.now,
        cooling_off_until=decision.cooling_off_until,
        hold_id=hold_id,
        lines=[
            (line.lot_id, line.position, line.scheme_id, line.rule_id, line.unit, line.amount)
            for line in decision.quote.lines
        ],
    )
