"""Quotes: which lots would pay for a course run, in the order of spending, and why.

Order: what expires first; then money that is restricted to this kind of course; then money for
any course; then the older lot. Per scheme at most its share of the price and its maximum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.accounts import schemes
from ledger.accounts.models import Account, Person
from ledger.accounts.models import Lot as LotRow
from ledger.accounts.models import Scheme as SchemeRow
from ledger.errors import InsufficientBalance
from ledger.messages import N_, Message
from ledger.money import EUR, MIN, Money
from ledger.providers.models import Course as CourseRow
from ledger.providers.models import Run


class Lot(Protocol):
    """What the split asks of a lot; a row of the table has it, and so have read facts."""

    @property
    def id(self) -> str: ...
    @property
    def scheme_id(self) -> str: ...
    @property
    def enrolment_id(self) -> str | None: ...
    @property
    def expires_on(self) -> date | None: ...
    @property
    def available(self) -> int: ...


class Scheme(Protocol):
    """What the split asks of a scheme."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def name_en(self) -> str: ...
    @property
    def unit(self) -> str: ...


class Rule(schemes.Conditions, Protocol):
    """What the split asks of a rule version, besides who is eligible."""

    @property
    def id(self) -> str: ...
    @property
    def course_ids(self) -> Sequence[str]: ...
    @property
    def course_sectors(self) -> Sequence[str]: ...
    @property
    def forms(self) -> Sequence[str]: ...
    @property
    def share_percent(self) -> int: ...
    @property
    def max_per_course_minor(self) -> int | None: ...


class Course(Protocol):
    """What the split asks of a course."""

    @property
    def id(self) -> str: ...
    @property
    def sector(self) -> str: ...
    @property
    def form(self) -> str: ...
    @property
    def workload_hours(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Line:
    """What one lot would pay: ``amount`` in minor units; ``reason`` says why it comes here."""

    position: int
    lot_id: str
    scheme_id: str
    scheme_name: str
    scheme_name_en: str
    rule_id: str
    unit: str
    amount: int
    expires_on: date | None
    reason: Message


@dataclass(frozen=True, slots=True)
class SchemePart:
    """What one scheme of the holder would pay; ``unmet`` says why it pays nothing, or no more."""

    scheme_id: str
    name: str
    name_en: str
    unit: str
    available: int
    pays: int
    unmet: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Quote:
    """The split of a price; ``lines`` holds euros first, then minutes, in order of spending.

    ``shortfall_cents`` is what nobody covers after the holder's own share.
    """

    price_cents: int
    own_share_cents: int
    lines: tuple[Line, ...]
    shortfall_cents: int
    schemes: tuple[SchemePart, ...]

    @property
    def funded_cents(self) -> int:
        """Return what the schemes pay together, in cents."""
        return sum(line.amount for line in self.lines if line.unit == EUR)

    def require(self) -> None:
        """Raise InsufficientBalance when the price is not covered, with what would help."""
        if self.shortfall_cents:
            raise self._refusal()

    def _refusal(self) -> InsufficientBalance:
        missing = Money(self.shortfall_cents)
        headline = N_("Your balance is %(missing)s short for this course.")
        why = [
            Message(
                N_("%(scheme)s would pay %(pays)s."),
                {"scheme": _name(part), "pays": Money(part.pays, part.unit)},
            )
            if not part.unmet
            else Message(
                N_("%(scheme)s would pay %(pays)s: %(why)s"),
                {
                    "scheme": _name(part),
                    "pays": Money(part.pays, part.unit),
                    "why": _joined(part.unmet),
                },
            )
            for part in self.schemes
            if part.unit == EUR
        ]
        help_ = Message(
            N_(
                "What would help: pay %(missing)s yourself, ask your employer or another funder"
                " for a top-up, or choose a course that costs less."
            ),
            {"missing": missing},
        )
        shown = [Message(headline, {"missing": missing}), *why, help_]
        return InsufficientBalance(headline, field_errors={"balance": shown}, missing=missing)


@dataclass(frozen=True, slots=True)
class _Candidate:
    lot: Lot
    scheme: Scheme
    rule: Rule
    restricted: bool

    @property
    def order(self) -> tuple[bool, date, bool, str]:
        lot = self.lot
        return (
            lot.expires_on is None,
            lot.expires_on or date.max,
            not self.restricted,
            lot.id,
        )


def quote(
    session: Session,
    account: Account,
    course: CourseRow,
    run: Run,
    price_cents: int,
    on: date,
    *,
    own_share_cents: int = 0,
    enrolment_id: str | None = None,
) -> Quote:
    """Return who would pay ``price_cents`` less the own share on the day ``on``.

    ``enrolment_id`` opens the top-ups that are tied to that enrolment.
    """
    person = session.get(Person, account.person_id) if account.person_id else None
    lots = _lots(session, account.id, enrolment_id)
    found = _schemes(session, lots)
    rules = {scheme.id: schemes.rule_on(session, scheme.id, on) for scheme in found}
    return split(lots, found, rules, person, course, price_cents, on, own_share_cents)


def split(
    lots: Sequence[Lot],
    found: Sequence[Scheme],
    rules: Mapping[str, Rule],
    person: schemes.Facts | None,
    course: Course,
    price_cents: int,
    on: date,
    own_share_cents: int = 0,
) -> Quote:
    """Return who pays, from facts alone: ``lots`` in order of id, the schemes they come from
    (``found``), and per scheme id the rule version in force.

    Euro lots cover the price all or nothing; minute lots cover the workload as far as they go.
    """
    candidates: list[_Candidate] = []
    parts: list[tuple[Scheme, Rule | None, list[Lot], list[Message]]] = []
    for scheme in found:
        own = [lot for lot in lots if lot.scheme_id == scheme.id]
        rule, unmet = _usable(rules[scheme.id], person, course, on)
        alive = [lot for lot in own if lot.expires_on is None or lot.expires_on >= on]
        if not alive:
            unmet.append(Message(N_("this money has expired")))
        if rule is not None and not unmet:
            candidates += [_Candidate(lot, scheme, rule, _restricted(rule, lot)) for lot in alive]
        parts.append((scheme, rule, alive, unmet))
    candidates.sort(key=lambda candidate: candidate.order)
    needed = price_cents - own_share_cents
    euros, rest = _spend(candidates, EUR, needed, price_cents)
    minutes, _ = _spend(candidates, MIN, course.workload_hours * 60, course.workload_hours * 60)
    lines = tuple(
        _line(position, candidate, amount)
        for position, (candidate, amount) in enumerate((*euros, *minutes), start=1)
    )
    return Quote(
        price_cents=price_cents,
        own_share_cents=own_share_cents,
        lines=lines,
        shortfall_cents=rest,
        schemes=tuple(_part(part, lines, price_cents) for part in parts),
    )


def _lots(session: Session, account_id: str, enrolment_id: str | None) -> Sequence[LotRow]:
    free = LotRow.enrolment_id.is_(None)
    tied = free if enrolment_id is None else free | (LotRow.enrolment_id == enrolment_id)
    query = select(LotRow).where(LotRow.account_id == account_id, LotRow.available > 0, tied)
    # The guard rows may have moved since this session first read them.
    return session.scalars(
        query.order_by(LotRow.id).execution_options(populate_existing=True)
    ).all()


def _schemes(session: Session, lots: Sequence[LotRow]) -> Sequence[SchemeRow]:
    ids = {lot.scheme_id for lot in lots}
    return session.scalars(
        select(SchemeRow).where(SchemeRow.id.in_(ids)).order_by(SchemeRow.id)
    ).all()


def _usable(
    rule: Rule, person: schemes.Facts | None, course: Course, on: date
) -> tuple[Rule | None, list[Message]]:
    # A closed scheme grants nothing new, but what was granted can still be spent.
    if person is None:
        return None, [Message(N_("there is no holder any more"))]
    return rule, [*schemes.eligible(rule, person, on), *_misfits(rule, course)]


def _misfits(rule: Rule, course: Course) -> list[Message]:
    unmet = []
    if rule.course_ids and course.id not in rule.course_ids:
        unmet.append(Message(N_("only for courses that the scheme names")))
    if rule.course_sectors and course.sector not in rule.course_sectors:
        unmet.append(Message(N_("only for courses in other sectors")))
    if rule.forms and course.form not in rule.forms:
        unmet.append(Message(N_("only for courses in another form")))
    return unmet


def _restricted(rule: Rule, lot: Lot) -> bool:
    return bool(lot.enrolment_id or rule.course_ids or rule.course_sectors or rule.forms)


def _limit(rule: Rule, whole: int) -> int:
    most = whole * rule.share_percent // 100
    if rule.max_per_course_minor is None:
        return most
    return min(most, rule.max_per_course_minor)


def _spend(
    candidates: Sequence[_Candidate], unit: str, needed: int, whole: int
) -> tuple[list[tuple[_Candidate, int]], int]:
    room: dict[str, int] = {}
    taken = []
    for candidate in candidates:
        if candidate.scheme.unit != unit:
            continue
        left = room.setdefault(candidate.scheme.id, _limit(candidate.rule, whole))
        amount = min(candidate.lot.available, left, needed)
        if amount > 0:
            taken.append((candidate, amount))
            room[candidate.scheme.id] -= amount
            needed -= amount
    return taken, needed


def _line(position: int, candidate: _Candidate, amount: int) -> Line:
    lot, scheme = candidate.lot, candidate.scheme
    return Line(
        position=position,
        lot_id=lot.id,
        scheme_id=scheme.id,
        scheme_name=scheme.name,
        scheme_name_en=scheme.name_en,
        rule_id=candidate.rule.id,
        unit=scheme.unit,
        amount=amount,
        expires_on=lot.expires_on,
        reason=_reason(candidate),
    )


def _reason(candidate: _Candidate) -> Message:
    if candidate.lot.enrolment_id:
        scope = Message(N_("meant for this enrolment only"))
    elif candidate.restricted:
        scope = Message(N_("meant for this kind of course"))
    else:
        scope = Message(N_("good for any course"))
    if candidate.lot.expires_on is None:
        return Message(N_("Does not expire; %(scope)s."), {"scope": scope})
    return Message(
        N_("Expires on %(expires)s; %(scope)s."),
        {"expires": candidate.lot.expires_on, "scope": scope},
    )


def _part(
    part: tuple[Scheme, Rule | None, list[Lot], list[Message]],
    lines: Sequence[Line],
    price_cents: int,
) -> SchemePart:
    scheme, rule, alive, unmet = part
    pays = sum(line.amount for line in lines if line.scheme_id == scheme.id)
    available = sum(lot.available for lot in alive)
    why = list(unmet)
    if rule is not None and not unmet and scheme.unit == EUR and pays < available:
        limit = _limit(rule, price_cents)
        if pays == limit and limit < price_cents:
            why.append(
                Message(N_("it pays at most %(limit)s of this course"), {"limit": Money(limit)})
            )
    return SchemePart(
        scheme.id, scheme.name, scheme.name_en, scheme.unit, available, pays, tuple(why)
    )


def _name(part: SchemePart) -> Message:
    # Scheme names have their own two languages; the catalogues do not know them.
    return Message("%(name)s", {"name": part.name})


def _joined(messages: Sequence[Message]) -> Message:
    joined = messages[0]
    for message in messages[1:]:
        joined = Message(N_("%(first)s; %(next)s"), {"first": joined, "next": message})
    return joined
