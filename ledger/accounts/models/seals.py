"""The log over the journal: which transactions are sealed, in which order, and who signed it.

A transaction waits in ``journal_unsealed`` until the sealer gives it the next place in the log;
what is visible there was committed, so nothing can be skipped that commits late.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from ledger.db import Base


class Unsealed(Base):
    """A transaction that has no place in the log yet; written with it, taken by the sealer."""

    __tablename__ = "journal_unsealed"

    transaction_id: Mapped[str] = mapped_column(primary_key=True)


class LogEntry(Base):
    """The place of a transaction in the log; places are dense from 0 and never change."""

    __tablename__ = "journal_log"
    __table_args__ = (
        CheckConstraint("length(leaf) = 32", name="leaf"),
        CheckConstraint("position >= 0", name="position"),
        UniqueConstraint("transaction_id"),
        Index("ix_journal_log_counted_at", "counted_at"),
    )

    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    transaction_id: Mapped[str]
    leaf: Mapped[bytes] = mapped_column(LargeBinary)  # SHA-256(00 || hash of the transaction)
    # From when it counts in what is asked as of a moment: when it was recorded, or just after
    # the seal before its own where it was committed later than that.
    counted_at: Mapped[datetime]


class Tile(Base):
    """The hash over one complete stretch of 256**level places, so that proofs read little."""

    __tablename__ = "journal_tile"
    __table_args__ = (
        CheckConstraint("level >= 1", name="level"),
        CheckConstraint("length(hash) = 32", name="hash"),
    )

    level: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # from 0
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class Seal(Base):
    """A signed head of the log: everything before ``size`` as it was at ``sealed_at``."""

    __tablename__ = "journal_seal"
    __table_args__ = (CheckConstraint("length(root) = 32", name="root"),)

    size: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    root: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_at: Mapped[datetime] = mapped_column(index=True)
    key_id: Mapped[str]
    note: Mapped[str]  # the signed text as it is published


class SealKey(Base):
    """A public key that seals were signed with; the private key is never in the database."""

    __tablename__ = "seal_key"
    __table_args__ = (CheckConstraint("length(public_key) = 32", name="public_key"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)  # Ed25519
    since: Mapped[datetime]
    note: Mapped[str]  # the record of the change, signed by the key before and by this one


class Rollup(Base):
    """The sum of the sealed postings of one bucket; what is not sealed yet comes on top."""

    __tablename__ = "journal_rollup"

    scheme_id: Mapped[str] = mapped_column(primary_key=True)
    bucket: Mapped[str] = mapped_column(primary_key=True)
    provider_id: Mapped[str] = mapped_column(primary_key=True)  # empty: of no provider
    amount: Mapped[int]  # minor units of the scheme
