"""A round as the requests of one unit of work see it: what is left, who may ask, who asked.

The round's row counts what was granted and is the one row that everybody moves. It is moved last,
by a conditional update, so that it is locked for the time of a commit and no longer. Near the end
of the budget it is locked first instead: then everybody gets a sure answer, one after the other.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, select, update
from sqlalchemy.orm import Session

from ledger import clock
from ledger.accounts import schemes
from ledger.accounts.models import Fund, Organisation, Rule, Scheme
from ledger.db import Stale, Work, driver
from ledger.funders.models import Round
from ledger.messages import N_, Message
from ledger.sets import Question

NEAR_THE_END = 2_000  # requests: more than all processes together have under way


@dataclass(slots=True)
class Offer:
    """A round as one unit of work sees it; ``left`` counts down as requests are met."""

    round: Row[Any]
    rule: Rule
    expires_on: date | None
    closed: Message | None  # to everybody, and why
    left: int
    met: int = 0


def of_rounds(work: Work, round_ids: Collection[str]) -> dict[str, Offer]:
    """Return the rounds that exist; those near their end stay locked until the work ends."""
    query = (
        select(
            Round.__table__,
            Scheme.unit,
            Scheme.status.label("scheme"),
            Organisation.status.label("funder"),
        )
        .join(Scheme, Scheme.id == Round.scheme_id)
        .join(Organisation, Organisation.id == Scheme.funder_id)
        .order_by(Round.id)
    )
    rows = work.session.execute(query.where(Round.id.in_(round_ids))).all()
    near = [row for row in rows if 0 < _left(row) < NEAR_THE_END]
    if near:
        _lock_funds(work.session, {row.scheme_id for row in near})
        ids_near = [row.id for row in near]
        locked = query.where(Round.id.in_(ids_near)).with_for_update(of=Round)
        sure = {row.id: row for row in work.session.execute(locked)}
        rows = [sure.get(row.id, row) for row in rows]
    return {row.id: _offer(work, row) for row in rows}


def _lock_funds(session: Session, scheme_ids: Collection[str]) -> None:
    # First, as everybody who grants does: the fund before the round, or two wait for each other.
    funds = select(Fund.scheme_id).where(Fund.scheme_id.in_(scheme_ids))
    session.execute(funds.order_by(Fund.scheme_id).with_for_update()).all()


def _left(row: Row[Any]) -> int:
    return int((row.budget - row.granted) // row.amount)


def _offer(work: Work, row: Row[Any]) -> Offer:
    rule = schemes.rule_on(work.session, row.scheme_id, work.today)
    expires_on = clock.add_months(work.today, rule.expiry_months) if rule.expiry_months else None
    return Offer(row, rule, expires_on, _closed(row, work.now), _left(row))


def _closed(row: Row[Any], now: datetime) -> Message | None:
    if now < row.opens_at:
        return Message(N_("This round opens on %(moment)s."), {"moment": row.opens_at})
    if row.status != "open" or now >= row.closes_at:
        return Message(N_("This round is closed."))
    if row.scheme != "open" or row.funder != "admitted":
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


def holders(
    session: Session, account_ids: Collection[str]
) -> tuple[dict[str, Holder], set[tuple[str, str]]]:
    """Return the holders of those accounts that are open, and in which round each has asked."""
    people, asked = Question.ask_all(driver(session), (_HOLDERS, _ASKED), list(account_ids))
    return {row[0]: Holder._make(row) for row in people}, {(row[0], row[1]) for row in asked}


def count(session: Session, offer: Offer) -> None:
    """Count what was met on the round's row, last of all. Raises Stale when it is not there."""
    total = offer.met * offer.round.amount
    done = session.execute(
        update(Round)
        .where(
            Round.id == offer.round.id,
            Round.status == "open",
            Round.granted + total <= Round.budget,
        )
        .values(granted=Round.granted + total, request_count=Round.request_count + offer.met)
        .execution_options(synchronize_session=False)
    )
    if done.rowcount != 1:  # type: ignore[attr-defined]
        raise Stale
