"""A small world for tests, built through the verbs only, so that no illegal state exists.

``World(database, now)`` keeps a clock of its own; ``world.do(actor, verb, …)`` runs one unit of
work at that moment and ``world.later(days=…)`` moves it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any, Concatenate, ParamSpec, TypeVar

from ledger import clock
from ledger.accounts import lots, organisations, people, schemes, users
from ledger.accounts.models import Account, Organisation, Scheme
from ledger.certificates.content import ASSESSMENT_TYPES
from ledger.db import SYSTEM, Actor, Database, Work
from ledger.funders import budgets
from ledger.providers import accreditations, attendance, catalogue, confirmations, enrolments, runs
from ledger.providers.models import Course, Enrolment, Run, RunSession

P = ParamSpec("P")
T = TypeVar("T")

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # a Monday, 10:00 in Amsterdam
OPERATOR = Actor("usr_operator", "operator", user_id="usr_operator")
PASSWORD = "een heel lang wachtwoord"


@dataclass(frozen=True)
class Holder:
    """Somebody with a learning account, and the actor that stands for them."""

    account_id: str
    number: str
    actor: Actor


@dataclass
class World:
    """A database with a clock, and the makers of what tests need."""

    database: Database
    now: datetime = NOW
    _numbers: Any = field(default_factory=lambda: count(1))

    @property
    def today(self) -> date:
        """Return the legal date of this world."""
        return clock.today(self.now)

    def later(self, **span: float) -> None:
        """Move the clock forward: ``days=…``, ``hours=…``."""
        self.now += timedelta(**span)

    def do(
        self,
        actor: Actor,
        verb: Callable[Concatenate[Work, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run a verb in one unit of work at the world's moment."""
        with self.database.work(actor, self.now) as work:
            return verb(work, *args, **kwargs)

    def funder(self, name: str | None = None) -> Organisation:
        """Admit a funder."""
        name = name or f"Fonds {next(self._numbers)}"
        return self.do(
            SYSTEM, organisations.admit, "funder", name, funder_kind="sector_fund", country="NL"
        )

    def scheme(
        self, budget: int = 10_000_000, *, unit: str = "EUR", name: str = "", **terms: Any
    ) -> Scheme:
        """Make a scheme of a new funder with money in it; ``terms`` are columns of Rule."""
        funder = self.funder()
        name = name or f"Regeling {next(self._numbers)}"
        terms.setdefault("four_eyes_minor", 2**40)
        scheme = self.do(
            funder_actor(funder.id),
            schemes.create,
            funder.id,
            name,
            f"{name} (en)",
            unit,
            terms,
            date(2024, 1, 1),
        )
        if budget:
            self.do(
                funder_actor(funder.id),
                budgets.pay_in,
                scheme.id,
                budget,
                f"ref-{next(self._numbers)}",
                self.today,
            )
        return scheme

    def holder(
        self, name: str = "Noor Bakker", *, email: str | None = None, **facts: Any
    ) -> Holder:
        """Register a person and open the account; with ``email`` somebody who can sign in."""

        def make(work: Work) -> tuple[str, Account]:
            user_id = None
            if email is not None:
                # Hashing a password takes its time, so only those who sign in have one.
                user_id = users.add_user(work, email, name, PASSWORD, "holder").id
            person = people.register(work, name, user_id=user_id, **facts)
            return user_id or person.id, people.open_account(work, person.id)

        user_id, account = self.do(SYSTEM, make)
        actor = Actor(user_id, "holder", user_id=user_id, account_id=account.id)
        return Holder(account.id, account.number, actor)

    def lot(
        self,
        holder: Holder,
        amount: int,
        scheme: Scheme | None = None,
        *,
        expires_on: date | None = None,
        enrolment_id: str | None = None,
    ) -> str:
        """Credit the holder a lot from a scheme (a new one by default); return its id."""
        scheme = scheme or self.scheme()
        subject = f"row_{next(self._numbers)}"
        credit = lots.Credit(
            holder.account_id,
            amount,
            "top_up" if enrolment_id else "grant",
            subject,
            expires_on=expires_on,
            enrolment_id=enrolment_id,
        )
        self.do(SYSTEM, lots.credit, scheme.id, [credit])
        with self.database.reading() as session:
            views = lots.of_account(session, holder.account_id)
        return max(view.id for view in views)

    def provider(self, name: str | None = None, *, accredited: bool = True) -> Organisation:
        """Admit a provider, accredited for some years unless told otherwise."""
        name = name or f"Opleider {next(self._numbers)}"
        provider = self.do(SYSTEM, organisations.admit, "provider", name, country="NL")
        if accredited:
            self.do(OPERATOR, accreditations.accredit_provider, provider.id, self._grant())
        return provider

    def course(
        self,
        provider: Organisation | None = None,
        *,
        price_cents: int = 100_000,
        accredited: bool = True,
        published: bool = True,
        **facts: Any,
    ) -> Course:
        """Make a published, accredited course; ``facts`` are those of CourseFacts."""
        provider = provider or self.provider()
        number = next(self._numbers)
        values: dict[str, Any] = {
            "code": f"C{number}",
            "title": f"Lassen {number}",
            "sector": "technology",
            "form": "classroom",
            "workload_hours": 40,
            "price_cents": price_cents,
            "outcomes": ("De deelnemer last een hoeknaad.",),
            "assessment": next(iter(ASSESSMENT_TYPES)),
            "supervision": "supervised",
            "quality_assurance": "Jaarlijkse externe audit",
            "is_micro_credential": True,
        }
        given = catalogue.CourseFacts(**{**values, **facts})
        actor = provider_actor(provider.id)
        course = self.do(actor, catalogue.create_course, given)
        if accredited:
            self.do(OPERATOR, accreditations.accredit_course, course.id, self._grant())
        if published:
            self.do(actor, catalogue.publish, course.id)
        return course

    def run(
        self,
        course: Course | None = None,
        *,
        in_days: int = 30,
        sessions: int = 4,
        hours: int = 4,
        capacity: int = 12,
        starts_hour: int = 9,
    ) -> Run:
        """Plan a run that starts ``in_days`` from today, one session of ``hours`` per day."""
        course = course or self.course()
        first = self.today + timedelta(days=in_days)
        times = []
        for index in range(sessions):
            start = clock.local(first + timedelta(days=index), starts_hour)
            times.append(runs.Times(start, start + timedelta(hours=hours)))
        facts = runs.RunFacts(
            starts_on=first,
            ends_on=first + timedelta(days=sessions - 1),
            capacity=capacity,
            sessions=times,
            location="Den Bosch",
        )
        return self.do(provider_actor(course.provider_id), runs.create, course.id, facts)

    def requested(self, holder: Holder, run: Run | None = None) -> Enrolment:
        """Let the holder ask for a place."""
        return self.do(holder.actor, enrolments.request, (run or self.run()).id)

    def confirmed(
        self, holder: Holder, run: Run | None = None, own_share_cents: int = 0
    ) -> Enrolment:
        """Let the holder ask for a place and confirm it."""
        enrolment = self.requested(holder, run)
        done = self.do(holder.actor, confirmations.confirm, enrolment.id, own_share_cents)
        with self.database.reading() as session:
            return session.get_one(Enrolment, done.id)

    def status(self, enrolment_id: str) -> str:
        """Return what state an enrolment is in now."""
        with self.database.reading() as session:
            return session.get_one(Enrolment, enrolment_id).status

    def sessions(self, run_id: str) -> Sequence[RunSession]:
        """Return the sessions of a run in order of time."""
        with self.database.reading() as session:
            return attendance.sessions_of(session, run_id)

    def attended(self, enrolment: Enrolment, present: Sequence[bool]) -> None:
        """Move the clock past the sessions and let the provider state attendance for them."""
        meetings = self.sessions(enrolment.run_id)[: len(present)]
        if meetings:
            self.now = max(self.now, meetings[-1].ends_at + timedelta(minutes=1))
        stated = {m.id: there for m, there in zip(meetings, present, strict=True)}
        self.do(provider_actor(enrolment.provider_id), attendance.record, enrolment.id, stated)

    def _grant(self) -> accreditations.Grant:
        return accreditations.Grant(
            quality_mark="Cedeo",
            evidence_url="https://example.nl/erkenning",
            valid_from=self.today - timedelta(days=365),
            valid_until=self.today + timedelta(days=3 * 365),
        )


def funder_actor(funder_id: str, user_id: str = "usr_funder") -> Actor:
    """Return staff of a funder."""
    return Actor(user_id, "funder", user_id=user_id, organisation_id=funder_id)


def provider_actor(provider_id: str, user_id: str = "usr_provider") -> Actor:
    """Return staff of a provider."""
    return Actor(user_id, "provider", user_id=user_id, organisation_id=provider_id)
