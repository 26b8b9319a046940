"""What funders do: budget paid in, grants from a file, accrual runs."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from ledger.db import Base


class BudgetPayment(Base):
    """Money or minutes that a funder puts into a scheme; a reference counts once."""

    __tablename__ = "budget_payment"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        UniqueConstraint("scheme_id", "reference"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # bud_…
    scheme_id: Mapped[str] = mapped_column(ForeignKey("scheme.id"))
    reference: Mapped[str]  # of the transfer
    amount: Mapped[int]
    received_on: Mapped[date]
    recorded_by: Mapped[str]
    recorded_at: Mapped[datetime]


class GrantBatch(Base):
    """Grants that are decided together: one from the form, or the rows of a file.

    ``preview`` is checked but not yet confirmed by its maker; ``awaiting`` wants a second person.
    """

    __tablename__ = "grant_batch"
    __table_args__ = (
        CheckConstraint(
            "status IN ('preview', 'awaiting', 'committed', 'rejected')", name="status"
        ),
        CheckConstraint("total > 0 AND row_count > 0", name="size"),
        CheckConstraint("decided_by IS NULL OR decided_at IS NOT NULL", name="decided"),
        CheckConstraint(
            "status <> 'committed' OR"
            " (decided_by IS NOT NULL AND (NOT needs_second OR decided_by <> made_by))",
            name="four_eyes",
        ),
        Index(
            "uq_grant_batch_file",
            "scheme_id",
            "file_sha256",
            unique=True,
            # a rejected file may come again
            sqlite_where=text("status <> 'rejected'"),
            postgresql_where=text("status <> 'rejected'"),
        ),
        Index("ix_grant_batch_scheme", "scheme_id", "id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # grb_…
    scheme_id: Mapped[str] = mapped_column(ForeignKey("scheme.id"))
    rule_id: Mapped[str] = mapped_column(ForeignKey("scheme_rule.id"))
    file_name: Mapped[str | None]
    file_sha256: Mapped[str | None]  # None: from the form
    row_count: Mapped[int]
    total: Mapped[int]
    needs_second: Mapped[bool]  # above the scheme's four-eyes amount
    status: Mapped[str]
    made_by: Mapped[str]  # user id
    made_at: Mapped[datetime]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    reason: Mapped[str | None]  # why it was rejected


class GrantRow(Base):
    """One grant of a batch; a reference, when given, counts once per scheme (see grants.py)."""

    __tablename__ = "grant_row"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        Index("ix_grant_row_account", "account_id"),
    )

    batch_id: Mapped[str] = mapped_column(ForeignKey("grant_batch.id"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"))
    amount: Mapped[int]
    expires_on: Mapped[date | None]  # None: as the scheme's rules say on the day of the grant
    reference: Mapped[str | None]


class AccrualRun(Base):
    """That the accrual rule ran for a period; running it again credits who was not there yet."""

    __tablename__ = "accrual_run"
    __table_args__ = (UniqueConstraint("scheme_id", "period"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # acr_…
    scheme_id: Mapped[str] = mapped_column(ForeignKey("scheme.id"))
    period: Mapped[str]  # YYYY or YYYY-MM
    credited_count: Mapped[int] = mapped_column(default=0)
    credited_total: Mapped[int] = mapped_column(default=0)
    first_run_at: Mapped[datetime]
    last_run_at: Mapped[datetime]
