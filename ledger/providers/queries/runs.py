"""Course runs as lists and one by one, with the places that are left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ledger import paging
from ledger.accounts.models import Organisation
from ledger.errors import Invalid, NotFound
from ledger.messages import N_, Message
from ledger.providers import accreditations
from ledger.providers.models import Course, Run, RunSession


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run in a list."""

    id: str
    course_id: str
    course_title: str
    course_title_en: str | None
    starts_on: date
    ends_on: date
    location: str
    capacity: int
    taken: int
    status: str
    sessions: int
    price_cents: int

    @property
    def places_left(self) -> int:
        """Return the places that nobody has confirmed yet."""
        return self.capacity - self.taken


@dataclass(frozen=True, slots=True)
class SessionView:
    """One meeting of a run."""

    id: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class RunView:
    """One run with its sessions; ``problem`` says why it cannot be paid at its start."""

    row: RunRow
    provider_id: str
    provider_name: str
    course_status: str
    form: str
    language: str
    workload_hours: int
    sessions: tuple[SessionView, ...]
    problem: Message | None


def run(session: Session, run_id: str, on: date, *, provider_id: str | None = None) -> RunView:
    """Return one run. Raises NotFound."""
    found = session.execute(
        select(Run, Course, Organisation.name)
        .join(Course, Course.id == Run.course_id)
        .join(Organisation, Organisation.id == Run.provider_id)
        .where(Run.id == run_id)
    ).one_or_none()
    if found is None or (provider_id is not None and found[0].provider_id != provider_id):
        raise NotFound(N_("This course run does not exist."))
    row, course, provider_name = found
    sessions = session.scalars(
        select(RunSession).where(RunSession.run_id == run_id).order_by(RunSession.starts_at)
    ).all()
    # Money is held today and the course begins later; both days count.
    problem = accreditations.problems(session, [course], on).get(course.id)
    if problem is None and row.starts_on > on:
        problem = accreditations.problems(session, [course], row.starts_on).get(course.id)
    return RunView(
        row=_row(row, course, len(sessions)),
        provider_id=row.provider_id,
        provider_name=provider_name,
        course_status=course.status,
        form=course.form,
        language=course.language,
        workload_hours=course.workload_hours,
        sessions=tuple(SessionView(s.id, s.starts_at, s.ends_at) for s in sessions),
        problem=problem,
    )


def of_course(session: Session, course_id: str, from_day: date | None) -> tuple[RunRow, ...]:
    """Return the runs of a course: all, or the planned ones that start on a day or later."""
    query = select(Run, Course).join(Course, Course.id == Run.course_id)
    query = query.where(Run.course_id == course_id).order_by(Run.starts_on, Run.id)
    if from_day is not None:
        query = query.where(Run.starts_on >= from_day, Run.status == "planned")
    return _rows(session, session.execute(query.limit(200)).all())


def of_provider(session: Session, provider_id: str, from_day: date) -> tuple[RunRow, ...]:
    """Return the next twenty runs of a provider that have not ended."""
    found = session.execute(
        select(Run, Course)
        .join(Course, Course.id == Run.course_id)
        .where(Run.provider_id == provider_id, Run.status == "planned", Run.ends_on >= from_day)
        .order_by(Run.starts_on, Run.id)
        .limit(20)
    )
    return _rows(session, found.all())


def listing(
    session: Session, course_id: str | None, on: date, cursor: str | None, limit: int | None
) -> paging.Page[RunRow]:
    """Return planned runs of published courses that start on a day or later, by start."""
    size = paging.size(limit)
    after = paging.decode(cursor, 2)
    query = (
        select(Run, Course)
        .join(Course, Course.id == Run.course_id)
        .where(Course.status == "published", Run.status == "planned", Run.starts_on >= on)
        .order_by(Run.starts_on, Run.id)
        .limit(size + 1)
    )
    if course_id is not None:
        query = query.where(Run.course_id == course_id)
    if after is not None:
        day = _day(str(after[0]))
        query = query.where(
            (Run.starts_on > day) | ((Run.starts_on == day) & (Run.id > str(after[1])))
        )
    rows = _rows(session, session.execute(query).all())
    return paging.page(rows, size, lambda row: (row.starts_on.isoformat(), row.id))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid(N_("This page address is not right; start at the first page.")) from None


def _rows(session: Session, pairs: Sequence[tuple[Run, Course]]) -> tuple[RunRow, ...]:
    counts = dict(
        session.execute(
            select(RunSession.run_id, func.count())
            .where(RunSession.run_id.in_([run.id for run, _ in pairs]))
            .group_by(RunSession.run_id)
        ).all()
    )
    return tuple(_row(run, course, counts.get(run.id, 0)) for run, course in pairs)


def _row(run: Run, course: Course, sessions: int) -> RunRow:
    return RunRow(
        id=run.id,
        course_id=course.id,
        course_title=course.title,
        course_title_en=course.title_en,
        starts_on=run.starts_on,
        ends_on=run.ends_on,
        location=run.location,
        capacity=run.capacity,
        taken=run.taken,
        status=run.status,
        sessions=sessions,
        price_cents=course.price_cents,
    )
