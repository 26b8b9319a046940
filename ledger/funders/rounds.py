"""Rounds (aanvraagtijdvakken): for a while people may ask for a fixed amount of a scheme.

First come, first served, as long as the budget lasts, once per account and round, by the scheme's
rule of the day. The budget is promised from the scheme's fund when the round is made. A request is
a grant: its id is the subject of the transaction that credits the account.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from psycopg.errors import UniqueViolation
from sqlalchemy import update
from sqlalchemy.orm import Session

from ledger import ids
from ledger.accounts import history, journal, schemes
from ledger.accounts.journal import NewCredit, Receipt, Source
from ledger.db import Actor, Stale, Work, driver
from ledger.errors import (
    AlreadyDone,
    Conflict,
    DomainError,
    Forbidden,
    Invalid,
    NotFound,
    WrongState,
)
from ledger.funders import offers, promises, reach
from ledger.funders.models import Round
from ledger.funders.offers import Holder, Offer
from ledger.messages import N_
from ledger.money import checked
from ledger.sets import insert

_REQUEST = {
    "id": "text",
    "round_id": "text",
    "account_id": "text",
    "amount": "bigint",
    "transaction_id": "text",
    "requested_at": "timestamptz",
}


class RoundSpent(Conflict):
    """The budget of the round is spent; asking again does not help."""


class NotEligible(Conflict):
    """The holder does not meet the conditions of the scheme."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A holder's request in a round."""

    actor: Actor
    round_id: str


@dataclass(frozen=True, slots=True)
class Requested:
    """A request that was granted: ``amount`` in minor units, and until when it can be spent."""

    id: str
    round_id: str
    account_id: str
    amount: int
    unit: str
    expires_on: date | None
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class _Met:
    """A request that will be granted, as ``id``."""

    id: str
    ask: Ask
    account_id: str
    offer: Offer


def open_round(
    work: Work,
    scheme_id: str,
    amount: int,
    budget: int,
    opens_at: datetime,
    closes_at: datetime,
) -> Round:
    """Make a round: everybody who asks gets ``amount``, together at most ``budget``.

    Minor units of the scheme. Raises NotFound, WrongState, Invalid, InsufficientBalance when the
    fund has not so much that is free.
    """
    scheme = reach.scheme_changed(work, scheme_id)
    if checked(budget, "budget") < checked(amount, "amount"):
        raise Invalid(N_("The budget is less than one request."), field="budget")
    if closes_at <= max(opens_at, work.now):
        raise Invalid(N_("The round has to close after it opens."), field="closes_at")
    promises.require(work, scheme, budget)
    made = Round(
        id=ids.new("rnd"),
        scheme_id=scheme.id,
        method="first_come",
        opens_at=opens_at,
        closes_at=closes_at,
        amount=amount,
        budget=budget,
        granted=0,
        request_count=0,
        status="open",
        made_by=reach.person_of(work),
        made_at=work.now,
    )
    work.session.add(made)
    work.session.flush()
    history.record(work, made.id, "round.opened", scheme_id=scheme.id, amount=amount, budget=budget)
    return made


def close(work: Work, scheme_id: str, round_id: str) -> None:
    """End a round before its time; what it did not grant is free again in the fund."""
    reach.scheme_changed(work, scheme_id)
    done = work.session.execute(
        update(Round)
        .where(Round.id == round_id, Round.scheme_id == scheme_id, Round.status == "open")
        .values(status="closed", closed_at=work.now)
        .execution_options(synchronize_session=False)
    )
    if done.rowcount != 1:  # type: ignore[attr-defined]
        get(work.session, scheme_id, round_id)
        raise WrongState(N_("This round is closed."))
    history.record(work, round_id, "round.closed", scheme_id=scheme_id)


def get(session: Session, scheme_id: str, round_id: str) -> Round:
    """Return a round of a scheme. Raises NotFound."""
    found = session.get(Round, round_id)
    if found is None or found.scheme_id != scheme_id:
        raise _no_round()
    return found


def request(work: Work, round_id: str) -> Requested:
    """Ask for the acting holder: a batch of one. Raises what :func:`request_many` answers."""
    (answer,) = request_many(work, [Ask(work.actor, round_id)])
    if isinstance(answer, DomainError):
        raise answer
    return answer


def request_many(work: Work, asks: Sequence[Ask]) -> list[Requested | DomainError]:
    """Grant what can be granted of ``asks``, in their order; one answer each.

    A refusal writes nothing and concerns nobody else: NotFound, Forbidden, WrongState before or
    after the round's time, NotEligible, AlreadyDone for a second request in the same round, and
    RoundSpent. Raises Stale when a round changed meanwhile: the whole has to run again.
    """
    found = offers.of_rounds(work, {ask.round_id for ask in asks})
    account_ids = {ask.actor.account_id for ask in asks if ask.actor.account_id is not None}
    holders, asked = offers.holders(work.session, account_ids)
    decided = [_decide(ask, found.get(ask.round_id), holders, asked, work) for ask in asks]
    met = [one for one in decided if isinstance(one, _Met)]
    granted = _grant(work, met) if met else iter(())
    return [next(granted) if isinstance(one, _Met) else one for one in decided]


def _decide(
    ask: Ask,
    offer: Offer | None,
    holders: Mapping[str, Holder],
    asked: set[tuple[str, str]],
    work: Work,
) -> _Met | DomainError:
    """Return why not, or the request as it will be granted; it counts for the ones after it."""
    if offer is None:
        return _no_round()
    account_id = ask.actor.account_id
    if ask.actor.role != "holder" or account_id is None:
        return Forbidden(N_("Only the holder of an account can ask for this."))
    if (ask.round_id, account_id) in asked:
        return AlreadyDone(N_("You asked in this round before; you can ask once."))
    if offer.closed:
        return WrongState(offer.closed.msgid, **offer.closed.params)  # type: ignore[arg-type]
    if offer.left == 0:
        return spent()
    person = holders.get(account_id)
    if person is None:
        return NotFound(N_("There is no such account."))
    unmet = schemes.eligible(offer.terms, person, work.today)
    if unmet:
        return NotEligible(N_("This round is %(condition)s."), condition=unmet[0])
    offer.left -= 1
    offer.met += 1
    asked.add((ask.round_id, account_id))
    return _Met(ids.new("req"), ask, account_id, offer)


def spent() -> RoundSpent:
    """Return the refusal of who comes too late."""
    return RoundSpent(N_("The budget of this round is spent."))


def _grant(work: Work, met: Sequence[_Met]) -> Iterator[Requested]:
    """Write what was met, and yield the answers in the same order."""
    by_round: dict[str, list[_Met]] = {}
    for one in met:
        by_round.setdefault(one.offer.terms.id, []).append(one)
    receipts: dict[str, Receipt] = {}
    # In one order everywhere: the funds of two rounds, and then the rounds themselves.
    for group in sorted(by_round.values(), key=lambda group: group[0].offer.terms.scheme_id):
        receipts.update(_credit(work, group[0].offer, group))
    _keep(work, [(one, receipts[one.id]) for one in met])
    for _, group in sorted(by_round.items()):
        offers.count(work.session, group[0].offer)
    return (
        Requested(
            one.id,
            one.offer.terms.id,
            one.account_id,
            one.offer.terms.amount,
            one.offer.terms.unit,
            one.offer.expires_on,
            receipts[one.id],
        )
        for one in met
    )


def _credit(work: Work, offer: Offer, group: Sequence[_Met]) -> Iterator[tuple[str, Receipt]]:
    terms, expires_on = offer.terms, offer.expires_on
    source = Source("grant", terms.scheme_id, terms.unit, terms.rule_id)
    items = [
        NewCredit(one.id, one.account_id, terms.amount, one.ask.actor.id, expires_on, None)
        for one in group
    ]
    receipts = journal.credit_many(work, source, items)
    return zip((one.id for one in group), receipts, strict=True)


def _keep(work: Work, made: Sequence[tuple[_Met, Receipt]]) -> None:
    rows = [
        (one.id, one.offer.terms.id, one.account_id, one.offer.terms.amount, receipt.id, work.now)
        for one, receipt in made
    ]
    try:
        insert(driver(work.session), "round_request", _REQUEST, rows)
    except UniqueViolation as error:
        # The same account by another process, at this very moment; next time it is seen.
        raise Stale from error


def _no_round() -> NotFound:
    return NotFound(N_("There is no such round."))
