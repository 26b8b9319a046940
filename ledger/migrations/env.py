"""Alembic's entry: runs migrations on the connection that :mod:`ledger.migrations` hands over."""

from __future__ import annotations

from alembic import context

import ledger.accounts.models
import ledger.certificates.models
import ledger.funders.models
import ledger.providers.models
import ledger.web.models  # noqa: F401
from ledger.db import Base, strict_tables

strict_tables()

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    compare_type=False,  # names of types differ per engine; a test compares the columns
    render_as_batch=False,
)
# The caller holds the transaction, so that the whole upgrade stands or falls together.
context.run_migrations()
