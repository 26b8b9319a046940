"""The double-entry journal: the only writer of transactions, postings, guards and waiting rows.

Sign: a line is positive when its bucket gains; ``bank`` mirrors the outside world. Every entry
sums to zero per scheme and unit. What happens to a lot follows from the lines that carry its id:

    credited = −Σ fund       available = Σ available      held = Σ held
    returned =  Σ returned   spent     = Σ payable + Σ receivable + Σ bank

so that ``credited = available + held + spent + returned`` holds by construction, and a scheme's
fund moves by its lines. The guards refuse what would bring a counter or a fund below zero,
whatever runs at the same time.

From here to the disk: :func:`post_many` checks and hashes, :mod:`batch` makes rows of it, and
:mod:`postgresql` or :mod:`sqlite` writes them.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ledger import ids
from ledger.accounts.canonical import Head, Line, digest
from ledger.accounts.journal import crediting, postgresql, sqlite
from ledger.accounts.journal.batch import Entry, NewLot, Refused, Repeated, assemble
from ledger.accounts.journal.crediting import NewCredit, Source
from ledger.accounts.models import Fund, Lot
from ledger.db import Work, driver
from ledger.errors import AlreadyDone, InsufficientBalance
from ledger.messages import N_
from ledger.money import LIMIT
from ledger.sets import Change

__all__ = [
    "Entry",
    "Line",
    "NewCredit",
    "NewLot",
    "Receipt",
    "Source",
    "credit_many",
    "post",
    "post_many",
]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the caller keeps: the transaction's id and its hash in hexadecimal."""

    id: str
    hash: str


def post(work: Work, entry: Entry) -> Receipt:
    """Post one entry. Raises what :func:`post_many` raises."""
    return post_many(work, [entry])[0]


def post_many(work: Work, entries: Sequence[Entry], along: Sequence[Change] = ()) -> list[Receipt]:
    """Post a batch in this unit of work: all entries or none; one receipt each, in order.

    What is changed ``along`` with it goes in the same statement where that can be done.

    Guards are moved in the order of their ids, so that two batches cannot wait for each other.
    Raises InsufficientBalance when a lot or a fund would fall below zero, AlreadyDone when an
    entry's kind and subject were posted before or its hold was resolved before, ValueError when
    an entry does not sum to zero (a fault in the program, not in the input), Stale when a change
    did not find what it must change.
    """
    if not entries and not along:
        return []
    for entry in entries:
        _check(entry)
    heads = [_head(work, entry) for entry in entries]
    hashes = [digest(head, entry.lines) for head, entry in zip(heads, entries, strict=True)]
    batch = assemble(heads, hashes, entries)
    connection = driver(work.session)
    write = sqlite.write if isinstance(connection, sqlite3.Connection) else postgresql.write
    with _refusals():
        write(connection, batch, along)  # type: ignore[arg-type]
    _forget_guards(work)
    return [Receipt(head.id, value.hex()) for head, value in zip(heads, hashes, strict=True)]


def credit_many(work: Work, source: Source, items: Sequence[NewCredit]) -> list[Receipt]:
    """Post one transaction per item: from the fund of ``source``'s scheme to a new lot.

    The same as :func:`post_many` of such entries, in a fraction of the time. Raises what it
    raises.
    """
    if not items:
        return []
    for item in items:
        if type(item.amount) is not int or not 0 < item.amount <= LIMIT:
            raise ValueError(f"{source.kind}: amount {item.amount!r} is out of bounds")
    connection = driver(work.session)
    if isinstance(connection, sqlite3.Connection) or not crediting.fits(source, items):
        return post_many(work, [_crediting(source, item) for item in items])
    with _refusals():
        posted = crediting.write(connection, work, source, items)
    _forget_guards(work)
    return [Receipt(id_, value.hex()) for id_, value in zip(*posted, strict=True)]


def _crediting(source: Source, item: NewCredit) -> Entry:
    lot = NewLot(
        ids.new("lot"),
        item.account_id,
        source.scheme_id,
        source.rule_id,
        source.unit,
        item.expires_on,
        item.enrolment_id,
    )

    def line(bucket: str, amount: int) -> Line:
        return Line(
            bucket,
            amount,
            source.scheme_id,
            source.unit,
            source.rule_id,
            item.account_id,
            lot.id,
        )

    lines = (line("fund", -item.amount), line("available", item.amount))
    return Entry(source.kind, item.subject, lines, opens=lot, actor_id=item.actor_id)


@contextmanager
def _refusals() -> Iterator[None]:
    """Tell the refusals of the writers in the words of the domain."""
    try:
        yield
    except Refused as refusal:
        raise InsufficientBalance(
            N_("The balance is no longer enough; someone or something spent from it.")
            if refusal.lot
            else N_("The fund of this scheme falls short. Pay in first.")
        ) from None
    except Repeated as error:
        raise AlreadyDone(N_("This was done before; nothing was changed now.")) from error


def _check(entry: Entry) -> None:
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for line in entry.lines:
        if type(line.amount) is not int:
            raise ValueError(f"{entry.kind}: an amount is a whole number of minor units")
        if line.amount == 0 or abs(line.amount) > LIMIT:
            raise ValueError(f"{entry.kind}: amount {line.amount} is out of bounds")
        sums[line.scheme_id, line.unit] += line.amount
    if not entry.lines or any(sums.values()):
        raise ValueError(f"{entry.kind} {entry.subject} does not sum to zero: {dict(sums)}")


def _head(work: Work, entry: Entry) -> Head:
    opened = entry.opens
    return Head(
        id=entry.id,
        kind=entry.kind,
        subject=entry.subject,
        actor_id=entry.actor_id or work.actor.id,
        occurred_on=work.today,
        recorded_at=work.now,
        resolves_id=entry.resolves_id,
        reverses_id=entry.reverses_id,
        opens_id=opened.id if opened else None,
        expires_on=opened.expires_on if opened else None,
        enrolment_id=opened.enrolment_id if opened else None,
    )


def _forget_guards(work: Work) -> None:
    """Let the session read the guards anew: what it has seen of them is no longer true."""
    for row in list(work.session.identity_map.values()):
        if isinstance(row, Lot | Fund):
            work.session.expire(row)
