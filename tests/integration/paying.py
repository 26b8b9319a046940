"""What the tests of pay-outs begin with: two funders, a provider, a course, and learning in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Any

from sqlalchemy import func, select

from ledger import clock
from ledger.accounts import lots, organisations, people, schemes
from ledger.accounts.models import Posting
from ledger.db import SYSTEM, Actor, Database
from ledger.funders import budgets
from ledger.providers import accreditations, catalogue, confirmations, enrolments, runs, settling
from ledger.providers.models import Enrolment

BEGIN = datetime(2026, 1, 5, 9, tzinfo=UTC)
FIRST = Actor("usr_first", "operator", user_id="usr_first")
SECOND = Actor("usr_second", "operator", user_id="usr_second")
PRICE = 50_000  # cents


def at(day: date) -> datetime:
    """Return a moment in the morning of a day."""
    return datetime.combine(day, time(9), UTC)


@dataclass
class Paying:
    """A provider whose course two funders pay for; money in cents."""

    database: Database
    provider_id: str
    course_id: str
    schemes: tuple[str, ...]
    number: Any = field(default_factory=lambda: count(1))

    @property
    def staff(self) -> Actor:
        """Return the provider's own staff."""
        return Actor("usr_staff", "provider", organisation_id=self.provider_id)

    def learn(
        self, ends_on: date, amounts: Sequence[int] = (30_000, 20_000), **lot: Any
    ) -> Enrolment:
        """Let a new holder, granted ``amounts`` by the schemes in turn, complete the course."""
        number = next(self.number)
        with self.database.work(SYSTEM, at(ends_on - timedelta(days=40))) as work:
            person = people.register(work, f"Persoon {number}")
            account = people.open_account(work, person.id)
            for index, (scheme_id, amount) in enumerate(zip(self.schemes, amounts, strict=False)):
                lots.credit(
                    work,
                    scheme_id,
                    [lots.Credit(account.id, amount, "grant", f"g{number}-{index}", **lot)],
                )
        with self.database.work(self.staff, at(ends_on - timedelta(days=39))) as work:
            times = runs.Times(clock.local(ends_on, 6), clock.local(ends_on, 8))
            run = runs.create(
                work,
                self.course_id,
                runs.RunFacts(starts_on=ends_on, ends_on=ends_on, capacity=5, sessions=[times]),
            )
        holder = Actor("usr_holder", "holder", account_id=account.id)
        with self.database.work(holder, at(ends_on - timedelta(days=38))) as work:
            enrolment_id = enrolments.request(work, run.id).id
            confirmations.confirm(work, enrolment_id)
        with self.database.work(self.staff, at(ends_on)) as work:
            done = work.session.get_one(Enrolment, enrolment_id)
            held = settling.held(work.session, done.id)
            settling.settle(work, done, held, "completed", 100)
            enrolments.end(work, done, "completed")
        return done

    def books(self, bucket: str, scheme_id: str | None = None, unit: str = "EUR") -> int:
        """Return the balance of a bucket, of one scheme or of all."""
        total = select(func.coalesce(func.sum(Posting.amount), 0)).where(
            Posting.bucket == bucket, Posting.unit == unit
        )
        if scheme_id is not None:
            total = total.where(Posting.scheme_id == scheme_id)
        with self.database.reading() as session:
            return int(session.execute(total).scalar_one())


def paying(database: Database, units: Sequence[str] = ("EUR", "EUR")) -> Paying:
    """Make the operator, funders with budget, and a provider with a published course."""
    with database.work(SYSTEM, BEGIN) as work:
        organisations.admit(work, "operator", "Stichting Leerrekening", iban="NL91ABNA0417164300")
        provider = organisations.admit(
            work, "provider", "Vakschool Één & Zn.", iban="NL02ABNA0123456789"
        )
        grant = accreditations.Grant(
            quality_mark="NRTO-keurmerk",
            evidence_url="https://voorbeeld.nl/keurmerk",
            valid_from=date(2025, 1, 1),
            valid_until=date(2028, 1, 1),
        )
        accreditations.accredit_provider(work, provider.id, grant)
        made = []
        for number, unit in enumerate(units):
            funder = organisations.admit(
                work, "funder", f"Fonds {number}", funder_kind="sector_fund"
            )
            scheme = schemes.create(
                work,
                funder.id,
                f"Recht {number}",
                f"Right {number}",
                unit,
                {},
                valid_from=date(2025, 1, 1),
            )
            budgets.pay_in(work, scheme.id, 10_000_000, f"transfer {number}", work.today)
            made.append(scheme.id)
    staff = Actor("usr_staff", "provider", organisation_id=provider.id)
    with database.work(staff, BEGIN) as work:
        facts = catalogue.CourseFacts(
            code="L1",
            title="Lassen voor beginners",
            sector="technology",
            form="classroom",
            workload_hours=40,
            price_cents=PRICE,
            supervision="none",
        )
        course = catalogue.publish(work, catalogue.create_course(work, facts).id)
    with database.work(SYSTEM, BEGIN) as work:
        accreditations.accredit_course(work, course.id, grant)
    return Paying(database, provider.id, course.id, tuple(made))
