"""All tables of the first release."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "1001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""

    op.create_table(
        "enrolment_line",
        sa.Column("enrolment_id", sa.Text(), nullable=False),
        sa.Column("lot_id", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("scheme_id", sa.Text(), nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("paid", sa.BigInteger(), nullable=False),
        sa.Column("released", sa.BigInteger(), nullable=False),
        sa.Column("clawed_back", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("held > 0", name=op.f("ck_enrolment_line_held")),
        sa.CheckConstraint("paid + released <= held", name=op.f("ck_enrolment_line_sum")),
        sa.CheckConstraint(
            "paid >= 0 AND released >= 0 AND clawed_back >= 0 AND clawed_back <= paid",
            name=op.f("ck_enrolment_line_parts"),
        ),
        sa.PrimaryKeyConstraint("enrolment_id", "lot_id", name=op.f("pk_enrolment_line")),
        sqlite_strict=True,
    )
    op.create_table(
        "event",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
        sqlite_strict=True,
    )
    op.create_index("ix_event_subject", "event", ["subject", "id"], unique=False)
    op.create_table(
        "grant_row",
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.CheckConstraint("amount > 0", name=op.f("ck_grant_row_amount")),
        sa.PrimaryKeyConstraint("batch_id", "line", name=op.f("pk_grant_row")),
        sqlite_strict=True,
    )
    op.create_table(
        "idempotency_key",
        sa.Column("actor_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.Text(), nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "length(key) BETWEEN 1 AND 255", name=op.f("ck_idempotency_key_key_length")
        ),
        sa.CheckConstraint(
            "length(request_hash) = 64", name=op.f("ck_idempotency_key_hash_length")
        ),
        sa.CheckConstraint(
            "status = 0 OR status BETWEEN 200 AND 499", name=op.f("ck_idempotency_key_status")
        ),
        sa.PrimaryKeyConstraint("actor_id", "key", name=op.f("pk_idempotency_key")),
        sqlite_strict=True,
    )
    op.create_index(
        op.f("ix_idempotency_key_created_at"), "idempotency_key", ["created_at"], unique=False
    )
    op.create_table(
        "journal_log",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("transaction_id", sa.Text(), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(leaf) = 32", name=op.f("ck_journal_log_leaf")),
        sa.CheckConstraint("position >= 0", name=op.f("ck_journal_log_position")),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_journal_log")),
        sa.UniqueConstraint("transaction_id", name=op.f("uq_journal_log_transaction_id")),
        sqlite_strict=True,
    )
    op.create_index("ix_journal_log_counted_at", "journal_log", ["counted_at"], unique=False)
    op.create_table(
        "journal_posting",
        sa.Column("transaction_id", sa.Text(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("scheme_id", sa.Text(), nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=True),
        sa.Column("account_id", sa.Text(), nullable=True),
        sa.Column("lot_id", sa.Text(), nullable=True),
        sa.Column("provider_id", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(bucket IN ('payable', 'receivable')) = (provider_id IS NOT NULL)",
            name=op.f("ck_journal_posting_provider_buckets"),
        ),
        sa.CheckConstraint(
            "bucket IN ('bank', 'fund', 'returned', 'available', 'held', 'payable', 'receivable')",
            name=op.f("ck_journal_posting_bucket"),
        ),
        sa.CheckConstraint(
            "bucket NOT IN ('available', 'held') OR lot_id IS NOT NULL",
            name=op.f("ck_journal_posting_lot_buckets"),
        ),
        sa.CheckConstraint("unit IN ('EUR', 'MIN')", name=op.f("ck_journal_posting_unit")),
        sa.CheckConstraint(
            "(lot_id IS NULL) = (account_id IS NULL)",
            name=op.f("ck_journal_posting_lot_and_account"),
        ),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_journal_posting_amount")),
        sa.PrimaryKeyConstraint("transaction_id", "line", name=op.f("pk_journal_posting")),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_journal_posting_account",
        "journal_posting",
        ["account_id", "transaction_id"],
        unique=False,
        sqlite_where=sa.text("account_id IS NOT NULL"),
        postgresql_where=sa.text("account_id IS NOT NULL"),
    )
    op.create_index(
        "ix_journal_posting_provider",
        "journal_posting",
        ["provider_id", "bucket", "transaction_id"],
        unique=False,
        sqlite_where=sa.text("provider_id IS NOT NULL"),
        postgresql_where=sa.text("provider_id IS NOT NULL"),
    )
    op.create_index(
        "ix_journal_posting_scheme",
        "journal_posting",
        ["scheme_id", "transaction_id"],
        unique=False,
    )
    op.create_table(
        "journal_rollup",
        sa.Column("scheme_id", sa.Text(), nullable=False),
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "scheme_id", "bucket", "provider_id", name=op.f("pk_journal_rollup")
        ),
        sqlite_strict=True,
    )
    op.create_table(
        "journal_seal",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.CheckConstraint("length(root) = 32", name=op.f("ck_journal_seal_root")),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_journal_seal")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_journal_seal_sealed_at"), "journal_seal", ["sealed_at"], unique=False)
    op.create_table(
        "journal_tile",
        sa.Column("level", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("length(hash) = 32", name=op.f("ck_journal_tile_hash")),
        sa.CheckConstraint("level >= 1", name=op.f("ck_journal_tile_level")),
        sa.PrimaryKeyConstraint("level", "number", name=op.f("pk_journal_tile")),
        sqlite_strict=True,
    )
    op.create_table(
        "journal_transaction",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Text(), nullable=False),
        sa.Column("occurred_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolves_id", sa.Text(), nullable=True),
        sa.Column("reverses_id", sa.Text(), nullable=True),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('pay_in', 'grant', 'accrual', 'top_up', 'hold', 'release', 'settle', 'expire', 'revoke', 'reallocate', 'clawback', 'pay', 'reversal')",
            name=op.f("ck_journal_transaction_kind"),
        ),
        sa.CheckConstraint("length(hash) = 32", name=op.f("ck_journal_transaction_hash")),
        sa.ForeignKeyConstraint(
            ["resolves_id"],
            ["journal_transaction.id"],
            name=op.f("fk_journal_transaction_resolves_id"),
        ),
        sa.ForeignKeyConstraint(
            ["reverses_id"],
            ["journal_transaction.id"],
            name=op.f("fk_journal_transaction_reverses_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal_transaction")),
        sa.UniqueConstraint("kind", "subject", name=op.f("uq_journal_transaction_kind_subject")),
        sqlite_strict=True,
    )
    op.create_index(
        "uq_journal_transaction_resolves_id",
        "journal_transaction",
        ["resolves_id"],
        unique=True,
        sqlite_where=sa.text("resolves_id IS NOT NULL"),
        postgresql_where=sa.text("resolves_id IS NOT NULL"),
    )
    op.create_index(
        "uq_journal_transaction_reverses_id",
        "journal_transaction",
        ["reverses_id"],
        unique=True,
        sqlite_where=sa.text("reverses_id IS NOT NULL"),
        postgresql_where=sa.text("reverses_id IS NOT NULL"),
    )
    op.create_table(
        "journal_unsealed",
        sa.Column("transaction_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("transaction_id", name=op.f("pk_journal_unsealed")),
        sqlite_strict=True,
    )
    op.create_table(
        "lot",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("scheme_id", sa.Text(), nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("enrolment_id", sa.Text(), nullable=True),
        sa.Column("granted_on", sa.Date(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("credited", sa.BigInteger(), nullable=False),
        sa.Column("available", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.Column("returned", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("origin IN ('grant', 'accrual', 'top_up')", name=op.f("ck_lot_origin")),
        sa.CheckConstraint("unit IN ('EUR', 'MIN')", name=op.f("ck_lot_unit")),
        sa.CheckConstraint("available >= 0", name=op.f("ck_lot_available")),
        sa.CheckConstraint(
            "credited = available + held + spent + returned", name=op.f("ck_lot_sum")
        ),
        sa.CheckConstraint("credited > 0", name=op.f("ck_lot_credited")),
        sa.CheckConstraint("held >= 0", name=op.f("ck_lot_held")),
        sa.CheckConstraint("returned >= 0", name=op.f("ck_lot_returned")),
        sa.CheckConstraint("spent >= 0", name=op.f("ck_lot_spent")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lot")),
        sa.UniqueConstraint("origin", "subject", name=op.f("uq_lot_origin_subject")),
        postgresql_with={"fillfactor": 70},
        sqlite_strict=True,
    )
    op.create_index("ix_lot_account", "lot", ["account_id", "expires_on"], unique=False)
    op.create_index("ix_lot_expires_on", "lot", ["expires_on"], unique=False)
    op.create_index("ix_lot_scheme", "lot", ["scheme_id", "account_id"], unique=False)
    op.create_table(
        "organisation",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("funder_kind", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("kvk", sa.Text(), nullable=True),
        sa.Column("iban", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("website", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("admitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(kind = 'funder') = (funder_kind IS NOT NULL)",
            name=op.f("ck_organisation_funder_kind_for_funders"),
        ),
        sa.CheckConstraint(
            "funder_kind IN ('government', 'sector_fund', 'employer', 'region')",
            name=op.f("ck_organisation_funder_kind"),
        ),
        sa.CheckConstraint(
            "kind IN ('funder', 'provider', 'operator')", name=op.f("ck_organisation_kind")
        ),
        sa.CheckConstraint(
            "status IN ('admitted', 'suspended', 'closed')", name=op.f("ck_organisation_status")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation")),
        sa.UniqueConstraint("kvk", "kind", name=op.f("uq_organisation_kvk_kind")),
        sqlite_strict=True,
    )
    op.create_table(
        "round_request",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("round_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("transaction_id", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_round_request_amount")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_round_request")),
        sa.UniqueConstraint(
            "account_id", "round_id", name=op.f("uq_round_request_account_id_round_id")
        ),
        sqlite_strict=True,
    )
    op.create_table(
        "seal_key",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.CheckConstraint("length(public_key) = 32", name=op.f("ck_seal_key_public_key")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seal_key")),
        sqlite_strict=True,
    )
    op.create_table(
        "skill",
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("alt_labels", sa.JSON(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("broader_uris", sa.JSON(), nullable=False),
        sa.Column("reuse_level", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('skill', 'knowledge', 'group')", name=op.f("ck_skill_kind")),
        sa.PrimaryKeyConstraint("uri", name=op.f("pk_skill")),
        sqlite_strict=True,
    )
    op.create_table(
        "user_account",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("failed_count", sa.BigInteger(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("failed_count >= 0", name=op.f("ck_user_account_failed_count")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_account")),
        sa.UniqueConstraint("email", name=op.f("uq_user_account_email")),
        sqlite_strict=True,
    )
    op.create_table(
        "expiry_notice",
        sa.Column("lot_id", sa.Text(), nullable=False),
        sa.Column("days_before", sa.BigInteger(), nullable=False),
        sa.Column("recorded_on", sa.Date(), nullable=False),
        sa.CheckConstraint("days_before IN (90, 30, 7)", name=op.f("ck_expiry_notice_days_before")),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.id"], name=op.f("fk_expiry_notice_lot_id")),
        sa.PrimaryKeyConstraint("lot_id", "days_before", name=op.f("pk_expiry_notice")),
        sqlite_strict=True,
    )
    op.create_table(
        "membership",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "role = 'holder' OR organisation_id IS NOT NULL",
            name=op.f("ck_membership_staff_has_organisation"),
        ),
        sa.CheckConstraint(
            "role IN ('holder', 'provider', 'funder', 'auditor', 'operator')",
            name=op.f("ck_membership_role"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_membership_organisation_id")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_membership_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_membership")),
        sa.UniqueConstraint(
            "user_id",
            "role",
            "organisation_id",
            name=op.f("uq_membership_user_id_role_organisation_id"),
        ),
        sqlite_strict=True,
    )
    op.create_index(
        op.f("ix_membership_organisation_id"), "membership", ["organisation_id"], unique=False
    )
    op.create_index(op.f("ix_membership_user_id"), "membership", ["user_id"], unique=False)
    op.create_table(
        "person",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("sector", sa.Text(), nullable=True),
        sa.Column("contract_percent", sa.BigInteger(), nullable=True),
        sa.Column("prior_level", sa.BigInteger(), nullable=True),
        sa.Column("birth_year", sa.BigInteger(), nullable=True),
        sa.Column("employer_id", sa.Text(), nullable=True),
        sa.CheckConstraint("birth_year BETWEEN 1900 AND 2100", name=op.f("ck_person_birth_year")),
        sa.CheckConstraint(
            "contract_percent BETWEEN 0 AND 100", name=op.f("ck_person_contract_percent")
        ),
        sa.CheckConstraint("prior_level BETWEEN 1 AND 8", name=op.f("ck_person_prior_level")),
        sa.ForeignKeyConstraint(
            ["employer_id"], ["organisation.id"], name=op.f("fk_person_employer_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_person_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("user_id", name=op.f("uq_person_user_id")),
        sqlite_strict=True,
    )
    op.create_table(
        "programme",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["organisation.id"], name=op.f("fk_programme_provider_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_programme")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_programme_provider_id"), "programme", ["provider_id"], unique=False)
    op.create_table(
        "review_case",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('dispute', 'missing_declaration', 'objection')",
            name=op.f("ck_review_case_kind"),
        ),
        sa.CheckConstraint("status IN ('open', 'closed')", name=op.f("ck_review_case_status")),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["organisation.id"], name=op.f("fk_review_case_provider_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_case")),
        sa.UniqueConstraint("kind", "subject", name=op.f("uq_review_case_kind_subject")),
        sqlite_strict=True,
    )
    op.create_index(
        op.f("ix_review_case_provider_id"), "review_case", ["provider_id"], unique=False
    )
    op.create_index("ix_review_case_status", "review_case", ["status", "due_on"], unique=False)
    op.create_table(
        "scheme",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("funder_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("status IN ('open', 'closed')", name=op.f("ck_scheme_status")),
        sa.CheckConstraint("unit IN ('EUR', 'MIN')", name=op.f("ck_scheme_unit")),
        sa.ForeignKeyConstraint(
            ["funder_id"], ["organisation.id"], name=op.f("fk_scheme_funder_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scheme")),
        sa.UniqueConstraint("funder_id", "name", name=op.f("uq_scheme_funder_id_name")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_scheme_funder_id"), "scheme", ["funder_id"], unique=False)
    op.create_table(
        "statement",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("gross_cents", sa.BigInteger(), nullable=False),
        sa.Column("clawback_cents", sa.BigInteger(), nullable=False),
        sa.Column("total_cents", sa.BigInteger(), nullable=False),
        sa.Column("pay_on", sa.Date(), nullable=False),
        sa.Column("iban", sa.Text(), nullable=False),
        sa.Column("prepared_by", sa.Text(), nullable=False),
        sa.Column("prepared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_by", sa.Text(), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status = 'paid') = (released_at IS NOT NULL)", name=op.f("ck_statement_released")
        ),
        sa.CheckConstraint("status IN ('payable', 'paid')", name=op.f("ck_statement_status")),
        sa.CheckConstraint(
            "gross_cents >= 0 AND clawback_cents >= 0", name=op.f("ck_statement_amounts")
        ),
        sa.CheckConstraint(
            "released_by IS NULL OR released_by <> prepared_by", name=op.f("ck_statement_four_eyes")
        ),
        sa.CheckConstraint(
            "total_cents = gross_cents - clawback_cents", name=op.f("ck_statement_total")
        ),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["organisation.id"], name=op.f("fk_statement_provider_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement")),
        sa.UniqueConstraint("number", name=op.f("uq_statement_number")),
        sa.UniqueConstraint("provider_id", "period", name=op.f("uq_statement_provider_id_period")),
        sqlite_strict=True,
    )
    op.create_table(
        "account",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_account_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("number", name=op.f("uq_account_number")),
        sa.UniqueConstraint("person_id", name=op.f("uq_account_person_id")),
        postgresql_with={"fillfactor": 70},
        sqlite_strict=True,
    )
    op.create_table(
        "api_key",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("key_hash", sa.Text(), nullable=False),
        sa.Column("membership_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["membership_id"], ["membership.id"], name=op.f("fk_api_key_membership_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_api_key_key_hash")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_api_key_membership_id"), "api_key", ["membership_id"], unique=False)
    op.create_table(
        "budget_payment",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("scheme_id", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_budget_payment_amount")),
        sa.ForeignKeyConstraint(
            ["scheme_id"], ["scheme.id"], name=op.f("fk_budget_payment_scheme_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_budget_payment")),
        sa.UniqueConstraint(
            "scheme_id", "reference", name=op.f("uq_budget_payment_scheme_id_reference")
        ),
        sqlite_strict=True,
    )
    op.create_table(
        "course",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=False),
        sa.Column("programme_id", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("outcomes", sa.JSON(), nullable=False),
        sa.Column("skills", sa.JSON(), nullable=False),
        sa.Column("sector", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("workload_hours", sa.BigInteger(), nullable=False),
        sa.Column("ects_tenths", sa.BigInteger(), nullable=True),
        sa.Column("eqf_level", sa.BigInteger(), nullable=True),
        sa.Column("level_reference", sa.Text(), nullable=True),
        sa.Column("assessment", sa.Text(), nullable=False),
        sa.Column("supervision", sa.Text(), nullable=False),
        sa.Column("quality_assurance", sa.Text(), nullable=False),
        sa.Column("quality_assurance_url", sa.Text(), nullable=True),
        sa.Column("prerequisites", sa.Text(), nullable=False),
        sa.Column("is_micro_credential", sa.Boolean(), nullable=False),
        sa.Column("price_cents", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "assessment IN ('testing', 'application', 'portfolio', 'recognition', 'none')",
            name=op.f("ck_course_assessment"),
        ),
        sa.CheckConstraint(
            "form IN ('classroom', 'online', 'blended', 'workplace')", name=op.f("ck_course_form")
        ),
        sa.CheckConstraint(
            "status <> 'published' OR NOT is_micro_credential OR (assessment <> 'none' AND quality_assurance <> '')",
            name=op.f("ck_course_micro_credential_is_assessed"),
        ),
        sa.CheckConstraint(
            "status <> 'published' OR published_at IS NOT NULL",
            name=op.f("ck_course_published_has_moment"),
        ),
        sa.CheckConstraint(
            "status IN ('draft', 'published', 'withdrawn')", name=op.f("ck_course_status")
        ),
        sa.CheckConstraint(
            "supervision IN ('none', 'supervised', 'supervised_online_id', 'supervised_onsite_id')",
            name=op.f("ck_course_supervision"),
        ),
        sa.CheckConstraint("ects_tenths > 0", name=op.f("ck_course_ects")),
        sa.CheckConstraint("eqf_level BETWEEN 1 AND 8", name=op.f("ck_course_eqf_level")),
        sa.CheckConstraint(
            "eqf_level IS NULL OR level_reference IS NOT NULL",
            name=op.f("ck_course_level_is_classified"),
        ),
        sa.CheckConstraint("price_cents >= 0", name=op.f("ck_course_price")),
        sa.CheckConstraint("workload_hours > 0", name=op.f("ck_course_workload")),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programme.id"], name=op.f("fk_course_programme_id")
        ),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["organisation.id"], name=op.f("fk_course_provider_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_course")),
        sa.UniqueConstraint("provider_id", "code", name=op.f("uq_course_provider_id_code")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_course_programme_id"), "course", ["programme_id"], unique=False)
    op.create_index("ix_course_published", "course", ["status", "title", "id"], unique=False)
    op.create_table(
        "grant_round",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("scheme_id", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("opens_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("budget", sa.BigInteger(), nullable=False),
        sa.Column("granted", sa.BigInteger(), nullable=False),
        sa.Column("request_count", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("method IN ('first_come')", name=op.f("ck_grant_round_method")),
        sa.CheckConstraint("status IN ('open', 'closed')", name=op.f("ck_grant_round_status")),
        sa.CheckConstraint("amount > 0 AND budget >= amount", name=op.f("ck_grant_round_amounts")),
        sa.CheckConstraint(
            "granted >= 0 AND granted <= budget", name=op.f("ck_grant_round_granted")
        ),
        sa.CheckConstraint("opens_at < closes_at", name=op.f("ck_grant_round_span")),
        sa.CheckConstraint("request_count >= 0", name=op.f("ck_grant_round_request_count")),
        sa.ForeignKeyConstraint(
            ["scheme_id"], ["scheme.id"], name=op.f("fk_grant_round_scheme_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grant_round")),
        postgresql_with={"fillfactor": 50},
        sqlite_strict=True,
    )
    op.create_index(
        "ix_grant_round_closes_at", "grant_round", ["status", "closes_at"], unique=False
    )
    op.create_index("ix_grant_round_scheme", "grant_round", ["scheme_id", "id"], unique=False)
    op.create_table(
        "journal_fund",
        sa.Column("scheme_id", sa.Text(), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("balance >= 0", name=op.f("ck_journal_fund_balance")),
        sa.ForeignKeyConstraint(
            ["scheme_id"], ["scheme.id"], name=op.f("fk_journal_fund_scheme_id")
        ),
        sa.PrimaryKeyConstraint("scheme_id", name=op.f("pk_journal_fund")),
        postgresql_with={"fillfactor": 50},
        sqlite_strict=True,
    )
    op.create_table(
        "scheme_rule",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("scheme_id", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accrual_period", sa.Text(), nullable=False),
        sa.Column("accrual_minor", sa.BigInteger(), nullable=False),
        sa.Column("accrual_low_minor", sa.BigInteger(), nullable=False),
        sa.Column("cap_minor", sa.BigInteger(), nullable=False),
        sa.Column("cap_low_minor", sa.BigInteger(), nullable=False),
        sa.Column("low_level_until", sa.BigInteger(), nullable=False),
        sa.Column("full_from_percent", sa.BigInteger(), nullable=False),
        sa.Column("expiry_months", sa.BigInteger(), nullable=True),
        sa.Column("regions", sa.JSON(), nullable=False),
        sa.Column("holder_sectors", sa.JSON(), nullable=False),
        sa.Column("employers", sa.JSON(), nullable=False),
        sa.Column("age_from", sa.BigInteger(), nullable=False),
        sa.Column("age_until", sa.BigInteger(), nullable=False),
        sa.Column("course_sectors", sa.JSON(), nullable=False),
        sa.Column("forms", sa.JSON(), nullable=False),
        sa.Column("course_ids", sa.JSON(), nullable=False),
        sa.Column("share_percent", sa.BigInteger(), nullable=False),
        sa.Column("max_per_course_minor", sa.BigInteger(), nullable=True),
        sa.Column("cooling_off_days", sa.BigInteger(), nullable=False),
        sa.Column("free_until_days", sa.BigInteger(), nullable=False),
        sa.Column("late_percent", sa.BigInteger(), nullable=False),
        sa.Column("rest_when_late", sa.Text(), nullable=False),
        sa.Column("abandoned_below", sa.BigInteger(), nullable=False),
        sa.Column("abandoned_percent", sa.BigInteger(), nullable=False),
        sa.Column("rest_when_abandoned", sa.Text(), nullable=False),
        sa.Column("complete_from", sa.BigInteger(), nullable=False),
        sa.Column("four_eyes_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "accrual_period IN ('none', 'month', 'year')",
            name=op.f("ck_scheme_rule_accrual_period"),
        ),
        sa.CheckConstraint(
            "rest_when_abandoned IN ('lost', 'back')",
            name=op.f("ck_scheme_rule_rest_when_abandoned"),
        ),
        sa.CheckConstraint(
            "rest_when_late IN ('lost', 'back')", name=op.f("ck_scheme_rule_rest_when_late")
        ),
        sa.CheckConstraint(
            "accrual_minor >= 0 AND accrual_low_minor >= 0 AND cap_minor >= 0 AND cap_low_minor >= 0 AND four_eyes_minor >= 0",
            name=op.f("ck_scheme_rule_amounts"),
        ),
        sa.CheckConstraint(
            "cooling_off_days BETWEEN 0 AND 60", name=op.f("ck_scheme_rule_cooling_off_days")
        ),
        sa.CheckConstraint("expiry_months > 0", name=op.f("ck_scheme_rule_expiry_months")),
        sa.CheckConstraint(
            "free_until_days BETWEEN 0 AND 60", name=op.f("ck_scheme_rule_free_until_days")
        ),
        sa.CheckConstraint(
            "late_percent BETWEEN 0 AND 100 AND abandoned_percent BETWEEN 0 AND 100 AND abandoned_below BETWEEN 0 AND 100 AND complete_from BETWEEN 1 AND 100",
            name=op.f("ck_scheme_rule_percents"),
        ),
        sa.CheckConstraint("max_per_course_minor > 0", name=op.f("ck_scheme_rule_max_per_course")),
        sa.CheckConstraint(
            "share_percent BETWEEN 1 AND 100", name=op.f("ck_scheme_rule_share_percent")
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_scheme_rule_version")),
        sa.ForeignKeyConstraint(
            ["scheme_id"], ["scheme.id"], name=op.f("fk_scheme_rule_scheme_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scheme_rule")),
        sa.UniqueConstraint(
            "scheme_id", "valid_from", name=op.f("uq_scheme_rule_scheme_id_valid_from")
        ),
        sa.UniqueConstraint("scheme_id", "version", name=op.f("uq_scheme_rule_scheme_id_version")),
        sqlite_strict=True,
    )
    op.create_table(
        "user_session",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("membership_id", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["membership_id"], ["membership.id"], name=op.f("fk_user_session_membership_id")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_user_session_user_id")
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_user_session")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_user_session_user_id"), "user_session", ["user_id"], unique=False)
    op.create_table(
        "accreditation",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=False),
        sa.Column("course_id", sa.Text(), nullable=True),
        sa.Column("quality_mark", sa.Text(), nullable=False),
        sa.Column("evidence_url", sa.Text(), nullable=False),
        sa.Column("sectors", sa.JSON(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("suspension_reason", sa.Text(), nullable=True),
        sa.Column("suspended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reply_until", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "lower(quality_mark) <> 'crkbo'", name=op.f("ck_accreditation_not_a_vat_register")
        ),
        sa.CheckConstraint(
            "status <> 'suspended' OR (suspension_reason IS NOT NULL AND reply_until IS NOT NULL)",
            name=op.f("ck_accreditation_suspension_has_reason_and_deadline"),
        ),
        sa.CheckConstraint(
            "status IN ('granted', 'suspended', 'withdrawn')", name=op.f("ck_accreditation_status")
        ),
        sa.CheckConstraint("valid_until >= valid_from", name=op.f("ck_accreditation_dates")),
        sa.ForeignKeyConstraint(
            ["course_id"], ["course.id"], name=op.f("fk_accreditation_course_id")
        ),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["organisation.id"], name=op.f("fk_accreditation_provider_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accreditation")),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_accreditation_provider", "accreditation", ["provider_id", "course_id"], unique=False
    )
    op.create_table(
        "accrual_run",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("scheme_id", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("credited_count", sa.BigInteger(), nullable=False),
        sa.Column("credited_total", sa.BigInteger(), nullable=False),
        sa.Column("first_run_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_run_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.Column("to_visit", sa.BigInteger(), nullable=False),
        sa.Column("visited", sa.BigInteger(), nullable=False),
        sa.Column("promised", sa.BigInteger(), nullable=False),
        sa.Column("pass_count", sa.BigInteger(), nullable=False),
        sa.Column("pass_total", sa.BigInteger(), nullable=False),
        sa.Column("not_eligible", sa.BigInteger(), nullable=False),
        sa.Column("at_cap", sa.BigInteger(), nullable=False),
        sa.Column("nothing_due", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("status IN ('running', 'done')", name=op.f("ck_accrual_run_status")),
        sa.CheckConstraint(
            "pass_count >= 0 AND pass_count <= credited_count AND pass_total >= 0 AND pass_total <= credited_total",
            name=op.f("ck_accrual_run_progress"),
        ),
        sa.ForeignKeyConstraint(
            ["rule_id"], ["scheme_rule.id"], name=op.f("fk_accrual_run_rule_id")
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id"], ["scheme.id"], name=op.f("fk_accrual_run_scheme_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accrual_run")),
        sa.UniqueConstraint("scheme_id", "period", name=op.f("uq_accrual_run_scheme_id_period")),
        sqlite_strict=True,
    )
    op.create_table(
        "consent_code",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_for", sa.Text(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "used_at IS NULL OR withdrawn_at IS NULL",
            name=op.f("ck_consent_code_used_or_withdrawn"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_consent_code_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_code")),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_consent_code_open", "consent_code", ["account_id", "code_hash"], unique=False
    )
    op.create_table(
        "course_price",
        sa.Column("course_id", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("price_cents", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("price_cents >= 0", name=op.f("ck_course_price_price")),
        sa.ForeignKeyConstraint(
            ["course_id"], ["course.id"], name=op.f("fk_course_price_course_id")
        ),
        sa.PrimaryKeyConstraint("course_id", "changed_at", name=op.f("pk_course_price")),
        sqlite_strict=True,
    )
    op.create_table(
        "course_run",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("course_id", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("capacity", sa.BigInteger(), nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.CheckConstraint("status IN ('planned', 'cancelled')", name=op.f("ck_course_run_status")),
        sa.CheckConstraint("capacity > 0", name=op.f("ck_course_run_capacity")),
        sa.CheckConstraint("ends_on >= starts_on", name=op.f("ck_course_run_dates")),
        sa.CheckConstraint("taken BETWEEN 0 AND capacity", name=op.f("ck_course_run_taken")),
        sa.ForeignKeyConstraint(["course_id"], ["course.id"], name=op.f("fk_course_run_course_id")),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["organisation.id"], name=op.f("fk_course_run_provider_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_course_run")),
        postgresql_with={"fillfactor": 50},
        sqlite_strict=True,
    )
    op.create_index("ix_course_run_course", "course_run", ["course_id", "starts_on"], unique=False)
    op.create_index(op.f("ix_course_run_provider_id"), "course_run", ["provider_id"], unique=False)
    op.create_table(
        "credential",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("enrolment_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=False),
        sa.Column("course_id", sa.Text(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("awarded_on", sa.Date(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revocation_reason", sa.Text(), nullable=True),
        sa.Column("shows_name", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "(status = 'issued') = (revoked_at IS NULL) AND (revoked_at IS NULL) = (revocation_reason IS NULL)",
            name=op.f("ck_credential_revocation"),
        ),
        sa.CheckConstraint(
            "revocation_reason IN ('error', 'fraud', 'withdrawn', 'superseded')",
            name=op.f("ck_credential_reason"),
        ),
        sa.CheckConstraint(
            "status IN ('issued', 'revoked', 'superseded')", name=op.f("ck_credential_status")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_credential_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["organisation.id"], name=op.f("fk_credential_provider_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credential")),
        sa.UniqueConstraint("enrolment_id", name=op.f("uq_credential_enrolment_id")),
        sa.UniqueConstraint("token", name=op.f("uq_credential_token")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_credential_account_id"), "credential", ["account_id"], unique=False)
    op.create_index(op.f("ix_credential_provider_id"), "credential", ["provider_id"], unique=False)
    op.create_table(
        "grant_batch",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("scheme_id", sa.Text(), nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=True),
        sa.Column("file_sha256", sa.Text(), nullable=True),
        sa.Column("row_count", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("needs_second", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("handled_line", sa.BigInteger(), nullable=False),
        sa.Column("granted_count", sa.BigInteger(), nullable=False),
        sa.Column("granted_total", sa.BigInteger(), nullable=False),
        sa.Column("refused_count", sa.BigInteger(), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status <> 'committed' OR granted_count + refused_count = row_count",
            name=op.f("ck_grant_batch_whole"),
        ),
        sa.CheckConstraint(
            "status IN ('preview', 'awaiting', 'granting', 'committed', 'rejected')",
            name=op.f("ck_grant_batch_status"),
        ),
        sa.CheckConstraint(
            "status NOT IN ('granting', 'committed') OR (decided_by IS NOT NULL AND (NOT needs_second OR decided_by <> made_by))",
            name=op.f("ck_grant_batch_four_eyes"),
        ),
        sa.CheckConstraint(
            "decided_by IS NULL OR decided_at IS NOT NULL", name=op.f("ck_grant_batch_decided")
        ),
        sa.CheckConstraint(
            "granted_count >= 0 AND refused_count >= 0 AND granted_count + refused_count <= row_count AND granted_total >= 0 AND granted_total <= total",
            name=op.f("ck_grant_batch_progress"),
        ),
        sa.CheckConstraint("total > 0 AND row_count > 0", name=op.f("ck_grant_batch_size")),
        sa.ForeignKeyConstraint(
            ["rule_id"], ["scheme_rule.id"], name=op.f("fk_grant_batch_rule_id")
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id"], ["scheme.id"], name=op.f("fk_grant_batch_scheme_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grant_batch")),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_grant_batch_made", "grant_batch", ["scheme_id", "made_by", "decided_at"], unique=False
    )
    op.create_index("ix_grant_batch_scheme", "grant_batch", ["scheme_id", "id"], unique=False)
    op.create_index(
        "uq_grant_batch_file",
        "grant_batch",
        ["scheme_id", "file_sha256"],
        unique=True,
        sqlite_where=sa.text("status <> 'rejected'"),
        postgresql_where=sa.text("status <> 'rejected'"),
    )
    op.create_table(
        "enrolment",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("course_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("begun_by", sa.Text(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("price_cents", sa.BigInteger(), nullable=False),
        sa.Column("own_share_cents", sa.BigInteger(), nullable=False),
        sa.Column("confirm_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cooling_off_until", sa.Date(), nullable=True),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hold_id", sa.Text(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("grade", sa.Text(), nullable=True),
        sa.Column("attended_percent", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status IN ('offered', 'requested', 'confirmed', 'started')) = (ended_at IS NULL)",
            name=op.f("ck_enrolment_ended"),
        ),
        sa.CheckConstraint(
            "begun_by IN ('holder', 'provider')", name=op.f("ck_enrolment_begun_by")
        ),
        sa.CheckConstraint(
            "result IN ('passed', 'failed', 'attended')", name=op.f("ck_enrolment_result")
        ),
        sa.CheckConstraint(
            "status IN ('offered', 'requested', 'confirmed', 'started', 'completed', 'partially_completed', 'abandoned', 'failed', 'declined', 'withdrawn', 'cancelled_by_provider', 'cancelled_late', 'force_majeure', 'lapsed')",
            name=op.f("ck_enrolment_status"),
        ),
        sa.CheckConstraint(
            "attended_percent BETWEEN 0 AND 100", name=op.f("ck_enrolment_attended_percent")
        ),
        sa.CheckConstraint("own_share_cents <= price_cents", name=op.f("ck_enrolment_own_share")),
        sa.CheckConstraint(
            "price_cents >= 0 AND own_share_cents >= 0", name=op.f("ck_enrolment_amounts")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_enrolment_account_id")
        ),
        sa.ForeignKeyConstraint(["course_id"], ["course.id"], name=op.f("fk_enrolment_course_id")),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["organisation.id"], name=op.f("fk_enrolment_provider_id")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["course_run.id"], name=op.f("fk_enrolment_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrolment")),
        postgresql_with={"fillfactor": 60},
        sqlite_strict=True,
    )
    op.create_index("ix_enrolment_account", "enrolment", ["account_id", "id"], unique=False)
    op.create_index("ix_enrolment_provider", "enrolment", ["provider_id", "id"], unique=False)
    op.create_index("ix_enrolment_run", "enrolment", ["run_id"], unique=False)
    op.create_index(
        "uq_enrolment_active",
        "enrolment",
        ["account_id", "course_id"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "run_session",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_run_session_times")),
        sa.ForeignKeyConstraint(["run_id"], ["course_run.id"], name=op.f("fk_run_session_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run_session")),
        sa.UniqueConstraint("run_id", "starts_at", name=op.f("uq_run_session_run_id_starts_at")),
        sqlite_strict=True,
    )
    op.create_table(
        "attendance",
        sa.Column("enrolment_id", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("present", sa.Boolean(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("holder_says", sa.Text(), nullable=True),
        sa.Column("holder_said_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "holder_says IN ('confirmed', 'disputed')", name=op.f("ck_attendance_holder_says")
        ),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolment.id"], name=op.f("fk_attendance_enrolment_id")
        ),
        sa.ForeignKeyConstraint(
            ["session_id"], ["run_session.id"], name=op.f("fk_attendance_session_id")
        ),
        sa.PrimaryKeyConstraint("enrolment_id", "session_id", name=op.f("pk_attendance")),
        sqlite_strict=True,
    )
    op.create_table(
        "declaration",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=False),
        sa.Column("enrolment_id", sa.Text(), nullable=False),
        sa.Column("transaction_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("payable_on", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("hold_reason", sa.Text(), nullable=True),
        sa.Column("hold_until", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('settlement', 'clawback')", name=op.f("ck_declaration_kind")),
        sa.CheckConstraint(
            "status <> 'on_hold' OR (hold_reason IS NOT NULL AND hold_until IS NOT NULL)",
            name=op.f("ck_declaration_hold_has_reason_and_deadline"),
        ),
        sa.CheckConstraint(
            "status IN ('payable', 'on_hold', 'paid', 'awaiting_clawback', 'clawed_back', 'voided')",
            name=op.f("ck_declaration_status"),
        ),
        sa.CheckConstraint("amount_cents > 0", name=op.f("ck_declaration_amount")),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolment.id"], name=op.f("fk_declaration_enrolment_id")
        ),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["organisation.id"], name=op.f("fk_declaration_provider_id")
        ),
        sa.ForeignKeyConstraint(
            ["transaction_id"],
            ["journal_transaction.id"],
            name=op.f("fk_declaration_transaction_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_declaration")),
        sa.UniqueConstraint("enrolment_id", "kind", name=op.f("uq_declaration_enrolment_id_kind")),
        sa.UniqueConstraint("transaction_id", name=op.f("uq_declaration_transaction_id")),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_declaration_provider",
        "declaration",
        ["provider_id", "status", "payable_on"],
        unique=False,
    )
    op.create_table(
        "statement_line",
        sa.Column("statement_id", sa.Text(), nullable=False),
        sa.Column("declaration_id", sa.Text(), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("pay_on", sa.Date(), nullable=False),
        sa.CheckConstraint("amount_cents <> 0", name=op.f("ck_statement_line_amount")),
        sa.ForeignKeyConstraint(
            ["declaration_id"], ["declaration.id"], name=op.f("fk_statement_line_declaration_id")
        ),
        sa.ForeignKeyConstraint(
            ["statement_id"], ["statement.id"], name=op.f("fk_statement_line_statement_id")
        ),
        sa.PrimaryKeyConstraint("statement_id", "declaration_id", name=op.f("pk_statement_line")),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_statement_line_declaration", "statement_line", ["declaration_id"], unique=False
    )
    op.create_index(
        "uq_statement_line_owed_once",
        "statement_line",
        ["declaration_id"],
        unique=True,
        sqlite_where=sa.text("amount_cents > 0"),
        postgresql_where=sa.text("amount_cents > 0"),
    )
