"""Consent codes: a holder makes one, hands it to a provider, or withdraws it."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from ledger import clock
from ledger.accounts import people
from ledger.accounts.views.own import own_account
from ledger.messages import N_
from ledger.web import navigation
from ledger.web.auth import roles
from ledger.web.unit import perform, reading

blueprint = Blueprint("consent_codes", __name__, template_folder="../templates")
navigation.add("holder", N_("Consent codes"), "consent_codes.show")


@blueprint.get("/account/consent-codes")
@roles("holder")
def show() -> str:
    """Explain the codes, make one, list those that were made."""
    return _page()


@blueprint.post("/account/consent-codes")
@roles("holder")
def make() -> str:
    """Make a code and show it, this once: no redirect, for only its hash is kept."""
    return _page(perform(people.make_consent_code, own_account()))


@blueprint.post("/account/consent-codes/<code_id>/withdraw")
@roles("holder")
def withdraw(code_id: str) -> Response:
    """Withdraw a code that was not used."""
    perform(people.withdraw_consent_code, own_account(), code_id)
    flash(gettext("The code is withdrawn. Nobody can use it any more."))
    return redirect(url_for("consent_codes.show"), 303)


def _page(code: str | None = None) -> str:
    account_id = own_account()
    with reading() as session:
        return render_template(
            "accounts/consent_codes.html",
            account=people.account(session, account_id),
            codes=people.consent_codes(session, account_id),
            code=code,
            now=clock.now(),
        )
