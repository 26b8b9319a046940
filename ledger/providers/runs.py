"""Course runs (uitvoeringen): when and where a published course is given, and its sessions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

from ledger import clock, ids
from ledger.accounts import history
from ledger.db import Work
from ledger.errors import Invalid, NotFound, WrongState
from ledger.messages import N_, Message
from ledger.providers.models import Course, Run, RunSession

LARGEST = 10_000  # places
MOST_SESSIONS = 400
LONGEST_SESSION = timedelta(hours=16)
LONGEST_RUN_DAYS = 5 * 366


@dataclass(frozen=True, slots=True)
class Times:
    """The moments at which one session begins and ends."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """First and last day, number of places, where, and the sessions."""

    starts_on: date
    ends_on: date
    capacity: int
    sessions: Sequence[Times]
    location: str = ""


def create(work: Work, course_id: str, facts: RunFacts) -> Run:
    """Plan a run of a published course of the acting provider; its price is the course's.

    Raises NotFound, WrongState when the course is not published, Invalid with every wrong field.
    """
    course = work.session.get(Course, course_id)
    if course is None or course.provider_id != work.actor.organisation_id:
        raise NotFound(N_("This course does not exist."))
    if course.status != "published":
        raise WrongState(N_("Publish the course first; then it can have runs."))
    _check(facts, work.today)
    run = Run(
        id=ids.new("run"),
        course_id=course.id,
        provider_id=course.provider_id,
        starts_on=facts.starts_on,
        ends_on=facts.ends_on,
        location=facts.location.strip(),
        capacity=facts.capacity,
        taken=0,
        status="planned",
    )
    work.session.add(run)
    work.session.flush()
    work.session.add_all(
        RunSession(
            id=ids.new("ses"), run_id=run.id, starts_at=times.starts_at, ends_at=times.ends_at
        )
        for times in sorted(facts.sessions, key=lambda times: times.starts_at)
    )
    work.session.flush()
    history.record(work, run.id, "run_planned", course_id=course.id, capacity=run.capacity)
    return run


def _check(facts: RunFacts, today: date) -> None:
    wrong: dict[str, list[Message]] = defaultdict(list)
    for part in (_dates(facts, today), _places(facts), _sessions(facts)):
        for name, message in part:
            wrong[name].append(message)
    if wrong:
        raise Invalid(N_("The run is not complete."), field_errors=wrong)


def _dates(facts: RunFacts, today: date) -> Iterator[tuple[str, Message]]:
    if facts.starts_on < today:
        yield "starts_on", Message(N_("The first day lies in the past."))
    if facts.ends_on < facts.starts_on:
        yield "ends_on", Message(N_("The last day lies before the first day."))
    elif (facts.ends_on - facts.starts_on).days > LONGEST_RUN_DAYS:
        yield "ends_on", Message(N_("A run lasts five years at most."))


def _places(facts: RunFacts) -> Iterator[tuple[str, Message]]:
    if isinstance(facts.capacity, bool) or not 1 <= facts.capacity <= LARGEST:
        yield (
            "capacity",
            Message(N_("Give a number from %(low)s to %(high)s."), {"low": 1, "high": LARGEST}),
        )
    if len(facts.location) > 300:
        yield "location", Message(N_("Use at most %(high)s characters."), {"high": 300})


def _sessions(facts: RunFacts) -> Iterator[tuple[str, Message]]:
    ordered = sorted(facts.sessions, key=lambda times: times.starts_at)
    if not ordered:
        yield "sessions", Message(N_("Give at least one session, so that attendance can be kept."))
    if len(ordered) > MOST_SESSIONS:
        yield "sessions", Message(N_("Give at most %(most)s."), {"most": MOST_SESSIONS})
    for times in ordered:
        when = {"start": times.starts_at}
        if times.ends_at <= times.starts_at:
            yield "sessions", Message(N_("The session of %(start)s ends before it begins."), when)
        elif times.ends_at - times.starts_at > LONGEST_SESSION:
            yield (
                "sessions",
                Message(N_("The session of %(start)s lasts longer than 16 hours."), when),
            )
        elif not (
            facts.starts_on <= clock.today(times.starts_at)
            and clock.today(times.ends_at) <= facts.ends_on
        ):
            yield (
                "sessions",
                Message(N_("The session of %(start)s lies outside the days of the run."), when),
            )
    for before, after in pairwise(ordered):
        if after.starts_at < before.ends_at:
            yield (
                "sessions",
                Message(
                    N_("The session of %(start)s begins before the one of %(before)s has ended."),
                    {"start": after.starts_at, "before": before.starts_at},
                ),
            )
