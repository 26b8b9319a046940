"""The books for funders and their auditors: figures that agree, every posting, exports."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from flask import Response, render_template, request, stream_with_context
from flask_babel import gettext

from ledger.accounts.moments import AsOf, asked_for
from ledger.accounts.schemas import MomentForm
from ledger.accounts.seals import proofs
from ledger.accounts.views import moments
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
    """Show every scheme of the reader with its figures, as of a moment when asked."""
    with unit.reading() as session:
        asked = moments.asked(session)
        found = audit.overview(session, current_actor(), asked.then)
    return render_template("funders/audit.html", schemes=found, **asked.context), asked.status


@blueprint.get("/audit/schemes/<scheme_id>")
@auth.roles("funder", "auditor")
def scheme(scheme_id: str) -> Page:
    """Show where the budget of a scheme is, as of a moment when asked, and that the books agree.

    With ``?accounts=1`` the figures of now are counted again from all accounts.
    """
    with unit.reading() as session:
        asked = moments.asked(session)
        found = audit.figures(session, current_actor(), scheme_id, asked.then)
        again = None
        if request.args.get("accounts") and not asked.then:
            again = audit.guards(session, current_actor(), scheme_id)
    body = render_template("funders/audit_scheme.html", scheme=found, guards=again, **asked.context)
    return body, asked.status


@blueprint.get("/audit/schemes/<scheme_id>/postings")
@auth.roles("funder", "auditor")
def postings(scheme_id: str) -> Page:
    """List the postings of a scheme."""
    found = figures(scheme_id)
    try:
        which = Filter(**forms.load(PostingsAsked, request.args))
    except DomainError as error:
        return _postings_page(found, Filter(), error)
    return _postings_page(found, which, None)


@blueprint.get("/audit/schemes/<scheme_id>/postings.csv")
@auth.roles("funder", "auditor")
def export(scheme_id: str) -> Response:
    """Send the postings of a scheme as CSV, with the same filter and moment as the page."""
    found = figures(scheme_id)
    which = Filter(**forms.load(PostingsAsked, request.args))
    moment = forms.load(MomentForm, request.args)["as_of"]
    with unit.reading() as session:
        then = asked_for(session, moment)
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
    name = found.scheme_id
    if then:
        # The seal stands in every line, so that a part of the file can be proved as well.
        header += [gettext("As of"), gettext("Transactions under the seal"), gettext("Root")]
        name += f"-{then.counted_until:%Y%m%dT%H%M%SZ}"
    content = stream_csv(_cells(found, which, then), header, language())
    response = Response(stream_with_context(content), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


@blueprint.get("/audit/transactions/<transaction_id>")
@auth.roles("funder", "auditor")
def transaction(transaction_id: str) -> Page:
    """Show a transaction with all lines of the reader's funder."""
    with unit.reading() as session:
        asked = moments.asked(session)
        found = audit.transaction(
            session, current_actor(), transaction_id, pseudonyms(), asked.then
        )
        sealed = proofs.sealed(session, transaction_id)
    body = render_template(
        "funders/audit_transaction.html", entry=found, sealed=sealed, **asked.context
    )
    return body, asked.status


def _postings_page(found: Figures, which: Filter, error: DomainError | None) -> Page:
    with unit.reading() as session:
        asked = moments.asked(session)
        page = audit.postings(
            session,
            current_actor(),
            found.scheme_id,
            pseudonyms(),
            which,
            request.args.get("cursor"),
            then=asked.then,
        )
    errors = {**asked.errors, **(forms.texts(error) if error else {})}
    body = render_template(
        "funders/postings.html", scheme=found, page=page, **{**asked.context, "errors": errors}
    )
    return body, error.status if error else asked.status


def _cells(found: Figures, which: Filter, then: AsOf | None) -> Iterator[tuple[object, ...]]:
    seal = (then.counted_until.isoformat(), then.size, then.root) if then else ()
    with unit.reading() as session:
        for line in audit.every_posting(
            session, current_actor(), found.scheme_id, pseudonyms(), which, then
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
                *seal,
            )


def _whole_units(line: PostingView) -> object:
    return Decimal(line.amount).scaleb(-2) if line.unit == EUR else line.amount
