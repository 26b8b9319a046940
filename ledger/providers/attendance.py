"""Attendance per session: stated by the provider, confirmed or disputed by the learner.

A dispute opens a case, and nothing is settled until the operator has closed it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger import ids
from ledger.accounts import history
from ledger.accounts.models import Account, Person
from ledger.db import Work
from ledger.errors import AlreadyDone, Forbidden, Invalid, NotFound, WrongState
from ledger.messages import N_, Message
from ledger.providers import enrolments
from ledger.providers.models import Attendance, Case, Enrolment, Run, RunSession

DISPUTE_DAYS = 14  # for the operator to look into a dispute
MISSING_AFTER = timedelta(days=14)  # without a declaration after the last session
MISSING_DAYS = 30  # for the operator to find out what happened
_LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Attended:
    """What is known of one enrolment: sessions that count, those without statement, the share.

    ``percent`` is the whole part of the attended share of all hours of the run; a session that
    was not yet held counts as not attended.
    """

    percent: int
    held: tuple[RunSession, ...]
    unstated: tuple[RunSession, ...]


def record(work: Work, enrolment_id: str, present: Mapping[str, bool]) -> Enrolment:
    """State per session id whether the learner was there; a statement can be corrected.

    Raises NotFound, WrongState (nothing confirmed, or ended), Invalid for sessions that are not
    of this run or have not begun, and WrongState for one that the learner confirmed or disputed.
    """
    enrolment = enrolments.own(work, enrolment_id)
    if work.actor.role != "provider":
        raise Forbidden(N_("Only the provider states attendance."))
    forbid_own_learning(work, enrolment)
    if enrolment.status not in enrolments.HOLDS_PLACE:
        raise WrongState(N_("Attendance can be stated from confirmation until the end."))
    sessions = {row.id: row for row in sessions_of(work.session, enrolment.run_id)}
    for session_id, was_there in sorted(present.items()):
        meeting = sessions.get(session_id)
        if meeting is None:
            raise NotFound(N_("There is no such session."))
        if meeting.starts_at > work.now:
            raise Invalid(
                N_("The session of %(moment)s has not begun."),
                field=f"present-{session_id}",
                moment=meeting.starts_at,
            )
        _state(work, enrolment, session_id, was_there)
    if enrolment.status == "confirmed" and present:
        enrolment.status = "started"
        history.record(work, enrolment.id, "started")
    work.session.flush()
    return enrolment


def record_run(work: Work, run_id: str, present: Mapping[str, Mapping[str, bool]]) -> int:
    """State attendance for many learners of a run: enrolment id → session id → present.

    Raises NotFound and what ``record`` raises.
    """
    run = work.session.get(Run, run_id)
    if run is None or run.provider_id != work.actor.organisation_id:
        raise NotFound(N_("There is no such course run."))
    for enrolment_id, sessions in sorted(present.items()):
        enrolment = enrolments.own(work, enrolment_id)
        if enrolment.run_id != run_id:
            raise NotFound(N_("There is no such enrolment."))
        known = _rows(work.session, enrolment_id)
        changed = {
            session_id: was_there
            for session_id, was_there in sessions.items()
            if session_id not in known or known[session_id].present != was_there
        }
        if changed:
            record(work, enrolment_id, changed)
    return len(present)


def _state(work: Work, enrolment: Enrolment, session_id: str, was_there: bool) -> None:
    row = work.session.get(Attendance, (enrolment.id, session_id))
    if row is None:
        work.session.add(
            Attendance(
                enrolment_id=enrolment.id,
                session_id=session_id,
                present=was_there,
                recorded_at=work.now,
                recorded_by=work.actor.id,
            )
        )
    elif row.holder_says is not None and row.present != was_there:
        raise WrongState(N_("The learner reacted to this statement; it cannot be changed now."))
    else:
        row.present, row.recorded_at, row.recorded_by = was_there, work.now, work.actor.id
    history.record(
        work, enrolment.id, "attendance_stated", session_id=session_id, present=was_there
    )


def react(work: Work, enrolment_id: str, session_id: str, says: str, note: str = "") -> None:
    """Let the holder confirm (``confirmed``) or dispute (``disputed``) a statement, once.

    A dispute opens a case. Raises NotFound when nothing was stated, AlreadyDone, WrongState when
    the enrolment was settled, Invalid.
    """
    enrolment = enrolments.own(work, enrolment_id)
    if work.actor.role != "holder":
        raise Forbidden(N_("Only the learner reacts to attendance."))
    if says not in ("confirmed", "disputed"):
        raise Invalid(N_("Choose confirm or dispute."), field="says")
    if len(note) > _LONGEST:
        raise Invalid(N_("Write at most 1000 characters."), field="note")
    row = work.session.get(Attendance, (enrolment.id, session_id))
    if row is None:
        raise NotFound(N_("The provider has not stated attendance for this session."))
    if enrolment.status not in enrolments.HOLDS_PLACE:
        raise WrongState(N_("This enrolment was settled; open an objection instead."))
    if row.holder_says is not None:
        raise AlreadyDone(N_("You reacted to this session before."))
    row.holder_says, row.holder_said_at = says, work.now
    history.record(work, enrolment.id, f"attendance_{says}", session_id=session_id)
    if says == "disputed":
        data = {"note": note.strip(), "session_id": session_id, "enrolment_id": enrolment.id}
        _open(work, "dispute", f"{enrolment.id}/{session_id}", enrolment, DISPUTE_DAYS, data)
    work.session.flush()


def close_case(work: Work, case_id: str, decision: str, present: bool | None = None) -> Case:
    """Let the operator close a case with a written decision.

    In a dispute ``present`` says what counts from now on; where a declaration is missing it counts
    for every held session that nobody stated, None leaves them open. Raises Forbidden, NotFound,
    WrongState, Invalid.
    """
    if work.actor.role != "operator":
        raise Forbidden(N_("Only the operator can close a case."))
    case = work.session.get(Case, case_id, with_for_update=True)
    if case is None:
        raise NotFound(N_("There is no such case."))
    if case.status != "open":
        raise WrongState(N_("This case is closed."))
    decision = decision.strip()
    if not 1 <= len(decision) <= _LONGEST:
        raise Invalid(N_("Write the decision in 1 to 1000 characters."), field="decision")
    enrolment_id, _, session_id = case.subject.partition("/")
    if case.kind == "dispute":
        if present is None:
            raise Invalid(N_("Say whether the learner was there."), field="present")
        row = work.session.get(Attendance, (enrolment_id, session_id))
        if row is not None:
            row.present = present
    elif case.kind == "missing_declaration" and present is not None:
        _state_missing(work, enrolment_id, present)
    case.status, case.closed_at = "closed", work.now
    case.data = {**case.data, "decision": decision, "present": present}
    history.record(work, enrolment_id, "case_closed", case_id=case.id, present=present)
    work.session.flush()
    return case


def _state_missing(work: Work, enrolment_id: str, present: bool) -> None:
    enrolment = enrolments.own(work, enrolment_id)
    for meeting in known(work.session, enrolment, work.now).unstated:
        _state(work, enrolment, meeting.id, present)


def missing(work: Work) -> list[str]:
    """Open a case for each enrolment whose provider declared nothing in time; return the cases.

    Silence is never completion: no money moves here. Running it twice opens nothing twice.
    """
    cases = select(Case.subject).where(Case.kind == "missing_declaration")
    stopped_before = work.now - MISSING_AFTER
    rows = work.session.scalars(
        select(Enrolment)
        .join(Run, Run.id == Enrolment.run_id)
        .where(
            Enrolment.status.in_(enrolments.HOLDS_PLACE),
            (Run.ends_on < work.today - MISSING_AFTER) | (Enrolment.stopped_at < stopped_before),
            Enrolment.id.not_in(cases),
        )
        .order_by(Enrolment.id)
    ).all()
    data = {"reason": "no_declaration"}
    return [
        _open(work, "missing_declaration", row.id, row, MISSING_DAYS, {**data}).id for row in rows
    ]


def known(session: Session, enrolment: Enrolment, now: datetime) -> Attended:
    """Return the attended share of all hours, and the held sessions nobody has stated."""
    sessions = sessions_of(session, enrolment.run_id)
    until = min(enrolment.stopped_at or now, now)
    stated = _rows(session, enrolment.id)
    held = tuple(row for row in sessions if row.ends_at <= until)
    there = [row for row in sessions if row.id in stated and stated[row.id].present]
    return Attended(
        percent=_percent(there, sessions),
        held=held,
        unstated=tuple(row for row in held if row.id not in stated),
    )


def has_dispute(session: Session, enrolment: Enrolment) -> bool:
    """Tell whether a dispute about this enrolment's attendance is open."""
    found = session.execute(
        select(Case.id).where(
            Case.kind == "dispute",
            Case.status == "open",
            Case.subject.startswith(f"{enrolment.id}/", autoescape=True),
        )
    ).first()
    return found is not None


def require_no_dispute(session: Session, enrolment: Enrolment) -> None:
    """Raise WrongState while a dispute about this enrolment is open."""
    if has_dispute(session, enrolment):
        raise WrongState(
            N_("The learner disputes the attendance. Nothing is settled until that is decided.")
        )


def require_stated(attendance: Attended) -> None:
    """Raise Invalid naming every held session without statement: silence is never completion."""
    if attendance.unstated:
        raise Invalid(
            N_("State the attendance of every session first."),
            field_errors={
                "attendance": [
                    Message(
                        N_("Nothing was stated for the session of %(moment)s."),
                        {"moment": row.starts_at},
                    )
                    for row in attendance.unstated
                ]
            },
        )


def forbid_own_learning(work: Work, enrolment: Enrolment) -> None:
    """Raise Forbidden when the actor is the learner: nobody declares their own learning."""
    if work.actor.user_id is None:
        return
    learner = work.session.execute(
        select(Person.user_id)
        .join(Account, Account.person_id == Person.id)
        .where(Account.id == enrolment.account_id)
    ).scalar_one_or_none()
    if learner == work.actor.user_id:
        raise Forbidden(N_("You cannot state anything about your own enrolment."))


def sessions_of(session: Session, run_id: str) -> Sequence[RunSession]:
    """Return the sessions of a run in order of time."""
    return session.scalars(
        select(RunSession).where(RunSession.run_id == run_id).order_by(RunSession.starts_at)
    ).all()


def _rows(session: Session, enrolment_id: str) -> dict[str, Attendance]:
    rows = session.scalars(select(Attendance).where(Attendance.enrolment_id == enrolment_id))
    return {row.session_id: row for row in rows}


def _percent(there: Sequence[RunSession], sessions: Sequence[RunSession]) -> int:
    def length(rows: Sequence[RunSession]) -> int:
        return sum(int((row.ends_at - row.starts_at).total_seconds()) for row in rows)

    whole = length(sessions)
    return length(there) * 100 // whole if whole else 0


def _open(
    work: Work, kind: str, subject: str, enrolment: Enrolment, days: int, data: dict[str, str]
) -> Case:
    case = Case(
        id=ids.new("cas"),
        kind=kind,
        subject=subject,
        provider_id=enrolment.provider_id,
        status="open",
        opened_at=work.now,
        due_on=work.today + timedelta(days=days),
        data=data,
    )
    work.session.add(case)
    history.record(work, enrolment.id, "case_opened", case_id=case.id, case_kind=kind)
    return case
