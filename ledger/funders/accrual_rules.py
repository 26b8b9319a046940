"""What the accrual rule gives a person: the amount per period, the cap, and which day counts."""

from __future__ import annotations

import re
from datetime import date
from typing import Protocol

from sqlalchemy.orm import Session

from ledger import clock
from ledger.accounts import schemes
from ledger.accounts.models import Rule, Scheme
from ledger.errors import Invalid, WrongState
from ledger.messages import N_
from ledger.money import share

_PERIODS = {
    "month": re.compile(r"\d{4}-(0[1-9]|1[0-2])", re.ASCII),
    "year": re.compile(r"\d{4}", re.ASCII),
}


class Facts(schemes.Facts, Protocol):
    """What accrual asks about a person."""

    @property
    def contract_percent(self) -> int | None:
        """Return the contract in percent of full time, None when it is not known."""


def amount_of(rule: Rule, person: Facts) -> int:
    """Return what the rule gives a holder per period before the cap, in minor units."""
    low = schemes.is_low_qualified(rule, person)
    amount = rule.accrual_low_minor if low and rule.accrual_low_minor else rule.accrual_minor
    percent = person.contract_percent
    if percent is not None and percent < rule.full_from_percent:
        return share(amount, percent, 100)
    return amount


def cap_of(rule: Rule, person: Facts) -> int | None:
    """Return the highest balance that accrual may lead to, None when there is no cap."""
    low = schemes.is_low_qualified(rule, person)
    return (rule.cap_low_minor if low and rule.cap_low_minor else rule.cap_minor) or None


def due(rule: Rule, person: Facts, balance: int, day: date) -> tuple[int, str]:
    """Return what a person with this balance is owed, and why: credited, at_cap, …"""
    if schemes.eligible(rule, person, day):
        return 0, "not_eligible"
    amount = amount_of(rule, person)
    cap = cap_of(rule, person)
    if amount and cap is not None and balance >= cap:
        return 0, "at_cap"
    if cap is not None:
        amount = min(amount, cap - balance)
    return (amount, "credited") if amount > 0 else (0, "nothing")


def rule_of(session: Session, scheme: Scheme, period: str, today: date) -> tuple[date, Rule]:
    """Return the day that counts for a period, and the rule in force on it."""
    day = _day(period, today)
    rule = schemes.rule_on(session, scheme.id, day)
    _check_period(rule, period)
    return day, rule


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
