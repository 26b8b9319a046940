"""Ending the hold of an enrolment in the books: what is paid, what goes back, what is lost.

What goes back returns to the lots it came from, or to the fund where a lot has expired since.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from sqlalchemy import bindparam, insert, select, update
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


class Terms(NamedTuple):
    """What the rule version of a line says about cancelling and completing."""

    late_percent: int
    rest_when_late: str
    abandoned_below: int
    abandoned_percent: int
    rest_when_abandoned: str
    complete_from: int


class Held(NamedTuple):
    """A line of an enrolment as it is held, with its lot's last day and its rule's terms."""

    lot_id: str
    scheme_id: str
    rule_id: str
    unit: str
    held: int
    expires_on: date | None
    terms: Terms


_LINE = (
    EnrolmentLine.lot_id,
    EnrolmentLine.scheme_id,
    EnrolmentLine.rule_id,
    EnrolmentLine.unit,
    EnrolmentLine.held,
    Lot.expires_on,
)
_TERMS = tuple(getattr(Rule, name) for name in Terms._fields)


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
    return _consequence(held(session, enrolment.id), event, attended_percent, on)


def held(session: Session, enrolment_id: str) -> tuple[Held, ...]:
    """Return the lines of an enrolment in order of spending."""
    rows = session.execute(
        select(*_LINE, *_TERMS)
        .join(Rule, Rule.id == EnrolmentLine.rule_id)
        .join(Lot, Lot.id == EnrolmentLine.lot_id)
        .where(EnrolmentLine.enrolment_id == enrolment_id)
        .order_by(EnrolmentLine.position)
    )
    return tuple(Held._make((*row[: len(_LINE)], Terms._make(row[len(_LINE) :]))) for row in rows)


def lines_of(rows: Sequence[Held]) -> tuple[HeldLine, ...]:
    """Return what the settlement asks of the lines."""
    return tuple(HeldLine(row.lot_id, row.unit, row.held, row.terms) for row in rows)


def settle(
    work: Work,
    enrolment: Enrolment,
    rows: Sequence[Held],
    event: Event,
    attended_percent: int = 0,
) -> journal.Receipt | None:
    """Resolve the hold of an enrolment as ``event`` demands and declare what the provider is owed.

    ``rows`` are its lines as :func:`held` returns them in this work. Returns the receipt, None
    when nothing was held. Raises AlreadyDone when it was resolved.
    """
    if not rows:
        return None
    result = _consequence(rows, event, attended_percent, work.today)
    pays = any(part.paid for part in result.parts)
    lines: list[journal.Line] = []
    for row, part in zip(rows, result.parts, strict=True):
        lines += _postings(enrolment, row, part, part.lot_id in result.expired)
    receipt = journal.post(
        work,
        journal.Entry(
            "settle" if pays else "release",
            enrolment.id,
            tuple(lines),
            resolves_id=enrolment.hold_id,
        ),
    )
    _keep(work, enrolment, result.parts)
    if result.paid_cents:
        _declare(work, enrolment, receipt, result.paid_cents)
    return receipt


def _keep(work: Work, enrolment: Enrolment, parts: Sequence[Part]) -> None:
    """Write per line what was paid and released."""
    work.session.connection().execute(
        update(EnrolmentLine)
        .where(
            EnrolmentLine.enrolment_id == bindparam("of_enrolment"),
            EnrolmentLine.lot_id == bindparam("of_lot"),
        )
        .values(paid=bindparam("now_paid"), released=bindparam("now_released")),
        [
            {
                "of_enrolment": enrolment.id,
                "of_lot": part.lot_id,
                "now_paid": part.paid,
                "now_released": part.released,
            }
            for part in parts
        ],
    )


def _consequence(
    rows: Sequence[Held], event: Event, attended_percent: int, on: date
) -> Consequence:
    expired = {row.lot_id for row in rows if row.expires_on is not None and row.expires_on < on}
    parts = outcome(lines_of(rows), event, attended_percent)
    return Consequence(event, attended_percent, parts, frozenset(expired))


def _postings(enrolment: Enrolment, row: Held, part: Part, expired: bool) -> list[journal.Line]:
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
    status = work.session.scalars(
        select(Organisation.status).where(Organisation.id == enrolment.provider_id)
    ).one()
    suspended = status != "admitted"
    declaration_id, payable_on = ids.new("dec"), work.today + PAY_TERM
    work.session.connection().execute(
        insert(Declaration).values(
            id=declaration_id,
            provider_id=enrolment.provider_id,
            enrolment_id=enrolment.id,
            transaction_id=receipt.id,
            kind="settlement",
            amount_cents=amount_cents,
            payable_on=payable_on,
            status="on_hold" if suspended else "payable",
            hold_reason="provider_suspended" if suspended else None,
            hold_until=work.today + HOLD_TERM if suspended else None,
            created_at=work.now,
        )
    )
    history.record(
        work,
        enrolment.id,
        "declared",
        declaration_id=declaration_id,
        amount_cents=amount_cents,
        payable_on=payable_on.isoformat(),
    )
