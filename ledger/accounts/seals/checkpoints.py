"""Checkpoints: the signed head of the log, as C2SP tlog-checkpoint (https://c2sp.org) has it.

The signed text is four lines: the origin (the name of this log, which is the name of its keys),
the size in decimal, the root in base64, and when it was sealed:

    leerrekening.example/journal
    1042
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
    sealed 2026-11-24T08:00:00.000000+00:00

Nothing here knows of databases or files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ledger.accounts.seals import notes
from ledger.accounts.seals.notes import Signer, Verifier
from ledger.errors import Invalid
from ledger.messages import N_

LARGEST = 2**63 - 1  # places in a log
_SEALED = "sealed "


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a seal says: the root, 32 bytes, over the first ``size`` transactions of a log."""

    origin: str
    size: int
    root: bytes
    sealed_at: datetime


def make(size: int, root: bytes, sealed_at: datetime, signer: Signer) -> str:
    """Return the signed text; its origin is the name of the key."""
    return notes.sign(_text(Checkpoint(signer.name, size, root, sealed_at)), [signer])


def read(note: str) -> Checkpoint:
    """Return what a checkpoint says without asking who signed it. Raises Invalid."""
    return _parse(notes.parse(note)[0])


def verify(note: str, known: Sequence[Verifier]) -> Checkpoint:
    """Return what a checkpoint says, when one of the known keys signed it for its own log.

    Raises Invalid.
    """
    text, signed = notes.check(note, known)
    found = _parse(text)
    if found.origin not in {key.name for key in signed}:
        raise Invalid(N_("The key that signed this is not the one of the log that it names."))
    return found


def moment(text: str) -> datetime | None:
    """Return the moment that :func:`moment_text` wrote, None for anything else."""
    try:
        found = datetime.fromisoformat(text)
        return found if found.tzinfo and moment_text(found) == text else None
    except (ValueError, OverflowError):
        return None


def moment_text(moment: datetime) -> str:
    """Return a moment as it is signed: ISO 8601, UTC, microseconds."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def count(text: str) -> int | None:
    """Return a number of places written in decimal, None for anything else."""
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or text != str(int(text)):
        return None
    return int(text) if int(text) <= LARGEST else None


def _text(checkpoint: Checkpoint) -> str:
    lines = (
        checkpoint.origin,
        str(checkpoint.size),
        notes.encoded(checkpoint.root),
        _SEALED + moment_text(checkpoint.sealed_at),
    )
    return "".join(f"{line}\n" for line in lines)


def _parse(text: str) -> Checkpoint:
    lines = text.split("\n")
    # The text ends in a newline, and no line of it is empty; more lines may follow ours.
    if lines.pop() or len(lines) < 4 or not all(lines):
        raise Invalid(N_("This is not a checkpoint: name, size, root and moment, a line each."))
    origin, size, root, sealed = lines[:4]
    places, hashed = count(size), notes.decoded(root)
    if places is None:
        raise Invalid(N_("The second line of the checkpoint must be a number of transactions."))
    if hashed is None or len(hashed) != 32:
        raise Invalid(N_("The third line of the checkpoint must be a root: 32 bytes in base64."))
    at = moment(sealed.removeprefix(_SEALED)) if sealed.startswith(_SEALED) else None
    if at is None:
        raise Invalid(N_("The fourth line of the checkpoint must say when it was sealed."))
    return Checkpoint(origin, places, hashed, at)
