"""The operator's view of the books: every transaction, by account number and never by name."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from ledger.accounts import queries, wording
from ledger.accounts.seals import proofs
from ledger.messages import N_
from ledger.web import navigation
from ledger.web.auth import roles
from ledger.web.unit import reading

blueprint = Blueprint("journal", __name__, template_folder="../templates")
navigation.add("operator", N_("Journal"), "journal.list_transactions")


@blueprint.get("/operator/journal")
@roles("operator")
def list_transactions() -> str:
    """List all transactions, last recorded first; of one kind when asked."""
    kind = request.args.get("kind") or None
    with reading() as session:
        page = queries.journal(session, kind, request.args.get("cursor"))
    return render_template(
        "accounts/journal.html", transactions=page, kind=kind, kinds=wording.KINDS
    )


@blueprint.get("/operator/journal/<transaction_id>")
@roles("operator")
def show(transaction_id: str) -> str:
    """Show a transaction with its postings."""
    with reading() as session:
        entry = queries.transaction(session, transaction_id)
        sealed = proofs.sealed(session, transaction_id)
    return render_template(
        "accounts/journal_entry.html",
        entry=entry,
        sealed=sealed,
        kinds=wording.KINDS,
        buckets=wording.BUCKETS,
    )
