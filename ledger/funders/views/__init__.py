"""The pages of this room, one module per noun."""

from __future__ import annotations

from flask import Blueprint

from ledger.funders import round_queries
from ledger.funders.views import (
    accrual,
    admission,
    asking,
    audit,
    budget,
    grants,
    rounds,
    schemes,
)

blueprints: tuple[Blueprint, ...] = (
    schemes.blueprint,
    budget.blueprint,
    grants.blueprint,
    accrual.blueprint,
    rounds.blueprint,
    asking.blueprint,
    audit.blueprint,
    admission.blueprint,
)

round_queries.register()  # so that the account pages know what can be asked for
