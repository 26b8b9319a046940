"""Calls about credentials: one's own, and checking anybody's by its public token."""

from __future__ import annotations

from typing import Any

from ledger.certificates import presenting, queries, schemas
from ledger.certificates.queries import CredentialView
from ledger.certificates.views import pdf_url, verify_url, visible
from ledger.web import auth
from ledger.web.auth import roles
from ledger.web.openapi import PREFIX, Blueprint
from ledger.web.unit import reading

blueprint = Blueprint(
    "credentials-api", __name__, url_prefix=PREFIX, description="Micro-credentials and checking."
)
blueprints = (blueprint,)


@blueprint.get("/credentials")
@blueprint.arguments(schemas.Paging, location="query")
@blueprint.response(200, schemas.CredentialPage)
@roles("holder", "provider")
def list_credentials(asked: dict[str, Any]) -> dict[str, Any]:
    """The holder's own credentials, or those that the provider issued, newest first."""
    actor = auth.current_actor()
    cursor, limit = asked.get("cursor"), asked.get("limit")
    with reading() as session:
        if actor.role == "holder":
            page = queries.all_of_holder(session, actor.account_id, cursor, limit)
        else:
            page = queries.all_of_provider(session, actor.organisation_id, cursor, limit)
    return {"items": [_answer(item) for item in page.items], "next_cursor": page.next_cursor}


@blueprint.get("/credentials/<credential_id>")
@blueprint.response(200, schemas.CredentialAnswer)
@roles("holder", "provider", "operator")
def show_credential(credential_id: str) -> dict[str, Any]:
    """One credential with every Annex I element and its addresses."""
    return _answer(visible(credential_id))


@blueprint.get("/verify/<token>")
@blueprint.doc(security=[])
@blueprint.response(200, schemas.Verification)
@auth.everyone
def verify(token: str) -> dict[str, Any]:
    """Whether the credential behind a public token is valid; needs no key."""
    with reading() as session:
        return presenting.verification(queries.by_token(session, token))


def _answer(credential: CredentialView) -> dict[str, Any]:
    return presenting.answer(
        credential, pdf_url=pdf_url(credential), verify_url=verify_url(credential)
    )
