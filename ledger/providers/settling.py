"""Ending the hold of an enrolment in the books: what is paid, what goes back, what is lost.

What goes back returns to the lots it came from, or to the fund where a lot has expired since.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger import ids
from ledger.accounts import history, journal
from ledger.accounts.models import Lot, Organisation, Rule
from ledger.db import Work
from ledger.money import EUR
from ledger.providers.models import Declaration, Enrolment, EnrolmentLine
from ledger.providers.settlement import Event, HeldLine, Part, outcome

PAY_TERM = timedelta(days=14)  # from settlement until it goes on a statement
HOLD_TERM = timedelta(days=60)  # a payment may be held back this long
_Rows = Sequence[tuple[EnrolmentLine, Rule, Lot]]


@dataclass(frozen=True, slots=True)
class Consequence:
    """What an event does to one enrolment's money; ``parts`` per lot, in order of spending.

    ``expired`` holds the lots that have expired, so that what is released goes to the fund.
    """

    event: Event
    attended_percent: int
    parts: tuple[Part, ...]
    expired: frozenset[str]

    def _sum(self, name: str) -> int:
        return sum(getattr(part, name) for part in self.parts if part.unit == EUR)

    @property
    def paid_cents(self) -> int:
        """Return what the provider is paid, in cents."""
        return self._sum("paid")

    @property
    def back_cents(self) -> int:
        """Return what becomes available to the holder again, in cents."""
        return sum(
            part.released
            for part in self.parts
            if part.unit == EUR and part.lot_id not in self.expired
        )

    @property
    def gone_cents(self) -> int:
        """Return what goes back to the funders: lost, or from lots that have expired."""
        return self._sum("lost") + self._sum("released") - self.back_cents


def consequence(
    session: Session, enrolment: Enrolment, event: Event, attended_percent: int, on: date
) -> Consequence:
    """Return what ``event`` would do on a day; nothing is changed."""
    return _consequence(lines_of(session, enrolment.id), event, attended_percent, on)


def held_lines(session: Session, enrolment: Enrolment) -> tuple[HeldLine, ...]:
    """Return the lines of an enrolment with the terms of their own rule versions."""
    return _held(lines_of(session, enrolment.id))


def settle(
    work: Work, enrolment: Enrolment, event: Event, attended_percent: int = 0
) -> journal.Receipt | None:
    """Resolve the hold as ``event`` demands and declare what the provider is owed.

    Returns the receipt, None when nothing was held. Raises AlreadyDone when it was resolved.
    """
    rows = lines_of(work.session, enrolment.id)
    result = _consequence(rows, event, attended_percent, work.today)
    if not rows:
        return None
    pays = any(part.paid for part in result.parts)
    lines: list[journal.Line] = []
    for (row, _, _), part in zip(rows, result.parts, strict=True):
        lines += _postings(enrolment, row, part, part.lot_id in result.expired)
        row.paid, row.released = part.paid, part.released
    receipt = journal.post(
        work,
        journal.Entry(
            "settle" if pays else "release",
            enrolment.id,
            tuple(lines),
            resolves_id=enrolment.hold_id,
        ),
    )
    if result.paid_cents:
        _declare(work, enrolment, receipt, result.paid_cents)
    return receipt


def lines_of(session: Session, enrolment_id: str) -> _Rows:
    """Return the lines of an enrolment with rule version and lot, in order of spending."""
    rows = session.execute(
        select(EnrolmentLine, Rule, Lot)
        .join(Rule, Rule.id == EnrolmentLine.rule_id)
        .join(Lot, Lot.id == EnrolmentLine.lot_id)
        .where(EnrolmentLine.enrolment_id == enrolment_id)
        .order_by(EnrolmentLine.position)
    )
    return [(line, rule, lot) for line, rule, lot in rows]


def _held(rows: _Rows) -> tuple[HeldLine, ...]:
    return tuple(HeldLine(row.lot_id, row.unit, row.held, rule) for row, rule, _ in rows)


def _consequence(rows: _Rows, event: Event, attended_percent: int, on: date) -> Consequence:
    expired = {lot.id for _, _, lot in rows if lot.expires_on is not None and lot.expires_on < on}
    parts = outcome(_held(rows), event, attended_percent)
    return Consequence(event, attended_percent, parts, frozenset(expired))


def _postings(
    enrolment: Enrolment, row: EnrolmentLine, part: Part, expired: bool
) -> list[journal.Line]:
    def line(bucket: str, amount: int, provider_id: str | None = None) -> journal.Line:
        return journal.Line(
            bucket,
            amount,
            row.scheme_id,
            row.unit,
            rule_id=row.rule_id,
            account_id=enrolment.account_id,
            lot_id=row.lot_id,
            provider_id=provider_id,
        )

    back = 0 if expired else part.released
    to_fund = part.lost + part.released - back
    # Minutes are taken, not paid: they leave the books where the euros leave for a provider.
    paid = (
        line("payable", part.paid, enrolment.provider_id)
        if row.unit == EUR
        else line("bank", part.paid)
    )
    postings = [line("held", -row.held), paid, line("available", back), line("returned", to_fund)]
    return [posting for posting in postings if posting.amount]


def _declare(work: Work, enrolment: Enrolment, receipt: journal.Receipt, amount_cents: int) -> None:
    provider = work.session.get(Organisation, enrolment.provider_id)
    suspended = provider is not None and provider.status != "admitted"
    declaration = Declaration(
        id=ids.new("dec"),
        provider_id=enrolment.provider_id,
        enrolment_id=enrolment.id,
        transaction_id=receipt.id,
        kind="settlement",
        amount_cents=amount_cents,
        payable_on=work.today + PAY_TERM,
        status="on_hold" if suspended else "payable",
        hold_reason="provider_suspended" if suspended else None,
        hold_until=work.today + HOLD_TERM if suspended else None,
        created_at=work.now,
    )
    work.session.add(declaration)
    history.record(
        work,
        enrolment.id,
        "declared",
        declaration_id=declaration.id,
        amount_cents=amount_cents,
        payable_on=declaration.payable_on.isoformat(),
    )
