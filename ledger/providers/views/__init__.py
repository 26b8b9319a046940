"""The pages of this room, one module per noun."""

from __future__ import annotations

from flask import Blueprint

from ledger.providers import naming
from ledger.providers.views import (
    accreditation,
    admission,
    attendance,
    cases,
    catalogue,
    courses,
    dashboard,
    declarations,
    enrolments,
    own_statements,
    programmes,
    provider_enrolments,
    runs,
    statements,
)

naming.register()  # so that the account pages can name enrolments

blueprints: tuple[Blueprint, ...] = (
    catalogue.blueprint,
    dashboard.blueprint,
    courses.blueprint,
    programmes.blueprint,
    runs.blueprint,
    admission.blueprint,
    accreditation.blueprint,
    own_statements.blueprint,
    statements.blueprint,
    declarations.blueprint,
    enrolments.blueprint,
    provider_enrolments.blueprint,
    attendance.blueprint,
    cases.blueprint,
)
