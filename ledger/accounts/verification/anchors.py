"""Checkpoints kept outside the installation, against which the log has to stand up.

A line is what ``leerrekening checkpoint`` printed: one JSON object with ``note``, the signed head
of the log, and its parts beside it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ledger.accounts.seals import checkpoints, rotations
from ledger.accounts.seals.checkpoints import Checkpoint
from ledger.accounts.seals.notes import Verifier
from ledger.accounts.verification.finding import Finding
from ledger.accounts.verification.keys import KnownKeys
from ledger.errors import Invalid
from ledger.messages import N_, Message


@dataclass(frozen=True, slots=True)
class Anchor:
    """One kept checkpoint; ``place`` is its file and line."""

    place: str
    note: str
    checkpoint: Checkpoint


def read(name: str, text: str) -> list[Anchor]:
    """Return the checkpoints in a file, in the order of their sizes.

    Raises Invalid when a line is not one, or when there is none.
    """
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            found.append(_anchor(f"{name}:{number}", line))
    if not found:
        raise Invalid(N_("There is no checkpoint in %(file)s."), field="anchor", file=name)
    return sorted(found, key=lambda anchor: anchor.checkpoint.size)


def check(anchor: Anchor, known: KnownKeys) -> Iterator[Finding]:
    """Yield what is wrong with an anchor's signature."""
    if not any(_is_signed(anchor.note, key, known) for key in _believed(known)):
        yield finding(anchor, N_("it is not signed by a key that is known for its size"))


def finding(anchor: Anchor, text: str, **values: object) -> Finding:
    """Return a finding about an anchor, which is named by its file and line."""
    return Finding("anchor", anchor.place, Message(text, values))


def _believed(known: KnownKeys) -> Sequence[Verifier]:
    return known.trusted or [record.key for record in known.records.values()]


def _is_signed(note: str, key: Verifier, known: KnownKeys) -> bool:
    try:
        rotations.checkpoint(note, key, known.notes)
    except Invalid:
        return False
    return True


def _anchor(place: str, line: str) -> Anchor:
    try:
        said = json.loads(line)
        note = said["note"]
        checkpoint = checkpoints.read(note)
    except (ValueError, KeyError, TypeError, AttributeError, Invalid) as error:
        raise Invalid(
            N_("%(place)s is not what `leerrekening checkpoint` printed."),
            field="anchor",
            place=place,
        ) from error
    beside = {
        "origin": checkpoint.origin,
        "size": checkpoint.size,
        "root": checkpoint.root.hex(),
        "sealed_at": checkpoints.moment_text(checkpoint.sealed_at),
    }
    if any(said.get(name) != value for name, value in beside.items()):
        raise Invalid(
            N_("%(place)s says something else than its signed note."), field="anchor", place=place
        )
    return Anchor(place, note, checkpoint)
