"""Calls about seals and proofs, for everybody: they tell hashes, sizes and signatures only.

A proof is given to whoever knows id and hash of a receipt. Everyone who may see a transaction sees
its hash with it, so one rule serves all; a stranger can neither list transactions nor try ids.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Response, request

from ledger.accounts.api import proof_schemas as schemas
from ledger.accounts.schemas import Paged
from ledger.accounts.seals import proofs
from ledger.web import auth
from ledger.web.openapi import PREFIX, Blueprint
from ledger.web.unit import reading

blueprint = Blueprint(
    "proofs-api", __name__, url_prefix=PREFIX, description="Seals over the journal, and proofs."
)
_WITHOUT_KEY: dict[str, list[Any]] = {"security": []}


@blueprint.get("/transactions/<transaction_id>/proof")
@blueprint.doc(**_WITHOUT_KEY)
@blueprint.arguments(schemas.InclusionAsked, location="query")
@blueprint.response(200, schemas.InclusionProof)
@auth.everyone
def prove_inclusion(asked: dict[str, Any], transaction_id: str) -> proofs.Document:
    """The proof that a transaction is in the log, for whoever holds its receipt."""
    with reading() as session:
        return proofs.inclusion(session, transaction_id, asked["hash"], asked.get("size"))


@blueprint.get("/seals")
@blueprint.doc(**_WITHOUT_KEY)
@blueprint.arguments(Paged, location="query")
@blueprint.response(200, schemas.SealPage)
@auth.everyone
def list_seals(asked: dict[str, Any]) -> Any:
    """The seals over the journal, newest first."""
    with reading() as session:
        return proofs.seals(session, asked.get("cursor"), asked.get("limit"))


@blueprint.get("/seals/latest")
@blueprint.doc(**_WITHOUT_KEY)
@blueprint.response(200, schemas.SealWithNote)
@auth.everyone
def show_latest() -> dict[str, Any] | Response:
    """The newest seal; as text/plain the signed text alone."""
    return _seal(None)


@blueprint.get("/seals/<int:size>")
@blueprint.doc(**_WITHOUT_KEY)
@blueprint.response(200, schemas.SealWithNote)
@auth.everyone
def show_seal(size: int) -> dict[str, Any] | Response:
    """The seal over so many transactions; as text/plain the signed text alone."""
    return _seal(size)


@blueprint.get("/seals/consistency")
@blueprint.doc(**_WITHOUT_KEY)
@blueprint.arguments(schemas.ConsistencyAsked, location="query")
@blueprint.response(200, schemas.ConsistencyProof)
@auth.everyone
def prove_consistency(asked: dict[str, Any]) -> proofs.Document:
    """The proof that the log under one seal is the beginning of the log under another."""
    with reading() as session:
        return proofs.consistency(session, asked["old"], asked.get("new"))


@blueprint.get("/seal-keys")
@blueprint.doc(**_WITHOUT_KEY)
@blueprint.response(200, schemas.SealKeys)
@auth.everyone
def list_keys() -> dict[str, Any]:
    """The public keys that seals are signed with, oldest first."""
    with reading() as session:
        found = proofs.keys(session)
    return {"items": [asdict(key) for key in found]}


def _seal(size: int | None) -> dict[str, Any] | Response:
    with reading() as session:
        found = proofs.seal(session, size)
    if _wants_text():
        answer = Response(found.note, mimetype="text/plain")
        answer.vary.add("Accept")
        return answer
    return asdict(found)


def _wants_text() -> bool:
    offered = request.accept_mimetypes
    return offered.best_match(["application/json", "text/plain"]) == "text/plain"
