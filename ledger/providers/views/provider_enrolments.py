"""The provider's pages about enrolments: registering, results, cancelling; also for the operator.

A provider sees its own learners only, and never a balance or which funders pay.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from ledger import clock
from ledger.errors import DomainError
from ledger.messages import N_
from ledger.providers import attendance, cancellations, completions, enrolments
from ledger.providers.queries import enrolments as queries
from ledger.providers.queries import runs as run_queries
from ledger.providers.schemas.enrolments import CompleteForm, ReasonForm, RegisterForm
from ledger.providers.views.enrolment_words import ENROLMENT_STATES, words
from ledger.providers.views.labels import room
from ledger.providers.views.own import provider_id
from ledger.web import auth, forms, unit

Page = str | tuple[str, int] | Response

blueprint = room("provider_enrolments", __name__)
blueprint.context_processor(words)


@blueprint.get("/provider/enrolments")
@auth.roles("provider")
def index() -> Page:
    """List the enrolments of this provider, of one run or state when asked."""
    status = request.args.get("status", "")
    run_id = request.args.get("run") or None
    now = clock.today(clock.now())
    with unit.reading() as session:
        page = queries.listed(
            session,
            auth.current_actor(),
            statuses=[status] if status in ENROLMENT_STATES else [],
            run_id=run_id,
            cursor=request.args.get("cursor"),
        )
        runs = run_queries.of_provider(session, provider_id(), now)
    return render_template(
        "providers/provider_enrolments.html", page=page, runs=runs, values=request.args
    )


@blueprint.get("/provider/enrolments/new")
@auth.roles("provider")
def new() -> Page:
    """Ask for the account number and consent code of a learner."""
    return _register({})


@blueprint.post("/provider/enrolments")
@auth.roles("provider")
def register() -> Page:
    """Register a learner; the learner still has to confirm."""
    try:
        enrolment = unit.perform(enrolments.register, **forms.load(RegisterForm, request.form))
    except DomainError as error:
        return _register(forms.texts(error)), error.status
    flash(gettext("The learner is registered and has to confirm now."))
    return redirect(url_for("provider_enrolments.show", enrolment_id=enrolment.id), 303)


@blueprint.get("/provider/enrolments/<enrolment_id>")
@auth.roles("provider")
def show(enrolment_id: str) -> Page:
    """Show one enrolment: attendance, result, what is paid and when."""
    return _page(enrolment_id, {})


@blueprint.get("/operator/enrolments/<enrolment_id>")
@auth.roles("operator")
def show_operator(enrolment_id: str) -> Page:
    """Show one enrolment to the operator."""
    return _page(enrolment_id, {})


@blueprint.post("/provider/enrolments/<enrolment_id>/complete")
@auth.roles("provider")
def complete(enrolment_id: str) -> Page:
    """Declare the result: pay-out, remainder and credential follow at once."""

    def step() -> None:
        unit.perform(completions.complete, enrolment_id, **forms.load(CompleteForm, request.form))

    return _step(enrolment_id, step, N_("The result is recorded and the pay-out is declared."))


@blueprint.post("/provider/enrolments/<enrolment_id>/cancel")
@auth.roles("provider")
def cancel(enrolment_id: str) -> Page:
    """Cancel one enrolment: the learner gets everything back."""
    return _step(
        enrolment_id,
        lambda: unit.perform(cancellations.cancel, enrolment_id),
        N_("The enrolment is cancelled; the learner gets everything back."),
    )


@blueprint.post("/provider/enrolments/<enrolment_id>/force-majeure")
@auth.roles("provider")
def force_majeure(enrolment_id: str) -> Page:
    """State force majeure, with its reason."""
    return _force_majeure(enrolment_id)


@blueprint.post("/operator/enrolments/<enrolment_id>/force-majeure")
@auth.roles("operator")
def force_majeure_operator(enrolment_id: str) -> Page:
    """State force majeure as the operator, when the provider does not."""
    return _force_majeure(enrolment_id)


@blueprint.post("/operator/enrolments/<enrolment_id>/settle")
@auth.roles("operator")
def settle(enrolment_id: str) -> Page:
    """Settle by attendance as the operator, when the provider stays silent."""
    return _step(
        enrolment_id,
        lambda: unit.perform(completions.complete, enrolment_id, "attended"),
        N_("The enrolment is settled by its attendance."),
    )


def _force_majeure(enrolment_id: str) -> Page:
    def step() -> None:
        given = forms.load(ReasonForm, request.form)
        unit.perform(cancellations.force_majeure, enrolment_id, given["reason"])

    return _step(enrolment_id, step, N_("Force majeure is recorded."))


def _step(enrolment_id: str, step: Callable[[], Any], done: str) -> Page:
    try:
        step()
    except DomainError as error:
        if error.status == 404:
            raise
        return _page(enrolment_id, forms.texts(error)), error.status
    flash(gettext(done))
    end = "show_operator" if auth.current_actor().role == "operator" else "show"
    return redirect(url_for(f"provider_enrolments.{end}", enrolment_id=enrolment_id), 303)


def _register(errors: dict[str, list[str]]) -> str:
    with unit.reading() as session:
        found = run_queries.of_provider(session, provider_id(), clock.today(clock.now()))
    now = clock.today(clock.now())
    return render_template(
        "providers/register.html",
        runs=[run for run in found if run.starts_on >= now],
        errors=errors,
        values=request.form or request.args,
    )


def _page(enrolment_id: str, errors: dict[str, list[str]]) -> str:
    now = clock.now()
    actor = auth.current_actor()
    with unit.reading() as session:
        detail = queries.detail(session, actor, enrolment_id)
        enrolment = queries.get(session, actor, enrolment_id)
        stated = attendance.known(session, enrolment, now)
        asked = [event for event in detail.events if event.kind == "force_majeure_asked"]
    return render_template(
        "providers/provider_enrolment.html",
        detail=detail,
        row=detail.row,
        stated=stated,
        asked=asked[-1].data.get("reason") if asked else None,
        active=detail.row.status in enrolments.HOLDS_PLACE,
        waiting=detail.row.status in enrolments.UNCONFIRMED,
        operator=actor.role == "operator",
        now=now,
        errors=errors,
        values=request.form,
    )
