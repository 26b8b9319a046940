"""The pages of this room, one module per noun."""

from __future__ import annotations

from flask import Blueprint

from ledger.providers.views import (
    accreditation,
    admission,
    catalogue,
    courses,
    dashboard,
    declarations,
    own_statements,
    programmes,
    runs,
    statements,
)

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
)
