"""The learner's pages: what a place costs and who pays, confirming, cancelling, attendance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from ledger import clock
from ledger.errors import DomainError, Invalid
from ledger.messages import N_
from ledger.providers import attendance, cancellations, confirmations, enrolments
from ledger.providers.queries import enrolments as queries
from ledger.providers.queries import quotes as quote_queries
from ledger.providers.queries import runs as run_queries
from ledger.providers.schemas.enrolments import ConfirmForm, ReactForm, ReasonForm
from ledger.providers.views.enrolment_words import words
from ledger.providers.views.labels import room
from ledger.web import auth, forms, gathering, unit

Page = str | tuple[str, int] | Response

blueprint = room("enrolments", __name__)
blueprint.context_processor(words)


@blueprint.get("/enrolments")
@auth.roles("holder")
def index() -> Page:
    """List the learner's enrolments, newest first."""
    with unit.reading() as session:
        page = queries.listed(session, auth.current_actor(), cursor=request.args.get("cursor"))
    return render_template("providers/enrolments.html", page=page)


@blueprint.get("/runs/<run_id>/enrol")
@auth.roles("holder")
def ask(run_id: str) -> Page:
    """Show who would pay for a place, in which order and why."""
    return _ask(run_id, {})


@blueprint.post("/runs/<run_id>/enrol")
@auth.roles("holder")
def begin(run_id: str) -> Page:
    """Ask for a place; then the page of the enrolment asks to confirm it."""
    try:
        enrolment = unit.perform(enrolments.request, run_id)
    except DomainError as error:
        if error.status == 404:
            raise
        return _ask(run_id, forms.texts(error)), error.status
    return _to(enrolment.id)


@blueprint.get("/enrolments/<enrolment_id>")
@auth.roles("holder")
def show(enrolment_id: str) -> Page:
    """Show one enrolment: what to do now, who pays, attendance, history."""
    return _page(enrolment_id, {})


@blueprint.post("/enrolments/<enrolment_id>/confirm")
@auth.roles("holder")
def confirm(enrolment_id: str) -> Page:
    """Confirm with the password: take the place and set the money aside."""

    def step() -> None:
        given = forms.load(ConfirmForm, request.form)
        # Spaces can be part of a password, so it is taken as it was sent.
        if not auth.confirmed_by_password(request.form["password"]):
            raise Invalid(N_("This is not your password."), field="password")
        wish = confirmations.Wish(auth.current_actor(), enrolment_id, given["own_share"])
        gathering.submit(confirmations.confirm_many, wish)

    return _step(enrolment_id, step, N_("You are enrolled. The money for it is set aside."))


@blueprint.post("/enrolments/<enrolment_id>/decline")
@auth.roles("holder")
def decline(enrolment_id: str) -> Page:
    """Turn down an offer, or take back a request."""
    return _step(
        enrolment_id,
        lambda: unit.perform(enrolments.decline, enrolment_id),
        N_("The enrolment is declined. Nothing was set aside."),
    )


@blueprint.post("/enrolments/<enrolment_id>/cancel")
@auth.roles("holder")
def cancel(enrolment_id: str) -> Page:
    """Leave an enrolment; the page told beforehand what that does."""
    return _step(
        enrolment_id,
        lambda: unit.perform(cancellations.cancel, enrolment_id),
        N_("Your enrolment is cancelled."),
    )


@blueprint.post("/enrolments/<enrolment_id>/force-majeure")
@auth.roles("holder")
def ask_force_majeure(enrolment_id: str) -> Page:
    """Ask the provider to state force majeure."""

    def step() -> None:
        given = forms.load(ReasonForm, request.form)
        unit.perform(cancellations.ask_force_majeure, enrolment_id, given["reason"])

    return _step(enrolment_id, step, N_("Your question is sent to the provider."))


@blueprint.post("/enrolments/<enrolment_id>/attendance")
@auth.roles("holder")
def react(enrolment_id: str) -> Page:
    """Confirm or dispute what the provider stated about a session."""

    def step() -> None:
        given = forms.load(ReactForm, request.form)
        unit.perform(attendance.react, enrolment_id, **given)

    return _step(enrolment_id, step, N_("Thank you. Your answer is recorded."))


def _step(enrolment_id: str, step: Callable[[], Any], done: str) -> Page:
    try:
        step()
    except DomainError as error:
        if error.status == 404:
            raise
        return _page(enrolment_id, forms.texts(error)), error.status
    flash(gettext(done))
    return _to(enrolment_id)


def _ask(run_id: str, errors: dict[str, list[str]]) -> str:
    today = clock.today(clock.now())
    with unit.reading() as session:
        run = run_queries.run(session, run_id, today)
        quote = quote_queries.for_run(session, auth.current_actor(), run_id, today)
    return render_template("providers/enrol.html", run=run, quote=quote, errors=errors)


def _page(enrolment_id: str, errors: dict[str, list[str]]) -> str:
    now = clock.now()
    actor = auth.current_actor()
    quote = preview = None
    with unit.reading() as session:
        detail = queries.detail(session, actor, enrolment_id)
        enrolment = queries.get(session, actor, enrolment_id)
        if enrolment.status in enrolments.UNCONFIRMED and enrolment.confirm_until > now:
            quote = quote_queries.for_enrolment(session, enrolment, clock.today(now))
        elif enrolment.status in enrolments.HOLDS_PLACE and enrolment.stopped_at is None:
            preview = cancellations.preview(session, enrolment, now)
    return render_template(
        "providers/enrolment.html",
        detail=detail,
        row=detail.row,
        quote=quote,
        preview=preview,
        errors=errors,
        values=request.form,
    )


def _to(enrolment_id: str) -> Response:
    return redirect(url_for("enrolments.show", enrolment_id=enrolment_id), 303)
