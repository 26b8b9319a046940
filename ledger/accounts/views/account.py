"""A holder's pages: the balance first, then what one can do, the budgets and what happened."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, render_template, request

from ledger import clock
from ledger.accounts import lots, neighbours, people, statements, wording
from ledger.accounts.lots import LotView
from ledger.accounts.neighbours import Step
from ledger.accounts.views.own import link, own_account
from ledger.messages import N_, Message
from ledger.money import Money
from ledger.web import navigation
from ledger.web.auth import roles
from ledger.web.unit import reading

blueprint = Blueprint("account", __name__, template_folder="../templates")
blueprint.context_processor(lambda: {"link": link})
navigation.add("holder", N_("Overview"), "account.show")

LATEST = 6  # transactions on the overview
WARN_DAYS = 90  # a budget that expires within this time asks for attention


@dataclass(frozen=True, slots=True)
class Card:
    """A lot on the overview; ``days_left`` counts to its last day, None when it never ends."""

    lot: LotView
    days_left: int | None
    soon: bool


@blueprint.get("/account")
@roles("holder")
def show() -> str:
    """Show the balance, what to do next, the budgets and the latest transactions."""
    now = clock.now()
    today = clock.today(now)
    with reading() as session:
        account = people.account(session, own_account())
        cards = [_card(lot, today.toordinal()) for lot in lots.of_account(session, account.id)]
        live = [card for card in cards if card.lot.available + card.lot.held > 0]
        return render_template(
            "accounts/account.html",
            account=account,
            today=today,
            balances=lots.balance(session, account.id, today),
            cards=[card for card in live if card.days_left is None or card.days_left >= 0],
            ended=len(cards) - len(live),
            steps=_steps(live) + neighbours.steps(session, account.id, now),
            latest=statements.movements(session, account.id, limit=LATEST),
            kinds=wording.KINDS,
        )


@blueprint.get("/account/lots")
@roles("holder")
def list_lots() -> str:
    """List all budgets, the used and expired ones too."""
    today = clock.today(clock.now())
    with reading() as session:
        found = lots.of_account(session, own_account())
        return render_template("accounts/lots.html", lots=found, today=today)


@blueprint.get("/account/lots/<lot_id>")
@roles("holder")
def show_lot(lot_id: str) -> str:
    """Show where a budget came from, under which rules, and where it went."""
    today = clock.today(clock.now())
    with reading() as session:
        detail = statements.lot(session, own_account(), lot_id)
        return render_template(
            "accounts/lot.html",
            detail=detail,
            card=_card(detail.lot, today.toordinal()),
            today=today,
            kinds=wording.KINDS,
            origins=wording.ORIGINS,
        )


@blueprint.get("/account/transactions")
@roles("holder")
def list_transactions() -> str:
    """List all transactions, newest first, a page at a time."""
    with reading() as session:
        page = statements.movements(session, own_account(), request.args.get("cursor"))
        return render_template("accounts/transactions.html", movements=page, kinds=wording.KINDS)


@blueprint.get("/account/transactions/<transaction_id>")
@roles("holder")
def show_transaction(transaction_id: str) -> str:
    """Show what a transaction was, what it did to each budget, and its receipt."""
    with reading() as session:
        detail = statements.movement(session, own_account(), transaction_id)
        return render_template(
            "accounts/transaction.html",
            detail=detail,
            kind=wording.KINDS[detail.movement.kind],
            buckets=wording.BUCKETS,
            origins=wording.ORIGINS,
        )


def _card(lot: LotView, today: int) -> Card:
    days = None if lot.expires_on is None else lot.expires_on.toordinal() - today
    return Card(lot, days, days is not None and 0 <= days <= WARN_DAYS)


def _steps(cards: list[Card]) -> list[Step]:
    return [
        Step(
            Message(
                N_("Use %(amount)s from %(scheme)s"),
                {
                    "amount": Money(card.lot.available, card.lot.unit),
                    "scheme": card.lot.scheme_name,
                },
            ),
            Message(N_("This budget expires on %(day)s."), {"day": card.lot.expires_on}),
            "account.show_lot",
            {"lot_id": card.lot.id},
            urgent=True,
        )
        for card in cards
        if card.soon and card.lot.available > 0
    ]
