"""The catalogue as everybody sees it: finding courses, and one course with all its facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, tuple_
from sqlalchemy.orm import Session

from ledger import paging
from ledger.accounts.models import Organisation
from ledger.errors import NotFound
from ledger.messages import N_, Message
from ledger.providers import accreditations, annex1
from ledger.providers.course_facts import CourseFacts, facts_of
from ledger.providers.models import Course, CoursePrice, Programme, Run, Skill
from ledger.providers.queries.accreditations import AccreditationRow, for_course
from ledger.providers.queries.runs import RunRow, of_course
from ledger.providers.vocabulary import words


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What somebody looks for; empty parts ask nothing. ``start``: a run begins then or later."""

    text: str = ""
    sector: str | None = None
    region: str | None = None
    form: str | None = None
    level: int | None = None
    language: str | None = None
    start: date | None = None


@dataclass(frozen=True, slots=True)
class CourseRow:
    """A course in a list; ``problem`` says why it cannot be paid today, None when it can."""

    id: str
    code: str
    title: str
    title_en: str | None
    provider_id: str
    provider_name: str
    sector: str
    region: str | None
    form: str
    language: str
    workload_hours: int
    eqf_level: int | None
    is_micro_credential: bool
    price_cents: int
    status: str
    next_start: date | None
    problem: Message | None


@dataclass(frozen=True, slots=True)
class Module:
    """A course beside this one in the same programme."""

    id: str
    title: str
    title_en: str | None
    workload_hours: int


@dataclass(frozen=True, slots=True)
class CourseView:
    """One course with everything that is known of it."""

    id: str
    status: str
    facts: CourseFacts
    provider_id: str
    provider_name: str
    provider_website: str | None
    programme_title: str | None
    programme_title_en: str | None
    modules: tuple[Module, ...]
    skills: tuple[tuple[str, str], ...]  # address and label
    runs: tuple[RunRow, ...]
    prices: tuple[tuple[datetime, int], ...]  # newest first
    accreditations: tuple[AccreditationRow, ...]
    problem: Message | None
    checklist: tuple[annex1.Element, ...]
    published_at: datetime | None


def search(
    session: Session, wanted: Filter, on: date, cursor: str | None = None, limit: int | None = None
) -> paging.Page[CourseRow]:
    """Return published courses of admitted providers by title, with the next start from ``on``."""
    size = paging.size(limit)
    after = paging.decode(cursor, 2)
    query = (
        select(Course, Organisation.name)
        .join(Organisation, Organisation.id == Course.provider_id)
        .where(Course.status == "published", Organisation.status == "admitted")
        .where(*_conditions(wanted))
        .order_by(Course.title, Course.id)
        .limit(size + 1)
    )
    if after is not None:
        query = query.where(tuple_(Course.title, Course.id) > tuple_(str(after[0]), str(after[1])))
    found = session.execute(query).all()
    return paging.page(rows(session, found, on), size, lambda row: (row.title, row.id))


def rows(session: Session, found: Sequence[tuple[Course, str]], on: date) -> tuple[CourseRow, ...]:
    """Return courses, each with its provider's name, as rows of a list."""
    courses = [course for course, _ in found]
    problems = accreditations.problems(session, courses, on)
    starts = _next_starts(session, courses, on)
    return tuple(
        CourseRow(
            id=course.id,
            code=course.code,
            title=course.title,
            title_en=course.title_en,
            provider_id=course.provider_id,
            provider_name=name,
            sector=course.sector,
            region=course.region,
            form=course.form,
            language=course.language,
            workload_hours=course.workload_hours,
            eqf_level=course.eqf_level if course.level_reference else None,
            is_micro_credential=course.is_micro_credential,
            price_cents=course.price_cents,
            status=course.status,
            next_start=starts.get(course.id),
            problem=problems.get(course.id),
        )
        for course, name in found
    )


def regions(session: Session) -> tuple[str, ...]:
    """Return the regions that published courses are given in."""
    found = session.scalars(
        select(Course.region)
        .where(Course.status == "published", Course.region.is_not(None))
        .distinct()
        .order_by(Course.region)
    )
    return tuple(region for region in found if region)


def course(
    session: Session,
    course_id: str,
    on: date,
    *,
    provider_id: str | None = None,
    operator: bool = False,
) -> CourseView:
    """Return one course. Raises NotFound; drafts exist for their provider and the operator only."""
    row = session.get(Course, course_id)
    own = row is not None and row.provider_id == provider_id
    if row is None or (row.status == "draft" and not own and not operator):
        raise NotFound(N_("This course does not exist."))
    provider = session.get_one(Organisation, row.provider_id)
    programme = session.get(Programme, row.programme_id) if row.programme_id else None
    return CourseView(
        id=row.id,
        status=row.status,
        facts=facts_of(row),
        provider_id=provider.id,
        provider_name=provider.name,
        provider_website=provider.website,
        programme_title=programme.title if programme else None,
        programme_title_en=programme.title_en if programme else None,
        modules=_modules(session, row),
        skills=_labels(session, row.skills),
        runs=of_course(session, row.id, None if own or operator else on),
        prices=_prices(session, row.id),
        accreditations=for_course(session, row),
        problem=accreditations.problems(session, [row], on).get(row.id),
        checklist=annex1.checklist(row, provider),
        published_at=row.published_at,
    )


def own_course(session: Session, course_id: str, on: date, provider_id: str) -> CourseView:
    """Return a course of this provider. Raises NotFound, also when it is somebody else's."""
    view = course(session, course_id, on, provider_id=provider_id)
    if view.provider_id != provider_id:
        raise NotFound(N_("This course does not exist."))
    return view


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [
        Course.search_text.contains(word, autoescape=True) for word in words(wanted.text)
    ]
    if wanted.sector:
        conditions.append(Course.sector == wanted.sector)
    if wanted.region:
        # A course without region is given everywhere.
        conditions.append(or_(Course.region == wanted.region, Course.region.is_(None)))
    if wanted.form:
        conditions.append(Course.form == wanted.form)
    if wanted.level is not None:
        conditions.append(Course.eqf_level == wanted.level)
    if wanted.language:
        conditions.append(Course.language == wanted.language)
    if wanted.start is not None:
        conditions.append(
            exists().where(
                Run.course_id == Course.id,
                Run.status == "planned",
                Run.starts_on >= wanted.start,
            )
        )
    return conditions


def _next_starts(session: Session, courses: Sequence[Course], on: date) -> Mapping[str, date]:
    found = session.execute(
        select(Run.course_id, func.min(Run.starts_on))
        .where(
            Run.course_id.in_([course.id for course in courses]),
            and_(Run.status == "planned", Run.starts_on >= on),
        )
        .group_by(Run.course_id)
    )
    return dict(found.all())


def _modules(session: Session, course: Course) -> tuple[Module, ...]:
    if course.programme_id is None:
        return ()
    found = session.scalars(
        select(Course)
        .where(
            Course.programme_id == course.programme_id,
            Course.status == "published",
            Course.id != course.id,
        )
        .order_by(Course.code)
    )
    return tuple(Module(row.id, row.title, row.title_en, row.workload_hours) for row in found)


def _labels(session: Session, uris: Sequence[str]) -> tuple[tuple[str, str], ...]:
    found = session.execute(select(Skill.uri, Skill.label).where(Skill.uri.in_(uris)))
    labels = dict(found.all())
    return tuple((uri, labels.get(uri, uri)) for uri in uris)


def _prices(session: Session, course_id: str) -> tuple[tuple[datetime, int], ...]:
    found = session.execute(
        select(CoursePrice.changed_at, CoursePrice.price_cents)
        .where(CoursePrice.course_id == course_id)
        .order_by(CoursePrice.changed_at.desc())
    )
    return tuple(found.all())
