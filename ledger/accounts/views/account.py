"""A holder's pages: the balance first, then what one can do, the budgets and what happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from flask import Blueprint, render_template, request

from ledger import clock
from ledger.accounts import lots, neighbours, people, statements, wording
from ledger.accounts.lots import LotView
from ledger.accounts.moments import AsOf
from ledger.accounts.neighbours import Step
from ledger.accounts.seals import proofs
from ledger.accounts.views import moments
from ledger.accounts.views.own import link, own_account
from ledger.messages import N_, Message
from ledger.money import Money
from ledger.web import navigation
from ledger.web.auth import roles
from ledger.web.i18n import language
from ledger.web.unit import reading

blueprint = Blueprint("account", __name__, template_folder="../templates")
blueprint.context_processor(lambda: {"link": link})
navigation.add("holder", N_("Overview"), "account.show")

Page = tuple[str, int]
LATEST = 6  # transactions on the overview
WARN_DAYS = 90  # a budget that expires within this time asks for attention


@dataclass(frozen=True, slots=True)
class Card:
    """What a holder can still use of one scheme; minor units of ``unit``.

    ``first`` is the lot that expires first, ``days_left`` counts to its last day (None: never),
    and ``soon`` is what expires within ``WARN_DAYS``.
    """

    first: LotView
    lots: int
    available: int
    held: int
    days_left: int | None
    soon: int


@dataclass(frozen=True, slots=True)
class Fold:
    """Lots that share a row: one, or all that a scheme built up period after period."""

    lots: tuple[LotView, ...]
    free: int
    held: int
    spent: int
    returned: int  # with what has expired
    credited: int


@blueprint.get("/account")
@roles("holder")
def show() -> str:
    """Show the balance, what to do next, the budgets and the latest transactions."""
    now = clock.now()
    today = clock.today(now)
    with reading() as session:
        account = people.account(session, own_account())
        own = lots.of_account(session, account.id)
        cards = _cards(own, today)
        return render_template(
            "accounts/account.html",
            account=account,
            today=today,
            balances=lots.totals(own, today),
            cards=cards,
            steps=_steps(cards) + neighbours.steps(session, account.id, now),
            latest=statements.movements(session, account.id, limit=LATEST),
            kinds=wording.KINDS,
        )


@blueprint.get("/account/lots")
@roles("holder")
def list_lots() -> Page:
    """List all amounts, the used and expired ones too; of one scheme, as of a moment when asked."""
    scheme_id = request.args.get("scheme")
    with reading() as session:
        asked = moments.asked(session)
        found = statements.lots_of(session, own_account(), asked.then)
    if scheme_id:
        found = tuple(lot for lot in found if lot.scheme_id == scheme_id)
    rows = _rows(found, _day(asked.then), apart=bool(scheme_id))
    body = render_template("accounts/lots.html", rows=rows, one=bool(scheme_id), **asked.context)
    return body, asked.status


@blueprint.get("/account/lots/<lot_id>")
@roles("holder")
def show_lot(lot_id: str) -> Page:
    """Show where a budget came from, under which rules, and where it went."""
    with reading() as session:
        asked = moments.asked(session)
        today = _day(asked.then)
        detail = statements.lot(session, own_account(), lot_id, asked.then)
        body = render_template(
            "accounts/lot.html",
            detail=detail,
            days_left=_days_left(detail.lot, today),
            today=today,
            kinds=wording.KINDS,
            origins=wording.ORIGINS,
            **asked.context,
        )
        return body, asked.status


@blueprint.get("/account/transactions")
@roles("holder")
def list_transactions() -> Page:
    """List all transactions, last recorded first, a page at a time; as of a moment when asked."""
    with reading() as session:
        asked = moments.asked(session)
        page = statements.movements(
            session, own_account(), request.args.get("cursor"), then=asked.then
        )
        body = render_template(
            "accounts/transactions.html", movements=page, kinds=wording.KINDS, **asked.context
        )
        return body, asked.status


@blueprint.get("/account/transactions/<transaction_id>")
@roles("holder")
def show_transaction(transaction_id: str) -> Page:
    """Show what a transaction was, what it did to each budget, and its receipt."""
    with reading() as session:
        asked = moments.asked(session)
        detail = statements.movement(session, own_account(), transaction_id, asked.then)
        body = render_template(
            "accounts/transaction.html",
            detail=detail,
            sealed=proofs.sealed(session, transaction_id),
            kind=wording.KINDS[detail.movement.kind],
            buckets=wording.BUCKETS,
            origins=wording.ORIGINS,
            **asked.context,
        )
        return body, asked.status


def _day(then: AsOf | None) -> date:
    return clock.today(then.counted_until if then else clock.now())


def _cards(found: Sequence[LotView], today: date) -> list[Card]:
    """Gather the lots that still count per scheme; what is tied to one course stays apart."""
    groups: dict[tuple[str, str | None], list[LotView]] = {}
    for lot in found:
        if (lot.available and not lot.expired(today)) or lot.held:
            groups.setdefault((lot.scheme_id, lot.enrolment_id), []).append(lot)
    return [_card(group, today) for group in groups.values()]


def _rows(found: Sequence[LotView], today: date, *, apart: bool) -> list[Fold]:
    """Fold what a scheme built up into one row each, unless all are wanted apart."""
    groups: dict[str, list[LotView]] = {}
    for lot in found:
        folded = lot.origin == "accrual" and not apart
        groups.setdefault(f"accrual {lot.scheme_id}" if folded else lot.id, []).append(lot)
    return [_fold(group, today) for group in groups.values()]


def _fold(group: Sequence[LotView], today: date) -> Fold:
    gone = sum(lot.available for lot in group if lot.expired(today))
    return Fold(
        lots=tuple(group),
        free=sum(lot.available for lot in group) - gone,
        held=sum(lot.held for lot in group),
        spent=sum(lot.spent for lot in group),
        returned=sum(lot.returned for lot in group) + gone,
        credited=sum(lot.credited for lot in group),
    )


def _card(group: Sequence[LotView], today: date) -> Card:
    spendable = [lot for lot in group if lot.available and not lot.expired(today)]
    first = spendable[0] if spendable else group[0]
    return Card(
        first=first,
        lots=len(group),
        available=sum(lot.available for lot in spendable),
        held=sum(lot.held for lot in group),
        days_left=_days_left(first, today),
        soon=sum(lot.available for lot in spendable if _is_soon(lot, today)),
    )


def _days_left(lot: LotView, today: date) -> int | None:
    return None if lot.expires_on is None else (lot.expires_on - today).days


def _is_soon(lot: LotView, today: date) -> bool:
    days = _days_left(lot, today)
    return days is not None and days <= WARN_DAYS


def _scheme_name(lot: LotView) -> str:
    return (lot.scheme_name_en if language() == "en" else "") or lot.scheme_name


def _steps(cards: Sequence[Card]) -> list[Step]:
    return [
        Step(
            Message(
                N_("Use %(amount)s from %(scheme)s"),
                {
                    "amount": Money(card.soon, card.first.unit),
                    "scheme": _scheme_name(card.first),
                },
            ),
            Message(N_("The first part expires on %(day)s."), {"day": card.first.expires_on}),
            "account.show_lot",
            {"lot_id": card.first.id},
            urgent=True,
        )
        for card in cards
        if card.soon
    ]
