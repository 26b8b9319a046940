"""Accrual (opbouw): a scheme's rule credits eligible accounts once per period.

Credit = min(amount, cap − balance), where the balance counts what this scheme gave and is not
spent yet. Low-qualified holders may have an amount and a cap of their own; who works less than
``full_from_percent`` of full time gets the amount in proportion to the contract. A holder whose
contract is not known gets the full amount. Running a period again credits only who has no credit
for it yet.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import Select, case, func, or_, select
from sqlalchemy.orm import Session

from ledger import clock, ids
from ledger.accounts import history, lots, schemes
from ledger.accounts.lots import Credit
from ledger.accounts.models import Account, Lot, Person, Rule, Scheme
from ledger.db import Work
from ledger.errors import Invalid, WrongState
from ledger.funders import reach
from ledger.funders.models import AccrualRun
from ledger.messages import N_
from ledger.money import share

_CHUNK = 5_000  # accounts looked at together
_PERIODS = {
    "month": re.compile(r"\d{4}-(0[1-9]|1[0-2])", re.ASCII),
    "year": re.compile(r"\d{4}", re.ASCII),
}


@dataclass(frozen=True, slots=True)
class Result:
    """What a run did, or would do: counts of accounts, ``total`` in minor units."""

    scheme_id: str
    period: str
    rule_version: int
    day: date  # whose rule and facts counted
    unit: str
    credited: int
    total: int
    before: int  # credited for this period by an earlier run
    not_eligible: int
    at_cap: int
    nothing_due: int  # a contract of 0 percent, or less than one unit
    dry_run: bool


class _Candidate(NamedTuple):
    account_id: str
    person: Person
    balance: int


def run(work: Work, scheme_id: str, period: str, *, dry_run: bool = False) -> Result:
    """Credit everybody whom the rule gives something for ``period`` (YYYY or YYYY-MM).

    The rule and the holders' facts count as on the period's last day, or today while it still
    runs. Raises Invalid for a period that the rule does not know, InsufficientBalance when the
    fund falls short: then nobody is credited.
    """
    scheme = reach.scheme_changed(work, scheme_id)
    day = _day(period, work.today)
    rule = schemes.rule_on(work.session, scheme.id, day)
    _check_period(rule, period)
    counts: Counter[str] = Counter()
    owed: list[Credit] = []
    for candidate in _candidates(work.session, scheme, period, day):
        amount, why = _due(rule, candidate, day)
        counts[why] += 1
        if amount:
            subject = _subject(scheme.id, candidate.account_id, period)
            owed.append(Credit(candidate.account_id, amount, "accrual", subject))
    result = Result(
        scheme_id=scheme.id,
        period=period,
        rule_version=rule.version,
        day=day,
        unit=scheme.unit,
        credited=len(owed),
        total=sum(credit.amount for credit in owed),
        before=_credited_before(work.session, scheme.id, period),
        not_eligible=counts["not_eligible"],
        at_cap=counts["at_cap"],
        nothing_due=counts["nothing"],
        dry_run=dry_run,
    )
    if not dry_run:
        if owed:
            lots.credit(work, scheme.id, owed)
        _keep(work, result, rule)
    return result


def amount_of(rule: Rule, person: Person) -> int:
    """Return what the rule gives a holder per period before the cap, in minor units."""
    low = schemes.is_low_qualified(rule, person)
    amount = rule.accrual_low_minor if low and rule.accrual_low_minor else rule.accrual_minor
    percent = person.contract_percent
    if percent is not None and percent < rule.full_from_percent:
        return share(amount, percent, 100)
    return amount


def cap_of(rule: Rule, person: Person) -> int | None:
    """Return the highest balance that accrual may lead to, None when there is no cap."""
    low = schemes.is_low_qualified(rule, person)
    return (rule.cap_low_minor if low and rule.cap_low_minor else rule.cap_minor) or None


def _due(rule: Rule, candidate: _Candidate, day: date) -> tuple[int, str]:
    person = candidate.person
    if schemes.eligible(rule, person, day):
        return 0, "not_eligible"
    amount = amount_of(rule, person)
    cap = cap_of(rule, person)
    if amount and cap is not None and candidate.balance >= cap:
        return 0, "at_cap"
    if cap is not None:
        amount = min(amount, cap - candidate.balance)
    return (amount, "credited") if amount > 0 else (0, "nothing")


def _candidates(session: Session, scheme: Scheme, period: str, day: date) -> Iterator[_Candidate]:
    """Yield the open accounts that have no credit for the period, in order of their id."""
    opened_before = clock.local(date.fromordinal(day.toordinal() + 1))
    last = ""
    while True:
        people = session.execute(_open_accounts(opened_before, last)).all()
        if not people:
            return
        first, last = people[0][0], people[-1][0]
        credited = _credited(session, scheme.id, period, first, last)
        balances = _balances(session, scheme.id, first, last, day)
        for account_id, person in people:
            if account_id not in credited:
                yield _Candidate(account_id, person, balances.get(account_id, 0))


def _open_accounts(opened_before: datetime, after: str) -> Select[str, Person]:
    return (
        select(Account.id, Person)
        .join(Person, Person.id == Account.person_id)
        .where(
            Account.id > after,
            Account.closed_at.is_(None),
            Account.opened_at < opened_before,
        )
        .order_by(Account.id)
        .limit(_CHUNK)
    )


def _credited(session: Session, scheme_id: str, period: str, first: str, last: str) -> set[str]:
    # By a range of the index: as NOT EXISTS beside the accounts, PostgreSQL compared every
    # account with every lot as long as it had no statistics about a table that just grew.
    rows = session.execute(
        select(Lot.account_id, Lot.subject).where(
            Lot.scheme_id == scheme_id,
            Lot.account_id >= first,
            Lot.account_id <= last,
            Lot.origin == "accrual",
        )
    )
    return {
        account_id
        for account_id, subject in rows
        if subject == _subject(scheme_id, account_id, period)
    }


def _subject(scheme_id: str, account_id: str, period: str) -> str:
    return f"{scheme_id}:{account_id}:{period}"


def _balances(session: Session, scheme_id: str, first: str, last: str, day: date) -> dict[str, int]:
    alive = or_(Lot.expires_on.is_(None), Lot.expires_on >= day)
    usable = func.sum(Lot.held + case((alive, Lot.available), else_=0))
    return {
        account_id: int(balance)
        for account_id, balance in session.execute(
            select(Lot.account_id, usable)
            .where(Lot.scheme_id == scheme_id, Lot.account_id >= first, Lot.account_id <= last)
            .group_by(Lot.account_id)
        )
    }


def _credited_before(session: Session, scheme_id: str, period: str) -> int:
    run = _run_of(session, scheme_id, period)
    return run.credited_count if run else 0


def _run_of(session: Session, scheme_id: str, period: str) -> AccrualRun | None:
    return session.scalars(
        select(AccrualRun).where(AccrualRun.scheme_id == scheme_id, AccrualRun.period == period)
    ).one_or_none()


def _keep(work: Work, result: Result, rule: Rule) -> None:
    run = _run_of(work.session, result.scheme_id, result.period)
    if run is None:
        run = AccrualRun(
            id=ids.new("acr"),
            scheme_id=result.scheme_id,
            period=result.period,
            credited_count=0,
            credited_total=0,
            first_run_at=work.now,
            status="done",
            rule_id=rule.id,
            day=result.day,
        )
        work.session.add(run)
    run.credited_count += result.credited
    run.credited_total += result.total
    run.last_run_at = work.now
    history.record(
        work,
        run.id,
        "accrual.run",
        scheme_id=result.scheme_id,
        period=result.period,
        credited=result.credited,
        total=result.total,
    )


def _day(period: str, today: date) -> date:
    if not any(pattern.fullmatch(period) for pattern in _PERIODS.values()):
        raise Invalid(N_("Write the period as a year (2026) or a month (2026-03)."), field="period")
    if not "1900" <= period[:4] <= "2199":
        raise Invalid(N_("This period lies too far away."), field="period")
    start = date(int(period[:4]), int(period[5:7] or 1), 1)
    if start > today:
        raise Invalid(N_("This period has not begun yet."), field="period")
    return min(clock.period_end(period), today)


def _check_period(rule: Rule, period: str) -> None:
    if rule.accrual_period == "none":
        raise WrongState(N_("This scheme has no accrual in this period."), field="period")
    if not _PERIODS[rule.accrual_period].fullmatch(period):
        raise Invalid(
            N_("This scheme accrues per year: write the year, for example 2026.")
            if rule.accrual_period == "year"
            else N_("This scheme accrues per month: write the month, for example 2026-03."),
            field="period",
        )
