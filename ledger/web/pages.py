"""The pages of nobody else: the start page, signing in and out, the password, problems."""

from __future__ import annotations

from flask import (
    Blueprint,
    Response,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import gettext
from marshmallow import Schema, fields, validate
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

from ledger.errors import DomainError, Invalid
from ledger.messages import N_
from ledger.web import auth, explanations, forms, navigation

blueprint = Blueprint("web", __name__, template_folder="templates")
Page = str | tuple[str, int] | AnyResponse


class SignIn(Schema):
    """What the sign-in form asks."""

    email = fields.String(required=True, validate=validate.Length(max=320))
    password = fields.String(required=True, validate=validate.Length(max=1024))


class ChangePassword(Schema):
    """What the password form asks."""

    old_password = fields.String(required=True, validate=validate.Length(max=1024))
    password = fields.String(required=True, validate=validate.Length(min=12, max=1024))
    again = fields.String(required=True, validate=validate.Length(max=1024))


@blueprint.get("/")
@auth.everyone
def home() -> Page:
    """Explain the service."""
    return render_template("home.html")


@blueprint.get("/sign-in")
@auth.everyone
def sign_in() -> Page:
    """Ask who it is; who is signed in already goes on."""
    person = auth.principal()
    if person is not None:
        return redirect(_onward(person.role), 303)
    return render_template("sign_in.html", next=request.args.get("next", ""))


@blueprint.post("/sign-in")
@auth.everyone
def do_sign_in() -> Page:
    """Begin a session."""
    try:
        given = forms.load(SignIn, request.form)
        # Spaces can be part of a password, so it is taken as it was typed.
        token = auth.backend().sign_in(
            given["email"], request.form["password"], request.remote_addr or ""
        )
    except DomainError as error:
        return forms.refused("sign_in.html", error, next=request.form.get("next", ""))
    person = auth.backend().load_session(token)
    return auth.begin(_redirect(_onward(person.role if person else auth.PUBLIC)), token)


@blueprint.post("/sign-out")
@auth.everyone
def sign_out() -> Page:
    """End the session."""
    response = auth.end(_redirect(url_for("web.home")))
    flash(gettext("You are signed out."))
    return response


@blueprint.get("/password")
@auth.signed_in
def password() -> Page:
    """Show the form to change the password."""
    return render_template("password.html")


@blueprint.post("/password")
@auth.signed_in
def change_password() -> Page:
    """Change the password and end all sessions of this person, this one included."""
    user_id = auth.current_actor().user_id or ""  # never empty: the guard saw to it
    try:
        forms.load(ChangePassword, request.form)
        old, new, again = (request.form[name] for name in ("old_password", "password", "again"))
        if new != again:
            raise Invalid(N_("The two new passwords are not the same."), field="again")
        auth.backend().change_password(user_id, old, new)
    except DomainError as error:
        return forms.refused("password.html", error)
    response = auth.end(_redirect(url_for("web.sign_in")))
    flash(gettext("Your password is changed. Sign in with the new one."))
    return response


@blueprint.post("/role")
@auth.signed_in
def switch_role() -> Page:
    """Act in another capacity from now on."""
    token = auth.backend().switch_role(
        auth.session_token() or "", request.form.get("membership", "")
    )
    person = auth.backend().load_session(token)
    return auth.begin(_redirect(navigation.start_url(person.role if person else "")), token)


@blueprint.get("/problems/<code>")
@auth.everyone
def problem(code: str) -> Page:
    """Explain a kind of problem; the ``type`` of API problems leads here."""
    kind = explanations.find(code)
    if kind is None:
        raise NotFound()
    return render_template("problem.html", kind=kind)


def _onward(role: str) -> str:
    return auth.safe_next(request.values.get("next"), navigation.start_url(role))


def _redirect(url: str) -> Response:
    return make_response(redirect(url, 303))
