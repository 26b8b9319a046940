"""Proof of sums over whole schemes: funds, roll-ups, budgets, and what their postings name."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Select, and_, case, func, or_, select
from sqlalchemy.orm import Session, aliased

from ledger.accounts.models import (
    Fund,
    Lot,
    Organisation,
    Posting,
    Rollup,
    Rule,
    Scheme,
    Transaction,
    Unsealed,
)
from ledger.accounts.verification.finding import Finding, stream
from ledger.messages import N_, Message
from ledger.money import EUR, Money

_GROUP = (Posting.scheme_id, Posting.bucket, Posting.provider_id)
_TOTALS = (func.sum(Posting.amount).label("total"), func.count().label("number"))
_Key = tuple[str, str, str]  # scheme, bucket, provider or empty
_Sums = dict[_Key, int]


def check(session: Session) -> Iterator[Finding]:
    """Yield what is wrong with sums over schemes; the postings are read once."""
    rows = list(
        stream(
            session,
            select(*_GROUP, Posting.unit, Posting.rule_id, *_TOTALS).group_by(
                *_GROUP, Posting.unit, Posting.rule_id
            ),
        )
    )
    yield from _names(session, rows)
    sums: _Sums = defaultdict(int)
    sealed: Counter[_Key] = Counter()  # number of postings
    for row in rows:
        key = (row.scheme_id, row.bucket, row.provider_id or "")
        sums[key] += int(row.total)
        sealed[key] += row.number
    yield from _funds(session, sums)
    yield from _budgets(session, sums)
    yield from _rollups(session, sums, sealed)


def _names(session: Session, rows: list[Any]) -> Iterator[Finding]:
    """Postings name schemes with their units and rules, and providers, that exist."""
    units = {row.id: row.unit for row in session.execute(select(Scheme.id, Scheme.unit))}
    rules = {row.id: row.scheme_id for row in session.execute(select(Rule.id, Rule.scheme_id))}
    providers = set(session.scalars(select(Organisation.id).where(Organisation.kind == "provider")))
    for row in rows:
        if row.scheme_id not in units:
            text = N_("it names scheme %(scheme)s, which does not exist")
        elif row.unit != units[row.scheme_id]:
            text = N_("it mixes lots, accounts, schemes or units")
        elif row.rule_id is not None and rules.get(row.rule_id) != row.scheme_id:
            text = N_("it names rule %(rule)s, which its scheme does not have")
        elif row.provider_id is not None and row.provider_id not in providers:
            text = N_("it names provider %(provider)s, which does not exist")
        else:
            continue
        values = {"scheme": row.scheme_id, "rule": row.rule_id, "provider": row.provider_id}
        for transaction_id, line in stream(session, _postings_of(row)):
            id_ = f"{transaction_id}/{line}"
            yield Finding("journal_posting", id_, Message(text, values))


def _postings_of(row: Any) -> Select[str, int]:
    return select(Posting.transaction_id, Posting.line).where(
        *(
            getattr(Posting, name).is_not_distinct_from(getattr(row, name))
            for name in ("scheme_id", "bucket", "unit", "provider_id", "rule_id")
        )
    )


def _funds(session: Session, sums: _Sums) -> Iterator[Finding]:
    """The guard of each fund is the sum of its postings."""
    posted: dict[str, int] = defaultdict(int)
    for (scheme_id, bucket, _), total in sums.items():
        if bucket == "fund":
            posted[scheme_id] += total
    guards = {
        row.scheme_id: row.balance for row in session.execute(select(Fund.scheme_id, Fund.balance))
    }
    for scheme_id in sorted(guards.keys() | posted.keys()):
        if scheme_id not in guards:
            yield Finding("journal_fund", scheme_id, Message(N_("it is missing")))
        elif guards[scheme_id] != posted.get(scheme_id, 0) or guards[scheme_id] < 0:
            yield _differs(
                session, "journal_fund", scheme_id, guards[scheme_id], posted.get(scheme_id, 0)
            )


def _rollups(session: Session, sums: _Sums, sealed: Counter[_Key]) -> Iterator[Finding]:
    """Each roll-up is the sum of the postings that are sealed."""
    due = dict(sums)
    waiting = (
        select(*_GROUP, *_TOTALS)
        .join(Unsealed, Unsealed.transaction_id == Posting.transaction_id)
        .group_by(*_GROUP)
    )
    for scheme_id, bucket, provider_id, total, number in session.execute(waiting):
        due[scheme_id, bucket, provider_id or ""] -= int(total)
        sealed[scheme_id, bucket, provider_id or ""] -= number
    stored = {
        (row.scheme_id, row.bucket, row.provider_id): row.amount
        for row in session.execute(
            select(Rollup.scheme_id, Rollup.bucket, Rollup.provider_id, Rollup.amount)
        )
    }
    for key in sorted(stored.keys() | due.keys()):
        id_ = "/".join(key).rstrip("/")
        if key not in stored:
            if sealed[key]:
                yield Finding("journal_rollup", id_, Message(N_("it is missing")))
        elif not sealed[key]:
            yield Finding("journal_rollup", id_, Message(N_("no posting is in it")))
        elif stored[key] != due[key]:
            yield _differs(session, "journal_rollup", id_, stored[key], due[key])


def _differs(session: Session, table: str, id_: str, stored: int, posted: int) -> Finding:
    scheme = session.get(Scheme, id_.partition("/")[0])
    unit = scheme.unit if scheme else EUR
    return Finding(
        table,
        id_,
        Message(
            N_("it is %(stored)s, its postings give %(posted)s"),
            {"stored": Money(stored, unit), "posted": Money(posted, unit)},
        ),
    )


def _budgets(session: Session, sums: _Sums) -> Iterator[Finding]:
    """Per scheme: paid in = in the fund + available + held + paid + returned, none below zero.

    Available, held and paid come from the lots' counters, the rest from postings, so that the two
    books prove each other.
    """
    of_buckets: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for (scheme_id, bucket, _), total in sums.items():
        of_buckets[scheme_id][bucket] += total
    paid_in = {scheme_id: int(total) for scheme_id, total in session.execute(_paid_in())}
    out = {
        scheme_id: int(total)
        for scheme_id, total in session.execute(
            select(Lot.scheme_id, func.sum(Lot.available + Lot.held + Lot.spent)).group_by(
                Lot.scheme_id
            )
        )
    }
    for scheme in session.execute(select(Scheme.id, Scheme.unit).order_by(Scheme.id)):
        fund, back = of_buckets[scheme.id]["fund"], of_buckets[scheme.id]["returned"]
        budget, total = paid_in.get(scheme.id, 0), fund + back + out.get(scheme.id, 0)
        if budget != total:
            yield Finding(
                "scheme",
                scheme.id,
                Message(
                    N_("%(budget)s was paid in, but %(total)s is accounted for"),
                    {"budget": Money(budget, scheme.unit), "total": Money(total, scheme.unit)},
                ),
            )
        if fund < 0 or back < 0:
            text = N_("more left its fund than had been paid in")
            yield Finding("scheme", scheme.id, Message(text))


def _paid_in() -> Select[str, int]:
    """Select per scheme what was paid in, less what of it was reversed."""
    origin = aliased(Transaction)
    reverses = select(origin.id).where(
        origin.id == Transaction.reverses_id, origin.kind == "pay_in"
    )
    return (
        select(Posting.scheme_id, func.sum(case((Posting.bucket == "bank", -Posting.amount))))
        .join(Transaction, Transaction.id == Posting.transaction_id)
        .where(
            or_(
                Transaction.kind == "pay_in",
                and_(Transaction.reverses_id.is_not(None), reverses.exists()),
            ),
            Posting.bucket == "bank",
        )
        .group_by(Posting.scheme_id)
    )
