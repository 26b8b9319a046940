"""The tables of accounts; nothing is decided here."""

from __future__ import annotations

from ledger.accounts.models.history import Event
from ledger.accounts.models.journal import (
    BUCKETS,
    KINDS,
    ExpiryNotice,
    Fund,
    Lot,
    Posting,
    Transaction,
)
from ledger.accounts.models.people import (
    ROLES,
    Account,
    ApiKey,
    ConsentCode,
    Membership,
    Organisation,
    Person,
    User,
    UserSession,
)
from ledger.accounts.models.schemes import Rule, Scheme
from ledger.accounts.models.seals import LogEntry, Rollup, Seal, SealKey, Tile, Unsealed

__all__ = [
    "BUCKETS",
    "KINDS",
    "ROLES",
    "Account",
    "ApiKey",
    "ConsentCode",
    "Event",
    "ExpiryNotice",
    "Fund",
    "LogEntry",
    "Lot",
    "Membership",
    "Organisation",
    "Person",
    "Posting",
    "Rollup",
    "Rule",
    "Scheme",
    "Seal",
    "SealKey",
    "Tile",
    "Transaction",
    "Unsealed",
    "User",
    "UserSession",
]
