"""Completion: the provider states how it ended; pay-out, remainder and credential in one work.

Completed means a certificate obtained, an exam taken, or enough attended as each rule version
says. Silence is never completion: every held session must have a statement first.
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger import clock
from ledger.accounts import journal
from ledger.certificates.models import Credential
from ledger.db import Work
from ledger.errors import Forbidden, Invalid, WrongState
from ledger.messages import N_
from ledger.providers import attendance, awards, enrolments, settling
from ledger.providers.models import Enrolment, Run
from ledger.providers.settlement import Event, status

RESULTS = {
    "passed": N_("Passed: the certificate was obtained"),
    "failed": N_("Took the exam, but did not pass"),
    "attended": N_("No exam taken: attendance decides"),
}
_LONGEST_GRADE = 100


@dataclass(frozen=True, slots=True)
class Completed:
    """An ended enrolment, the receipt when money moved, the credential when one was earned."""

    enrolment: Enrolment
    receipt: journal.Receipt | None
    credential: Credential | None


def complete(work: Work, enrolment_id: str, result: str, grade: str | None = None) -> Completed:
    """Declare how an enrolment ended: ``passed``, ``failed`` (the exam) or ``attended``.

    An exam that was taken is paid in full, also when it was failed; only ``passed`` earns the
    credential. The operator may declare ``attended`` after a case. Raises NotFound, Forbidden,
    WrongState when it is not the time for it or a dispute is open, and Invalid naming every held
    session without a statement.
    """
    enrolment = enrolments.own(work, enrolment_id)
    # Where the provider stays silent the operator settles by attendance, but awards nothing.
    settles = work.actor.role == "operator" and result == "attended"
    if work.actor.role != "provider" and not settles:
        raise Forbidden(N_("Only the provider declares how an enrolment ended."))
    grade = _check_input(result, grade)
    attendance.forbid_own_learning(work, enrolment)
    if enrolment.status not in enrolments.HOLDS_PLACE:
        raise WrongState(N_("Only a confirmed enrolment that has not ended can be completed."))
    _check_time(work, enrolment, result)
    attendance.require_no_dispute(work.session, enrolment)
    stated = attendance.known(work.session, enrolment, work.now)
    attendance.require_stated(stated)
    event: Event = "attended" if result == "attended" else "completed"
    held = settling.held(work.session, enrolment.id)
    final = status(settling.lines_of(held), event, stated.percent)
    enrolment.result, enrolment.grade = result, grade
    enrolment.attended_percent = stated.percent
    receipt = settling.settle(work, enrolment, held, event, stated.percent)
    credential = awards.award(work, enrolment) if result == "passed" else None
    enrolments.end(
        work,
        enrolment,
        "failed" if result == "failed" else final,
        result=result,
        attended_percent=stated.percent,
        transaction_id=receipt.id if receipt else None,
        credential_id=credential.id if credential else None,
    )
    return Completed(enrolment, receipt, credential)


def _check_input(result: str, grade: str | None) -> str | None:
    if result not in RESULTS:
        raise Invalid(N_("Choose a result from the list."), field="result")
    grade = (grade or "").strip() or None
    if grade is not None and len(grade) > _LONGEST_GRADE:
        raise Invalid(N_("A grade has at most 100 characters."), field="grade")
    if grade is not None and result != "passed":
        raise Invalid(N_("Only somebody who passed has a grade."), field="grade")
    return grade


def _check_time(work: Work, enrolment: Enrolment, result: str) -> None:
    if enrolment.stopped_at is not None:
        if result != "attended":
            raise WrongState(
                N_("The learner stopped; choose that attendance decides."), field="result"
            )
        return
    run = work.session.get_one(Run, enrolment.run_id)
    sessions = attendance.sessions_of(work.session, enrolment.run_id)
    # A last session that is going on may hold the exam, but it has to be over to have a result.
    last = sessions[-1].ends_at if sessions else clock.local(run.ends_on)
    if last > work.now:
        raise WrongState(
            N_("The last session ends on %(moment)s; complete the enrolment after that."),
            moment=last,
        )
