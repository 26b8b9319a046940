"""The operator's pages about paying providers: prepare, release, send to the bank."""

from __future__ import annotations

from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext
from werkzeug.wrappers import Response as AnyResponse

from ledger import clock
from ledger.accounts import organisations
from ledger.errors import DomainError, Invalid
from ledger.messages import N_
from ledger.providers import payouts, releases
from ledger.providers.queries import statements as queries
from ledger.providers.schemas.payouts import PrepareForm, ReleaseForm
from ledger.providers.views.own import today
from ledger.providers.views.payout_words import (
    STATEMENT_STATES,
    attachment,
    csv,
    payout_room,
)
from ledger.web import auth, forms, navigation, unit

Page = str | tuple[str, int] | AnyResponse

blueprint = payout_room("statements", __name__)
navigation.add("operator", N_("Payments"), "statements.index")


@blueprint.get("/operator/statements")
@auth.roles("operator")
def index() -> Page:
    """Show who is due money for a month, and the statements so far."""
    return _index({}, request.args)


@blueprint.post("/operator/statements")
@auth.roles("operator")
def prepare() -> Page:
    """Prepare the statement of one provider for a month, or of all that are due money."""
    try:
        given = forms.load(PrepareForm, request.form)
        if given["provider"]:
            statement = unit.perform(payouts.prepare, given["provider"], given["period"])
            flash(gettext("The statement is prepared. Someone else can release it."))
            return _to(statement.id)
        made = unit.perform(payouts.prepare_all, given["period"])
    except DomainError as error:
        return _index(forms.texts(error), request.form), error.status
    flash(
        ngettext(
            "%(num)d statement is prepared. Someone else can release it.",
            "%(num)d statements are prepared. Someone else can release them.",
            len(made),
        )
    )
    return redirect(url_for("statements.index", period=given["period"]), 303)


@blueprint.get("/operator/statements/<statement_id>")
@auth.roles("operator")
def show(statement_id: str) -> Page:
    """Show a statement with its lines."""
    return _page(statement_id, {})


@blueprint.post("/operator/statements/<statement_id>/release")
@auth.roles("operator")
def release(statement_id: str) -> Page:
    """Release a statement; needs the password again, and another person than the preparer."""
    try:
        forms.load(ReleaseForm, request.form)
        if not auth.confirmed_by_password(request.form["password"]):
            raise Invalid(N_("This is not your password."), field="password")
        unit.perform(releases.release, statement_id)
    except DomainError as error:
        return _page(statement_id, forms.texts(error)), error.status
    flash(gettext("The statement is released. Send the payment file to the bank."))
    return _to(statement_id)


@blueprint.get("/operator/statements/<statement_id>/payment.xml")
@auth.roles("operator")
def payment_file(statement_id: str) -> Response:
    """Download the pain.001 file of one statement."""
    with unit.reading() as session:
        number = queries.statement(session, statement_id).number
        data = queries.payment_file(session, statement_id)
    return attachment(data, f"{number}.xml", "application/xml")


@blueprint.get("/operator/statements/<statement_id>/lines.csv")
@auth.roles("operator")
def lines(statement_id: str) -> Response:
    """Download the lines of a statement."""
    with unit.reading() as session:
        found = queries.statement(session, statement_id)
        return csv(found, queries.lines(session, statement_id))


@blueprint.get("/operator/payments/<period>.xml")
@auth.roles("operator")
def payment_file_of_period(period: str) -> Response:
    """Download one pain.001 file with all statements of a month."""
    payouts.check_period(period, today())
    with unit.reading() as session:
        data = queries.payment_file_of_period(session, period)
    return attachment(data, f"LR-{period}.xml", "application/xml")


@blueprint.get("/operator/providers/<provider_id>/payments")
@auth.roles("operator")
def provider(provider_id: str) -> Page:
    """Show what one provider will be paid and was paid."""
    with unit.reading() as session:
        organisation = organisations.get(session, provider_id, "provider")
        upcoming = queries.upcoming(session, provider_id, today())
        page = queries.statements(session, provider_id, cursor=request.args.get("cursor"))
    return render_template(
        "providers/payments_of_provider.html",
        provider=organisation,
        upcoming=upcoming,
        page=page,
    )


def _index(errors: dict[str, list[str]], values: Any) -> str:
    period = values.get("period") or _last_month()
    status = request.args.get("status", "")
    try:
        payouts.check_period(period, today())
    except Invalid as error:
        errors = errors or forms.texts(error)
        period = _last_month()
    with unit.reading() as session:
        waiting = queries.waiting(session, period)
        has_file = queries.has_payment_file(session, period)
        page = queries.statements(
            session,
            period=period if request.args.get("period") else None,
            status=status if status in STATEMENT_STATES else None,
            cursor=request.args.get("cursor"),
        )
    return render_template(
        "providers/statements.html",
        page=page,
        waiting=waiting,
        has_file=has_file,
        period=period,
        status=status,
        errors=errors,
        values=values,
    )


def _page(statement_id: str, errors: dict[str, list[str]]) -> str:
    with unit.reading() as session:
        statement = queries.statement(session, statement_id)
        found = queries.lines(session, statement_id)
        names = queries.names(session, {statement.prepared_by, statement.released_by})
    actor = auth.current_actor()
    return render_template(
        "providers/statement.html",
        statement=statement,
        lines=found,
        names=names,
        mine=actor.user_id == statement.prepared_by,
        errors=errors,
        values={},
    )


def _last_month() -> str:
    return clock.period_of(clock.add_months(today().replace(day=1), -1))


def _to(statement_id: str) -> AnyResponse:
    return redirect(url_for("statements.show", statement_id=statement_id), 303)
