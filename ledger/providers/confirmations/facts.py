"""What confirming asks about: holders, runs, lots and rules, of many enrolments at once.

Three questions in one statement, however many enrolments; nothing is locked. What may have
changed before the answer is written is guarded there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from ledger import sets
from ledger.sets import Connection, Question, Questions


class Lot(NamedTuple):
    """A lot with money in it."""

    id: str
    scheme_id: str
    enrolment_id: str | None
    expires_on: date | None
    available: int


class Meeting(NamedTuple):
    """A session, and the title of its course."""

    starts_at: datetime
    ends_at: datetime
    title: str


class Person(NamedTuple):
    """The facts about a holder that rules ask for."""

    id: str
    region: str | None
    sector: str | None
    employer_id: str | None
    birth_year: int | None
    prior_level: int | None


class Enrolment(NamedTuple):
    """An enrolment with its holder: what they hold, and when they are busy."""

    id: str
    account_id: str
    status: str
    begun_by: str
    begun_at: datetime
    price_cents: int
    confirm_until: datetime
    run_id: str
    account_number: str
    account_version: int
    account_closed: bool
    person: Person | None
    lots: tuple[Lot, ...]  # in order of id
    others: tuple[Meeting, ...]  # of other enrolments that hold a place, in order of time


class Course(NamedTuple):
    """What is taught."""

    id: str
    title: str
    status: str
    sector: str
    form: str
    workload_hours: int


class Accreditation(NamedTuple):
    """An accreditation of the run's provider, for all it offers or one course."""

    course_id: str | None
    status: str
    sectors: Sequence[str]
    valid_from: date
    valid_until: date
    suspension_reason: str | None


class Run(NamedTuple):
    """A run with its course, its provider, and whether they are accredited."""

    id: str
    provider_id: str
    provider_name: str
    provider_status: str
    starts_on: date
    ends_on: date
    capacity: int
    taken: int
    status: str
    first_session: datetime | None
    course: Course
    session_rows: Sequence[Sequence[str]] | None  # as the database says them, see meetings()
    accreditations: tuple[Accreditation, ...]

    def meetings(self) -> tuple[Meeting, ...]:
        """Return the sessions in order of time; few holders have anything they can overlap."""
        return _meetings(self.session_rows)


class Rule(NamedTuple):
    """A rule version: who is eligible, what it pays for, when leaving is free."""

    id: str
    valid_from: date
    regions: Sequence[str]
    holder_sectors: Sequence[str]
    employers: Sequence[str]
    age_from: int
    age_until: int
    course_ids: Sequence[str]
    course_sectors: Sequence[str]
    forms: Sequence[str]
    share_percent: int
    max_per_course_minor: int | None
    cooling_off_days: int
    free_until_days: int


class Scheme(NamedTuple):
    """A scheme with the version of its rules that is in force; None before the first."""

    id: str
    name: str
    name_en: str
    unit: str
    rule: Rule | None


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is asked, by id."""

    enrolments: Mapping[str, Enrolment]
    runs: Mapping[str, Run]
    schemes: Mapping[str, Scheme]


_ENROLMENTS = Question(
    """
    SELECT e.id, e.account_id, e.status, e.begun_by, e.begun_at, e.price_cents, e.confirm_until,
        e.run_id, a.number, a.version, a.closed_at IS NOT NULL,
        p.id, p.region, p.sector, p.employer_id, p.birth_year, p.prior_level,
        (SELECT {list}({items}(l.id, l.scheme_id, l.enrolment_id, l.expires_on, l.available))
            FROM lot l WHERE l.account_id = e.account_id AND l.available > 0
            AND (l.enrolment_id IS NULL OR l.enrolment_id = e.id)),
        (SELECT {list}({items}(s.starts_at, s.ends_at, c.title))
            FROM enrolment x JOIN run_session s ON s.run_id = x.run_id
            JOIN course c ON c.id = x.course_id
            WHERE x.account_id = e.account_id AND x.ended_at IS NULL
            AND x.status IN ('confirmed', 'started') AND x.id <> e.id)
    FROM enrolment e JOIN account a ON a.id = e.account_id LEFT JOIN person p ON p.id = a.person_id
    WHERE e.id {among}
    """,
    {4: "timestamptz", 6: "timestamptz", 10: "boolean", 17: "json", 18: "json"},
)
_RUNS = Question(
    """
    SELECT r.id, r.provider_id, o.name, o.status, r.starts_on, r.ends_on, r.capacity, r.taken,
        r.status, (SELECT min(s.starts_at) FROM run_session s WHERE s.run_id = r.id),
        c.id, c.title, c.status, c.sector, c.form, c.workload_hours,
        (SELECT {list}({items}(s.starts_at, s.ends_at, ''))
            FROM run_session s WHERE s.run_id = r.id),
        (SELECT {list}({items}(n.course_id, n.status, n.sectors, n.valid_from, n.valid_until,
            n.suspension_reason))
            FROM accreditation n WHERE n.provider_id = r.provider_id
            AND (n.course_id IS NULL OR n.course_id = r.course_id))
    FROM course_run r JOIN course c ON c.id = r.course_id
    JOIN organisation o ON o.id = r.provider_id
    WHERE r.id {within} SELECT run_id FROM enrolment WHERE id {among} {end}
    """,
    {4: "date", 5: "date", 9: "timestamptz", 16: "json", 17: "json"},
)
_RULES = Question(
    """
    SELECT s.id, s.name, s.name_en, s.unit, r.id, r.valid_from, r.regions, r.holder_sectors,
        r.employers, r.age_from, r.age_until, r.course_ids, r.course_sectors, r.forms,
        r.share_percent, r.max_per_course_minor, r.cooling_off_days, r.free_until_days
    FROM scheme s JOIN scheme_rule r ON r.scheme_id = s.id
    WHERE s.id {within} SELECT l.scheme_id FROM enrolment e
        JOIN lot l ON l.account_id = e.account_id WHERE e.id {among} AND l.available > 0 {end}
    ORDER BY r.valid_from
    """,
    {5: "date", **dict.fromkeys((6, 7, 8, 11, 12, 13), "json")},
)


_QUESTIONS = Questions((_ENROLMENTS, 19), (_RUNS, 18), (_RULES, 18))


def read(connection: Connection, enrolment_ids: Sequence[str], day: date) -> Facts:
    """Return what there is to know about these enrolments on ``day``; unknown ids are absent."""
    enrolments, runs, rules = _QUESTIONS.ask(connection, enrolment_ids)
    schemes: dict[str, Scheme] = {}
    for row in rules:  # by date, so that the version in force comes last
        rule = Rule._make(row[4:]) if row[5] <= day else None
        known = schemes.get(row[0])
        if known is None or rule is not None:
            schemes[row[0]] = Scheme._make((*row[:4], rule))
    return Facts(
        {row[0]: _enrolment(row) for row in enrolments},
        {row[0]: _run(row) for row in runs},
        schemes,
    )


def _enrolment(row: Sequence[Any]) -> Enrolment:
    lots = [
        Lot._make((*lot[:3], _day(lot[3]) if lot[3] else None, lot[4])) for lot in row[17] or ()
    ]
    lots.sort()
    person = Person._make(row[11:17]) if row[11] else None
    return Enrolment._make((*row[:11], person, tuple(lots), _meetings(row[18])))


def _run(row: Sequence[Any]) -> Run:
    accreditations = [
        Accreditation(
            course_id,
            status,
            _list(sectors),
            date.fromisoformat(first),
            date.fromisoformat(last),
            why,
        )
        for course_id, status, sectors, first, last, why in row[17] or ()
    ]
    course = Course._make(row[10:16])
    return Run._make((*row[:10], course, row[16], tuple(accreditations)))


_day = date.fromisoformat


def _list(value: Any) -> list[str]:
    # SQLite's JSON within JSON comes as text, PostgreSQL's as what it is.
    found: list[str] = json.loads(value) if isinstance(value, str) else value
    return found


def _meetings(rows: Sequence[Sequence[Any]] | None) -> tuple[Meeting, ...]:
    found = [
        Meeting(sets.moment(starts_at), sets.moment(ends_at), title)
        for starts_at, ends_at, title in rows or ()
    ]
    return tuple(sorted(found))
