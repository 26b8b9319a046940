"""Checking a proof with nothing but the file and a public key: no database, no network.

``docs/proofs.md`` says byte by byte what is checked, so that others can write the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from ledger.accounts.seals import checkpoints, merkle, notes, rotations
from ledger.accounts.seals.checkpoints import Checkpoint
from ledger.accounts.seals.notes import Verifier
from ledger.errors import Invalid
from ledger.messages import N_

INCLUSION = "leerrekening-inclusion/1"
CONSISTENCY = "leerrekening-consistency/1"
LARGEST_FILE = 1_000_000  # bytes; a proof is some thousands
_LONGEST_PATH = 2 * 64  # no log has more than 2**63 places, so a path has two hashes per level

_FIELDS = {
    INCLUSION: {"receipt", "position", "size", "path", "checkpoint"},
    CONSISTENCY: {"old_size", "new_size", "path", "old_checkpoint", "new_checkpoint"},
}
_HASH = re.compile(r"[0-9a-f]{64}")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Included:
    """That a fingerprint is in the log under ``checkpoint``, at ``position`` from 0.

    ``id`` is what the file calls the transaction; only the hash, in hexadecimal, is proved.
    """

    id: str
    hash: str
    position: int
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Grown:
    """That the log under ``new`` begins with the log under ``old``, unchanged."""

    old: Checkpoint
    new: Checkpoint


def keys(text: str) -> list[Verifier]:
    """Return the public keys in a key file: one a line; empty lines and # lines are passed over.

    Raises Invalid, also when there is none.
    """
    lines = [line.strip() for line in text.splitlines()]
    found = [notes.parse_verifier(line) for line in lines if line and not line.startswith("#")]
    if not found:
        raise Invalid(N_("There is no public key in this file."))
    return found


def verify(
    content: bytes, known: Sequence[Verifier], receipt: str | None = None
) -> Included | Grown:
    """Return what a proof shows when all of it holds with one of the ``known`` keys.

    With ``receipt``, a hash in hexadecimal, the proof must be about that one. Raises Invalid with
    one sentence that says what is wrong.
    """
    proof = _load(content)
    if proof["format"] == INCLUSION:
        return _included(proof, known, receipt)
    if receipt is not None:
        raise Invalid(N_("This proof is about two seals, not about a receipt."))
    return _grown(proof, known)


def _included(proof: Mapping[str, Any], known: Sequence[Verifier], receipt: str | None) -> Included:
    named = proof["receipt"]
    if not isinstance(named, dict) or set(named) != {"id", "hash"}:
        raise Invalid(N_("The receipt in the proof must consist of an id and a hash."))
    hashed, number = _hash(named["hash"], "hash"), named["id"]
    if not isinstance(number, str) or not _ID.fullmatch(number):
        raise Invalid(N_("The id of the receipt is not the number of a transaction."))
    if receipt is not None and receipt.lower() != hashed.hex():
        raise Invalid(
            N_("This proof is about another receipt: its hash is %(hash)s."), hash=hashed.hex()
        )
    position, path = _count(proof, "position"), _path(proof)
    head = _checkpoint(proof, "checkpoint", "size", known)
    if position >= head.size:
        raise Invalid(N_("The position in the proof lies beyond the end of the log."))
    if not merkle.verify_inclusion(merkle.leaf(hashed), position, head.size, path, head.root):
        raise Invalid(
            N_(
                "The path does not lead from the hash to the root that was signed: the hash, the "
                "position or the path is wrong."
            )
        )
    return Included(number, hashed.hex(), position, head)


def _grown(proof: Mapping[str, Any], known: Sequence[Verifier]) -> Grown:
    path = _path(proof)
    old = _checkpoint(proof, "old_checkpoint", "old_size", known)
    new = _checkpoint(proof, "new_checkpoint", "new_size", known)
    if old.origin != new.origin:
        raise Invalid(N_("The two checkpoints are of different logs."))
    if old.size > new.size:
        raise Invalid(N_("The old checkpoint is over more transactions than the new one."))
    if not merkle.verify_consistency(old.size, old.root, new.size, new.root, path):
        raise Invalid(
            N_(
                "The path does not show that the new log begins with the old one: the path is "
                "wrong, or the log was rewritten."
            )
        )
    return Grown(old, new)


def _checkpoint(
    proof: Mapping[str, Any], field: str, size_field: str, known: Sequence[Verifier]
) -> Checkpoint:
    note, size = _text(proof, field), _count(proof, size_field)
    signers = {one.key_id for one in notes.parse(note)[1]}
    if checkpoints.read(note).size != size:
        raise Invalid(N_("The size in the proof is not the size in the checkpoint."))
    # What became of the key later says nothing about this seal.
    records = [one for one in proof["rotations"] if rotations.read(one).after < size]
    if not known:
        raise Invalid(N_("No public key was given, so the signature could not be checked."))
    refusals = []
    # The key that signed comes first: what it refuses tells most.
    for key in sorted(known, key=lambda key: key.id not in signers):
        try:
            return rotations.checkpoint(note, key, records)
        except Invalid as error:
            refusals.append(error)
    raise refusals[0]


def _load(content: bytes) -> dict[str, Any]:
    if len(content) > LARGEST_FILE:
        raise Invalid(N_("The file is larger than a proof can be."))
    try:
        proof = json.loads(
            content.decode(),
            object_pairs_hook=_object,
            parse_int=_whole,
            parse_constant=_not_json,
        )
    except (ValueError, RecursionError):
        raise Invalid(N_("The file is not JSON.")) from None
    if not isinstance(proof, dict) or not isinstance(proof.get("format"), str):
        raise Invalid(N_("The file is not a proof: it names no format."))
    if proof["format"] not in _FIELDS:
        raise Invalid(
            N_("The file is in the format %(format)s, which is not one of ours."),
            format=_shown(proof["format"]),
        )
    _complete(proof, {"format", "rotations", *_FIELDS[proof["format"]]})
    records = proof["rotations"]
    if not isinstance(records, list) or not all(isinstance(one, str) for one in records):
        raise Invalid(N_("The field rotations must be a list of signed texts."))
    return proof


def _complete(proof: Mapping[str, Any], expected: set[str]) -> None:
    for name in sorted(expected - set(proof)):
        raise Invalid(N_("The field %(name)s is missing from the proof."), name=name)
    for name in sorted(set(proof) - expected):
        raise Invalid(N_("The field %(name)s does not belong in the proof."), name=_shown(name))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        # Two readers could each take another of the two.
        if name in found:
            raise Invalid(N_("The field %(name)s stands twice in the file."), name=_shown(name))
        found[name] = value
    return found


def _whole(digits: str) -> int:
    if len(digits) > 19:
        raise Invalid(N_("There is a number in the file that no log has room for."))
    return int(digits)


def _not_json(name: str) -> NoReturn:
    raise ValueError(name)


def _text(proof: Mapping[str, Any], field: str) -> str:
    value = proof[field]
    if not isinstance(value, str):
        raise Invalid(N_("The field %(name)s must be a signed text."), name=field)
    return value


def _count(proof: Mapping[str, Any], field: str) -> int:
    value = proof[field]
    if type(value) is not int or not 0 <= value <= checkpoints.LARGEST:
        raise Invalid(N_("The field %(name)s must be a whole number from 0."), name=field)
    return value


def _path(proof: Mapping[str, Any]) -> list[bytes]:
    path = proof["path"]
    if not isinstance(path, list) or len(path) > _LONGEST_PATH:
        raise Invalid(N_("The field path must be a list of hashes, as long as the log is deep."))
    return [_hash(one, "path") for one in path]


def _hash(value: object, field: str) -> bytes:
    if not isinstance(value, str) or not _HASH.fullmatch(value):
        raise Invalid(
            N_("The field %(name)s must hold hashes: 64 characters from 0 to 9 and a to f."),
            name=field,
        )
    return bytes.fromhex(value)


def _shown(text: str) -> str:
    """Return a name out of a stranger's file as it can be shown: short, no control characters."""
    return ascii(text[:40])
