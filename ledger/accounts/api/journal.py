"""Calls for the operator: the journal, by account number and never by name."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ledger.accounts import queries, schemas
from ledger.web.auth import roles
from ledger.web.openapi import PREFIX, Blueprint
from ledger.web.unit import reading

blueprint = Blueprint(
    "journal-api", __name__, url_prefix=PREFIX, description="All transactions, for the operator."
)


@blueprint.get("/journal")
@blueprint.arguments(schemas.JournalAsked, location="query")
@blueprint.response(200, schemas.JournalPage)
@roles("operator")
def list_journal(asked: dict[str, Any]) -> Any:
    """Every transaction, last recorded first."""
    with reading() as session:
        return queries.journal(session, asked.get("kind"), asked.get("cursor"), asked.get("limit"))


@blueprint.get("/journal/<transaction_id>")
@blueprint.response(200, schemas.JournalEntry)
@roles("operator")
def show_transaction(transaction_id: str) -> dict[str, Any]:
    """One transaction with all its postings."""
    with reading() as session:
        found = queries.transaction(session, transaction_id)
    return {**asdict(found.row), "postings": found.lines}
