"""The small world that every example begins with: providers, courses, schemes, holders, money."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import select

from ledger.accounts import lots, organisations, people, schemes
from ledger.accounts.models import Lot
from ledger.certificates.content import ASSESSMENT_TYPES
from ledger.db import SYSTEM
from ledger.funders import budgets
from ledger.providers import accreditations, catalogue
from tests.factories import OPERATOR, World, funder_actor, provider_actor
from tests.property.machine import books
from tests.property.machine.claims import Model
from tests.property.machine.journeys import Course

SCHEMES: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "EUR",
        {
            "four_eyes_minor": 60_000,
            "accrual_period": "year",
            "accrual_minor": 40_000,
            "accrual_low_minor": 65_001,
            "cap_minor": 100_000,
            "cap_low_minor": 130_000,
        },
    ),
    (
        "EUR",
        {
            "four_eyes_minor": 2**40,
            "accrual_period": "month",
            "accrual_minor": 12_505,
            "cap_minor": 50_000,
            "expiry_months": 6,
            "course_sectors": ["technology"],
            "share_percent": 60,
            "rest_when_late": "lost",
            "rest_when_abandoned": "lost",
        },
    ),
    ("MIN", {"four_eyes_minor": 3_000, "expiry_months": 12}),
    (
        "EUR",
        {
            "four_eyes_minor": 0,
            "holder_sectors": ["care", "technology"],
            "max_per_course_minor": 30_000,
            "late_percent": 33,
            "cooling_off_days": 3,
            "abandoned_below": 50,
            "complete_from": 70,
        },
    ),
)
HOLDERS: tuple[dict[str, Any], ...] = (
    {"sector": "care", "contract_percent": 40, "prior_level": 4},
    {"sector": "technology", "prior_level": 1},
    {},
)
CERTIFIED = 40_003  # cents: the price of the course that gives a credential
COURSES = (  # provider, sector, price in cents, hours
    (0, "technology", CERTIFIED, 16),
    (0, "care", 60_001, 8),
    (1, "technology", 25_001, 40),
    (1, "care", 0, 4),
)
IBANS = ("NL91ABNA0417164300", "NL02ABNA0123456789")


class Ground:
    """Makes it through the verbs, and in the model."""

    def __init__(self, world: World, model: Model, courses: list[Course]) -> None:
        self.world, self.model, self.courses = world, model, courses
        self.number = 0

    def next(self) -> int:
        """Return a number that was not used before."""
        self.number += 1
        return self.number

    def set(self) -> None:
        """Admit providers and funders, with courses and money."""
        providers = []
        for iban in IBANS:
            admitted = self.world.do(
                SYSTEM, organisations.admit, "provider", f"Opleider {iban}", iban=iban
            )
            providers.append(admitted.id)
            self.world.do(OPERATOR, accreditations.accredit_provider, admitted.id, _grant())
        for place, sector, price, hours in COURSES:
            self._course(providers[place], sector, price, hours)
        for unit, terms in SCHEMES:
            self._scheme(unit, terms)
        for facts in HOLDERS:
            self._holder(facts)
        for scheme in self.model.schemes:
            self._begin_with(scheme, 400_000 if scheme.unit == "EUR" else 20_000)
        for account in self.model.holders:
            # Good for any course, but the first to expire.
            self._credit(self.model.schemes[0], account, 7_001, timedelta(days=100))

    def _begin_with(self, scheme: books.Scheme, budget: int) -> None:
        """Pay in, and grant everybody something, so that there is money to go round."""
        actor = funder_actor(scheme.funder_id)
        today = books.day_of(self.world.now)
        self.world.do(actor, budgets.pay_in, scheme.id, budget, "begin", today)
        self.model.pay_in(scheme, budget, "begin")
        # Odd, and less than a course costs: so several pay, and shares have to be rounded.
        amount = budget // 16 + 7
        for account in self.model.holders:
            self._credit(scheme, account, amount, None)

    def _credit(
        self, scheme: books.Scheme, account: str, amount: int, lasts: timedelta | None
    ) -> None:
        today = books.day_of(self.world.now)
        last = None if lasts is None else today + lasts
        credit = lots.Credit(account, amount, "grant", f"begin{self.next()}", last)
        self.world.do(SYSTEM, lots.credit, scheme.id, [credit])
        with self.world.database.reading() as session:
            (lot,) = session.scalars(select(Lot.id).where(Lot.subject == credit.subject))
        self.model.credit(lot, scheme, account, amount, today, last)

    def _course(self, provider: str, sector: str, price: int, hours: int) -> None:
        facts = catalogue.CourseFacts(
            code=f"C{self.next()}",
            title=f"Cursus {self.number}",
            sector=sector,
            form="classroom",
            workload_hours=hours,
            price_cents=price,
            outcomes=("De deelnemer kan het.",),
            assessment=next(iter(ASSESSMENT_TYPES)),
            supervision="supervised",
            quality_assurance="Audit",
            is_micro_credential=price == CERTIFIED,
        )
        actor = provider_actor(provider)
        course = self.world.do(actor, catalogue.create_course, facts)
        self.world.do(OPERATOR, accreditations.accredit_course, course.id, _grant())
        self.world.do(actor, catalogue.publish, course.id)
        self.courses.append(Course(course.id, provider, sector, price, hours))

    def _scheme(self, unit: str, terms: dict[str, Any]) -> None:
        name = f"Regeling {self.next()}"
        funder = self.world.do(
            SYSTEM, organisations.admit, "funder", name, funder_kind="sector_fund"
        )
        since = date(2024, 1, 1)
        made = self.world.do(
            funder_actor(funder.id), schemes.create, funder.id, name, name, unit, terms, since
        )
        versions = [(since, books.STANDARD | terms)]
        self.model.schemes.append(books.Scheme(made.id, funder.id, unit, versions))

    def _holder(self, facts: dict[str, Any]) -> None:
        name = f"Persoon {self.next()}"
        with self.world.database.work(SYSTEM, self.world.now) as work:
            made = people.open_account(work, people.register(work, name, **facts).id)
        self.model.holders[made.id] = books.Holder(
            made.id,
            made.number,
            facts.get("sector"),
            facts.get("contract_percent"),
            facts.get("prior_level"),
            books.day_of(self.world.now),
        )


def _grant() -> accreditations.Grant:
    return accreditations.Grant(
        quality_mark="Cedeo",
        evidence_url="https://example.nl/erkenning",
        valid_from=date(2026, 1, 1),
        valid_until=date(2099, 1, 1),
    )
