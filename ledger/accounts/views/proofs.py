"""Public pages about seals: what they are, which there are, and checking a receipt.

Anybody may look: they show hashes, sizes and signatures only. As in the API, what is asked about a
transaction is answered to whoever knows both its number and its hash.
"""

from __future__ import annotations

import json

from flask import Blueprint, Response, render_template, request

from ledger.accounts.api.proof_schemas import ReceiptAsked
from ledger.accounts.seals import proofs
from ledger.errors import DomainError
from ledger.web import auth, forms
from ledger.web.unit import reading

blueprint = Blueprint("seals", __name__, template_folder="../templates")
Page = str | tuple[str, int] | Response


@blueprint.get("/seals")
@auth.everyone
def show() -> Page:
    """Explain seals, list them, and tell whether a receipt that is asked about is in the log."""
    if "id" not in request.args and "hash" not in request.args:
        return _page()
    try:
        asked = forms.load(ReceiptAsked, request.args)
        with reading() as session:
            found = proofs.by_receipt(session, asked["id"], asked["hash"])
    except DomainError as error:
        return _page(errors=forms.texts(error)), error.status
    return _page(receipt=asked, sealed=found)


@blueprint.get("/seals/<int:size>")
@auth.everyone
def show_note(size: int) -> Response:
    """Send the signed text of a seal."""
    with reading() as session:
        return Response(proofs.seal(session, size).note, mimetype="text/plain")


@blueprint.get("/seals/keys")
@auth.everyone
def show_keys() -> Response:
    """Send the public keys as verifiers take them, one a line."""
    with reading() as session:
        lines = [f"{key.verifier_key}\n" for key in proofs.keys(session)]
    return Response("".join(lines), mimetype="text/plain")


@blueprint.get("/seals/proof")
@auth.everyone
def download() -> Response:
    """Send the proof of a receipt as a file, as of the newest seal."""
    asked = forms.load(ReceiptAsked, request.args)
    with reading() as session:
        document = proofs.inclusion(session, asked["id"], asked["hash"])
    answer = Response(json.dumps(document, indent=2) + "\n", mimetype="application/json")
    name = f"{document['receipt']['id']}.proof.json"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _page(**context: object) -> str:
    with reading() as session:
        newest = proofs.seals(session, limit=1).items
        return render_template(
            "accounts/seals.html",
            newest=newest[0] if newest else None,
            page=proofs.seals(session, request.args.get("cursor")),
            keys=proofs.keys(session),
            values=request.args,
            **context,
        )
