"""Pages for holders and providers, and the public page that tells whether a certificate holds."""

from __future__ import annotations

from flask import (
    Blueprint,
    Response,
    current_app,
    flash,
    g,
    jsonify,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from ledger.certificates import issuing, queries
from ledger.certificates.content import ASSESSMENT_TYPES
from ledger.certificates.presenting import file_name, verification
from ledger.certificates.queries import CredentialView
from ledger.certificates.rendering import render
from ledger.certificates.schemas import Revocation, Sharing, Verification
from ledger.errors import DomainError, NotFound
from ledger.messages import N_
from ledger.web import auth, forms, navigation
from ledger.web.i18n import language
from ledger.web.unit import perform, reading

Page = str | tuple[str, int] | AnyResponse

blueprint = Blueprint("certificates", __name__, template_folder="templates")
public = Blueprint("verification", __name__, template_folder="templates")
blueprints = (blueprint, public)
navigation.add("holder", N_("My certificates"), "certificates.mine")


@blueprint.app_context_processor
def _words() -> dict[str, object]:
    return {"verify_url": verify_url, "REVOCATION_REASONS": issuing.REASONS}


@blueprint.get("/account/credentials")
@auth.roles("holder")
def mine() -> Page:
    """List the certificates of the signed-in holder."""
    with reading() as session:
        page = queries.all_of_holder(
            session, auth.current_actor().account_id, request.args.get("cursor")
        )
    return render_template("certificates/mine.html", page=page)


@blueprint.post("/account/credentials/<credential_id>/sharing")
@auth.roles("holder")
def share(credential_id: str) -> Page:
    """Show or hide the holder's name on the public page."""
    shown = forms.load(Sharing, request.form)["shows_name"]
    account_id = auth.current_actor().account_id or ""
    perform(issuing.show_name, credential_id, account_id=account_id, shown=shown)
    flash(
        _("Your name is now on the public page.")
        if shown
        else _("Your name is no longer on the public page.")
    )
    return redirect(url_for("certificates.mine"), 303)


@blueprint.get("/credentials/<credential_id>.pdf")
@auth.roles("holder", "provider", "operator")
def pdf(credential_id: str) -> Page:
    """Send the certificate in the language asked for."""
    found = visible(credential_id)
    locale = language()
    answer = Response(
        render(found.content, verify_url(found), locale, found.id), mimetype="application/pdf"
    )
    answer.headers["Content-Language"] = locale
    answer.headers["Content-Disposition"] = f'inline; filename="{file_name(found, locale)}"'
    return answer


@blueprint.get("/provider/credentials")
@auth.roles("provider")
def given() -> Page:
    """List the certificates that the provider issued."""
    with reading() as session:
        page = queries.all_of_provider(
            session, auth.current_actor().organisation_id, request.args.get("cursor")
        )
    return render_template("certificates/given.html", page=page)


@blueprint.get("/credentials/<credential_id>/revoke")
@auth.roles("provider", "operator")
def revoke(credential_id: str) -> Page:
    """Ask why a certificate is withdrawn."""
    return render_template("certificates/revoke.html", credential=visible(credential_id))


@blueprint.post("/credentials/<credential_id>/revoke")
@auth.roles("provider", "operator")
def do_revoke(credential_id: str) -> Page:
    """Withdraw a certificate for good."""
    found = visible(credential_id)
    actor = auth.current_actor()
    limit = actor.organisation_id if actor.role == "provider" else None
    try:
        reason = forms.load(Revocation, request.form)["reason"]
        perform(issuing.revoke, found.id, reason=reason, provider_id=limit)
    except DomainError as error:
        return forms.refused("certificates/revoke.html", error, credential=found)
    flash(_("The certificate is withdrawn. Its public page says so from now on."))
    return redirect(url_for("verification.verify", token=found.token), 303)


@public.get("/v/<token>")
@auth.everyone
def verify(token: str) -> Page:
    """Tell anybody with the address whether the certificate is valid."""
    with reading() as session:
        found = queries.by_token(session, token)
    if _wants_json():
        return jsonify(Verification().dump(verification(found)))
    return render_template(
        "certificates/verify.html", credential=found, assessments=ASSESSMENT_TYPES
    )


@public.before_request
def _tell_no_other_site() -> None:
    # The address is the secret: no search engine and no linked site may learn it.
    g.referrer_policy = "no-referrer"


@public.after_request
def _keep_out_of_searches(response: Response) -> Response:
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.vary.add("Accept")
    return response


def visible(credential_id: str) -> CredentialView:
    """Return a credential that whoever is asking may see. Raises NotFound for all others."""
    actor = auth.current_actor()
    with reading() as session:
        if actor.role == "holder":
            return queries.of_holder(session, credential_id, actor.account_id)
        if actor.role == "provider":
            return queries.of_provider(session, credential_id, actor.organisation_id)
        if actor.role == "operator":
            return queries.credential(session, credential_id)
    raise NotFound(N_("There is no such certificate."))


def _wants_json() -> bool:
    offered = request.accept_mimetypes
    return offered.best_match(["text/html", "application/json"]) == "application/json"


def verify_url(credential: CredentialView) -> str:
    """Return the public address of a credential, as it is printed."""
    path = url_for("verification.verify", token=credential.token, _external=False)
    return f"{current_app.config['PUBLIC_URL']}{path}"


def pdf_url(credential: CredentialView) -> str:
    """Return the full address of a credential's PDF."""
    path = url_for("certificates.pdf", credential_id=credential.id, _external=False)
    return f"{current_app.config['PUBLIC_URL']}{path}"
