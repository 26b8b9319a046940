"""Signed notes: a text, and under it who signed it, in a form that others can check too.

The form is that of C2SP signed-note (https://c2sp.org/signed-note), with Ed25519: the text ends
in a newline, then comes an empty line, then per signature ``— name base64(key id || signature)``.
A key is known by its name and its id, the first four bytes of SHA-256(name || 0A || 01 || public
key), written here as eight hexadecimal digits. Nothing here knows of databases or files.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from ledger.errors import Invalid
from ledger.messages import N_

LONGEST = 256 * 1024  # characters of a note; sixteen signatures of any kind fit
MOST_SIGNATURES = 64
LONGEST_NAME = 255
_ED25519 = b"\x01"
_DASH = "\u2014 "


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key of 32 bytes under the name that it signs for."""

    name: str
    public_key: bytes

    @property
    def id(self) -> str:
        """Return the key id, eight hexadecimal digits."""
        named = self.name.encode() + b"\n" + _ED25519 + self.public_key
        return hashlib.sha256(named).hexdigest()[:8]

    @property
    def line(self) -> str:
        """Return the key as it is published: ``name+id+base64(01 || public key)``."""
        return f"{self.name}+{self.id}+{encoded(_ED25519 + self.public_key)}"

    def accepts(self, signature: bytes, text: str) -> bool:
        """Tell whether this key signed ``text``."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, text.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key under the name that it signs for."""

    name: str
    private: Ed25519PrivateKey = field(repr=False)

    @property
    def verifier(self) -> Verifier:
        """Return its public half."""
        return Verifier(self.name, self.private.public_key().public_bytes_raw())


@dataclass(frozen=True, slots=True)
class Signature:
    """One line under a note, of a key that may be unknown to the reader."""

    name: str
    key_id: str
    signature: bytes


def parse_verifier(line: str) -> Verifier:
    """Return the key that was written by ``Verifier.line``. Raises Invalid."""
    name, _, rest = line.strip().partition("+")
    key_id, _, coded = rest.partition("+")
    key = decoded(coded)
    if not is_name(name) or key is None or len(key) != 33 or key[:1] != _ED25519:
        raise Invalid(N_("This is not a public key of the form name+id+key."))
    found = Verifier(name, key[1:])
    if found.id != key_id:
        raise Invalid(N_("The id in this public key is not that of its name and key."))
    return found


def sign(text: str, signers: Sequence[Signer]) -> str:
    """Return the note: ``text``, which must end in a newline, signed by all of ``signers``."""
    if not text.endswith("\n") or "\n\n" in text or not _is_clean(text):
        raise ValueError("a note has no empty lines and no control characters")
    lines = [
        f"{_DASH}{signer.name} "
        + encoded(bytes.fromhex(signer.verifier.id) + signer.private.sign(text.encode()))
        for signer in signers
    ]
    return "\n".join([text, *lines, ""])


def parse(note: str) -> tuple[str, list[Signature]]:
    """Return the text of a note and its signatures; nothing is checked but the form.

    Raises Invalid.
    """
    if len(note) > LONGEST:
        raise Invalid(N_("The signed text is too long."))
    # The last empty line: the text itself may have some.
    text, gap, below = note.rpartition("\n\n")
    lines = below.split("\n")
    if not gap or not text or lines.pop() or not lines or not _is_clean(note):
        raise Invalid(N_("This is not a signed text: a text, an empty line, signatures."))
    if len(lines) > MOST_SIGNATURES:
        raise Invalid(N_("The signed text has too many signatures."))
    return f"{text}\n", [_signature(line) for line in lines]


def check(note: str, known: Sequence[Verifier]) -> tuple[str, list[Verifier]]:
    """Return the text of a note and which of the known keys signed it, one at least.

    Signatures of other keys are passed over. Raises Invalid, also when one of a known key is
    wrong.
    """
    text, signatures = parse(note)
    by_key = {(key.name, key.id): key for key in known}
    signed = []
    for one in signatures:
        key = by_key.get((one.name, one.key_id))
        if key is None:
            continue
        if not key.accepts(one.signature, text):
            raise Invalid(
                N_("The signature by key %(key)s is wrong: the text was changed."), key=key.id
            )
        if key not in signed:
            signed.append(key)
    if not signed:
        raise Invalid(N_("None of the known keys signed this."))
    return text, signed


def is_name(name: str) -> bool:
    """Tell whether a key can have this name: no spaces, no plus, not empty."""
    return (
        0 < len(name) <= LONGEST_NAME
        and _is_clean(name)
        and not set(name) & set("+\n")
        and (not any(character.isspace() for character in name))
    )


def encoded(data: bytes) -> str:
    """Return standard base64."""
    return base64.b64encode(data).decode("ascii")


def decoded(text: str) -> bytes | None:
    """Return what :func:`encoded` wrote, None for anything else: there is one way to write it."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if encoded(data) == text else None


def _signature(line: str) -> Signature:
    name, _, coded = line.removeprefix(_DASH).partition(" ")
    data = decoded(coded)
    if not line.startswith(_DASH) or not is_name(name) or data is None or len(data) < 5:
        raise Invalid(N_("A signature under the text has not the form of one."))
    return Signature(name, data[:4].hex(), data[4:])


def _is_clean(text: str) -> bool:
    # A lone surrogate is no UTF-8.
    return not any(
        (character < " " and character != "\n") or "\ud800" <= character <= "\udfff"
        for character in text
    )
