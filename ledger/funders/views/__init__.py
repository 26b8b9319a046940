"""The pages of this room, one module per noun."""

from __future__ import annotations

from flask import Blueprint

from ledger.funders.views import accrual, admission, audit, budget, grants, schemes

blueprints: tuple[Blueprint, ...] = (
    schemes.blueprint,
    budget.blueprint,
    grants.blueprint,
    accrual.blueprint,
    audit.blueprint,
    admission.blueprint,
)
