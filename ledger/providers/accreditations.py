"""Accreditation (erkenning): who may be paid for which course on which day, and why not.

A course can be paid from an account when both its provider and the course itself have an
accreditation that is granted, in date, and has the course's sector in its scope.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol
from urllib.parse import urlsplit

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from ledger import ids
from ledger.accounts import history
from ledger.accounts.models import Organisation
from ledger.db import Work
from ledger.errors import Forbidden, Invalid, NotAccredited, NotFound, WrongState
from ledger.messages import N_, Message
from ledger.providers.models import Accreditation, Course
from ledger.providers.vocabulary import SECTORS

QUALITY_MARKS = ("NVAO", "NRTO-keurmerk", "Cedeo", "CPION", "CIIO", "Blik op Werk", "OCW-erkenning")
_LONGEST_URL = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What an accreditation says: mark, evidence, scope (no sectors: all), first and last day."""

    quality_mark: str
    evidence_url: str
    valid_from: date
    valid_until: date
    sectors: Sequence[str] = field(default=())


def accredit_provider(work: Work, provider_id: str, grant: Grant) -> Accreditation:
    """Accredit a provider. Raises Forbidden, NotFound, and Invalid with every wrong field."""
    _operator_only(work)
    provider = work.session.get(Organisation, provider_id)
    if provider is None or provider.kind != "provider":
        raise NotFound(N_("This provider does not exist."))
    return _add(work, provider.id, None, grant)


def accredit_course(work: Work, course_id: str, grant: Grant) -> Accreditation:
    """Accredit one course. Raises Forbidden, NotFound, and Invalid with every wrong field."""
    _operator_only(work)
    course = work.session.get(Course, course_id)
    if course is None:
        raise NotFound(N_("This course does not exist."))
    return _add(work, course.provider_id, course.id, grant)


def suspend(work: Work, accreditation_id: str, reason: str, reply_until: date) -> None:
    """Suspend an accreditation; the provider can reply up to and including ``reply_until``.

    Raises Forbidden, NotFound, WrongState when it is not granted, Invalid.
    """
    row = _mine_to_change(work, accreditation_id)
    if row.status != "granted":
        raise WrongState(N_("Only a granted accreditation can be suspended."))
    reason = _needed(reason)
    if reply_until <= work.today:
        raise Invalid(N_("The deadline has to lie in the future."), field="reply_until")
    row.status = "suspended"
    row.suspension_reason, row.suspended_at, row.reply_until = reason, work.now, reply_until
    _record(work, row, "suspended", reason=reason, reply_until=reply_until.isoformat())


def reply(work: Work, accreditation_id: str, text: str) -> None:
    """Record what the provider answers to a suspension. Raises NotFound, WrongState, Invalid."""
    row = work.session.get(Accreditation, accreditation_id)
    if row is None or row.provider_id != work.actor.organisation_id:
        raise NotFound(N_("This accreditation does not exist."))
    if row.status != "suspended" or row.reply_until is None:
        raise WrongState(N_("This accreditation is not suspended."))
    if work.today > row.reply_until:
        raise WrongState(N_("The time to reply ended on %(day)s."), day=row.reply_until)
    _record(work, row, "reply", text=_needed(text, "reply"))


def reply_as_provider(work: Work, text: str) -> None:
    """Record what a suspended provider answers. Raises Forbidden, WrongState, Invalid."""
    own = work.actor.organisation_id
    provider = work.session.get(Organisation, own) if own else None
    if provider is None or work.actor.role != "provider":
        raise Forbidden(N_("This page is for providers."))
    if provider.status != "suspended":
        raise WrongState(N_("Your organisation is not suspended."))
    suspended = [e for e in history.of(work.session, provider.id) if e.kind == "suspended"]
    until = date.fromisoformat(suspended[-1].data["reply_until"])
    if work.today > until:
        raise WrongState(N_("The time to reply ended on %(day)s."), day=until)
    history.record(work, provider.id, "suspension_reply", text=_needed(text, "reply"))


def reinstate(work: Work, accreditation_id: str, reason: str) -> None:
    """End a suspension. Raises Forbidden, NotFound, WrongState when there is none, Invalid."""
    row = _mine_to_change(work, accreditation_id)
    if row.status != "suspended":
        raise WrongState(N_("This accreditation is not suspended."))
    reason = _needed(reason)
    row.status = "granted"
    row.suspension_reason = row.suspended_at = row.reply_until = None
    _record(work, row, "reinstated", reason=reason)


def withdraw(work: Work, accreditation_id: str, reason: str) -> None:
    """Withdraw an accreditation for good. Raises Forbidden, NotFound, WrongState, Invalid."""
    row = _mine_to_change(work, accreditation_id)
    if row.status == "withdrawn":
        raise WrongState(N_("This accreditation was withdrawn before."))
    reason = _needed(reason)
    row.status = "withdrawn"
    _record(work, row, "withdrawn", reason=reason)


def require_valid(session: Session, provider_id: str, course: Course, on: date) -> None:
    """Return when provider and course may be paid on a day; raises NotAccredited saying why not."""
    if course.provider_id != provider_id:
        raise NotAccredited(N_("This course is not of this provider."))
    problem = problems(session, [course], on).get(course.id)
    if problem is not None:
        raise refusal(problem)


def refusal(problem: Message) -> NotAccredited:
    """Return the error that says ``problem``."""
    values: dict[str, Any] = dict(problem.params)
    return NotAccredited(problem.msgid, **values)


def problems(session: Session, courses: Iterable[Course], on: date) -> Mapping[str, Message]:
    """Return per course id why it cannot be paid on a day; courses without problem are absent."""
    wanted = list(courses)
    providers = {course.provider_id for course in wanted}
    found = session.scalars(
        select(Accreditation).where(
            Accreditation.provider_id.in_(providers),
            or_(
                Accreditation.course_id.is_(None),
                Accreditation.course_id.in_([course.id for course in wanted]),
            ),
        )
    ).all()
    status = dict(
        session.execute(
            select(Organisation.id, Organisation.status).where(Organisation.id.in_(providers))
        ).all()
    )
    answer = {}
    for course in wanted:
        own = [a for a in found if a.provider_id == course.provider_id]
        problem = problem_of(own, status.get(course.provider_id), course.id, course.sector, on)
        if problem is not None:
            answer[course.id] = problem
    return answer


class Accredited(Protocol):
    """What is asked of an accreditation; a row of the table has it, and so have read facts."""

    @property
    def course_id(self) -> str | None: ...
    @property
    def status(self) -> str: ...
    @property
    def sectors(self) -> Sequence[str]: ...
    @property
    def valid_from(self) -> date: ...
    @property
    def valid_until(self) -> date: ...
    @property
    def suspension_reason(self) -> str | None: ...


def problem_of(
    rows: Sequence[Accredited], provider_status: str | None, course_id: str, sector: str, on: date
) -> Message | None:
    """Return why a course cannot be paid on a day, from the accreditations of its provider."""
    return (
        _not_admitted(provider_status)
        or _problem([a for a in rows if a.course_id is None], sector, on, _PROVIDER)
        or _problem([a for a in rows if a.course_id == course_id], sector, on, _COURSE)
    )


_PROVIDER = {
    "none": N_("The provider has no accreditation."),
    "suspended": N_("The accreditation of the provider is suspended: %(reason)s"),
    "scope": N_("The accreditation of the provider does not cover the sector of this course."),
    "early": N_("The accreditation of the provider begins on %(day)s."),
    "expired": N_("The accreditation of the provider ended on %(day)s."),
    "withdrawn": N_("The accreditation of the provider was withdrawn."),
}
_COURSE = {
    "none": N_("The course has no accreditation."),
    "suspended": N_("The accreditation of the course is suspended: %(reason)s"),
    "scope": N_("The accreditation of the course does not cover its sector."),
    "early": N_("The accreditation of the course begins on %(day)s."),
    "expired": N_("The accreditation of the course ended on %(day)s."),
    "withdrawn": N_("The accreditation of the course was withdrawn."),
}


def _not_admitted(status: str | None) -> Message | None:
    if status == "admitted":
        return None
    return Message(N_("The provider is suspended and cannot take enrolments now."))


def _problem(
    rows: Sequence[Accredited], sector: str, on: date, texts: Mapping[str, str]
) -> Message | None:
    """Return None when one of the accreditations will do, else the most telling reason."""
    if not rows:
        return Message(texts["none"])
    current = [a for a in rows if a.valid_from <= on <= a.valid_until]
    covering = [a for a in current if not a.sectors or sector in a.sectors]
    if any(a.status == "granted" for a in covering):
        return None
    for row in covering:
        if row.status == "suspended":
            return Message(texts["suspended"], {"reason": row.suspension_reason})
    if any(a.status == "granted" for a in current):
        return Message(texts["scope"])
    living = [a for a in rows if a.status != "withdrawn"]
    if ahead := [a.valid_from for a in living if a.valid_from > on]:
        return Message(texts["early"], {"day": min(ahead)})
    if over := [a.valid_until for a in living if a.valid_until < on]:
        return Message(texts["expired"], {"day": max(over)})
    return Message(texts["withdrawn" if not living else "scope"])


def _add(work: Work, provider_id: str, course_id: str | None, grant: Grant) -> Accreditation:
    _check(grant)
    row = Accreditation(
        id=ids.new("acn"),
        provider_id=provider_id,
        course_id=course_id,
        quality_mark=grant.quality_mark.strip(),
        evidence_url=grant.evidence_url.strip(),
        sectors=list(dict.fromkeys(grant.sectors)),
        valid_from=grant.valid_from,
        valid_until=grant.valid_until,
        status="granted",
    )
    work.session.add(row)
    work.session.flush()
    _record(work, row, "granted", quality_mark=row.quality_mark)
    return row


def _check(grant: Grant) -> None:
    wrong: dict[str, list[Message]] = {}
    mark = grant.quality_mark.strip()
    if "crkbo" in mark.casefold().replace(".", ""):
        wrong["quality_mark"] = [
            Message(
                N_(
                    "CRKBO is a register for the VAT exemption, not a quality mark. "
                    "Name the mark that says something about quality, such as NVAO or Cedeo."
                )
            )
        ]
    elif not 2 <= len(mark) <= 100:
        wrong["quality_mark"] = [Message(N_("Name the quality mark, in 2 to 100 characters."))]
    address = urlsplit(grant.evidence_url.strip())
    if address.scheme != "https" or not address.netloc or len(grant.evidence_url) > _LONGEST_URL:
        wrong["evidence_url"] = [Message(N_("Give a web address that begins with https://."))]
    if grant.valid_until < grant.valid_from:
        wrong["valid_until"] = [Message(N_("The last day lies before the first day."))]
    if unknown := sorted(set(grant.sectors) - SECTORS.keys()):
        wrong["sectors"] = [
            Message(
                N_("These sectors are not known: %(sectors)s."), {"sectors": ", ".join(unknown)}
            )
        ]
    if wrong:
        raise Invalid(N_("The accreditation is not complete."), field_errors=wrong)


def _mine_to_change(work: Work, accreditation_id: str) -> Accreditation:
    _operator_only(work)
    row = work.session.get(Accreditation, accreditation_id, with_for_update=True)
    if row is None:
        raise NotFound(N_("This accreditation does not exist."))
    return row


def _operator_only(work: Work) -> None:
    if work.actor.role not in ("operator", "system"):
        raise Forbidden(N_("Only the operator can change accreditations."))


def _needed(text: str, name: str = "reason") -> str:
    text = text.strip()
    if not 1 <= len(text) <= 1000:
        raise Invalid(N_("Write this in 1 to 1000 characters."), field=name)
    return text


def _record(work: Work, row: Accreditation, kind: str, **data: object) -> None:
    history.record(work, row.id, f"accreditation_{kind}", **data)
    # Also on the subject, where people look for what happened to it.
    history.record(
        work,
        row.course_id or row.provider_id,
        f"accreditation_{kind}",
        accreditation_id=row.id,
        **data,
    )
