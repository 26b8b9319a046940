"""Paying providers, the first step: one person prepares statements, see releases.py for the second.

A statement takes the settlements that are due by the end of its month and on no statement yet,
and nets against them what the provider still has to give back. It is frozen when prepared and
final when released. What cannot be netted waits for the next statement, so that nothing is ever
collected by transfer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from ledger import clock, ids
from ledger.accounts import history
from ledger.accounts.models import Organisation
from ledger.db import Work
from ledger.errors import AlreadyDone, Conflict, Forbidden, Invalid, NotFound
from ledger.messages import N_
from ledger.providers.models import Declaration, Statement, StatementLine

PAY_WITHIN_DAYS = 14  # after the end of the period
_SATURDAY = 5


def pay_day(period: str, today: date, within_days: int = PAY_WITHIN_DAYS) -> date:
    """Return when a statement of ``period`` that is prepared ``today`` will be paid.

    The last weekday within the term, or the first one from tomorrow when that is too late.
    """
    day = clock.period_end(period) + timedelta(days=within_days)
    while day.weekday() >= _SATURDAY:
        day -= timedelta(days=1)
    first = today + timedelta(days=1)
    while first.weekday() >= _SATURDAY:
        first += timedelta(days=1)
    return max(day, first)


def check_period(period: str, today: date) -> str:
    """Return ``period`` when it is a month ``YYYY-MM`` that has begun. Raises Invalid."""
    try:
        first = date.fromisoformat(f"{period}-01") if len(period) == len("2026-03") else None
    except ValueError:
        first = None
    if first is None or period != clock.period_of(first):
        raise Invalid(N_("Write the month as year-month, for example 2026-03."), field="period")
    if first > today:
        raise Invalid(N_("This month has not begun yet."), field="period")
    return period


def prepare(
    work: Work, provider_id: str, period: str, within_days: int = PAY_WITHIN_DAYS
) -> Statement:
    """Freeze what is paid to a provider for a month ``YYYY-MM``.

    Raises Forbidden, Invalid, NotFound, AlreadyDone when this month has its statement, and
    Conflict when nothing is due, the provider is suspended or has no bank account number.
    """
    operator_only(work)
    check_period(period, work.today)
    provider = locked_provider(work, provider_id)
    known = select(Statement.id).where(
        Statement.provider_id == provider_id, Statement.period == period
    )
    if work.session.execute(known).first():
        raise AlreadyDone(N_("The statement for this provider and month was prepared before."))
    iban = payable_iban(provider)
    owed = due(work.session, provider_id, clock.period_end(period))
    if not owed:
        raise Conflict(N_("There is nothing to pay to this provider for this month."))
    gross = sum(row.amount_cents for row in owed)
    netted = _netted(open_clawbacks(work.session, provider_id), gross)
    clawback = sum(netted.values())
    id_ = ids.new("sta")
    statement = Statement(
        id=id_,
        # Eight of the id's random characters: no counter that everybody waits for.
        number=f"BS-{period}-{id_[-8:]}",
        provider_id=provider_id,
        period=period,
        status="payable",
        gross_cents=gross,
        clawback_cents=clawback,
        total_cents=gross - clawback,
        pay_on=pay_day(period, work.today, within_days),
        iban=iban,
        prepared_by=person(work),
        prepared_at=work.now,
    )
    work.session.add(statement)
    work.session.flush()
    amounts = {row.id: row.amount_cents for row in owed}
    amounts.update({declaration_id: -amount for declaration_id, amount in netted.items()})
    work.session.add_all(
        StatementLine(
            statement_id=id_, declaration_id=key, amount_cents=amount, pay_on=statement.pay_on
        )
        for key, amount in amounts.items()
    )
    history.record(work, id_, "statement_prepared", total=statement.total_cents)
    work.session.flush()
    return statement


def prepare_all(
    work: Work, period: str, within_days: int = PAY_WITHIN_DAYS
) -> tuple[Statement, ...]:
    """Prepare the statements of a month for every provider that is due money and can be paid.

    Providers that have this month's statement, are suspended or lack a bank account number are
    passed over; see :func:`ledger.providers.queries.statements.waiting`. Raises Forbidden, Invalid.
    """
    operator_only(work)
    check_period(period, work.today)
    chosen = work.session.scalars(
        select(Organisation.id)
        .where(
            Organisation.id.in_(
                select(Declaration.provider_id).where(is_due(clock.period_end(period)))
            ),
            Organisation.id.not_in(select(Statement.provider_id).where(Statement.period == period)),
            Organisation.status == "admitted",
            Organisation.iban.is_not(None),
        )
        .order_by(Organisation.id)
    ).all()
    return tuple(prepare(work, provider_id, period, within_days) for provider_id in chosen)


def due(session: Session, provider_id: str, until: date) -> Sequence[Declaration]:
    """Return the settlements that are payable by ``until`` and stand on no statement yet."""
    return session.scalars(
        select(Declaration)
        .where(Declaration.provider_id == provider_id, is_due(until))
        .order_by(Declaration.payable_on, Declaration.id)
    ).all()


def open_clawbacks(session: Session, provider_id: str) -> Mapping[str, int]:
    """Return per clawback, oldest first, the cents that no statement has netted yet."""
    on_statements = (
        select(func.coalesce(func.sum(StatementLine.amount_cents), 0))
        .where(StatementLine.declaration_id == Declaration.id)
        .scalar_subquery()
    )
    rows = session.execute(
        select(Declaration.id, Declaration.amount_cents + on_statements)
        .where(
            Declaration.provider_id == provider_id,
            Declaration.kind == "clawback",
            Declaration.status == "awaiting_clawback",
        )
        .order_by(Declaration.id)
    )
    return {row[0]: int(row[1]) for row in rows if row[1] > 0}


def is_due(until: date) -> ColumnElement[bool]:
    """Return the condition for settlements that are payable by ``until`` and on no statement."""
    on_statement = select(StatementLine.declaration_id).where(
        StatementLine.declaration_id == Declaration.id
    )
    return (
        (Declaration.kind == "settlement")
        & (Declaration.status == "payable")
        & (Declaration.payable_on <= until)
        & ~on_statement.exists()
    )


def _netted(open_: Mapping[str, int], gross: int) -> dict[str, int]:
    """Take clawbacks off ``gross``, oldest first, as far as it goes."""
    netted: dict[str, int] = {}
    for declaration_id, amount in open_.items():
        part = min(amount, gross - sum(netted.values()))
        if part > 0:
            netted[declaration_id] = part
    return netted


def locked_provider(work: Work, provider_id: str) -> Organisation:
    """Return a provider, locked for this unit of work. Raises NotFound."""
    # One statement of a provider at a time: they share what is still open.
    provider = work.session.scalars(
        select(Organisation)
        .where(Organisation.id == provider_id, Organisation.kind == "provider")
        .with_for_update()
    ).one_or_none()
    if provider is None:
        raise NotFound(N_("There is no such provider."))
    return provider


def payable_iban(provider: Organisation) -> str:
    """Return the account number to pay to. Raises Conflict when paying is not possible now."""
    if provider.status != "admitted":
        raise Conflict(N_("This provider is suspended; nothing is paid until that ends."))
    if not provider.iban:
        raise Conflict(N_("This provider has no bank account number (IBAN)."))
    return provider.iban


def operator_only(work: Work) -> None:
    """Raise Forbidden for anybody but the operator."""
    if work.actor.role not in ("operator", "system"):
        raise Forbidden(N_("Only the operator can do this."))


def person(work: Work) -> str:
    """Return who acts, so that the second pair of eyes can be told from the first."""
    return work.actor.user_id or work.actor.id
