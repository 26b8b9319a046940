"""What the tests of the catalogue begin with: an operator, a provider, its staff, facts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from ledger import clock
from ledger.accounts import organisations
from ledger.db import SYSTEM, Actor, Database
from ledger.providers import accreditations, catalogue, runs
from ledger.providers.models import Course, Run

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
TODAY = date(2026, 3, 2)
OPERATOR = Actor("usr_operator", "operator", user_id="usr_operator")


@dataclass
class Offering:
    """A provider and the ways to act for it."""

    database: Database
    provider_id: str

    @property
    def staff(self) -> Actor:
        """Return somebody who works for the provider."""
        return Actor("usr_staff", "provider", organisation_id=self.provider_id)

    def course(self, *, publish: bool = True, **facts: Any) -> Course:
        """Add a course, complete unless ``facts`` say otherwise."""
        with self.database.work(self.staff, NOW) as work:
            course = catalogue.create_course(work, course_facts(**facts))
            if publish:
                catalogue.publish(work, course.id)
        return course

    def run(self, course_id: str, starts_on: date, **facts: Any) -> Run:
        """Plan a run of one morning."""
        with self.database.work(self.staff, NOW) as work:
            return runs.create(work, course_id, run_facts(starts_on, **facts))

    def accredit(self, course_id: str | None = None, **parts: Any) -> str:
        """Accredit the provider, or one course."""
        with self.database.work(OPERATOR, NOW) as work:
            if course_id is None:
                row = accreditations.accredit_provider(work, self.provider_id, grant(**parts))
            else:
                row = accreditations.accredit_course(work, course_id, grant(**parts))
        return row.id


def offering(database: Database, name: str = "Vakschool Één & Zn.") -> Offering:
    """Admit a provider."""
    with database.work(SYSTEM, NOW) as work:
        provider = organisations.admit(work, "provider", name)
    return Offering(database, provider.id)


def course_facts(**facts: Any) -> catalogue.CourseFacts:
    """Return facts with which a course can be published as a micro-credential."""
    complete: dict[str, Any] = {
        "code": "L1",
        "title": "Lassen voor beginners",
        "sector": "technology",
        "form": "classroom",
        "workload_hours": 56,
        "price_cents": 45_000,
        "outcomes": ["Last twee platen aan elkaar"],
        "assessment": "application",
        "quality_assurance": "Externe visitatie, elke drie jaar",
        "is_micro_credential": True,
    }
    return catalogue.CourseFacts(**(complete | facts))


def run_facts(starts_on: date, **facts: Any) -> runs.RunFacts:
    """Return a run of one morning in March or later."""
    complete: dict[str, Any] = {
        "starts_on": starts_on,
        "ends_on": starts_on,
        "capacity": 12,
        "location": "Helmond",
        "sessions": [times(starts_on)],
    }
    return runs.RunFacts(**(complete | facts))


def times(day: date, begin: int = 9, end: int = 12) -> runs.Times:
    """Return a session between two hours in Amsterdam."""
    return runs.Times(clock.local(day, begin), clock.local(day, end))


def grant(**parts: Any) -> accreditations.Grant:
    """Return an accreditation for a year around today."""
    complete: dict[str, Any] = {
        "quality_mark": "NRTO-keurmerk",
        "evidence_url": "https://voorbeeld.nl/keurmerk",
        "valid_from": TODAY - timedelta(days=30),
        "valid_until": TODAY + timedelta(days=335),
    }
    return accreditations.Grant(**(complete | parts))
