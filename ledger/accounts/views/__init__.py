"""The web pages of accounts."""

from __future__ import annotations

from ledger.accounts.views.account import blueprint as account
from ledger.accounts.views.consent_codes import blueprint as consent_codes
from ledger.accounts.views.journal import blueprint as journal
from ledger.accounts.views.proofs import blueprint as proofs
from ledger.accounts.views.users import blueprint as users

blueprints = (account, consent_codes, journal, proofs, users)
