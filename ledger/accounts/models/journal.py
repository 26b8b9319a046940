"""The books: transactions, their postings, one guard row per lot and per fund.

Sign: a posting is positive when the bucket gains. ``bank`` mirrors the outside world, so it is
negative by what was paid in and not yet paid out; every transaction sums to zero per unit.
Triggers refuse UPDATE and DELETE on the two journal tables on both engines.

Postings name rows of other tables without foreign keys: checking five of them per line would cost
more than writing the line, and some would lock rows that everybody uses. ``verify`` looks for
names without a row instead, and the guards refuse a lot or a fund that does not exist.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from ledger.db import Base

BUCKETS = ("bank", "fund", "returned", "available", "held", "payable", "receivable")
KINDS = (
    "pay_in",
    "grant",
    "accrual",
    "top_up",
    "hold",
    "release",
    "settle",
    "expire",
    "revoke",
    "reallocate",
    "clawback",
    "pay",
    "reversal",
)


def _unique_when_given(column: str) -> Index:
    given = text(f"{column} IS NOT NULL")
    return Index(
        f"uq_journal_transaction_{column}",
        column,
        unique=True,
        sqlite_where=given,
        postgresql_where=given,
    )


def _posting_index(name: str, *columns: str) -> Index:
    """Return an index on the postings that have ``columns[0]``: most have not all of them."""
    given = text(f"{columns[0]} IS NOT NULL")
    return Index(f"ix_journal_posting_{name}", *columns, sqlite_where=given, postgresql_where=given)


class Transaction(Base):
    """One thing that happened to money; ``kind`` and ``subject`` together happen once."""

    __tablename__ = "journal_transaction"
    __table_args__ = (
        CheckConstraint(f"kind IN {KINDS!r}", name="kind"),
        UniqueConstraint("kind", "subject"),
        CheckConstraint("length(hash) = 32", name="hash"),
        # Partial, since most transactions end and reverse nothing.
        _unique_when_given("resolves_id"),
        _unique_when_given("reverses_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # txn_…
    kind: Mapped[str]
    subject: Mapped[str]  # id of what it is about
    actor_id: Mapped[str]
    occurred_on: Mapped[date]  # legal date in Amsterdam
    recorded_at: Mapped[datetime]
    resolves_id: Mapped[str | None] = mapped_column(
        ForeignKey("journal_transaction.id")
    )  # the hold that this ends
    reverses_id: Mapped[str | None] = mapped_column(ForeignKey("journal_transaction.id"))
    hash: Mapped[bytes] = mapped_column(LargeBinary)  # SHA-256 over the canonical bytes


class Posting(Base):
    """A signed amount in one bucket of one scheme."""

    __tablename__ = "journal_posting"
    __table_args__ = (
        CheckConstraint(f"bucket IN {BUCKETS!r}", name="bucket"),
        CheckConstraint("unit IN ('EUR', 'MIN')", name="unit"),
        CheckConstraint("amount <> 0", name="amount"),
        CheckConstraint("(lot_id IS NULL) = (account_id IS NULL)", name="lot_and_account"),
        CheckConstraint(
            "bucket NOT IN ('available', 'held') OR lot_id IS NOT NULL", name="lot_buckets"
        ),
        CheckConstraint(
            "(bucket IN ('payable', 'receivable')) = (provider_id IS NOT NULL)",
            name="provider_buckets",
        ),
        _posting_index("account", "account_id", "transaction_id"),
        _posting_index("provider", "provider_id", "bucket", "transaction_id"),
        Index("ix_journal_posting_scheme", "scheme_id", "transaction_id"),
    )

    transaction_id: Mapped[str] = mapped_column(primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)  # from 1
    bucket: Mapped[str]
    unit: Mapped[str]
    amount: Mapped[int]
    scheme_id: Mapped[str]
    rule_id: Mapped[str | None]
    account_id: Mapped[str | None]
    lot_id: Mapped[str | None]
    provider_id: Mapped[str | None]


class Lot(Base):
    """A grant to one account with its own expiry, and the guard that keeps it from overdrawing.

    ``credited = available + held + spent + returned``, each never below zero. Without foreign
    keys, as its postings: three checks took a quarter of the time that a grant takes, and locked
    the scheme's row for each of them. ``verify`` holds lots and postings side by side.
    """

    __tablename__ = "lot"
    __table_args__ = (
        CheckConstraint("unit IN ('EUR', 'MIN')", name="unit"),
        CheckConstraint("available >= 0", name="available"),
        CheckConstraint("held >= 0", name="held"),
        CheckConstraint("spent >= 0", name="spent"),
        CheckConstraint("returned >= 0", name="returned"),
        CheckConstraint("credited > 0", name="credited"),
        CheckConstraint("credited = available + held + spent + returned", name="sum"),
        CheckConstraint("origin IN ('grant', 'accrual', 'top_up')", name="origin"),
        UniqueConstraint("origin", "subject"),
        Index("ix_lot_account", "account_id", "expires_on"),
        Index("ix_lot_scheme", "scheme_id", "account_id"),
        Index("ix_lot_expires_on", "expires_on"),
        {"postgresql_with": {"fillfactor": 70}},  # room to move a counter within its page
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # lot_…
    account_id: Mapped[str]
    scheme_id: Mapped[str]
    rule_id: Mapped[str]
    unit: Mapped[str]
    origin: Mapped[str]
    subject: Mapped[str]  # of the crediting transaction
    enrolment_id: Mapped[str | None]  # a top-up that is tied to one enrolment
    granted_on: Mapped[date]
    expires_on: Mapped[date | None]  # last day on which it can be spent
    credited: Mapped[int]
    available: Mapped[int]
    held: Mapped[int] = mapped_column(default=0)
    spent: Mapped[int] = mapped_column(default=0)
    returned: Mapped[int] = mapped_column(default=0)


class Fund(Base):
    """What a scheme's fund holds, kept from going below zero whoever grants at the same time.

    Only crediting and paying in move it; holds, settlements and payments never touch it.
    """

    __tablename__ = "journal_fund"
    __table_args__ = (
        CheckConstraint("balance >= 0", name="balance"),
        {"postgresql_with": {"fillfactor": 50}},
    )

    scheme_id: Mapped[str] = mapped_column(ForeignKey("scheme.id"), primary_key=True)
    balance: Mapped[int]  # minor units of the scheme


class ExpiryNotice(Base):
    """That the holder was told, this many days before a lot expires."""

    __tablename__ = "expiry_notice"
    __table_args__ = (CheckConstraint("days_before IN (90, 30, 7)", name="days_before"),)

    lot_id: Mapped[str] = mapped_column(ForeignKey("lot.id"), primary_key=True)
    days_before: Mapped[int] = mapped_column(primary_key=True)
    recorded_on: Mapped[date]
