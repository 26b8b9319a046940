"""Accrual (opbouw): a scheme's rule credits eligible accounts once per period.

Credit = min(amount, cap − balance), where the balance counts what this scheme gave and is not
spent yet. Low-qualified holders may have an amount and a cap of their own; who works less than
``full_from_percent`` of full time gets the amount in proportion to the contract. A holder whose
contract is not known gets the full amount.

A pass visits all open accounts in the order of their ids, in steps that are each a unit of work:
the run's row says how far it is, and the next step goes on from there, whatever stopped the
program. A new pass over the same period credits only who has no credit for it yet.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Row, case, func, or_, select
from sqlalchemy.orm import Session

from ledger import clock, ids
from ledger.accounts import history, lots
from ledger.accounts.lots import Credit
from ledger.accounts.models import Account, Lot, Person, Rule, Scheme
from ledger.db import Actor, Work, driver
from ledger.errors import NotFound
from ledger.funders import accrual_rules, promises, reach
from ledger.funders.models import AccrualRun
from ledger.messages import N_
from ledger.sets import Question

STEP = 2_000  # accounts visited in one unit of work
_CREDITED = Question(
    "SELECT (SELECT account_id FROM lot WHERE origin = 'accrual' AND subject = key) FROM {keys}"
)


@dataclass(frozen=True, slots=True)
class Result:
    """What a pass did so far, or would do: counts of accounts, ``total`` in minor units."""

    scheme_id: str
    period: str
    rule_version: int
    day: date  # whose rule and facts counted
    unit: str
    credited: int
    total: int
    before: int  # credited for this period by an earlier pass
    not_eligible: int
    at_cap: int
    nothing_due: int  # a contract of 0 percent, or less than one unit
    dry_run: bool
    visited: int
    to_visit: int
    done: bool  # false while there are accounts to go on with

    @property
    def handled(self) -> int:
        """Return the number of accounts that were visited."""
        return self.visited


def look(session: Session, actor: Actor, scheme_id: str, period: str, today: date) -> Result:
    """Return what a pass would do now; nothing is changed.

    Raises NotFound, and Invalid or WrongState for a period that the rule does not know.
    """
    scheme = reach.scheme_seen(session, actor, scheme_id)
    day, rule = accrual_rules.rule_of(session, scheme, period, today)
    counts: Counter[str] = Counter()
    total, cursor = 0, ""
    while True:
        rows = _open_accounts(session, day, cursor)
        if not rows:
            break
        cursor = rows[-1].id
        counts["visited"] += len(rows)
        total += sum(_owed(session, scheme, rule, period, day, rows, counts).values())
    run = _run_of(session, scheme.id, period)
    return Result(
        scheme_id=scheme.id,
        period=period,
        rule_version=rule.version,
        day=day,
        unit=scheme.unit,
        credited=counts["credited"],
        total=total,
        before=run.credited_count if run else 0,
        not_eligible=counts["not_eligible"],
        at_cap=counts["at_cap"],
        nothing_due=counts["nothing"],
        dry_run=True,
        visited=counts["visited"],
        to_visit=counts["visited"],
        done=True,
    )


def begin(work: Work, scheme_id: str, period: str, looked: Result) -> Result:
    """Begin a pass that will credit what was ``looked`` up, or find the one that is under way.

    The rule and the holders' facts count as on the period's last day, or today while it still
    runs; they stay those of the day on which the pass began. Raises Invalid for a period that the
    rule does not know, InsufficientBalance when the fund cannot promise the total.
    """
    scheme = reach.scheme_changed(work, scheme_id)
    day, rule = accrual_rules.rule_of(work.session, scheme, period, work.today)
    run = _run_of(work.session, scheme.id, period)
    if run is not None and run.status == "running":
        return _result(work.session, scheme, run)
    promises.require(work, scheme, looked.total)
    if run is None:
        run = AccrualRun(
            id=ids.new("acr"),
            scheme_id=scheme.id,
            period=period,
            credited_count=0,
            credited_total=0,
            first_run_at=work.now,
        )
        work.session.add(run)
    run.status, run.rule_id, run.day, run.last_run_at = "running", rule.id, day, work.now
    run.cursor, run.to_visit, run.promised = "", looked.to_visit, looked.total
    run.visited = run.pass_count = run.pass_total = 0
    run.not_eligible = run.at_cap = run.nothing_due = 0
    work.session.flush()
    return _result(work.session, scheme, run)


def go_on(work: Work, scheme_id: str, period: str) -> Result:
    """Visit the next accounts of a pass; nothing when it is done.

    Raises NotFound when no pass was begun, and what crediting raises: then this step is undone
    and can be tried again.
    """
    scheme = reach.scheme_granting(work, scheme_id)
    run = work.session.scalars(
        select(AccrualRun)
        .where(AccrualRun.scheme_id == scheme.id, AccrualRun.period == period)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if run is None:
        raise NotFound(N_("This period was not run yet."))
    if run.status == "running":
        _step(work, scheme, run)
    return _result(work.session, scheme, run)


def run(work: Work, scheme_id: str, period: str, *, dry_run: bool = False) -> Result:
    """Make a whole pass in this one unit of work: for a program with few accounts.

    Raises what :func:`begin` and :func:`go_on` raise; then nobody is credited.
    """
    looked = look(work.session, work.actor, scheme_id, period, work.today)
    if dry_run:
        return looked
    result = begin(work, scheme_id, period, looked)
    while not result.done:
        result = go_on(work, scheme_id, period)
    return result


def _step(work: Work, scheme: Scheme, run: AccrualRun) -> None:
    rule = work.session.get_one(Rule, run.rule_id)
    rows = _open_accounts(work.session, run.day, run.cursor)
    counts: Counter[str] = Counter()
    owed = _owed(work.session, scheme, rule, run.period, run.day, rows, counts)
    lots.credit(
        work,
        scheme.id,
        [
            Credit(account_id, amount, "accrual", _subject(scheme.id, account_id, run.period))
            for account_id, amount in owed.items()
        ],
    )
    run.credited_count += len(owed)
    run.credited_total += sum(owed.values())
    run.pass_count += len(owed)
    run.pass_total += sum(owed.values())
    run.not_eligible += counts["not_eligible"]
    run.at_cap += counts["at_cap"]
    run.nothing_due += counts["nothing"]
    run.visited += len(rows)
    run.last_run_at = work.now
    if rows:
        run.cursor = rows[-1].id
    if len(rows) < STEP:
        _finish(work, scheme, run)


def _finish(work: Work, scheme: Scheme, run: AccrualRun) -> None:
    run.status = "done"
    history.record(
        work,
        run.id,
        "accrual.run",
        scheme_id=scheme.id,
        period=run.period,
        credited=run.pass_count,
        total=run.pass_total,
    )


def _owed(
    session: Session,
    scheme: Scheme,
    rule: Rule,
    period: str,
    day: date,
    rows: list[Row[Any]],
    counts: Counter[str],
) -> dict[str, int]:
    """Return what each of these accounts is owed for the period, and count why others are not."""
    if not rows:
        return {}
    subjects = [_subject(scheme.id, row.id, period) for row in rows]
    before = _CREDITED.ask(driver(session), subjects)
    credited = {row[0] for row in before}
    balances = _balances(session, scheme.id, rows[0].id, rows[-1].id, day)
    owed: dict[str, int] = {}
    for row in rows:
        if row.id in credited:
            continue
        amount, why = accrual_rules.due(rule, row, balances.get(row.id, 0), day)
        counts[why] += 1
        if amount:
            owed[row.id] = amount
    return owed


def _open_accounts(session: Session, day: date, after: str) -> list[Row[Any]]:
    """Return the next accounts that were open on ``day`` and still are, with what rules ask."""
    query = (
        select(
            Account.id,
            Person.region,
            Person.sector,
            Person.employer_id,
            Person.birth_year,
            Person.prior_level,
            Person.contract_percent,
        )
        .join(Person, Person.id == Account.person_id)
        .where(
            Account.id > after,
            Account.closed_at.is_(None),
            Account.opened_at < clock.local(date.fromordinal(day.toordinal() + 1)),
        )
        .order_by(Account.id)
        .limit(STEP)
    )
    return list[Any](session.execute(query))


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


def _run_of(session: Session, scheme_id: str, period: str) -> AccrualRun | None:
    return session.scalars(
        select(AccrualRun).where(AccrualRun.scheme_id == scheme_id, AccrualRun.period == period)
    ).one_or_none()


def _result(session: Session, scheme: Scheme, run: AccrualRun) -> Result:
    return Result(
        scheme_id=scheme.id,
        period=run.period,
        rule_version=session.get_one(Rule, run.rule_id).version,
        day=run.day,
        unit=scheme.unit,
        credited=run.pass_count,
        total=run.pass_total,
        before=run.credited_count - run.pass_count,
        not_eligible=run.not_eligible,
        at_cap=run.at_cap,
        nothing_due=run.nothing_due,
        dry_run=False,
        visited=run.visited,
        to_visit=run.to_visit,
        done=run.status == "done",
    )
