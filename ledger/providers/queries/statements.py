"""Questions about statements: what was, is and will be paid to providers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from ledger import clock, paging
from ledger.accounts.models import Organisation, User
from ledger.errors import Conflict, NotFound
from ledger.messages import N_
from ledger.providers import transfers
from ledger.providers.models import Course, Declaration, Enrolment, Run, Statement, StatementLine
from ledger.providers.payouts import PAY_WITHIN_DAYS, is_due, open_clawbacks, pay_day


@dataclass(frozen=True, slots=True)
class StatementView:
    """A statement as it stands; ``paid_on`` is the day of its transfer once it is released."""

    id: str
    number: str
    provider_id: str
    provider_name: str
    period: str
    status: str
    gross_cents: int
    clawback_cents: int
    total_cents: int
    pay_on: date
    iban: str
    prepared_by: str
    prepared_at: datetime
    released_by: str | None
    released_at: datetime | None

    @property
    def transfer_on(self) -> date:
        """Return when the bank is asked to pay: never before the release."""
        released = clock.today(self.released_at) if self.released_at else self.pay_on
        return max(self.pay_on, released)


@dataclass(frozen=True, slots=True)
class LineView:
    """One declaration: on a statement, or waiting for one (then ``pay_on`` is a prediction).

    ``amount_cents`` is negative for a clawback. ``pay_on`` is None while it is on hold.
    """

    declaration_id: str
    enrolment_id: str
    provider_id: str
    course_title: str
    starts_on: date
    kind: str
    status: str
    amount_cents: int
    pay_on: date | None
    hold_reason: str | None
    hold_until: date | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A provider that is due money for a month and has no statement for it.

    ``obstacle`` is ``suspended``, ``no_iban`` or None; amounts in cents.
    """

    provider_id: str
    provider_name: str
    count: int
    gross_cents: int
    clawback_cents: int
    obstacle: str | None


def statements(
    session: Session,
    provider_id: str | None = None,
    period: str | None = None,
    status: str | None = None,
    cursor: str | None = None,
    limit: int | None = None,
) -> paging.Page[StatementView]:
    """Return statements, newest first, of one provider, month or status when given."""
    question = _statements().order_by(Statement.id.desc())
    if provider_id is not None:
        question = question.where(Statement.provider_id == provider_id)
    if period:
        question = question.where(Statement.period == period)
    if status:
        question = question.where(Statement.status == status)
    after = paging.decode(cursor, 1)
    if after is not None:
        question = question.where(Statement.id < str(after[0]))
    size = paging.size(limit)
    rows = session.execute(question.limit(size + 1)).all()
    return paging.page([_view(*row) for row in rows], size, lambda row: (row.id,))


def statement(session: Session, statement_id: str, provider_id: str | None = None) -> StatementView:
    """Return one statement, of this provider when given. Raises NotFound."""
    question = _statements().where(Statement.id == statement_id)
    if provider_id is not None:
        question = question.where(Statement.provider_id == provider_id)
    row = session.execute(question).one_or_none()
    if row is None:
        raise NotFound(N_("There is no such statement."))
    return _view(*row)


def lines(session: Session, statement_id: str) -> tuple[LineView, ...]:
    """Return what stands on a statement: what is paid first, then what is netted."""
    rows = session.execute(
        _declarations(StatementLine.amount_cents, StatementLine.pay_on)
        .join(StatementLine, StatementLine.declaration_id == Declaration.id)
        .where(StatementLine.statement_id == statement_id)
        .order_by(Declaration.kind.desc(), Declaration.payable_on, Declaration.id)
    )
    return tuple(_line(*row) for row in rows)


def declaration(session: Session, declaration_id: str, provider_id: str | None = None) -> LineView:
    """Return one declaration, of this provider when given. Raises NotFound."""
    question = _declarations(Declaration.amount_cents, Declaration.payable_on).where(
        Declaration.id == declaration_id
    )
    if provider_id is not None:
        question = question.where(Declaration.provider_id == provider_id)
    row = session.execute(question).one_or_none()
    if row is None:
        raise NotFound(N_("There is no such declaration."))
    return _line(*row)


def upcoming(
    session: Session, provider_id: str, today: date, within_days: int = PAY_WITHIN_DAYS
) -> tuple[LineView, ...]:
    """Return what is on no statement yet, with the predicted pay date per line.

    A clawback shows what is left of it to be netted.
    """
    open_ = open_clawbacks(session, provider_id)
    # Looked up per declaration: a list of all lines that were ever paid only grows.
    on_statement = select(StatementLine.declaration_id).where(
        StatementLine.declaration_id == Declaration.id, StatementLine.amount_cents > 0
    )
    rows = session.execute(
        _declarations(Declaration.amount_cents, Declaration.payable_on)
        .where(
            Declaration.provider_id == provider_id,
            Declaration.status.in_(("payable", "on_hold")) | Declaration.id.in_(open_),
            ~on_statement.exists(),
        )
        .order_by(Declaration.payable_on, Declaration.id)
    )
    used = set(
        session.scalars(select(Statement.period).where(Statement.provider_id == provider_id))
    )
    found = []
    for declaration, amount, payable_on, *rest in rows:
        predicted = None
        if declaration.status != "on_hold":
            predicted = _predicted(payable_on, today, used, within_days)
        if declaration.kind == "clawback":
            amount = -open_[declaration.id]
        found.append(_line(declaration, amount, predicted, *rest))
    return tuple(found)


def waiting(session: Session, period: str) -> tuple[Waiting, ...]:
    """Return the providers that are due money by the end of a month and lack its statement."""
    until = clock.period_end(period)
    owed = (
        select(
            Declaration.provider_id.label("provider_id"),
            func.count().label("count"),
            func.sum(Declaration.amount_cents).label("gross"),
        )
        .where(is_due(until))
        .group_by(Declaration.provider_id)
        .subquery()
    )
    prepared = select(Statement.provider_id).where(Statement.period == period)
    rows = session.execute(
        select(Organisation, owed.c.count, owed.c.gross)
        .join(owed, owed.c.provider_id == Organisation.id)
        .where(Organisation.id.not_in(prepared))
        .order_by(Organisation.name, Organisation.id)
    )
    return tuple(_waiting(session, *row) for row in rows)


def names(session: Session, user_ids: Collection[str | None]) -> dict[str, str]:
    """Return the names of people who handled a statement, as far as they are known."""
    rows = session.execute(select(User.id, User.name).where(User.id.in_(user_ids)))
    return {row[0]: row[1] for row in rows}


def payer(session: Session) -> transfers.Payer:
    """Return the operator's bank account. Raises Conflict when it has none."""
    operator = session.scalars(
        select(Organisation)
        .where(Organisation.kind == "operator", Organisation.iban.is_not(None))
        .order_by(Organisation.id)
        .limit(1)
    ).one_or_none()
    if operator is None or operator.iban is None:
        raise Conflict(N_("The operator has no bank account number (IBAN) to pay from."))
    return transfers.Payer(operator.name, operator.iban)


def payment_file(session: Session, statement_id: str) -> bytes:
    """Return the pain.001.001.09 file of one released statement; the same bytes every time.

    Raises NotFound, and Conflict when it is not released or there is nothing to transfer.
    """
    found = statement(session, statement_id)
    if found.status != "paid":
        raise Conflict(N_("This statement is not released yet."))
    # The bank refuses a message id that it had before: sending a file twice pays once.
    return _file(session, [found], found.number)


def payment_file_of_period(session: Session, period: str) -> bytes:
    """Return one pain.001.001.09 file with all statements of a month; the same bytes every time.

    Raises Conflict while a statement of the month waits for release, since a file that is made
    later would hold the same payments again, and when there is nothing to transfer.
    """
    rows = session.execute(_statements().where(Statement.period == period)).all()
    found = [_view(*row) for row in rows]
    if any(one.status != "paid" for one in found):
        raise Conflict(N_("Release all statements of this month first."))
    return _file(session, found, f"LR-{period}")


def has_payment_file(session: Session, period: str) -> bool:
    """Tell whether ``payment_file_of_period`` has something to give."""
    rows = session.execute(
        select(Statement.status, Statement.total_cents).where(Statement.period == period)
    ).all()
    return all(status == "paid" for status, _ in rows) and any(total > 0 for _, total in rows)


def _file(session: Session, found: Sequence[StatementView], message_id: str) -> bytes:
    payable = [one for one in found if one.total_cents > 0]
    if not payable:
        raise Conflict(N_("There is nothing to transfer: everything was netted."))
    return transfers.payment_file(
        payer(session),
        [
            transfers.Transfer(
                one.number, one.provider_name, one.iban, None, one.total_cents, one.transfer_on
            )
            for one in payable
        ],
        message_id,
        max(one.released_at for one in payable if one.released_at),
    )


def _statements() -> Select[Statement, str]:
    return select(Statement, Organisation.name).join(
        Organisation, Organisation.id == Statement.provider_id
    )


def _view(row: Statement, provider_name: str) -> StatementView:
    return StatementView(
        id=row.id,
        number=row.number,
        provider_id=row.provider_id,
        provider_name=provider_name,
        period=row.period,
        status=row.status,
        gross_cents=row.gross_cents,
        clawback_cents=row.clawback_cents,
        total_cents=row.total_cents,
        pay_on=row.pay_on,
        iban=row.iban,
        prepared_by=row.prepared_by,
        prepared_at=row.prepared_at,
        released_by=row.released_by,
        released_at=row.released_at,
    )


def _declarations(*values: Any) -> Any:
    return (
        select(Declaration, *values, Course.title, Run.starts_on)
        .join(Enrolment, Enrolment.id == Declaration.enrolment_id)
        .join(Course, Course.id == Enrolment.course_id)
        .join(Run, Run.id == Enrolment.run_id)
    )


def _line(
    row: Declaration, amount_cents: int, pay_on: date | None, title: str, starts_on: date
) -> LineView:
    return LineView(
        declaration_id=row.id,
        enrolment_id=row.enrolment_id,
        provider_id=row.provider_id,
        course_title=title,
        starts_on=starts_on,
        kind=row.kind,
        status=row.status,
        amount_cents=amount_cents,
        pay_on=pay_on,
        hold_reason=row.hold_reason,
        hold_until=row.hold_until,
    )


def _predicted(payable_on: date, today: date, used: set[str], within_days: int) -> date:
    """Return the pay day of the first month without statement in which a declaration is due."""
    first = max(payable_on, today).replace(day=1)
    while clock.period_of(first) in used:
        first = clock.add_months(first, 1)
    return pay_day(clock.period_of(first), today, within_days)


def _waiting(session: Session, row: Organisation, count: int, gross: int) -> Waiting:
    obstacle = None if row.iban else "no_iban"
    if row.status != "admitted":
        obstacle = "suspended"
    claims = sum(open_clawbacks(session, row.id).values())
    return Waiting(row.id, row.name, count, int(gross), min(claims, int(gross)), obstacle)
