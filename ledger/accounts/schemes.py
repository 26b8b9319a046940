"""Schemes: making them, dating their rules, and who is eligible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Protocol

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ledger import ids
from ledger.accounts import history
from ledger.accounts.models import Fund, Organisation, Rule, Scheme
from ledger.db import Work
from ledger.errors import Conflict, Invalid, NotFound, WrongState
from ledger.messages import N_, Message

_IDENTITY = {"id", "scheme_id", "version", "valid_from", "made_by", "made_at"}
TERMS = frozenset(Rule.__table__.columns.keys()) - _IDENTITY  # what a rule version can say


class Conditions(Protocol):
    """Who is eligible, as a rule version says it."""

    @property
    def regions(self) -> Sequence[str]: ...
    @property
    def holder_sectors(self) -> Sequence[str]: ...
    @property
    def employers(self) -> Sequence[str]: ...
    @property
    def age_from(self) -> int: ...
    @property
    def age_until(self) -> int: ...


class Facts(Protocol):
    """What rules ask about a person: a Person has it, and so has a row with these columns."""

    @property
    def region(self) -> str | None: ...
    @property
    def sector(self) -> str | None: ...
    @property
    def employer_id(self) -> str | None: ...
    @property
    def birth_year(self) -> int | None: ...
    @property
    def prior_level(self) -> int | None: ...


def create(
    work: Work,
    funder_id: str,
    name: str,
    name_en: str,
    unit: str,
    terms: Mapping[str, Any],
    valid_from: date | None = None,
) -> Scheme:
    """Make a scheme with the first version of its rules, valid from today or ``valid_from``.

    ``terms`` are columns of Rule. Raises NotFound for an unknown funder, WrongState for a
    suspended one, Conflict when the funder has a scheme of this name.
    """
    funder = work.session.get(Organisation, funder_id)
    if funder is None or funder.kind != "funder":
        raise NotFound(N_("There is no such funder."))
    if funder.status != "admitted":
        raise WrongState(N_("This funder is suspended."))
    taken = select(Scheme.id).where(Scheme.funder_id == funder_id, Scheme.name == name)
    if work.session.execute(taken).first():
        raise Conflict(N_("You already have a scheme with this name."), field="name")
    scheme = Scheme(
        id=ids.new("sch"),
        funder_id=funder_id,
        name=name,
        name_en=name_en,
        unit=unit,
        status="open",
        created_at=work.now,
    )
    work.session.add(scheme)
    work.session.flush()
    work.session.add(Fund(scheme_id=scheme.id, balance=0))
    history.record(work, scheme.id, "created")
    add_rule(work, scheme.id, valid_from or work.today, terms)
    return scheme


def add_rule(work: Work, scheme_id: str, valid_from: date, terms: Mapping[str, Any]) -> Rule:
    """Add the next version of a scheme's rules; earlier versions stay as they were.

    Raises Invalid for terms that do not exist and when ``valid_from`` is not after the previous
    version's.
    """
    unknown = sorted(set(terms) - TERMS)
    if unknown:
        raise Invalid(N_("Unknown rule: %(names)s."), names=", ".join(unknown))
    last = work.session.scalars(
        select(Rule).where(Rule.scheme_id == scheme_id).order_by(Rule.version.desc()).limit(1)
    ).one_or_none()
    if last is not None and valid_from <= last.valid_from:
        raise Invalid(
            N_("A new version must start after %(day)s."), field="valid_from", day=last.valid_from
        )
    rule = Rule(
        id=ids.new("rul"),
        scheme_id=scheme_id,
        version=last.version + 1 if last else 1,
        valid_from=valid_from,
        made_by=work.actor.id,
        made_at=work.now,
        **terms,
    )
    work.session.add(rule)
    work.session.flush()
    history.record(work, scheme_id, "rule_added", rule_id=rule.id, version=rule.version)
    return rule


def close(work: Work, scheme_id: str) -> None:
    """Close a scheme: nothing is granted any more; what was granted can still be spent."""
    scheme = get(work.session, scheme_id, work.actor.organisation_id)
    if scheme.status == "closed":
        raise WrongState(N_("This scheme is closed."))
    scheme.status = "closed"
    history.record(work, scheme_id, "closed")


def get(session: Session, scheme_id: str, funder_id: str | None = None) -> Scheme:
    """Return a scheme; with ``funder_id`` only that funder's. Raises NotFound."""
    scheme = session.get(Scheme, scheme_id)
    if scheme is None or (funder_id is not None and scheme.funder_id != funder_id):
        raise NotFound(N_("There is no such scheme."))
    return scheme


def rule_on(session: Session, scheme_id: str, day: date) -> Rule:
    """Return the version of the rules in force on ``day``. Raises NotFound before the first."""
    rule = session.scalars(
        select(Rule)
        .where(Rule.scheme_id == scheme_id, Rule.valid_from <= day)
        .order_by(Rule.valid_from.desc())
        .limit(1)
    ).one_or_none()
    if rule is None:
        raise NotFound(N_("This scheme has no rules in force on %(day)s."), day=day)
    return rule


def versions(session: Session, scheme_id: str) -> tuple[Rule, ...]:
    """Return all versions of a scheme's rules, newest first."""
    return tuple(
        session.scalars(
            select(Rule).where(Rule.scheme_id == scheme_id).order_by(Rule.version.desc())
        )
    )


def of_funder(session: Session, funder_id: str) -> tuple[Scheme, ...]:
    """Return the schemes of a funder by name."""
    return tuple(
        session.scalars(
            select(Scheme).where(Scheme.funder_id == funder_id).order_by(func.lower(Scheme.name))
        )
    )


def eligible(rule: Conditions, person: Facts, on: date) -> list[Message]:
    """Return the conditions of a rule that a person does not meet; empty when eligible."""
    unmet = []
    if rule.regions and person.region not in rule.regions:
        unmet.append(
            Message(N_("for people who live in %(where)s"), {"where": ", ".join(rule.regions)})
        )
    if rule.holder_sectors and person.sector not in rule.holder_sectors:
        unmet.append(
            Message(
                N_("for people who work in %(sectors)s"),
                {"sectors": ", ".join(rule.holder_sectors)},
            )
        )
    if rule.employers and person.employer_id not in rule.employers:
        unmet.append(Message(N_("for people who work at an employer in this scheme")))
    if person.birth_year is not None:
        # Only the year is known, so somebody counts as the age reached in this year.
        age = on.year - person.birth_year
        if not rule.age_from <= age <= rule.age_until:
            unmet.append(
                Message(
                    N_("for ages %(low)s to %(high)s"),
                    {"low": rule.age_from, "high": rule.age_until},
                )
            )
    return unmet


def is_low_qualified(rule: Rule, person: Facts) -> bool:
    """Tell whether the person's finished education counts as low under this rule."""
    return person.prior_level is not None and person.prior_level <= rule.low_level_until
