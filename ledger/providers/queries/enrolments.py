"""Questions about enrolments, for the holder, the provider and the operator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, select, true
from sqlalchemy.orm import Session

from ledger.accounts import history
from ledger.accounts.models import Account, Lot, Organisation, Person, Scheme
from ledger.certificates.models import Credential
from ledger.db import Actor
from ledger.errors import NotFound
from ledger.messages import N_
from ledger.paging import Page, decode, page, size
from ledger.providers.models import (
    Attendance,
    Course,
    Declaration,
    Enrolment,
    EnrolmentLine,
    Run,
    RunSession,
)
from ledger.providers.queries import cases


@dataclass(frozen=True, slots=True)
class Row:
    """An enrolment in a list; ``learner`` is None once the holder's identity was erased."""

    id: str
    status: str
    begun_by: str
    begun_at: datetime
    account_id: str
    account_number: str
    learner: str | None
    course_id: str
    course_title: str
    course_title_en: str | None
    provider_id: str
    provider_name: str
    run_id: str
    starts_on: date
    ends_on: date
    location: str
    price_cents: int
    own_share_cents: int
    confirm_until: datetime
    confirmed_at: datetime | None
    cooling_off_until: date | None
    stopped_at: datetime | None
    result: str | None
    grade: str | None
    attended_percent: int | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class LineView:
    """What one lot contributes; amounts in minor units of ``unit``."""

    position: int
    lot_id: str
    scheme_id: str
    scheme_name: str
    scheme_name_en: str
    funder_name: str
    unit: str
    held: int
    paid: int
    released: int
    lost: int
    expires_on: date | None


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session with what provider and learner say about it; None: nothing yet."""

    id: str
    starts_at: datetime
    ends_at: datetime
    present: bool | None
    holder_says: str | None


@dataclass(frozen=True, slots=True)
class Payment:
    """What the provider is owed for an enrolment, and when."""

    id: str
    amount_cents: int
    payable_on: date
    status: str


@dataclass(frozen=True, slots=True)
class Detail:
    """Everything about one enrolment that its holder may see; a provider gets no lines."""

    row: Row
    lines: tuple[LineView, ...]
    sessions: tuple[SessionView, ...]
    events: tuple[history.EventView, ...]
    payment: Payment | None
    credential_id: str | None
    is_disputed: bool


@dataclass(frozen=True, slots=True)
class Sheet:
    """The attendance of a run: its sessions, and per learner what was stated."""

    run: Run
    course_title: str
    sessions: tuple[RunSession, ...]
    learners: tuple[tuple[Row, dict[str, SessionView]], ...]


def listed(
    session: Session,
    actor: Actor,
    *,
    statuses: Sequence[str] = (),
    run_id: str | None = None,
    cursor: str | None = None,
    limit: int | None = None,
) -> Page[Row]:
    """Return the actor's enrolments, newest first."""
    limit = size(limit)
    query = _rows().where(_mine(actor))
    if statuses:
        query = query.where(Enrolment.status.in_(statuses))
    if run_id is not None:
        query = query.where(Enrolment.run_id == run_id)
    after = decode(cursor, 1)
    if after is not None:
        query = query.where(Enrolment.id < str(after[0]))
    found = session.execute(query.order_by(Enrolment.id.desc()).limit(limit + 1))
    return page([Row(**row) for row in found.mappings()], limit, lambda row: (row.id,))


def get(session: Session, actor: Actor, enrolment_id: str) -> Enrolment:
    """Return an enrolment of the actor's. Raises NotFound, also for somebody else's."""
    found = session.scalars(
        select(Enrolment).where(Enrolment.id == enrolment_id, _mine(actor))
    ).one_or_none()
    if found is None:
        raise NotFound(N_("There is no such enrolment."))
    return found


def row(session: Session, actor: Actor, enrolment_id: str) -> Row:
    """Return one enrolment as it stands in a list. Raises NotFound."""
    found = session.execute(_rows().where(Enrolment.id == enrolment_id, _mine(actor)))
    values = found.mappings().one_or_none()
    if values is None:
        raise NotFound(N_("There is no such enrolment."))
    return Row(**values)


def detail(session: Session, actor: Actor, enrolment_id: str) -> Detail:
    """Return everything about one enrolment that the actor may see. Raises NotFound."""
    found = row(session, actor, enrolment_id)
    sees_money = actor.role in ("holder", "operator")
    return Detail(
        row=found,
        lines=lines(session, enrolment_id) if sees_money else (),
        sessions=sessions(session, found.run_id, enrolment_id),
        events=history.of(session, enrolment_id),
        payment=_payment(session, enrolment_id) if actor.role != "holder" else None,
        credential_id=session.execute(
            select(Credential.id).where(Credential.enrolment_id == enrolment_id)
        ).scalar_one_or_none(),
        is_disputed=any(
            case.kind == "dispute" and case.status == "open"
            for case in cases.of_enrolment(session, enrolment_id)
        ),
    )


def lines(session: Session, enrolment_id: str) -> tuple[LineView, ...]:
    """Return what each lot contributes, in order of spending."""
    found = session.execute(
        select(EnrolmentLine, Scheme, Organisation.name, Lot.expires_on)
        .join(Scheme, Scheme.id == EnrolmentLine.scheme_id)
        .join(Organisation, Organisation.id == Scheme.funder_id)
        .join(Lot, Lot.id == EnrolmentLine.lot_id)
        .where(EnrolmentLine.enrolment_id == enrolment_id)
        .order_by(EnrolmentLine.position)
    )
    ended = session.execute(
        select(Enrolment.ended_at).where(Enrolment.id == enrolment_id)
    ).scalar_one()
    return tuple(
        LineView(
            position=line.position,
            lot_id=line.lot_id,
            scheme_id=scheme.id,
            scheme_name=scheme.name,
            scheme_name_en=scheme.name_en,
            funder_name=funder,
            unit=line.unit,
            held=line.held,
            paid=line.paid,
            released=line.released,
            lost=line.held - line.paid - line.released if ended else 0,
            expires_on=expires_on,
        )
        for line, scheme, funder, expires_on in found
    )


def sessions(session: Session, run_id: str, enrolment_id: str) -> tuple[SessionView, ...]:
    """Return the sessions of a run with what was said about one enrolment."""
    found = session.execute(
        select(RunSession, Attendance)
        .outerjoin(
            Attendance,
            (Attendance.session_id == RunSession.id) & (Attendance.enrolment_id == enrolment_id),
        )
        .where(RunSession.run_id == run_id)
        .order_by(RunSession.starts_at)
    )
    return tuple(_session(meeting, said) for meeting, said in found)


def sheet(session: Session, actor: Actor, run_id: str) -> Sheet:
    """Return the attendance sheet of a run of the provider's. Raises NotFound."""
    found = session.execute(
        select(Run, Course.title)
        .join(Course, Course.id == Run.course_id)
        .where(Run.id == run_id, Run.provider_id == actor.organisation_id)
    ).one_or_none()
    if found is None:
        raise NotFound(N_("There is no such course run."))
    run, title = found
    query = _rows().where(
        Enrolment.run_id == run_id, Enrolment.status.in_(("confirmed", "started"))
    )
    rows = [Row(**values) for values in session.execute(query).mappings()]
    meetings = session.scalars(
        select(RunSession).where(RunSession.run_id == run_id).order_by(RunSession.starts_at)
    ).all()
    said = session.scalars(
        select(Attendance).where(Attendance.enrolment_id.in_([row.id for row in rows]))
    ).all()
    known = {(one.enrolment_id, one.session_id): one for one in said}
    learners = tuple(
        (row, {m.id: _session(m, known.get((row.id, m.id))) for m in meetings})
        for row in sorted(rows, key=lambda row: (row.learner or "", row.id))
    )
    return Sheet(run, title, tuple(meetings), learners)


def _rows() -> Select[*tuple[Any, ...]]:
    query: Select[*tuple[Any, ...]] = select(
        Enrolment.id,
        Enrolment.status,
        Enrolment.begun_by,
        Enrolment.begun_at,
        Enrolment.account_id,
        Account.number.label("account_number"),
        Person.name.label("learner"),
        Enrolment.course_id,
        Course.title.label("course_title"),
        Course.title_en.label("course_title_en"),
        Enrolment.provider_id,
        Organisation.name.label("provider_name"),
        Enrolment.run_id,
        Run.starts_on,
        Run.ends_on,
        Run.location,
        Enrolment.price_cents,
        Enrolment.own_share_cents,
        Enrolment.confirm_until,
        Enrolment.confirmed_at,
        Enrolment.cooling_off_until,
        Enrolment.stopped_at,
        Enrolment.result,
        Enrolment.grade,
        Enrolment.attended_percent,
        Enrolment.ended_at,
    )
    return (
        query.join(Account, Account.id == Enrolment.account_id)
        .outerjoin(Person, Person.id == Account.person_id)
        .join(Course, Course.id == Enrolment.course_id)
        .join(Run, Run.id == Enrolment.run_id)
        .join(Organisation, Organisation.id == Enrolment.provider_id)
    )


def _mine(actor: Actor) -> ColumnElement[bool]:
    if actor.role == "holder" and actor.account_id:
        return Enrolment.account_id == actor.account_id
    if actor.role == "provider" and actor.organisation_id:
        return Enrolment.provider_id == actor.organisation_id
    return true() if actor.role == "operator" else ~true()


def _session(meeting: RunSession, said: Attendance | None) -> SessionView:
    return SessionView(
        meeting.id,
        meeting.starts_at,
        meeting.ends_at,
        said.present if said else None,
        said.holder_says if said else None,
    )


def _payment(session: Session, enrolment_id: str) -> Payment | None:
    found = session.scalars(
        select(Declaration).where(
            Declaration.enrolment_id == enrolment_id, Declaration.kind == "settlement"
        )
    ).one_or_none()
    if found is None:
        return None
    return Payment(found.id, found.amount_cents, found.payable_on, found.status)
