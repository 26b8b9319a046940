"""Paying providers: declarations, statements and their lines."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from ledger.db import Base

_OWED_SQL = text("amount_cents > 0")


class Declaration(Base):
    """What a provider is owed for one enrolment, or has to give back; once per kind."""

    __tablename__ = "declaration"
    __table_args__ = (
        UniqueConstraint("enrolment_id", "kind"),
        CheckConstraint("kind IN ('settlement', 'clawback')", name="kind"),
        CheckConstraint(
            "status IN ('payable', 'on_hold', 'paid', 'awaiting_clawback', 'clawed_back',"
            " 'voided')",
            name="status",
        ),
        CheckConstraint("amount_cents > 0", name="amount"),
        CheckConstraint(
            "status <> 'on_hold' OR (hold_reason IS NOT NULL AND hold_until IS NOT NULL)",
            name="hold_has_reason_and_deadline",
        ),
        Index("ix_declaration_provider", "provider_id", "status", "payable_on"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # dec_…
    provider_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"))
    enrolment_id: Mapped[str] = mapped_column(ForeignKey("enrolment.id"))
    transaction_id: Mapped[str] = mapped_column(ForeignKey("journal_transaction.id"), unique=True)
    kind: Mapped[str]
    amount_cents: Mapped[int]  # positive; a clawback counts negative on the statement
    payable_on: Mapped[date]  # from this date it goes on a statement
    status: Mapped[str]
    hold_reason: Mapped[str | None]
    hold_until: Mapped[date | None]
    created_at: Mapped[datetime]


class Statement(Base):
    """What is paid to one provider for one period; frozen when prepared, final when paid."""

    __tablename__ = "statement"
    __table_args__ = (
        UniqueConstraint("provider_id", "period"),
        CheckConstraint("status IN ('payable', 'paid')", name="status"),
        CheckConstraint("total_cents = gross_cents - clawback_cents", name="total"),
        CheckConstraint("gross_cents >= 0 AND clawback_cents >= 0", name="amounts"),
        CheckConstraint("released_by IS NULL OR released_by <> prepared_by", name="four_eyes"),
        CheckConstraint("(status = 'paid') = (released_at IS NOT NULL)", name="released"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # sta_…
    number: Mapped[str] = mapped_column(unique=True)  # also the end-to-end id of the transfer
    provider_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"))
    period: Mapped[str]  # YYYY-MM
    status: Mapped[str]
    gross_cents: Mapped[int]
    clawback_cents: Mapped[int]
    total_cents: Mapped[int]  # to be transferred; never below zero
    pay_on: Mapped[date]
    iban: Mapped[str]  # as it was when prepared
    prepared_by: Mapped[str]  # user id
    prepared_at: Mapped[datetime]
    released_by: Mapped[str | None]
    released_at: Mapped[datetime | None]


class StatementLine(Base):
    """One declaration on a statement.

    What is owed stands on one statement only; a clawback may be netted in parts, on several.
    """

    __tablename__ = "statement_line"
    __table_args__ = (
        CheckConstraint("amount_cents <> 0", name="amount"),
        Index(
            "uq_statement_line_owed_once",
            "declaration_id",
            unique=True,
            sqlite_where=_OWED_SQL,
            postgresql_where=_OWED_SQL,
        ),
        Index("ix_statement_line_declaration", "declaration_id"),
    )

    statement_id: Mapped[str] = mapped_column(ForeignKey("statement.id"), primary_key=True)
    declaration_id: Mapped[str] = mapped_column(ForeignKey("declaration.id"), primary_key=True)
    amount_cents: Mapped[int]  # negative for a clawback
    pay_on: Mapped[date]
