"""What a provider sees of its own catalogue, and the skills it can choose from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ledger import paging
from ledger.accounts.models import Organisation
from ledger.errors import NotFound
from ledger.messages import N_
from ledger.providers.models import Course, Programme, Skill
from ledger.providers.queries import catalogue
from ledger.providers.vocabulary import words

_MOST_SKILLS = 50


@dataclass(frozen=True, slots=True)
class ProgrammeRow:
    """A programme with the number of its courses and their hours together."""

    id: str
    title: str
    title_en: str | None
    description: str
    courses: int
    workload_hours: int


@dataclass(frozen=True, slots=True)
class SkillRow:
    """An ESCO concept to choose."""

    uri: str
    label: str
    kind: str
    description: str


def programmes(session: Session, provider_id: str) -> tuple[ProgrammeRow, ...]:
    """Return the programmes of a provider by title."""
    found = session.execute(
        select(Programme, func.count(Course.id), func.coalesce(func.sum(Course.workload_hours), 0))
        .outerjoin(Course, Course.programme_id == Programme.id)
        .where(Programme.provider_id == provider_id)
        .group_by(Programme.id)
        .order_by(Programme.title, Programme.id)
    )
    return tuple(
        ProgrammeRow(row.id, row.title, row.title_en, row.description, courses, int(hours))
        for row, courses, hours in found
    )


def programme(session: Session, programme_id: str, provider_id: str) -> ProgrammeRow:
    """Return one programme of a provider. Raises NotFound."""
    for row in programmes(session, provider_id):
        if row.id == programme_id:
            return row
    raise NotFound(N_("This programme does not exist."))


def courses(
    session: Session,
    provider_id: str,
    on: date,
    status: str | None = None,
    cursor: str | None = None,
    limit: int | None = None,
) -> paging.Page[catalogue.CourseRow]:
    """Return the courses of a provider by code, of one status when given."""
    size = paging.size(limit)
    after = paging.decode(cursor, 1)
    query = (
        select(Course, Organisation.name)
        .join(Organisation, Organisation.id == Course.provider_id)
        .where(Course.provider_id == provider_id)
        .order_by(Course.code)
        .limit(size + 1)
    )
    if status:
        query = query.where(Course.status == status)
    if after is not None:
        query = query.where(Course.code > str(after[0]))
    found = session.execute(query).all()
    return paging.page(catalogue.rows(session, found, on), size, lambda row: (row.code,))


def counts(session: Session, provider_id: str) -> dict[str, int]:
    """Return the number of courses per status."""
    found = session.execute(
        select(Course.status, func.count())
        .where(Course.provider_id == provider_id)
        .group_by(Course.status)
    )
    return dict(found.all())


def skills(session: Session, text: str) -> tuple[SkillRow, ...]:
    """Return up to fifty skills with all these words in one of their labels, best first."""
    asked = words(text)
    if not asked:
        return ()
    conditions = [Skill.search_text.contains(word, autoescape=True) for word in asked]
    found = session.scalars(
        select(Skill)
        .where(Skill.kind != "group", *conditions)
        # A label that begins with what was typed is most likely meant; then the shorter one.
        .order_by(
            Skill.search_text.startswith(" ".join(asked), autoescape=True).desc(),
            func.length(Skill.label),
            Skill.label,
        )
        .limit(_MOST_SKILLS)
    )
    return tuple(SkillRow(row.uri, row.label, row.kind, row.description) for row in found)
