"""Lots: crediting them from a scheme's fund, and what an account holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger import clock
from ledger.accounts import journal, schemes
from ledger.accounts.models import Fund, Lot, Organisation, Rule, Scheme
from ledger.db import Work
from ledger.errors import InsufficientBalance, NotFound, WrongState
from ledger.messages import N_
from ledger.money import Money, checked


@dataclass(frozen=True, slots=True)
class Credit:
    """An amount (minor units of the scheme) for one account; ``subject`` is credited once."""

    account_id: str
    amount: int
    origin: str  # grant, accrual, top_up
    subject: str
    expires_on: date | None = None  # None: as the rule says
    enrolment_id: str | None = None  # a top-up for one enrolment only
    actor_id: str | None = None  # who did it, where one work serves several people


@dataclass(frozen=True, slots=True)
class LotView:
    """A lot as its holder sees it; amounts in minor units of ``unit``."""

    id: str
    account_id: str
    scheme_id: str
    scheme_name: str
    scheme_name_en: str
    funder_name: str
    unit: str
    origin: str
    rule_id: str
    enrolment_id: str | None
    granted_on: date
    expires_on: date | None
    credited: int
    available: int
    held: int
    spent: int
    returned: int

    def expired(self, on: date) -> bool:
        """Tell whether the last day for spending lies before ``on``."""
        return self.expires_on is not None and self.expires_on < on


@dataclass(frozen=True, slots=True)
class Balance:
    """Sums over the lots of one unit; ``expired`` waits to go back to its fund."""

    unit: str
    available: int
    held: int
    spent: int
    expired: int


def credit(work: Work, scheme_id: str, items: Sequence[Credit]) -> list[journal.Receipt]:
    """Credit a new lot per item from the fund of a scheme; all of them or none.

    The guard of the fund refuses the second of two batches that both want the last of it. Raises
    NotFound, WrongState when the scheme is closed, InsufficientBalance when the fund falls
    short, AlreadyDone when a subject was credited before.
    """
    if not items:
        return []
    scheme = work.session.get(Scheme, scheme_id)
    if scheme is None:
        raise NotFound(N_("There is no such scheme."))
    if scheme.status != "open":
        raise WrongState(N_("This scheme is closed."))
    rule = schemes.rule_on(work.session, scheme_id, work.today)
    total = sum(checked(item.amount) for item in items)
    fund = fund_balance(work.session, scheme_id)
    if total > fund:
        raise InsufficientBalance(
            N_("The fund of this scheme has %(fund)s, and this needs %(total)s. Pay in first."),
            fund=Money(fund, scheme.unit),
            total=Money(total, scheme.unit),
        )
    return credit_from(work, scheme, rule, items)


def credit_from(
    work: Work, scheme: Scheme, rule: Rule, items: Sequence[Credit]
) -> list[journal.Receipt]:
    """Credit a new lot per item by ``rule``, for who has looked already whether it may be done.

    Raises InsufficientBalance when the fund falls short, AlreadyDone when a subject was credited
    before. All items are of one origin.
    """
    last_day = clock.add_months(work.today, rule.expiry_months) if rule.expiry_months else None
    actor_id = work.actor.id
    (kind,) = {item.origin for item in items}
    return journal.credit_many(
        work,
        journal.Source(kind, scheme.id, scheme.unit, rule.id),
        [
            journal.NewCredit(
                item.subject,
                item.account_id,
                item.amount,
                item.actor_id or actor_id,
                item.expires_on or last_day,
                item.enrolment_id,
            )
            for item in items
        ],
    )


def fund_balance(session: Session, scheme_id: str) -> int:
    """Return what the guard of a scheme's fund holds, in minor units."""
    return (
        session.scalars(select(Fund.balance).where(Fund.scheme_id == scheme_id)).one_or_none() or 0
    )


def of_account(session: Session, account_id: str) -> tuple[LotView, ...]:
    """Return all lots of an account: those that expire first come first, never-expiring last."""
    rows = session.execute(
        select(Lot, Scheme, Organisation.name)
        .join(Scheme, Scheme.id == Lot.scheme_id)
        .join(Organisation, Organisation.id == Scheme.funder_id)
        .where(Lot.account_id == account_id)
    )
    views = [_view(lot, scheme, funder) for lot, scheme, funder in rows]
    return tuple(sorted(views, key=lambda lot: (lot.expires_on or date.max, lot.id)))


def _view(lot: Lot, scheme: Scheme, funder: str) -> LotView:
    return LotView(
        id=lot.id,
        account_id=lot.account_id,
        scheme_id=lot.scheme_id,
        scheme_name=scheme.name,
        scheme_name_en=scheme.name_en,
        funder_name=funder,
        unit=lot.unit,
        origin=lot.origin,
        rule_id=lot.rule_id,
        enrolment_id=lot.enrolment_id,
        granted_on=lot.granted_on,
        expires_on=lot.expires_on,
        credited=lot.credited,
        available=lot.available,
        held=lot.held,
        spent=lot.spent,
        returned=lot.returned,
    )


def balance(session: Session, account_id: str, on: date) -> tuple[Balance, ...]:
    """Return the balance per unit on a day, euros first; what has expired counts apart."""
    return totals(of_account(session, account_id), on)


def totals(lots: Sequence[LotView], on: date) -> tuple[Balance, ...]:
    """Return the sums of ``lots`` per unit on a day, euros first."""
    units = sorted({lot.unit for lot in lots} | {"EUR"})
    return tuple(_sum(unit, [lot for lot in lots if lot.unit == unit], on) for unit in units)


def _sum(unit: str, lots: Sequence[LotView], on: date) -> Balance:
    return Balance(
        unit=unit,
        available=sum(lot.available for lot in lots if not lot.expired(on)),
        held=sum(lot.held for lot in lots),
        spent=sum(lot.spent for lot in lots),
        expired=sum(lot.available for lot in lots if lot.expired(on)),
    )
