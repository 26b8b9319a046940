"""Accreditations as lists, and one with its history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from ledger import paging
from ledger.accounts import history
from ledger.accounts.models import Organisation
from ledger.errors import NotFound
from ledger.messages import N_
from ledger.providers.models import Accreditation, Course

STATES = ("granted", "suspended", "withdrawn")


@dataclass(frozen=True, slots=True)
class AccreditationRow:
    """An accreditation; without course it is the provider's own. No sectors: all of them."""

    id: str
    provider_id: str
    provider_name: str
    course_id: str | None
    course_title: str | None
    quality_mark: str
    evidence_url: str
    sectors: tuple[str, ...]
    valid_from: date
    valid_until: date
    status: str
    suspension_reason: str | None
    reply_until: date | None

    def state(self, on: date) -> str:
        """Return the status as a reader sees it on a day: also ``expired`` or ``upcoming``."""
        if self.status != "granted":
            return self.status
        if on > self.valid_until:
            return "expired"
        return "upcoming" if on < self.valid_from else "granted"


@dataclass(frozen=True, slots=True)
class AccreditationView:
    """An accreditation with what happened to it."""

    row: AccreditationRow
    events: tuple[history.EventView, ...]


def for_course(session: Session, course: Course) -> tuple[AccreditationRow, ...]:
    """Return the accreditations of a course and of its provider, the course's first."""
    found = _select(
        session,
        Accreditation.provider_id == course.provider_id,
        or_(Accreditation.course_id.is_(None), Accreditation.course_id == course.id),
    )
    return tuple(sorted(found, key=lambda row: (row.course_id is None, row.valid_from)))


def of_provider(session: Session, provider_id: str) -> tuple[AccreditationRow, ...]:
    """Return all accreditations of a provider and its courses, the provider's own first."""
    found = _select(session, Accreditation.provider_id == provider_id)
    return tuple(sorted(found, key=lambda row: (row.course_id is not None, row.valid_from)))


def listing(
    session: Session, status: str | None, cursor: str | None
) -> paging.Page[AccreditationRow]:
    """Return accreditations, newest first."""
    size = paging.size(None)
    after = paging.decode(cursor, 1)
    conditions: list[ColumnElement[bool]] = []
    if status:
        conditions.append(Accreditation.status == status)
    if after is not None:
        conditions.append(Accreditation.id < str(after[0]))
    return paging.page(_select(session, *conditions, limit=size + 1), size, lambda row: (row.id,))


def accreditation(session: Session, accreditation_id: str) -> AccreditationView:
    """Return one accreditation with its history. Raises NotFound."""
    found = _select(session, Accreditation.id == accreditation_id)
    if not found:
        raise NotFound(N_("This accreditation does not exist."))
    return AccreditationView(found[0], history.of(session, accreditation_id))


def _select(
    session: Session, *conditions: ColumnElement[bool], limit: int = 500
) -> list[AccreditationRow]:
    query = (
        select(Accreditation, Organisation.name, Course.title)
        .join(Organisation, Organisation.id == Accreditation.provider_id)
        .outerjoin(Course, Course.id == Accreditation.course_id)
        .where(*conditions)
        .order_by(Accreditation.id.desc())
        .limit(limit)
    )
    return [
        AccreditationRow(
            id=row.id,
            provider_id=row.provider_id,
            provider_name=provider_name,
            course_id=row.course_id,
            course_title=course_title,
            quality_mark=row.quality_mark,
            evidence_url=row.evidence_url,
            sectors=tuple(row.sectors),
            valid_from=row.valid_from,
            valid_until=row.valid_until,
            status=row.status,
            suspension_reason=row.suspension_reason,
            reply_until=row.reply_until,
        )
        for row, provider_name, course_title in session.execute(query)
    ]
