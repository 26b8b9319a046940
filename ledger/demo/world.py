"""The parties of the demonstration: who admits, pays, teaches and learns."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger import clock, ids
from ledger.accounts import organisations, people, schemes, users
from ledger.accounts.models import Account, Organisation, Person, Scheme
from ledger.db import SYSTEM, Actor, Work
from ledger.demo import names
from ledger.demo.catalogue import HOUSES, House, Module
from ledger.funders import budgets
from ledger.providers import accreditations, catalogue
from ledger.providers.course_facts import CourseFacts
from ledger.providers.models import Course, Skill

PEOPLE = 200


@dataclass(frozen=True, slots=True)
class Login:
    """How somebody of the demonstration signs in."""

    role: str
    name: str
    sign_in: str
    api_key: str
    actor: Actor


@dataclass(slots=True)
class World:
    """What the makers of the demonstration hand on to each other."""

    password: str
    draw: random.Random
    logins: list[Login] = field(default_factory=list)
    schemes: dict[str, Scheme] = field(default_factory=dict)
    funders: dict[str, Organisation] = field(default_factory=dict)
    courses: list[Course] = field(default_factory=list)
    holders: list[tuple[Account, Person, Actor]] = field(default_factory=list)
    provider_actors: dict[str, Actor] = field(default_factory=dict)

    def actor(self, role: str, number: int = 0) -> Actor:
        """Return the actor behind the nth login of a role."""
        return [login.actor for login in self.logins if login.role == role][number]

    def funder_actor(self, key: str, number: int = 0) -> Actor:
        """Return the nth member of staff of a funder."""
        funder_id = self.funders[key].id
        staff = [
            login.actor
            for login in self.logins
            if login.role == "funder" and login.actor.organisation_id == funder_id
        ]
        return staff[number]


def acting(work: Work, actor: Actor, now: datetime | None = None) -> Work:
    """Return the same unit of work in the hands of another, perhaps at another moment."""
    return replace(work, actor=actor, now=now or work.now)


def build(work: Work, world: World) -> None:
    """Make operator, funders with their schemes, providers with their courses, and people."""
    operator = organisations.admit(
        work,
        "operator",
        "Stichting Leerrekening",
        kvk="90000006",
        iban="NL91ABNA0417164300",
    )
    for number, name in enumerate(("Beheer Een", "Beheer Twee"), start=1):
        _login(work, world, "operator", name, f"beheer{number}", operator.id)
    by_operator = acting(work, world.actor("operator"))
    _funders(by_operator, world)
    _schemes(work, world)
    for house in HOUSES:
        _provider(by_operator, world, house)
    _people(work, world)


def _login(
    work: Work,
    world: World,
    role: str,
    name: str,
    address: str,
    organisation_id: str | None = None,
) -> Actor:
    user = users.add_user(
        work, f"{address}@demo.example", name, world.password, role, organisation_id
    )
    (signed_in,) = users.memberships(work.session, user.id)
    # Made today: a key of two years ago would have expired before anybody tries it.
    key = users.add_api_key(acting(work, work.actor, clock.now()), signed_in.membership_id)
    actor = Actor(
        id=user.id,
        role=role,
        user_id=user.id,
        organisation_id=organisation_id,
    )
    world.logins.append(Login(role, name, user.email, key, actor))
    return actor


_FUNDERS = (
    ("state", "Ministerie van Leren en Werk", "government", "90000103", None),
    ("fund", "O&O-fonds Techniek Brabant", "sector_fund", "90000111", None),
    ("employer", "Van Gestel Machinebouw", "employer", "90000129", "West-Brabant"),
    ("region", "Regio West-Brabant", "region", "90000137", "West-Brabant"),
)


def _funders(work: Work, world: World) -> None:
    for key, name, kind, kvk, region in _FUNDERS:
        funder = organisations.admit(work, "funder", name, funder_kind=kind, kvk=kvk, region=region)
        world.funders[key] = funder
        for number in (1, 2):
            _login(
                work, world, "funder", f"{name}, medewerker {number}", f"{key}{number}", funder.id
            )
    for key in ("state", "fund"):
        funder = world.funders[key]
        _login(work, world, "auditor", f"Accountant van {funder.name}", f"audit-{key}", funder.id)


_RULES: dict[str, dict[str, Any]] = {
    "national": {
        "accrual_period": "year",
        "accrual_minor": 50_000,
        "accrual_low_minor": 80_000,
        "cap_minor": 500_000,
        "cap_low_minor": 800_000,
        "low_level_until": 2,
        "full_from_percent": 50,
        "age_from": 18,
        "age_until": 70,
        "four_eyes_minor": 500_000,
    },
    "sector": {
        "accrual_period": "month",
        "accrual_minor": 1_250,
        "full_from_percent": 50,
        "expiry_months": 36,
        "holder_sectors": ["technology", "energy"],
        "course_sectors": ["technology", "energy", "ict", "general"],
        "four_eyes_minor": 250_000,
    },
    "hybrid": {
        "regions": ["West-Brabant"],
        "course_sectors": ["logistics", "agrifood", "care"],
        "expiry_months": 12,
        "share_percent": 80,
        "max_per_course_minor": 60_000,
        "rest_when_abandoned": "lost",
        "four_eyes_minor": 1_000_000,
    },
    "time": {"expiry_months": 24, "four_eyes_minor": 100_000},
}
# scheme, its funder, names, unit and the budget of the first year in minor units
_SCHEMES = (
    (
        "national",
        "state",
        "Nationaal leerrecht",
        "National learning entitlement",
        "EUR",
        20_000_000,
    ),
    ("sector", "fund", "Ontwikkelbudget Techniek", "Technology budget", "EUR", 3_000_000),
    ("hybrid", "region", "Leren in de regio", "Learning in the region", "EUR", 6_000_000),
    ("time", "employer", "Leertijd van de werkgever", "Learning time at work", "MIN", 300_000),
)


def _schemes(work: Work, world: World) -> None:
    employer = world.funders["employer"].id
    for key, funder, name, name_en, unit, budget in _SCHEMES:
        rules = _RULES[key] | ({"employers": [employer]} if key == "time" else {})
        by_funder = acting(work, world.funder_actor(funder))
        scheme = schemes.create(
            by_funder, world.funders[funder].id, name, name_en, unit, rules, date(2020, 1, 1)
        )
        world.schemes[key] = scheme
        budgets.pay_in(by_funder, scheme.id, budget, f"Budget {work.today.year}", work.today)


def _provider(work: Work, world: World, house: House) -> None:
    provider = organisations.admit(
        work, "provider", house.name, kvk=house.kvk, iban=house.iban, region=house.region
    )
    address = house.name.split()[0].lower().replace("&", "en")
    actor = _login(work, world, "provider", f"{house.name}, medewerker", address, provider.id)
    world.provider_actors[provider.id] = actor
    grant = accreditations.Grant(
        quality_mark=house.quality_mark,
        evidence_url="https://keurmerk.example/register",
        valid_from=work.today,
        valid_until=clock.add_months(work.today, 60),
    )
    accreditations.accredit_provider(work, provider.id, grant)
    by_provider = acting(work, actor)
    programme = catalogue.create_programme(
        by_provider,
        catalogue.ProgrammeFacts(title=house.programme, title_en=house.programme_en),
    )
    for number, module in enumerate(house.modules, start=1):
        facts = _facts(work.session, house, module, number, programme.id)
        course = catalogue.create_course(by_provider, facts)
        catalogue.publish(by_provider, course.id)
        accreditations.accredit_course(work, course.id, grant)
        world.courses.append(course)


_DESCRIPTION = {
    "nl": "Een module van {hours} uur bij {house}.",
    "en": "A module of {hours} hours at {house}.",
}
_OUTCOME = {"nl": "De deelnemer {outcome}.", "en": "The learner {outcome}."}


def _facts(
    session: Session, house: House, module: Module, number: int, programme_id: str
) -> CourseFacts:
    return CourseFacts(
        code=f"{house.sector[:3].upper()}-{number:02d}",
        title=module.title,
        title_en=module.title_en,
        programme_id=programme_id,
        description=_DESCRIPTION[module.language].format(hours=module.hours, house=house.name),
        outcomes=tuple(
            _OUTCOME[module.language].format(outcome=outcome) for outcome in module.outcomes
        ),
        skills=_skills(session, module.skills),
        sector=house.sector,
        region=None if module.form == "online" else house.region,
        language=module.language,
        form=module.form,
        workload_hours=module.hours,
        ects_tenths=module.ects_tenths,
        assessment=module.assessment,
        quality_assurance=house.quality_mark,
        quality_assurance_url="https://keurmerk.example/register",
        is_micro_credential=module.micro,
        price_cents=module.euros * 100,
    )


def _skills(session: Session, wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the ESCO skills found by these words, when the skills were imported."""
    found = []
    for label in wanted:
        match = session.scalars(
            select(Skill.uri).where(Skill.label.ilike(f"%{label}%")).order_by(Skill.uri).limit(1)
        ).one_or_none()
        if match is not None:
            found.append(match)
    return tuple(found)


def _people(work: Work, world: World) -> None:
    signing_in = {0: "Samira de Vries", 1: "Daan Jansen", 2: "Noor el Amrani"}
    for number in range(PEOPLE):
        invented = names.invent(world.draw)
        facts = dict(invented.facts)
        if number == 0 or (facts["sector"] == "technology" and number % 3 == 0):
            facts["employer_id"] = world.funders["employer"].id
        if number in signing_in:
            facts |= {"sector": "technology", "region": "West-Brabant", "contract_percent": 100}
        name = signing_in.get(number)
        address = name.split()[0].lower() if name else None
        world.holders.append(_holder(work, world, name or invented.name, facts, address))


def _holder(
    work: Work, world: World, name: str, facts: dict[str, Any], address: str | None
) -> tuple[Account, Person, Actor]:
    user_id = None
    if address is not None:
        user_id = _login(work, world, "holder", name, address).id
    person = people.register(work, name, user_id, **facts)
    account = people.open_account(work, person.id)
    actor = Actor(id=user_id or account.id, role="holder", user_id=user_id, account_id=account.id)
    if user_id is not None:
        login = world.logins.pop()
        world.logins.append(replace(login, actor=actor))
    return account, person, actor


def start(work: Work, world: World) -> None:
    """Build the world as the system does on the first day."""
    build(acting(work, SYSTEM), world)


def new_world(seed: int = 2026) -> World:
    """Return an empty world with a password of its own."""
    return World(password=ids.code(4), draw=random.Random(seed))  # noqa: S311 (no secret)
