"""The tables of providers; nothing is decided here."""

from __future__ import annotations

from ledger.providers.models.catalogue import (
    ASSESSMENTS,
    FORMS,
    SUPERVISIONS,
    Accreditation,
    Case,
    Course,
    CoursePrice,
    Programme,
    Run,
    RunSession,
    Skill,
)
from ledger.providers.models.enrolments import (
    ACTIVE,
    ENDED,
    Attendance,
    Enrolment,
    EnrolmentLine,
)
from ledger.providers.models.payouts import Declaration, Statement, StatementLine

__all__ = [
    "ACTIVE",
    "ASSESSMENTS",
    "ENDED",
    "FORMS",
    "SUPERVISIONS",
    "Accreditation",
    "Attendance",
    "Case",
    "Course",
    "CoursePrice",
    "Declaration",
    "Enrolment",
    "EnrolmentLine",
    "Programme",
    "Run",
    "RunSession",
    "Skill",
    "Statement",
    "StatementLine",
]
