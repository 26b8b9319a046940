"""The operator's page about the people of organisations who sign in."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from ledger.accounts import organisations, schemas, users
from ledger.errors import DomainError
from ledger.messages import N_
from ledger.web import forms, navigation
from ledger.web.auth import roles
from ledger.web.unit import perform, reading

blueprint = Blueprint("users", __name__, template_folder="../templates")
navigation.add("operator", N_("Users"), "users.show")

ROLE_NAMES = {
    "provider": N_("Provider"),
    "funder": N_("Funder"),
    "auditor": N_("Auditor"),
    "operator": N_("Operator"),
    "holder": N_("Account holder"),
}
_KINDS = ("provider", "funder", "operator")


@blueprint.get("/operator/users")
@roles("operator")
def show() -> str:
    """List the users of organisations, and offer to add one."""
    with reading() as session:
        return render_template("accounts/users.html", **_context(session))


@blueprint.post("/operator/users")
@roles("operator")
def add() -> Response | tuple[str, int]:
    """Add a user with one role."""
    try:
        given = forms.load(schemas.NewUser, request.form)
        perform(
            users.add_user,
            given["email"],
            given["name"],
            request.form["password"],  # spaces can be part of a password
            given["role"],
            given["organisation"],
        )
    except DomainError as error:
        with reading() as session:
            return forms.refused("accounts/users.html", error, **_context(session))
    flash(gettext("%(name)s can sign in now.", name=given["name"]))
    return redirect(url_for("users.show"), 303)


def _context(session: Session) -> dict[str, object]:
    return {
        "users": users.all_users(session),
        "organisations": [(kind, organisations.of_kind(session, kind)) for kind in _KINDS],
        "role_names": ROLE_NAMES,
    }
