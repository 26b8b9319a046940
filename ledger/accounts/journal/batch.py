"""What a batch of entries writes: rows for each table, and how far each guard moves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from ledger import ids
from ledger.accounts.canonical import Head, Line

COUNTERS = ("credited", "available", "held", "spent", "returned")
# Which counter of a lot the lines of a bucket move, and in which direction.
COUNTER_OF = {
    "fund": ("credited", -1),
    "available": ("available", 1),
    "held": ("held", 1),
    "payable": ("spent", 1),
    "receivable": ("spent", 1),
    "bank": ("spent", 1),
    "returned": ("returned", 1),
}
_PLACE_OF = {bucket: (COUNTERS.index(name), sign) for bucket, (name, sign) in COUNTER_OF.items()}

TransactionRow = tuple[
    str, str, str, str, date, datetime, str | None, str | None, bytes
]  # id, kind, subject, actor, occurred on, recorded at, resolves, reverses, hash
PostingRow = tuple[
    str, int, str, str, int, str, str | None, str | None, str | None, str | None
]  # transaction, line, bucket, unit, amount, scheme, rule, account, lot, provider
LotRow = tuple[
    str, str, str, str, str, str, str, str | None, date, date | None, int, int
]  # id, account, scheme, rule, unit, origin, subject, enrolment, granted, expires, counters


@dataclass(frozen=True, slots=True)
class NewLot:
    """A lot that comes into being with its entry, whose kind and subject become its origin."""

    id: str
    account_id: str
    scheme_id: str
    rule_id: str
    unit: str
    expires_on: date | None = None
    enrolment_id: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One transaction to be posted; ``kind`` and ``subject`` together happen once.

    ``actor_id`` is who did it, where one unit of work serves several people.
    """

    kind: str
    subject: str
    lines: tuple[Line, ...]
    resolves_id: str | None = None
    reverses_id: str | None = None
    opens: NewLot | None = None
    actor_id: str | None = None
    id: str = field(default_factory=lambda: ids.new("txn"))


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows of a batch; guards in the order of their ids, so that two batches never cross."""

    transactions: list[TransactionRow]
    postings: list[PostingRow]
    opened: list[LotRow]
    moved: list[tuple[str, list[int]]]  # lot, delta per counter
    funds: list[tuple[str, int]]  # scheme, delta


class Refused(Exception):
    """A guard would fall below zero: a lot when ``lot``, else a fund."""

    def __init__(self, *, lot: bool) -> None:
        super().__init__("lot" if lot else "fund")
        self.lot = lot


class Repeated(Exception):
    """A kind and subject were posted before, a hold was resolved before, a lot opened before."""


def assemble(heads: Sequence[Head], hashes: Sequence[bytes], entries: Sequence[Entry]) -> Batch:
    """Return what is written for ``entries`` with their heads and hashes."""
    transactions: list[TransactionRow] = []
    postings: list[PostingRow] = []
    for head, value, entry in zip(heads, hashes, entries, strict=True):
        transactions.append(
            (
                head.id,
                head.kind,
                head.subject,
                head.actor_id,
                head.occurred_on,
                head.recorded_at,
                head.resolves_id,
                head.reverses_id,
                value,
            )
        )
        for number, line in enumerate(entry.lines, start=1):
            postings.append(
                (
                    head.id,
                    number,
                    line.bucket,
                    line.unit,
                    line.amount,
                    line.scheme_id,
                    line.rule_id,
                    line.account_id,
                    line.lot_id,
                    line.provider_id,
                )
            )
    lots, funds = _deltas(entries)
    opened = [
        _lot_row(head, entry, entry.opens, lots.pop(entry.opens.id))
        for head, entry in zip(heads, entries, strict=True)
        if entry.opens is not None
    ]
    return Batch(transactions, postings, opened, sorted(lots.items()), sorted(funds.items()))


def _deltas(entries: Iterable[Entry]) -> tuple[dict[str, list[int]], dict[str, int]]:
    lots: dict[str, list[int]] = {}
    funds: dict[str, int] = defaultdict(int)
    for entry in entries:
        for line in entry.lines:
            if line.bucket == "fund":
                funds[line.scheme_id] += line.amount
            if line.lot_id is not None:
                counter, sign = _PLACE_OF[line.bucket]
                lots.setdefault(line.lot_id, [0, 0, 0, 0, 0])[counter] += sign * line.amount
    return lots, funds


def _lot_row(head: Head, entry: Entry, lot: NewLot, delta: list[int]) -> LotRow:
    credited, available, *rest = delta
    if any(rest):
        raise ValueError(f"{entry.kind} {entry.subject}: a new lot is all available")
    return (
        lot.id,
        lot.account_id,
        lot.scheme_id,
        lot.rule_id,
        lot.unit,
        entry.kind,
        entry.subject,
        lot.enrolment_id,
        head.occurred_on,
        lot.expires_on,
        credited,
        available,
    )
