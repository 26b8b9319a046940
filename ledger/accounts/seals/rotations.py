"""The record of a key: from which size on it signs, and which key it follows.

A record is a signed note (:mod:`notes`). The record of the first key is signed by itself; that of
a later key by the key before and by itself, so that whoever trusts one key is led to the next:

    leerrekening.example/journal
    seal key
    leerrekening.example/journal+0b1d1a4f+AWN7…
    since 2026-11-24T08:00:00.000000+00:00
    after 1042
    replaces 9e107d9d
    reason yearly change

``after``: seals over more transactions than these are signed by this key; smaller ones by the key
before. The last line is there when a reason was given. Nothing here knows of databases or files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger.accounts.seals import checkpoints, notes
from ledger.accounts.seals.checkpoints import Checkpoint
from ledger.accounts.seals.notes import Signer, Verifier
from ledger.errors import Invalid
from ledger.messages import N_

LONGEST_REASON = 200
_KIND = "seal key"
_FIELDS = ("since", "after", "replaces", "reason")


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What is recorded of a key; ``replaces`` is the id of the key before, None for the first."""

    key: Verifier
    since: datetime
    after: int
    replaces: str | None = None
    reason: str | None = None


def make(record: KeyRecord, signers: Sequence[Signer]) -> str:
    """Return the signed record."""
    said = {
        "since": checkpoints.moment_text(record.since),
        "after": str(record.after),
        "replaces": record.replaces,
        "reason": record.reason,
    }
    lines = [record.key.name, _KIND, record.key.line]
    lines += [f"{name} {text}" for name, text in said.items() if text]
    return notes.sign("".join(f"{line}\n" for line in lines), signers)


def read(note: str) -> KeyRecord:
    """Return what a record says when the key that it is about signed it. Raises Invalid."""
    record = _parse(notes.parse(note)[0])
    notes.check(note, [record.key])
    return record


def verify(note: str, before: Verifier) -> KeyRecord:
    """Return what a record says when both keys signed it: the one before, and the new one.

    Raises Invalid.
    """
    record = read(note)
    _, signed = notes.check(note, [before, record.key])
    if record.replaces != before.id or record.key.name != before.name or before not in signed:
        raise Invalid(
            N_("The record of key %(new)s was not signed by key %(old)s before it."),
            new=record.key.id,
            old=before.id,
        )
    return record


def checkpoint(note: str, trusted: Verifier, records: Sequence[str]) -> Checkpoint:
    """Return what a checkpoint says when the key in force at its size signed it.

    ``records`` lead from the trusted key to later ones, oldest first; those of other keys are
    passed over. A key that was replaced is not believed about later sizes. Raises Invalid.
    """
    chain = [(trusted, 0)]  # each key, and after how many transactions it came in force
    for one in records:
        last = chain[-1][0]
        if read(one).replaces == last.id:
            record = verify(one, last)
            chain.append((record.key, record.after))
    size = checkpoints.read(note).size
    later = [key for key, after in chain[1:] if after < size]
    return checkpoints.verify(note, [later[-1] if later else trusted])


def _parse(text: str) -> KeyRecord:
    lines = text.split("\n")
    pairs = [line.partition(" ")[::2] for line in lines[3:-1]]
    said = dict(pairs)
    since = checkpoints.moment(said.get("since", ""))
    after = checkpoints.count(said.get("after", ""))
    # Every field at most once and in this order: a record can be written in one way only.
    in_order = [name for name, _ in pairs] == [name for name in _FIELDS if name in said]
    if lines[1:2] != [_KIND] or since is None or after is None or not in_order:
        raise Invalid(N_("This is not the record of a key."))
    key = notes.parse_verifier(lines[2])
    if key.name != lines[0]:
        raise Invalid(N_("This is not the record of a key."))
    return KeyRecord(key, since, after, said.get("replaces"), said.get("reason"))
