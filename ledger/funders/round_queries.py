"""What funders see of their rounds, and holders of those in which they can ask."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import Session

from ledger import clock
from ledger.accounts import neighbours, people, schemes
from ledger.accounts.models import Organisation, Scheme
from ledger.accounts.neighbours import Named, Step
from ledger.errors import NotFound
from ledger.funders.models import Round, RoundRequest
from ledger.messages import N_, Message
from ledger.money import Money

_LATEST = 100  # in one list


@dataclass(frozen=True, slots=True)
class RoundView:
    """A round with its figures, in minor units of ``unit``."""

    id: str
    scheme_id: str
    scheme_name: str
    scheme_name_en: str
    funder_name: str
    unit: str
    opens_at: datetime
    closes_at: datetime
    amount: int
    budget: int
    granted: int
    request_count: int
    state: str  # planned, open, spent, closed

    @property
    def left(self) -> int:
        """Return what can still be granted."""
        return self.budget - self.granted

    @property
    def places(self) -> int:
        """Return how many requests can still be met."""
        return self.left // self.amount


@dataclass(frozen=True, slots=True)
class Offered:
    """A round as a holder sees it: what one would get, and what stands in the way."""

    round: RoundView
    expires_on: date | None  # of what is granted today
    unmet: tuple[Message, ...]
    asked_at: datetime | None
    transaction_id: str | None

    @property
    def open(self) -> bool:
        """Tell whether this holder can ask now."""
        return self.round.state == "open" and not self.unmet and self.asked_at is None


def register() -> None:
    """Let the account pages know of rounds; calling it again changes nothing."""
    neighbours.register_names("req", names)
    neighbours.register_steps("rounds", steps)


def of_scheme(session: Session, scheme_id: str, now: datetime) -> tuple[RoundView, ...]:
    """Return the rounds of a scheme, newest first, at most a hundred."""
    query = _rounds().where(Round.scheme_id == scheme_id).order_by(Round.id.desc())
    return tuple(
        _view(row[0], row[1], row[2], now) for row in session.execute(query.limit(_LATEST))
    )


def one(session: Session, scheme_id: str, round_id: str, now: datetime) -> RoundView:
    """Return a round of a scheme. Raises NotFound."""
    query = _rounds().where(Round.id == round_id, Round.scheme_id == scheme_id)
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFound(N_("There is no such round."))
    return _view(row[0], row[1], row[2], now)


def offered(session: Session, account_id: str, now: datetime) -> tuple[Offered, ...]:
    """Return the rounds that are open or will open, for this account; those it can ask in first.

    A round in which it asked stays until it would have closed.
    """
    query = (
        _rounds()
        .add_columns(RoundRequest.requested_at, RoundRequest.transaction_id)
        .outerjoin(
            RoundRequest,
            and_(RoundRequest.round_id == Round.id, RoundRequest.account_id == account_id),
        )
        .where(
            Round.closes_at > now,
            or_(Round.status == "open", RoundRequest.id.is_not(None)),
            Scheme.status == "open",
            Organisation.status == "admitted",
        )
        .order_by(Round.closes_at, Round.id)
        .limit(_LATEST)
    )
    person = people.holder(session, account_id)
    today = clock.today(now)
    found = []
    for row in session.execute(query):
        view = _view(row[0], row[1], row[2], now)
        rule = schemes.rule_on(session, view.scheme_id, today)
        months = rule.expiry_months
        expires_on = clock.add_months(today, months) if months else None
        unmet = tuple(schemes.eligible(rule, person, today))
        found.append(Offered(view, expires_on, unmet, row[3], row[4]))
    return tuple(sorted(found, key=lambda offer: not offer.open))


def steps(session: Session, account_id: str, now: datetime) -> Iterable[Step]:
    """Yield a next step for each round in which the holder can ask now."""
    for offer in offered(session, account_id, now):
        if offer.open:
            view = offer.round
            yield Step(
                Message(N_("Ask for %(amount)s"), {"amount": Money(view.amount, view.unit)}),
                Message(
                    N_("From %(funder)s, until %(moment)s or until it is spent."),
                    {"funder": view.funder_name, "moment": view.closes_at},
                ),
                "rounds.index",
            )


def names(session: Session, subjects: Collection[str]) -> dict[str, Named]:
    """Name requests by the funder that granted them."""
    rows = session.execute(
        select(RoundRequest.id, Scheme.name, Scheme.name_en)
        .join(Round, Round.id == RoundRequest.round_id)
        .join(Scheme, Scheme.id == Round.scheme_id)
        .where(RoundRequest.id.in_(subjects))
    )
    return {
        request_id: Named(name, name_en or None, Message(N_("asked for in a round")))
        for request_id, name, name_en in rows
    }


def _rounds() -> Select[Round, Scheme, str]:
    return (
        select(Round, Scheme, Organisation.name)
        .join(Scheme, Scheme.id == Round.scheme_id)
        .join(Organisation, Organisation.id == Scheme.funder_id)
    )


def _view(row: Round, scheme: Scheme, funder: str, now: datetime) -> RoundView:
    return RoundView(
        id=row.id,
        scheme_id=scheme.id,
        scheme_name=scheme.name,
        scheme_name_en=scheme.name_en,
        funder_name=funder,
        unit=scheme.unit,
        opens_at=row.opens_at,
        closes_at=row.closes_at,
        amount=row.amount,
        budget=row.budget,
        granted=row.granted,
        request_count=row.request_count,
        state=_state(row, now),
    )


def _state(row: Round, now: datetime) -> str:
    if row.status == "closed" or now >= row.closes_at:
        return "closed"
    if row.budget - row.granted < row.amount:
        return "spent"
    return "planned" if now < row.opens_at else "open"
