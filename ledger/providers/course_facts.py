"""What a provider states about a course, and the checks on it; all wrong fields at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.errors import Invalid
from ledger.messages import N_, Message
from ledger.money import LIMIT
from ledger.providers.models import Course, Programme, Skill
from ledger.providers.vocabulary import ASSESSMENTS, FORMS, LANGUAGES, SECTORS, SUPERVISIONS

MOST_OUTCOMES = 30
MOST_SKILLS = 40

Wrong = Iterator[tuple[str, Message]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseFacts:
    """Workload in whole hours, ECTS in tenths, price in cents, skills as ESCO addresses."""

    code: str
    title: str
    sector: str
    form: str
    workload_hours: int
    price_cents: int
    title_en: str | None = None
    programme_id: str | None = None
    description: str = ""
    outcomes: Sequence[str] = field(default=())
    skills: Sequence[str] = field(default=())
    region: str | None = None
    language: str = "nl"
    ects_tenths: int | None = None
    eqf_level: int | None = None
    level_reference: str | None = None
    assessment: str = "none"
    supervision: str = "none"
    quality_assurance: str = ""
    quality_assurance_url: str | None = None
    prerequisites: str = ""
    is_micro_credential: bool = False


def facts_of(course: Course) -> CourseFacts:
    """Return what the provider stated, as it would state it again."""
    stated = {item.name: getattr(course, item.name) for item in fields(CourseFacts)}
    for name in ("outcomes", "skills"):
        stated[name] = tuple(stated[name])
    return CourseFacts(**stated)


def check(
    session: Session, provider_id: str, facts: CourseFacts, course_id: str | None = None
) -> None:
    """Return when the facts can be kept; ``course_id`` is the course that they change.

    Raises Invalid with every wrong field.
    """
    wrong: dict[str, list[Message]] = defaultdict(list)
    for part in (
        _texts(facts),
        _codes(facts),
        _numbers(facts),
        _level(facts),
        _references(session, provider_id, facts, course_id),
    ):
        for name, message in part:
            wrong[name].append(message)
    if wrong:
        raise Invalid(N_("The course is not complete."), field_errors=wrong)


def _texts(facts: CourseFacts) -> Wrong:
    for name, value, low, high in (
        ("code", facts.code, 1, 40),
        ("title", facts.title, 1, 300),
        ("title_en", facts.title_en, 0, 300),
        ("description", facts.description, 0, 5000),
        ("region", facts.region, 0, 100),
        ("level_reference", facts.level_reference, 0, 200),
        ("quality_assurance", facts.quality_assurance, 0, 1000),
        ("prerequisites", facts.prerequisites, 0, 1000),
        *(("outcomes", text, 0, 500) for text in facts.outcomes),
    ):
        if not low <= len((value or "").strip()) <= high:
            yield name, _length(low, high)
    if len(facts.outcomes) > MOST_OUTCOMES:
        yield "outcomes", Message(N_("Give at most %(most)s."), {"most": MOST_OUTCOMES})
    address = facts.quality_assurance_url
    if address and not is_web_address(address):
        yield "quality_assurance_url", Message(N_("Give a web address that begins with https://."))


def is_web_address(text: str) -> bool:
    """Tell whether a text is an https address that can safely be linked to."""
    try:
        parts = urlsplit(text.strip())
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.netloc) and len(text) <= 500


def _codes(facts: CourseFacts) -> Wrong:
    for name, value, known in (
        ("sector", facts.sector, SECTORS),
        ("form", facts.form, FORMS),
        ("language", facts.language, LANGUAGES),
        ("assessment", facts.assessment, ASSESSMENTS),
        ("supervision", facts.supervision, SUPERVISIONS),
    ):
        if value not in known:
            yield name, Message(N_("Choose one of the list."))


def _numbers(facts: CourseFacts) -> Wrong:
    for name, value, low, high in (
        ("workload_hours", facts.workload_hours, 1, 10_000),
        ("price_cents", facts.price_cents, 0, LIMIT),
        ("ects_tenths", facts.ects_tenths, 1, 3_000),
        ("eqf_level", facts.eqf_level, 1, 8),
    ):
        if value is None and name in ("ects_tenths", "eqf_level"):
            continue
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            yield (
                name,
                Message(N_("Give a number from %(low)s to %(high)s."), {"low": low, "high": high}),
            )


def _level(facts: CourseFacts) -> Wrong:
    # Only NCP NLQF says what level a course has; a provider's own estimate is none.
    if facts.eqf_level is not None and not (facts.level_reference or "").strip():
        yield (
            "level_reference",
            Message(N_("A level needs the reference of its classification by NCP NLQF.")),
        )


def _references(
    session: Session, provider_id: str, facts: CourseFacts, course_id: str | None
) -> Wrong:
    if facts.programme_id:
        programme = session.get(Programme, facts.programme_id)
        if programme is None or programme.provider_id != provider_id:
            yield "programme_id", Message(N_("This programme does not exist."))
    same = session.scalar(
        select(Course.id).where(
            Course.provider_id == provider_id, Course.code == facts.code.strip()
        )
    )
    if same is not None and same != course_id:
        yield "code", Message(N_("You use this code for another course."))
    if len(facts.skills) > MOST_SKILLS:
        yield "skills", Message(N_("Give at most %(most)s."), {"most": MOST_SKILLS})
        return
    known = session.scalars(select(Skill.uri).where(Skill.uri.in_(facts.skills))).all()
    for uri in facts.skills:
        if uri not in known:
            yield "skills", Message(N_("This is not a known ESCO skill: %(uri)s."), {"uri": uri})


def _length(low: int, high: int) -> Message:
    if low == 0:
        return Message(N_("Use at most %(high)s characters."), {"high": high})
    return Message(N_("Use %(low)s to %(high)s characters."), {"low": low, "high": high})
