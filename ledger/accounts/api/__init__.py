"""The JSON API of accounts: a holder's own account, an operator's view of the journal."""

from __future__ import annotations

from ledger.accounts.api.account import blueprint as account
from ledger.accounts.api.journal import blueprint as journal
from ledger.accounts.api.proofs import blueprint as proofs

blueprints = (account, journal, proofs)
