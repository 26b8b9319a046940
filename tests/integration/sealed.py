"""Sealing in tests, with a key that is kept in memory only."""

from __future__ import annotations

from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.accounts.models import Seal
from ledger.accounts.seals import sealer
from ledger.accounts.seals.notes import Signer
from ledger.db import SYSTEM, Database, Work

SIGNER = Signer("example.nl/journal", Ed25519PrivateKey.generate())


def seal(database: Database, now: datetime) -> Seal | None:
    """Seal what waits; return the seal, None when nothing waits."""
    with database.work(SYSTEM, now) as work:
        return seal_in(work)


def seal_in(work: Work) -> Seal | None:
    """Seal what waits in this unit of work."""
    return sealer.seal(work, SIGNER)
