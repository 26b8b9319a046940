"""A log of twenty transactions with keys that everybody knows, and proofs from it that hold."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.accounts.seals import checkpoints, merkle, rotations
from ledger.accounts.seals.notes import Signer
from ledger.accounts.seals.rotations import KeyRecord

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NAME = "leerrekening.example/journal"
HASHES = [hashlib.sha256(f"transaction {n}".encode()).digest() for n in range(20)]
CHANGED_AT = 12  # from here on the second key signs

Proof = dict[str, Any]


def signer(number: int, name: str = NAME) -> Signer:
    """Return a key that is the same in every run."""
    return Signer(name, Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32))


FIRST, SECOND, THIRD = signer(1), signer(2), signer(3)


@cache
def hash_of(start: int, stop: int) -> bytes:
    """Return the hash over a complete stretch of the log of these tests."""
    if stop - start == 1:
        return merkle.leaf(HASHES[start])
    middle = (start + stop) // 2
    return merkle.node(hash_of(start, middle), hash_of(middle, stop))


@cache
def checkpoint(size: int, by: Signer | None = None) -> str:
    """Return the seal over ``size`` transactions."""
    by = by or (SECOND if size > CHANGED_AT else FIRST)
    return checkpoints.make(size, merkle.root(size, hash_of), NOW + timedelta(seconds=size), by)


@cache
def rotation(old: Signer = FIRST, new: Signer = SECOND, *, by: tuple[Signer, ...] = ()) -> str:
    """Return the record of a change of keys."""
    record = KeyRecord(new.verifier, NOW, CHANGED_AT, old.verifier.id, "yearly change")
    return rotations.make(record, by or (old, new))


def inclusion(position: int = 5, size: int = 8) -> Proof:
    """Return a proof that holds."""
    return {
        "format": "leerrekening-inclusion/1",
        "receipt": {"id": f"txn_{position}", "hash": HASHES[position].hex()},
        "position": position,
        "size": size,
        "path": [one.hex() for one in merkle.inclusion(position, size, hash_of)],
        "checkpoint": checkpoint(size),
        "rotations": [rotation()],
    }


def consistency(old: int = 6, new: int = 11) -> Proof:
    """Return a proof that holds."""
    return {
        "format": "leerrekening-consistency/1",
        "old_size": old,
        "new_size": new,
        "path": [one.hex() for one in merkle.consistency(old, new, hash_of)],
        "old_checkpoint": checkpoint(old),
        "new_checkpoint": checkpoint(new),
        "rotations": [rotation()],
    }


def with_(proof: Proof, **changes: Any) -> Proof:
    """Return a proof with other fields."""
    return {**proof, **changes}
