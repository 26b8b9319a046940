"""The books for funders and their auditors: figures that agree, every posting, exports."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from flask import Response, render_template, request, stream_with_context
from flask_babel import gettext

from ledger.errors import DomainError
from ledger.files import stream_csv
from ledger.funders import audit
from ledger.funders.audit import Figures, Filter, PostingView
from ledger.funders.schemas import PostingsAsked
from ledger.funders.views.labels import room
from ledger.funders.views.own import Page, figures, pseudonyms
from ledger.money import EUR
from ledger.web import auth, forms, unit
from ledger.web.auth import current_actor
from ledger.web.i18n import language

blueprint = room("audit", __name__)


@blueprint.get("/audit")
@auth.roles("funder", "auditor")
def overview() -> Page:
    """Show every scheme of the reader with its figures."""
    with unit.reading() as session:
        found = audit.overview(session, current_actor())
    return render_template("funders/audit.html", schemes=found)


@blueprint.get("/audit/schemes/<scheme_id>")
@auth.roles("funder", "auditor")
def scheme(scheme_id: str) -> Page:
    """Show where the budget of a scheme is, and that the books agree."""
    return render_template("funders/audit_scheme.html", scheme=figures(scheme_id))


@blueprint.get("/audit/schemes/<scheme_id>/postings")
@auth.roles("funder", "auditor")
def postings(scheme_id: str) -> Page:
    """List the postings of a scheme."""
    found = figures(scheme_id)
    try:
        which = Filter(**forms.load(PostingsAsked, request.args))
    except DomainError as error:
        return _postings_page(found, Filter(), error), error.status
    return _postings_page(found, which, None)


@blueprint.get("/audit/schemes/<scheme_id>/postings.csv")
@auth.roles("funder", "auditor")
def export(scheme_id: str) -> Response:
    """Send the postings of a scheme as CSV, with the same filter as the page."""
    found = figures(scheme_id)
    which = Filter(**forms.load(PostingsAsked, request.args))
    header = [
        gettext("Transaction"),
        gettext("Line"),
        gettext("Date"),
        gettext("Kind"),
        gettext("Place"),
        gettext("Amount"),
        gettext("Unit"),
        gettext("Account"),
        gettext("Budget"),
        gettext("Provider"),
    ]
    content = stream_csv(_cells(found, which), header, language())
    response = Response(stream_with_context(content), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{found.scheme_id}.csv"'
    return response


@blueprint.get("/audit/transactions/<transaction_id>")
@auth.roles("funder", "auditor")
def transaction(transaction_id: str) -> Page:
    """Show a transaction with all lines of the reader's funder."""
    with unit.reading() as session:
        found = audit.transaction(session, current_actor(), transaction_id, pseudonyms())
    return render_template("funders/audit_transaction.html", entry=found)


def _postings_page(found: Figures, which: Filter, error: DomainError | None) -> str:
    with unit.reading() as session:
        page = audit.postings(
            session,
            current_actor(),
            found.scheme_id,
            pseudonyms(),
            which,
            request.args.get("cursor"),
        )
    return render_template(
        "funders/postings.html",
        scheme=found,
        page=page,
        values=request.args,
        errors=forms.texts(error) if error else {},
    )


def _cells(found: Figures, which: Filter) -> Iterator[tuple[object, ...]]:
    with unit.reading() as session:
        for line in audit.every_posting(
            session, current_actor(), found.scheme_id, pseudonyms(), which
        ):
            yield (
                line.transaction_id,
                line.line,
                line.occurred_on,
                line.kind,
                line.bucket,
                _whole_units(line),
                line.unit,
                line.account,
                line.lot_id,
                line.provider,
            )


def _whole_units(line: PostingView) -> object:
    return Decimal(line.amount).scaleb(-2) if line.unit == EUR else line.amount
