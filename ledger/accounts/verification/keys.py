"""Proof of the keys that seals are signed with: each is what its signed record says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.accounts.models import SealKey
from ledger.accounts.seals import rotations
from ledger.accounts.seals.notes import Verifier
from ledger.accounts.seals.rotations import KeyRecord
from ledger.accounts.verification.finding import Finding
from ledger.errors import Invalid
from ledger.messages import N_, Message


@dataclass(slots=True)
class KnownKeys:
    """The keys of the log by their ids, and from which size on each was in force."""

    trusted: Sequence[Verifier] = ()  # published before; empty: whatever is recorded
    records: dict[str, KeyRecord] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def in_force(self, size: int) -> KeyRecord | None:
        """Return the record of the key that signs a seal over ``size`` transactions."""
        found = None
        for record in self.records.values():
            if record.after < size:
                found = record
        return found


def check(session: Session, known: KnownKeys) -> Iterator[Finding]:
    """Yield what is wrong with the keys, and fill ``known`` with those that can be used."""
    last: KeyRecord | None = None
    believed = {key.id: key for key in known.trusted}
    for row in session.scalars(select(SealKey).order_by(SealKey.since, SealKey.id)):
        try:
            record = rotations.read(row.note)
        except Invalid:
            yield _finding(row.id, N_("its record is not what was signed"))
            continue
        if (record.key.id, record.key.public_key, record.since) != (
            row.id,
            row.public_key,
            row.since,
        ):
            yield _finding(row.id, N_("it is not what its signed record says"))
        if record.replaces != (last.key.id if last else None):
            yield _finding(row.id, N_("its record follows another key than the one before it"))
        if known.trusted and not _is_led_to(row.note, record, believed):
            yield _finding(row.id, N_("no key that you trust leads to it"))
        else:
            believed[record.key.id] = record.key
        known.records[record.key.id] = last = record
        known.notes.append(row.note)


def _is_led_to(note: str, record: KeyRecord, believed: dict[str, Verifier]) -> bool:
    if record.key.id in believed:
        return believed[record.key.id] == record.key
    before = believed.get(record.replaces or "")
    try:
        return before is not None and bool(rotations.verify(note, before))
    except Invalid:
        return False


def _finding(id_: str, text: str) -> Finding:
    return Finding("seal_key", id_, Message(text))
