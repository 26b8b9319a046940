"""Providers as the operator sees them, and as they see themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ledger.accounts import history, organisations, users
from ledger.accounts.models import Organisation
from ledger.providers.models import Course
from ledger.providers.queries.accreditations import AccreditationRow, of_provider


@dataclass(frozen=True, slots=True)
class ProviderRow:
    """A provider in a list; ``accredited`` tells whether it has an accreditation of its own now."""

    id: str
    name: str
    kvk: str | None
    region: str | None
    status: str
    admitted_at: datetime
    courses: int
    accredited: bool


@dataclass(frozen=True, slots=True)
class ProviderView:
    """One provider with its people, accreditations and history (newest first)."""

    id: str
    name: str
    kvk: str | None
    iban: str | None
    email: str | None
    website: str | None
    region: str | None
    country: str
    status: str
    admitted_at: datetime
    suspension: Mapping[str, Any] | None  # reason and reply_until, while suspended
    staff: tuple[users.UserView, ...]
    accreditations: tuple[AccreditationRow, ...]
    events: tuple[history.EventView, ...]


def listing(session: Session, on: date) -> tuple[ProviderRow, ...]:
    """Return all providers by name."""
    courses = dict(
        session.execute(
            select(Course.provider_id, func.count())
            .where(Course.status == "published")
            .group_by(Course.provider_id)
        ).all()
    )
    return tuple(
        ProviderRow(
            id=row.id,
            name=row.name,
            kvk=row.kvk,
            region=row.region,
            status=row.status,
            admitted_at=row.admitted_at,
            courses=courses.get(row.id, 0),
            accredited=_accredited(session, row, on),
        )
        for row in organisations.of_kind(session, "provider")
    )


def provider(session: Session, provider_id: str) -> ProviderView:
    """Return one provider. Raises NotFound."""
    row = organisations.get(session, provider_id, "provider")
    events = tuple(reversed(history.of(session, provider_id)))
    suspension = next((e.data for e in events if e.kind == "suspended"), None)
    return ProviderView(
        id=row.id,
        name=row.name,
        kvk=row.kvk,
        iban=row.iban,
        email=row.email,
        website=row.website,
        region=row.region,
        country=row.country,
        status=row.status,
        admitted_at=row.admitted_at,
        suspension=suspension if row.status == "suspended" else None,
        staff=users.all_users(session, provider_id),
        accreditations=of_provider(session, provider_id),
        events=events,
    )


def _accredited(session: Session, row: Organisation, on: date) -> bool:
    return any(
        a.course_id is None and a.state(on) == "granted" for a in of_provider(session, row.id)
    )
