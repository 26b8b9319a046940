"""A round as the requests of one unit of work see it: what is left, who may ask, who asked.

The round's row counts what was granted and is the one row that everybody moves. It is moved last,
by a conditional update, so that it is locked for the time of a commit and no longer. Near the end
of the budget it is locked first instead: then everybody gets a sure answer, one after the other.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger import clock
from ledger.accounts.models import Fund
from ledger.db import Stale, Work, driver
from ledger.funders.models import Round
from ledger.messages import N_, Message
from ledger.prepared import Prepared
from ledger.sets import Question, Questions

NEAR_THE_END = 2_000  # requests: more than all processes together have under way


class Terms(NamedTuple):
    """A round with its scheme, its funder and one version of the scheme's rules."""

    id: str
    scheme_id: str
    opens_at: datetime
    closes_at: datetime
    amount: int
    budget: int
    granted: int
    status: str
    unit: str
    scheme_status: str
    funder_status: str
    rule_id: str
    valid_from: date
    expiry_months: int | None
    regions: list[str]
    holder_sectors: list[str]
    employers: list[str]
    age_from: int
    age_until: int

    @property
    def left(self) -> int:
        """Return how many requests can still be met."""
        return (self.budget - self.granted) // self.amount


@dataclass(slots=True)
class Offer:
    """A round as one unit of work sees it; ``left`` counts down as requests are met."""

    terms: Terms
    expires_on: date | None
    closed: Message | None  # to everybody, and why
    left: int
    met: int = 0


_TERMS = Question(
    "SELECT g.id, g.scheme_id, g.opens_at, g.closes_at, g.amount, g.budget, g.granted, g.status,"
    " s.unit, s.status, o.status, r.id, r.valid_from, r.expiry_months, r.regions,"
    " r.holder_sectors, r.employers, r.age_from, r.age_until"
    " FROM grant_round AS g JOIN scheme AS s ON s.id = g.scheme_id"
    " JOIN organisation AS o ON o.id = s.funder_id"
    " JOIN scheme_rule AS r ON r.scheme_id = s.id WHERE g.id {among}",
    {2: "timestamptz", 3: "timestamptz", 12: "date", 14: "json", 15: "json", 16: "json"},
)


def of_rounds(work: Work, round_ids: Collection[str]) -> dict[str, Offer]:
    """Return the rounds that exist; those near their end stay locked until the work ends."""
    found = _in_force(work, round_ids)
    near = [terms for terms in found.values() if 0 < terms.left < NEAR_THE_END]
    if near:
        _lock(work.session, near)
        found.update(_in_force(work, [terms.id for terms in near]))
    return {terms.id: _offer(work, terms) for terms in found.values()}


def _in_force(work: Work, round_ids: Collection[str]) -> dict[str, Terms]:
    """Return the rounds with the rules of this day, by id."""
    found: dict[str, Terms] = {}
    for row in _TERMS.ask(driver(work.session), list(round_ids)):
        terms = Terms._make(row)
        best = found.get(terms.id)
        newer = best is None or terms.valid_from > best.valid_from
        if newer and terms.valid_from <= work.today:
            found[terms.id] = terms
    return found


def _lock(session: Session, near: Sequence[Terms]) -> None:
    # The fund before the round, as everybody who grants does, or two wait for each other.
    funds = select(Fund.scheme_id).where(Fund.scheme_id.in_({one.scheme_id for one in near}))
    session.execute(funds.order_by(Fund.scheme_id).with_for_update()).all()
    rounds = select(Round.id).where(Round.id.in_([one.id for one in near]))
    session.execute(rounds.order_by(Round.id).with_for_update()).all()


def _offer(work: Work, terms: Terms) -> Offer:
    months = terms.expiry_months
    expires_on = clock.add_months(work.today, months) if months else None
    return Offer(terms, expires_on, _closed(terms, work.now), terms.left)


def _closed(terms: Terms, now: datetime) -> Message | None:
    if now < terms.opens_at:
        return Message(N_("This round opens on %(moment)s."), {"moment": terms.opens_at})
    if terms.status != "open" or now >= terms.closes_at:
        return Message(N_("This round is closed."))
    if terms.scheme_status != "open" or terms.funder_status != "admitted":
        return Message(N_("This scheme grants nothing at the moment."))
    return None


class Holder(NamedTuple):
    """What rules ask about the holder of an open account."""

    account_id: str
    region: str | None
    sector: str | None
    employer_id: str | None
    birth_year: int | None
    prior_level: int | None


_HOLDERS = Question(
    "SELECT account.id, region, sector, employer_id, birth_year, prior_level"
    " FROM account JOIN person ON person.id = account.person_id"
    " WHERE account.id {among} AND closed_at IS NULL"
)
_ASKED = Question("SELECT round_id, account_id FROM round_request WHERE account_id {among}")

_OF_HOLDERS = Questions((_HOLDERS, 6), (_ASKED, 2))


def holders(
    session: Session, account_ids: Collection[str]
) -> tuple[dict[str, Holder], set[tuple[str, str]]]:
    """Return the holders of those accounts that are open, and in which round each has asked."""
    people, asked = _OF_HOLDERS.ask(driver(session), list(account_ids))
    return {row[0]: Holder._make(row) for row in people}, {(row[0], row[1]) for row in asked}


_COUNT = (
    "UPDATE grant_round SET granted = granted + %s, request_count = request_count + %s"
    " WHERE id = %s AND status = 'open' AND granted + %s <= budget"
)

_COUNTED = Prepared(f"{_COUNT} RETURNING 1")


def count(session: Session, offer: Offer) -> None:
    """Count what was met on the round's row, last of all. Raises Stale when it is not there."""
    total = offer.met * offer.terms.amount
    values = (total, offer.met, offer.terms.id, total)
    connection = driver(session)
    if isinstance(connection, sqlite3.Connection):
        done = connection.execute(_COUNT.replace("%s", "?"), values).rowcount
    else:
        done = len(_COUNTED.run(connection, [str(value) for value in values]))
    if done != 1:
        raise Stale
