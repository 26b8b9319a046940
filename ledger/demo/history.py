"""Two years of the demonstration, month by month, made through the same verbs as real life."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select

from ledger import clock
from ledger.accounts import expiry, people
from ledger.db import SYSTEM, Database, Work
from ledger.demo.world import World, acting
from ledger.errors import Conflict
from ledger.funders import accruals, budgets, grants, rounds
from ledger.funders.grant_rows import Wish
from ledger.providers import (
    attendance,
    cancellations,
    clawbacks,
    completions,
    confirmations,
    enrolments,
    payouts,
    releases,
    runs,
)
from ledger.providers.models import Course, Declaration, Enrolment, Run, RunSession

MONTHS = 24
_RUNS_PER_MONTH = 8
_YEARLY = (
    ("state", "national", 10_000_000),
    ("fund", "sector", 1_500_000),
    ("region", "hybrid", 6_000_000),
    ("employer", "time", 200_000),
)
_LEARNERS_PER_RUN = (0, 0, 1, 1)


@dataclass(frozen=True, slots=True)
class Month:
    """One month of the story: its first day and the moment at which its office work is done."""

    first: date

    @property
    def opening(self) -> datetime:
        """Return the morning of the first day."""
        return clock.local(self.first, 9)

    @property
    def last(self) -> date:
        """Return the last day."""
        return clock.period_end(self.period)

    @property
    def period(self) -> str:
        """Return ``YYYY-MM``."""
        return clock.period_of(self.first)


def months(today: date) -> Iterator[Month]:
    """Return the months of the story; the last one is the present month."""
    first = today.replace(day=1)
    for back in range(MONTHS, -1, -1):
        yield Month(clock.add_months(first, -back))


def tell(database: Database, world: World, now: datetime, tick: Callable[[], None]) -> None:
    """Let the story happen up to ``now``; ``tick`` is called after every month."""
    for month in months(clock.today(now)):
        for part in (_office, _grants, _plan, _learn, _finish, _settle_up):
            with database.work(SYSTEM, min(month.opening, now)) as work:
                part(work, world, month, now)
        tick()
    with database.work(SYSTEM, now) as work:
        _open_courses(work, world)
        _open_round(work, world)
    tick()


def _open_courses(work: Work, world: World) -> None:
    """Give every course a run that can still be chosen."""
    coming = set(work.session.scalars(select(Run.course_id).where(Run.starts_on > work.today)))
    for course in world.courses:
        if course.id not in coming:
            day = work.today + timedelta(days=world.draw.randrange(21, 90))
            by_provider = acting(work, world.provider_actors[course.provider_id])
            runs.create(by_provider, course.id, _run_facts(world, course, day))


def _open_round(work: Work, world: World) -> None:
    """Let holders ask for a little more this month, first come first served."""
    rounds.open_round(
        acting(work, world.funder_actor("region")),
        world.schemes["hybrid"].id,
        10_000,
        200_000,
        work.now - timedelta(days=2),
        work.now + timedelta(days=28),
    )


def _office(work: Work, world: World, month: Month, now: datetime) -> None:
    """New budget every January, and what everybody accrues."""
    state = acting(work, world.funder_actor("state"))
    if month.first.month == 1:
        for funder, scheme, amount in _YEARLY:
            budgets.pay_in(
                acting(work, world.funder_actor(funder)),
                world.schemes[scheme].id,
                amount,
                f"Budget {month.first.year}",
                work.today,
            )
    year = str(month.first.year)
    if month.first.month == 1 or month == next(months(clock.today(now))):
        accruals.run(state, world.schemes["national"].id, year)
    accruals.run(acting(work, world.funder_actor("fund")), world.schemes["sector"].id, month.period)


def _grants(work: Work, world: World, month: Month, now: datetime) -> None:
    """The region and the employer grant now and then, from lists."""
    if month.first.month % 4 == 1:
        chosen = [
            account for account, person, _ in world.holders if person.region == "West-Brabant"
        ]
        lucky = sorted(world.draw.sample(chosen, 25), key=lambda account: account.id)
        _grant_all(work, world, "region", "hybrid", [a.number for a in lucky], 45_000)
    if month.first.month % 6 == 1:
        employer = world.funders["employer"].id
        staff = [a.number for a, person, _ in world.holders if person.employer_id == employer]
        _grant_all(work, world, "employer", "time", staff, 24 * 60)


def _grant_all(
    work: Work, world: World, funder: str, scheme: str, numbers: list[str], amount: int
) -> None:
    wishes = [Wish(line, number, amount) for line, number in enumerate(numbers, start=1)]
    first = acting(work, world.funder_actor(funder, 0))
    outcome = grants.grant_all(first, world.schemes[scheme].id, wishes)
    if outcome.status == "awaiting":
        second = acting(work, world.funder_actor(funder, 1))
        grants.approve(second, world.schemes[scheme].id, outcome.batch_id)


def _plan(work: Work, world: World, month: Month, now: datetime) -> None:
    """Providers plan the runs that start two months later."""
    starts = clock.add_months(month.first, 2)
    for course in world.draw.sample(world.courses, _RUNS_PER_MONTH):
        by_provider = acting(work, world.provider_actors[course.provider_id])
        day = starts + timedelta(days=world.draw.randrange(0, 14))
        runs.create(by_provider, course.id, _run_facts(world, course, day))


def _run_facts(world: World, course: Course, day: date) -> runs.RunFacts:
    while day.weekday() > 4:
        day += timedelta(days=1)
    meetings = max(1, min(4, course.workload_hours // 12))
    days = [day + timedelta(days=4 * number) for number in range(meetings)]
    hour = world.draw.choice((9, 13, 18))
    hours = 2 if course.workload_hours < 4 else 3
    return runs.RunFacts(
        starts_on=days[0],
        ends_on=days[-1] + timedelta(days=1),
        capacity=world.draw.choice((8, 10, 12, 16)),
        location="" if course.form == "online" else f"{course.region or 'Tilburg'}, lokaal 2",
        sessions=tuple(
            runs.Times(clock.local(meeting, hour), clock.local(meeting, hour + hours))
            for meeting in days
        ),
    )


def _learn(work: Work, world: World, month: Month, now: datetime) -> None:
    """People enrol in runs that start next month or the month after."""
    coming = work.session.scalars(
        select(Run).where(Run.starts_on > month.last, Run.status == "planned").order_by(Run.id)
    ).all()
    for run in coming:
        for _ in range(world.draw.choice(_LEARNERS_PER_RUN)):
            moment = month.opening + timedelta(
                days=world.draw.randrange(0, 25), minutes=world.draw.randrange(0, 600)
            )
            if moment <= now:
                _enrol(acting(work, SYSTEM, moment), world, run)


def _enrol(work: Work, world: World, run: Run) -> None:
    favourites = world.holders[:3] if world.draw.random() < 0.12 else world.holders
    account, _, actor = world.draw.choice(favourites)
    holder = acting(work, actor)
    try:
        with work.session.begin_nested():
            if world.draw.random() < 0.2:
                code = people.make_consent_code(holder, account.id)
                work.session.flush()
                provider = acting(work, world.provider_actors[run.provider_id])
                enrolment = enrolments.register(provider, run.id, account.number, code)
            else:
                enrolment = enrolments.request(holder, run.id)
            chance = world.draw.random()
            if chance < 0.05:
                enrolments.decline(holder, enrolment.id)
            elif chance < 0.93:
                confirmations.confirm(holder, enrolment.id)
    except Conflict:
        return  # too little money, a full run, another course at the same hours: as in real life
    if enrolment.status == "confirmed" and world.draw.random() < 0.06:
        cancellations.cancel(acting(work, actor, work.now + timedelta(hours=2)), enrolment.id)


def _finish(work: Work, world: World, month: Month, now: datetime) -> None:
    """Providers state attendance and declare how the runs of this month ended."""
    ended = work.session.scalars(
        select(Run)
        .where(Run.ends_on >= month.first, Run.ends_on <= month.last, Run.status == "planned")
        .order_by(Run.id)
    ).all()
    for run in ended:
        moment = clock.local(run.ends_on + timedelta(days=1), 10)
        if moment > now:
            continue
        sessions = list(
            work.session.scalars(select(RunSession.id).where(RunSession.run_id == run.id))
        )
        active = work.session.scalars(
            select(Enrolment)
            .where(Enrolment.run_id == run.id, Enrolment.status.in_(("confirmed", "started")))
            .order_by(Enrolment.id)
        ).all()
        by_provider = acting(work, world.provider_actors[run.provider_id], moment)
        for enrolment in active:
            _end(by_provider, world, enrolment, sessions)


def _end(work: Work, world: World, enrolment: Enrolment, sessions: list[str]) -> None:
    chance = world.draw.random()
    if chance < 0.03:
        return  # never declared: becomes a case
    if chance < 0.06:
        present = dict.fromkeys(sessions, False)
    elif chance < 0.14:
        present = {session: number == 0 for number, session in enumerate(sessions)}
    else:
        present = dict.fromkeys(sessions, True)
    attendance.record(work, enrolment.id, present)
    if chance < 0.08 and len(sessions) > 1:
        cancellations.force_majeure(work, enrolment.id, "illness")
    elif not all(present.values()):
        completions.complete(work, enrolment.id, "attended")
    else:
        result = "failed" if chance > 0.97 else "passed"
        grade = world.draw.choice((None, "7", "8", "8,5", "9")) if result == "passed" else None
        completions.complete(work, enrolment.id, result, grade)


def _settle_up(work: Work, world: World, month: Month, now: datetime) -> None:
    """Statements of the month before, notices and expiry, and a rare clawback."""
    for week in range(4):
        moment = month.opening + timedelta(days=7 * week)
        if moment > now:
            break
        weekly = acting(work, SYSTEM, moment)
        expiry.notify(weekly, weekly.today)
        expiry.expire(weekly, weekly.today)
    enrolments.lapse(acting(work, SYSTEM, min(now, clock.local(month.last, 22))))
    attendance.missing(acting(work, SYSTEM, min(now, clock.local(month.last, 23))))
    period = clock.period_of(clock.add_months(month.first, -1))
    moment = clock.local(month.first + timedelta(days=4), 11)
    if moment > now:
        return
    for statement in payouts.prepare_all(acting(work, world.actor("operator", 0), moment), period):
        # The newest statements wait for the second person, so that there is something to try.
        if clock.add_months(month.first, 1) <= clock.today(now):
            releases.release(acting(work, world.actor("operator", 1), moment), statement.id)
    if month.first.month == 3:
        _clawback(acting(work, world.actor("operator", 0), moment))


def _clawback(work: Work) -> None:
    paid = work.session.scalars(
        select(Declaration.enrolment_id)
        .where(Declaration.status == "paid", Declaration.kind == "settlement")
        .order_by(Declaration.id.desc())
        .limit(1)
    ).one_or_none()
    if paid is not None:
        price_cents = work.session.get_one(Enrolment, paid).price_cents
        clawbacks.clawback(work, paid, price_cents // 10, "Deel van de lessen verviel")
