"""A funder's pages about grants: one by one, from a file, and the second person's decision."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from ledger.errors import DomainError, Invalid
from ledger.files import MAX_BYTES
from ledger.funders import grants, queries
from ledger.funders.granting import REFUSALS, Outcome
from ledger.funders.schemas import ReasonForm, grant_form
from ledger.funders.views import own
from ledger.funders.views.labels import room
from ledger.funders.views.own import Page, figures
from ledger.messages import N_
from ledger.web import auth, forms, unit
from ledger.web.auth import current_actor

SHOWN_ERRORS = 200  # lines on one page; who has more corrects these first

blueprint = room("funder_grants", __name__)


@blueprint.get("/funder/schemes/<scheme_id>/grants")
@auth.roles("funder")
def index(scheme_id: str) -> Page:
    """List the batches, with the forms for one grant and for a file."""
    return _page(scheme_id, None)


@blueprint.post("/funder/schemes/<scheme_id>/grants")
@auth.roles("funder")
def grant(scheme_id: str) -> Page:
    """Grant one amount, or put it before a second person."""
    scheme = figures(scheme_id)
    try:
        given = forms.load(grant_form(scheme.unit), request.form)
        outcome = unit.perform(
            grants.grant,
            scheme_id,
            given["account_number"],
            given["amount"],
            given["expires_on"],
            given["reference"],
        )
    except DomainError as error:
        return _page(scheme_id, error), error.status
    return _told(scheme_id, outcome)


@blueprint.post("/funder/schemes/<scheme_id>/grants/upload")
@auth.roles("funder")
def upload(scheme_id: str) -> Page:
    """Check a file; without errors it waits for its sender to confirm."""
    scheme = figures(scheme_id)
    try:
        sent = request.files.get("file")
        if sent is None or not sent.filename:
            raise Invalid(N_("Choose a file."), field="file")
        data = sent.stream.read(MAX_BYTES + 1)
        with unit.reading() as session:
            stopped = grants.under_way(session, scheme_id, data)
        if stopped is not None:
            return _to(scheme_id, stopped)
        found = unit.perform(grants.stage, scheme_id, data, sent.filename)
    except DomainError as error:
        return _page(scheme_id, error), error.status
    if found.batch_id is None:
        return render_template(
            "funders/grant_errors.html", scheme=scheme, preview=found, shown=SHOWN_ERRORS
        ), 400
    return _to(scheme_id, found.batch_id)


@blueprint.get("/funder/schemes/<scheme_id>/grants/<batch_id>")
@auth.roles("funder")
def show(scheme_id: str, batch_id: str) -> Page:
    """Show a batch: what it grants to whom, how far it is, and what can be done with it."""
    with unit.reading() as session:
        figures(scheme_id)
        batch = queries.batch(session, scheme_id, batch_id)
    page = _batch_page(scheme_id, batch_id, None)
    return own.watched(page, batch.moved_at) if batch.status == "granting" else page


@blueprint.post("/funder/schemes/<scheme_id>/grants/<batch_id>/submit")
@auth.roles("funder")
def submit(scheme_id: str, batch_id: str) -> Page:
    """Confirm a file."""
    try:
        outcome = unit.perform(grants.submit, scheme_id, batch_id)
    except DomainError as error:
        return _batch_page(scheme_id, batch_id, error), error.status
    return _told(scheme_id, outcome)


@blueprint.post("/funder/schemes/<scheme_id>/grants/<batch_id>/discard")
@auth.roles("funder")
def discard(scheme_id: str, batch_id: str) -> Page:
    """Take away a file that was not confirmed."""
    unit.perform(grants.discard, scheme_id, batch_id)
    flash(gettext("The file is taken away. Nothing was granted."))
    return redirect(url_for("funder_grants.index", scheme_id=scheme_id), 303)


@blueprint.post("/funder/schemes/<scheme_id>/grants/<batch_id>/approve")
@auth.roles("funder")
def approve(scheme_id: str, batch_id: str) -> Page:
    """Grant what a colleague put forward."""
    try:
        outcome = unit.perform(grants.approve, scheme_id, batch_id)
    except DomainError as error:
        return _batch_page(scheme_id, batch_id, error), error.status
    return _told(scheme_id, outcome)


@blueprint.post("/funder/schemes/<scheme_id>/grants/<batch_id>/go-on")
@auth.roles("funder")
def go_on(scheme_id: str, batch_id: str) -> Page:
    """Go on with what was decided on and stopped halfway."""
    try:
        outcome = unit.perform(grants.go_on, scheme_id, batch_id)
    except DomainError as error:
        return _batch_page(scheme_id, batch_id, error), error.status
    return _told(scheme_id, outcome)


@blueprint.post("/funder/schemes/<scheme_id>/grants/<batch_id>/reject")
@auth.roles("funder")
def reject(scheme_id: str, batch_id: str) -> Page:
    """Turn down what a colleague put forward, or take back one's own."""
    try:
        given = forms.load(ReasonForm, request.form)
        outcome = unit.perform(grants.reject, scheme_id, batch_id, given["reason"])
    except DomainError as error:
        return _batch_page(scheme_id, batch_id, error), error.status
    return _told(scheme_id, outcome)


def _page(scheme_id: str, error: DomainError | None) -> str:
    scheme = figures(scheme_id)
    with unit.reading() as session:
        found = queries.batches(session, scheme_id)
    return render_template(
        "funders/grants.html",
        scheme=scheme,
        batches=found,
        errors=forms.texts(error) if error else {},
        values=request.form if error else {},
    )


def _batch_page(scheme_id: str, batch_id: str, error: DomainError | None) -> str:
    scheme = figures(scheme_id)
    with unit.reading() as session:
        batch = queries.batch(session, scheme_id, batch_id)
        rows = queries.batch_rows(session, batch_id, request.args.get("cursor"))
        refused = queries.refused_rows(session, batch_id) if batch.refused_count else ()
    return render_template(
        "funders/grant_batch.html",
        scheme=scheme,
        batch=batch,
        rows=rows,
        refused=refused,
        refusals=REFUSALS,
        moves=own.moves(batch.moved_at),
        mine=batch.made_by == current_actor().user_id,
        errors=forms.texts(error) if error else {},
        values=request.form if error else {},
    )


def _told(scheme_id: str, outcome: Outcome) -> Page:
    if not outcome.done:
        # The first step is made; the rest goes on in the server, and mostly ends at once.
        batch_id = outcome.batch_id
        try:
            outcome = own.go_on(batch_id, grants.go_on, scheme_id, batch_id) or outcome
        except DomainError as error:
            return _batch_page(scheme_id, batch_id, error), error.status
    if outcome.status == "committed":
        flash(gettext("Granted. The accounts hold the money now."))
    elif outcome.status == "granting":
        flash(gettext("It is being granted now. It goes on when you leave this page."))
    elif outcome.status == "awaiting":
        flash(gettext("Kept. A second person of your organisation has to approve it."))
    else:
        flash(gettext("Rejected. Nothing was granted."))
    return _to(scheme_id, outcome.batch_id)


def _to(scheme_id: str, batch_id: str) -> Response:
    return redirect(url_for("funder_grants.show", scheme_id=scheme_id, batch_id=batch_id), 303)
