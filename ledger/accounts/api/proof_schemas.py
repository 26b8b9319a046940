"""The shapes of seals and proofs, for the API and for the form that checks a receipt."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from ledger.accounts.schemas import Receipt
from ledger.messages import N_

_SIZES = validate.Range(min=1, max=2**63 - 1)
_HASH = validate.Regexp(
    r"[0-9A-Fa-f]{64}\Z", error=N_("A fingerprint has 64 characters: 0 to 9 and a to f.")
)


class ReceiptAsked(Schema):
    """The receipt that somebody holds."""

    id = fields.String(required=True, validate=validate.Length(max=64))
    hash = fields.String(required=True, validate=_HASH)


class InclusionAsked(Schema):
    """Which proof is asked for, and the hash that shows that the caller holds the receipt."""

    hash = fields.String(
        required=True,
        validate=_HASH,
        metadata={"description": "Of the receipt; without it nobody learns what there is."},
    )
    size = fields.Integer(
        validate=_SIZES, metadata={"description": "Of the seal; the newest one by default."}
    )


class ConsistencyAsked(Schema):
    """Between which two seals."""

    old = fields.Integer(required=True, validate=_SIZES)
    new = fields.Integer(validate=_SIZES, metadata={"description": "The newest by default."})


class SealShown(Schema):
    """A signed head of the log."""

    size = fields.Integer(required=True, metadata={"description": "Number of transactions."})
    root = fields.String(required=True, metadata={"description": "RFC 9162 root, hexadecimal."})
    sealed_at = fields.AwareDateTime(required=True)
    key_id = fields.String(required=True)


class SealWithNote(SealShown):
    """A signed head of the log with the signed text; the text alone: ask for text/plain."""

    note = fields.String(required=True, metadata={"description": "C2SP signed checkpoint."})


class SealPage(Schema):
    """A page of seals, newest first."""

    items = fields.List(fields.Nested(SealShown), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class SealKeyShown(Schema):
    """A public key that seals are signed with."""

    id = fields.String(required=True)
    since = fields.AwareDateTime(required=True)
    verifier_key = fields.String(
        required=True, metadata={"description": "The line that verifiers take: C2SP signed note."}
    )
    note = fields.String(
        required=True, metadata={"description": "The change, signed by the key before and this."}
    )


class SealKeys(Schema):
    """All keys, oldest first."""

    items = fields.List(fields.Nested(SealKeyShown), required=True)


class _Proof(Schema):
    format = fields.String(required=True)
    path = fields.List(
        fields.String(), required=True, metadata={"description": "Hashes, hexadecimal."}
    )
    rotations = fields.List(
        fields.String(), required=True, metadata={"description": "Signed changes of the key."}
    )


class InclusionProof(_Proof):
    """That a transaction is in the log; `docs/proofs.md` says how to check it."""

    receipt = fields.Nested(Receipt, required=True)
    position = fields.Integer(required=True, metadata={"description": "In the log, from 0."})
    size = fields.Integer(required=True)
    checkpoint = fields.String(required=True, metadata={"description": "The signed text."})


class ConsistencyProof(_Proof):
    """That the log under one seal is the beginning of the log under another."""

    old_size = fields.Integer(required=True)
    new_size = fields.Integer(required=True)
    old_checkpoint = fields.String(required=True)
    new_checkpoint = fields.String(required=True)
