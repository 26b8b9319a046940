"""The JSON API of funders: their schemes, budget paid in, grants, rounds, the postings."""

from __future__ import annotations

from ledger.funders.api.rounds import blueprint as rounds
from ledger.funders.api.schemes import blueprint as schemes

blueprints = (schemes, rounds)
