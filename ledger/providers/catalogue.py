"""What a provider offers: programmes, and the courses (modules) that stack into them.

A course is a draft until it is published. One that gives a micro-credential is published only when
every mandatory element of Annex I of Council Recommendation 2022/C 243/02 is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from sqlalchemy import select

from ledger import ids
from ledger.accounts import history
from ledger.accounts.models import Organisation
from ledger.db import Work
from ledger.errors import Forbidden, Invalid, NotFound, WrongState
from ledger.messages import N_, Message
from ledger.providers import annex1
from ledger.providers.course_facts import CourseFacts, check, facts_of
from ledger.providers.models import Course, CoursePrice, Programme, Skill
from ledger.providers.vocabulary import searchable

__all__ = [
    "CourseFacts",
    "ProgrammeFacts",
    "choose_skills",
    "create_course",
    "create_programme",
    "edit_course",
    "edit_programme",
    "publish",
    "withdraw",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgrammeFacts:
    """What a provider states about a programme."""

    title: str
    title_en: str | None = None
    description: str = ""


def create_programme(work: Work, facts: ProgrammeFacts) -> Programme:
    """Add a programme of the acting provider. Raises Forbidden, Invalid."""
    programme = Programme(
        id=ids.new("prg"), provider_id=_provider(work), created_at=work.now, title=""
    )
    _describe(programme, facts)
    work.session.add(programme)
    work.session.flush()
    history.record(work, programme.id, "programme_created")
    return programme


def edit_programme(work: Work, programme_id: str, facts: ProgrammeFacts) -> Programme:
    """Change a programme of the acting provider. Raises Forbidden, NotFound, Invalid."""
    programme = work.session.get(Programme, programme_id)
    if programme is None or programme.provider_id != _provider(work):
        raise NotFound(N_("This programme does not exist."))
    _describe(programme, facts)
    for course in work.session.scalars(select(Course).where(Course.programme_id == programme_id)):
        _index(work, course)
    history.record(work, programme.id, "programme_changed")
    return programme


def create_course(work: Work, facts: CourseFacts) -> Course:
    """Add a draft course of the acting provider; prices in cents, ECTS in tenths.

    Raises Forbidden, and Invalid with every wrong field.
    """
    provider_id = _provider(work)
    check(work.session, provider_id, facts)
    course = Course(
        id=ids.new("crs"),
        provider_id=provider_id,
        status="draft",
        created_at=work.now,
        **_columns(facts),
    )
    work.session.add(course)
    work.session.flush()
    _set_price(work, course)
    _index(work, course)
    history.record(work, course.id, "course_created", price_cents=course.price_cents)
    return course


def edit_course(work: Work, course_id: str, facts: CourseFacts) -> Course:
    """Change a course of the acting provider; a new price counts for new enrolments only.

    Raises Forbidden, NotFound, and Invalid with every wrong field, also when a published course
    would lose an element that it has to have.
    """
    course = _own(work, course_id)
    check(work.session, course.provider_id, facts, course.id)
    provider = work.session.get_one(Organisation, course.provider_id)
    before = course.price_cents
    for name, value in _columns(facts).items():
        setattr(course, name, value)
    if course.status == "published":
        _require_complete(course, provider)
    if course.price_cents != before:
        _set_price(work, course)
        history.record(
            work, course.id, "price_changed", before_cents=before, price_cents=course.price_cents
        )
    _index(work, course)
    work.session.flush()
    history.record(work, course.id, "course_changed")
    return course


def choose_skills(work: Work, course_id: str, uris: Sequence[str]) -> Course:
    """Say which ESCO skills a course teaches. Raises NotFound, Invalid for unknown ones."""
    return edit_course(work, course_id, replace(facts_of(_own(work, course_id)), skills=uris))


def publish(work: Work, course_id: str) -> Course:
    """Show a course in the catalogue.

    Raises NotFound, WrongState when it is there already, and Invalid with every missing element.
    """
    course = _own(work, course_id)
    if course.status == "published":
        raise WrongState(N_("This course is published already."))
    _require_complete(course, work.session.get_one(Organisation, course.provider_id))
    course.status, course.published_at = "published", work.now
    work.session.flush()
    history.record(work, course.id, "course_published")
    return course


def withdraw(work: Work, course_id: str) -> Course:
    """Take a course out of the catalogue; enrolments that exist go on. Raises WrongState."""
    course = _own(work, course_id)
    if course.status != "published":
        raise WrongState(N_("This course is not in the catalogue."))
    course.status = "withdrawn"
    history.record(work, course.id, "course_withdrawn")
    return course


def _require_complete(course: Course, provider: Organisation) -> None:
    missing = annex1.missing(course, provider)
    if missing:
        raise Invalid(
            N_("A micro-credential needs every element of Annex I. Add what is missing."),
            field_errors={
                element.field: [
                    Message(N_("Missing: %(element)s."), {"element": Message(element.label)})
                ]
                for element in missing
            },
        )


def _columns(facts: CourseFacts) -> dict[str, object]:
    columns = asdict(facts)
    columns["outcomes"] = [text.strip() for text in facts.outcomes if text.strip()]
    columns["skills"] = list(dict.fromkeys(facts.skills))
    for name, value in columns.items():
        if isinstance(value, str):
            columns[name] = value.strip()
    for name in ("title_en", "region", "level_reference", "quality_assurance_url"):
        columns[name] = columns[name] or None
    return columns


def _set_price(work: Work, course: Course) -> None:
    work.session.merge(
        CoursePrice(course_id=course.id, changed_at=work.now, price_cents=course.price_cents)
    )


def _index(work: Work, course: Course) -> None:
    """Keep the words that the catalogue is searched by with the course itself."""
    labels = work.session.scalars(select(Skill.label).where(Skill.uri.in_(course.skills)))
    programme = work.session.get(Programme, course.programme_id) if course.programme_id else None
    provider = work.session.get_one(Organisation, course.provider_id)
    course.search_text = searchable(
        course.title,
        course.title_en,
        course.code,
        course.description,
        *course.outcomes,
        *labels,
        programme.title if programme else None,
        provider.name,
    )


def _describe(programme: Programme, facts: ProgrammeFacts) -> None:
    wrong = {
        name: [Message(N_("Use %(low)s to %(high)s characters."), {"low": low, "high": high})]
        for name, value, low, high in (
            ("title", facts.title, 1, 300),
            ("title_en", facts.title_en or "", 0, 300),
            ("description", facts.description, 0, 5000),
        )
        if not low <= len(value.strip()) <= high
    }
    if wrong:
        raise Invalid(N_("The programme is not complete."), field_errors=wrong)
    programme.title = facts.title.strip()
    programme.title_en = (facts.title_en or "").strip() or None
    programme.description = facts.description.strip()


def _provider(work: Work) -> str:
    if work.actor.role not in ("provider", "system") or work.actor.organisation_id is None:
        raise Forbidden(N_("Only a provider can change its catalogue."))
    return work.actor.organisation_id


def _own(work: Work, course_id: str) -> Course:
    course = work.session.get(Course, course_id, with_for_update=True)
    if course is None or course.provider_id != _provider(work):
        raise NotFound(N_("This course does not exist."))
    return course
