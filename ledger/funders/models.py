"""What funders do: budget paid in, grants from a file, accrual runs, rounds of requests."""

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

    ``preview`` is checked but not yet confirmed by its maker; ``awaiting`` wants a second person;
    ``granting`` is decided and under way: every row up to ``handled_line`` is granted or refused.
    """

    __tablename__ = "grant_batch"
    __table_args__ = (
        CheckConstraint(
            "status IN ('preview', 'awaiting', 'granting', 'committed', 'rejected')",
            name="status",
        ),
        CheckConstraint("total > 0 AND row_count > 0", name="size"),
        CheckConstraint("decided_by IS NULL OR decided_at IS NOT NULL", name="decided"),
        CheckConstraint(
            "status NOT IN ('granting', 'committed') OR"
            " (decided_by IS NOT NULL AND (NOT needs_second OR decided_by <> made_by))",
            name="four_eyes",
        ),
        CheckConstraint(
            "granted_count >= 0 AND refused_count >= 0"
            " AND granted_count + refused_count <= row_count"
            " AND granted_total >= 0 AND granted_total <= total",
            name="progress",
        ),
        CheckConstraint(
            "status <> 'committed' OR granted_count + refused_count = row_count", name="whole"
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
        Index("ix_grant_batch_made", "scheme_id", "made_by", "decided_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # grb_…
    scheme_id: Mapped[str] = mapped_column(ForeignKey("scheme.id"))
    rule_id: Mapped[str] = mapped_column(ForeignKey("scheme_rule.id"))
    file_name: Mapped[str | None]
    file_sha256: Mapped[str | None]  # None: from the form
    row_count: Mapped[int]
    total: Mapped[int]
    needs_second: Mapped[bool]  # above the scheme's four-eyes amount, with the rest of that day
    status: Mapped[str]
    made_by: Mapped[str]  # user id
    made_at: Mapped[datetime]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    reason: Mapped[str | None]  # why it was rejected
    handled_line: Mapped[int] = mapped_column(default=0)
    granted_count: Mapped[int] = mapped_column(default=0)
    granted_total: Mapped[int] = mapped_column(default=0)
    refused_count: Mapped[int] = mapped_column(default=0)
    moved_at: Mapped[datetime | None]  # when the last rows were handled


class GrantRow(Base):
    """One grant of a batch; a reference, when given, counts once per scheme (see grants.py).

    Without foreign keys: thousands are written at once, from accounts that were looked up in the
    same unit of work and are never deleted; ``verify`` counts the rows of each batch.
    """

    __tablename__ = "grant_row"
    __table_args__ = (CheckConstraint("amount > 0", name="amount"),)

    batch_id: Mapped[str] = mapped_column(primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[str]
    amount: Mapped[int]
    expires_on: Mapped[date | None]  # None: as the scheme's rules say on the day of the grant
    reference: Mapped[str | None]
    refusal: Mapped[str | None]  # why it was not granted: closed, expired, repeated


class AccrualRun(Base):
    """That the accrual rule ran for a period; running it again credits who was not there yet.

    A pass visits the accounts in the order of their ids. While it is ``running``, every account
    up to ``cursor`` was visited; the figures of the pass stand beside those of all passes.
    """

    __tablename__ = "accrual_run"
    __table_args__ = (
        UniqueConstraint("scheme_id", "period"),
        CheckConstraint("status IN ('running', 'done')", name="status"),
        CheckConstraint(
            "pass_count >= 0 AND pass_count <= credited_count"
            " AND pass_total >= 0 AND pass_total <= credited_total",
            name="progress",
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # acr_…
    scheme_id: Mapped[str] = mapped_column(ForeignKey("scheme.id"))
    period: Mapped[str]  # YYYY or YYYY-MM
    credited_count: Mapped[int] = mapped_column(default=0)
    credited_total: Mapped[int] = mapped_column(default=0)
    first_run_at: Mapped[datetime]
    last_run_at: Mapped[datetime]  # when it last moved
    # the present or last pass
    status: Mapped[str]
    rule_id: Mapped[str] = mapped_column(ForeignKey("scheme_rule.id"))
    day: Mapped[date]  # whose facts count
    cursor: Mapped[str] = mapped_column(default="")  # id of the last account visited
    to_visit: Mapped[int] = mapped_column(default=0)
    visited: Mapped[int] = mapped_column(default=0)
    promised: Mapped[int] = mapped_column(default=0)  # what the pass would credit, at its start
    pass_count: Mapped[int] = mapped_column(default=0)
    pass_total: Mapped[int] = mapped_column(default=0)
    not_eligible: Mapped[int] = mapped_column(default=0)
    at_cap: Mapped[int] = mapped_column(default=0)
    nothing_due: Mapped[int] = mapped_column(default=0)


class Round(Base):
    """A period in which people ask for a fixed amount, as long as its budget lasts.

    The one row that everybody moves: taken last in a unit of work, by a conditional update.
    """

    __tablename__ = "grant_round"
    __table_args__ = (
        CheckConstraint("status IN ('open', 'closed')", name="status"),
        CheckConstraint("method IN ('first_come')", name="method"),
        CheckConstraint("opens_at < closes_at", name="span"),
        CheckConstraint("amount > 0 AND budget >= amount", name="amounts"),
        CheckConstraint("granted >= 0 AND granted <= budget", name="granted"),
        CheckConstraint("request_count >= 0", name="request_count"),
        Index("ix_grant_round_scheme", "scheme_id", "id"),
        Index("ix_grant_round_closes_at", "status", "closes_at"),
        {"postgresql_with": {"fillfactor": 50}},
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # rnd_…
    scheme_id: Mapped[str] = mapped_column(ForeignKey("scheme.id"))
    method: Mapped[str]
    opens_at: Mapped[datetime]
    closes_at: Mapped[datetime]
    amount: Mapped[int]  # what each request gets, in minor units of the scheme
    budget: Mapped[int]
    granted: Mapped[int] = mapped_column(default=0)
    request_count: Mapped[int] = mapped_column(default=0)
    status: Mapped[str]
    made_by: Mapped[str]
    made_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]  # when somebody closed it


class RoundRequest(Base):
    """A request that was granted; each account asks once per round.

    Without foreign keys, which would lock the round's row for each of them; ``verify`` counts.
    """

    __tablename__ = "round_request"
    __table_args__ = (
        UniqueConstraint("account_id", "round_id"),
        CheckConstraint("amount > 0", name="amount"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # req_…, subject of the grant
    round_id: Mapped[str]
    account_id: Mapped[str]
    amount: Mapped[int]
    transaction_id: Mapped[str]
    requested_at: Mapped[datetime]
