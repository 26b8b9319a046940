"""Where a provider begins: what needs doing, what is coming, its accreditations."""

from __future__ import annotations

from collections.abc import Callable

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from ledger import clock
from ledger.errors import DomainError
from ledger.providers import accreditations
from ledger.providers.queries import offer, providers, runs
from ledger.providers.schemas.admission import ReplyForm
from ledger.providers.views.labels import room
from ledger.providers.views.own import provider_id, today
from ledger.web import auth, forms, unit

Page = str | tuple[str, int] | Response

_SOON_DAYS = 90

blueprint = room("provider_home", __name__)


@blueprint.get("/provider")
@auth.roles("provider")
def show() -> Page:
    """Show the overview."""
    return _page({})


@blueprint.post("/provider/accreditations/<accreditation_id>/reply")
@auth.roles("provider")
def reply(accreditation_id: str) -> Page:
    """Answer the suspension of an accreditation."""
    return _reply(accreditations.reply, accreditation_id)


@blueprint.post("/provider/reply")
@auth.roles("provider")
def reply_about_provider() -> Page:
    """Answer the suspension of the provider itself."""
    return _reply(accreditations.reply_as_provider)


def _reply(verb: Callable[..., None], *about: str) -> Page:
    try:
        given = forms.load(ReplyForm, request.form)
        unit.perform(verb, *about, given["reply"])
    except DomainError as error:
        if error.status == 404:
            raise
        return _page(forms.texts(error)), error.status
    flash(gettext("Your reply is sent to the operator."))
    return redirect(url_for("provider_home.show"), 303)


def _page(errors: dict[str, list[str]]) -> str:
    own, day = provider_id(), today()
    with unit.reading() as session:
        view = providers.provider(session, own)
        coming = runs.of_provider(session, own, day)
        counts = offer.counts(session, own)
    soon = day + clock.days(_SOON_DAYS)
    return render_template(
        "providers/dashboard.html",
        provider=view,
        runs=coming,
        counts=counts,
        ending=[
            a for a in view.accreditations if a.status == "granted" and day <= a.valid_until <= soon
        ],
        suspended=[a for a in view.accreditations if a.status == "suspended"],
        errors=errors,
        values=request.form,
    )
