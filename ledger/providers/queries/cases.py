"""Cases that somebody has to look into: disputes, and enrolments without a declaration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.accounts.models import Organisation
from ledger.providers.models import Case, RunSession


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case with the enrolment it is about."""

    id: str
    kind: str
    status: str
    enrolment_id: str
    session_at: datetime | None
    provider_name: str
    opened_at: datetime
    due_on: date
    closed_at: datetime | None
    note: str
    decision: str


def listed(session: Session, status: str = "open") -> tuple[CaseView, ...]:
    """Return the cases for the operator, most urgent first."""
    found = session.scalars(
        select(Case).where(Case.status == status).order_by(Case.due_on, Case.id).limit(200)
    ).all()
    return _case_views(session, found)


def of_enrolment(session: Session, enrolment_id: str) -> tuple[CaseView, ...]:
    """Return the cases about one enrolment."""
    found = session.scalars(
        select(Case)
        .where(
            (Case.subject == enrolment_id)
            | Case.subject.startswith(f"{enrolment_id}/", autoescape=True)
        )
        .order_by(Case.id)
    ).all()
    return _case_views(session, found)


def _case_views(session: Session, found: Sequence[Case]) -> tuple[CaseView, ...]:
    providers = {case.provider_id for case in found}
    names = dict(
        session.execute(
            select(Organisation.id, Organisation.name).where(Organisation.id.in_(providers))
        ).all()
    )
    meetings = {case.subject.partition("/")[2] for case in found} - {""}
    moments = dict(
        session.execute(
            select(RunSession.id, RunSession.starts_at).where(RunSession.id.in_(meetings))
        ).all()
    )
    return tuple(
        CaseView(
            id=case.id,
            kind=case.kind,
            status=case.status,
            enrolment_id=case.subject.partition("/")[0],
            session_at=moments.get(case.subject.partition("/")[2]),
            provider_name=names.get(case.provider_id, ""),
            opened_at=case.opened_at,
            due_on=case.due_on,
            closed_at=case.closed_at,
            note=str(case.data.get("note", "")),
            decision=str(case.data.get("decision", "")),
        )
        for case in found
    )
