"""What a funder's auditors read: sums that agree, own lines only, accounts by pseudonym."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import select

from ledger.accounts import journal, lots, organisations
from ledger.accounts.journal import Entry, Line
from ledger.accounts.models import Account, Lot
from ledger.db import SYSTEM, Database, Work
from ledger.errors import Forbidden, Invalid, NotFound
from ledger.funders import audit, budgets
from ledger.funders.audit import Filter
from ledger.funders.pseudonyms import Pseudonyms
from tests.integration.funding import NOW, TODAY, Funding, accounts, funding

NAMES = Pseudonyms("a secret of this test")


def lines(lot: lots.LotView, provider_id: str | None = None, **amounts: int) -> tuple[Line, ...]:
    return tuple(
        Line(
            bucket,
            amount,
            lot.scheme_id,
            account_id=lot.account_id,
            lot_id=lot.id,
            provider_id=provider_id if bucket == "payable" else None,
        )
        for bucket, amount in amounts.items()
    )


def spend(work: Work, account: Account) -> str:
    """Hold 300 of every lot and settle 200 of it; return the settling transaction's id."""
    provider = organisations.admit(work, "provider", "Vakschool").id
    own = lots.of_account(work.session, account.id)
    hold = Entry(
        "hold", "enr_1", tuple(x for lot in own for x in lines(lot, available=-300, held=300))
    )
    held = journal.post(work, hold)
    settle = Entry(
        "settle",
        "enr_1",
        tuple(
            x
            for lot in own
            for x in lines(lot, provider, held=-300, payable=200, returned=60, available=40)
        ),
        resolves_id=held.id,
    )
    done = journal.post(work, settle)
    scheme_id = own[0].scheme_id
    pay = (
        Line("payable", -150, scheme_id, provider_id=provider),
        Line("bank", 150, scheme_id),
    )
    journal.post(work, Entry("pay", "sta_1", pay))
    return done.id


def two_funders(database: Database) -> tuple[Funding, Funding, Account, str]:
    """Spend from lots of two funders on one enrolment; paid for the first of them in part."""
    one, two = funding(database, budget=10_000), funding(database, name="Regio", budget=5_000)
    holder, other = accounts(database, 2)
    for money in (one, two):
        items = [
            lots.Credit(account.id, amount, "grant", f"{money.scheme_id} {account.id}", expires_on)
            for account, amount, expires_on in (
                (holder, 1_000, date(2028, 1, 1)),
                (other, 500, None),
            )
        ]
        with database.work(money.first, NOW) as work:
            lots.credit(work, money.scheme_id, items)
    with database.work(SYSTEM, NOW) as work:
        settled = spend(work, holder)
    return one, two, holder, settled


def test_every_cent_is_somewhere(database: Database) -> None:
    one, two, _, _ = two_funders(database)
    with database.reading() as session:
        figures = audit.figures(session, one.first, one.scheme_id)
        both = [audit.figures(session, money.first, money.scheme_id) for money in (one, two)]
    paid = sorted((f.paid, f.payable, f.transferred) for f in both)
    assert paid == [(200, 50, 150), (200, 200, 0)]
    assert (figures.paid_in, figures.fund) == (10_000, 8_500)
    assert (figures.available, figures.held, figures.returned) == (1_240, 0, 60)
    assert [(f.difference, f.agrees) for f in both] == [(0, True)] * 2


def test_money_that_came_back_can_be_used_again(database: Database) -> None:
    one, _, _, _ = two_funders(database)
    with database.work(one.first, NOW) as work:
        budgets.reallocate(work, one.scheme_id)
    with database.reading() as session:
        figures = audit.figures(session, one.first, one.scheme_id)
    assert (figures.fund, figures.returned, figures.agrees) == (8_560, 0, True)


def test_a_fault_shows_as_a_difference(database: Database) -> None:
    one, _, _, _ = two_funders(database)
    with database.reading() as session:
        figures = audit.figures(session, one.first, one.scheme_id)
    broken = replace(figures, paid_in=figures.paid_in + 5)
    assert (broken.difference, broken.agrees) == (5, False)


def test_accounts_are_counted_apart_from_the_books(database: Database) -> None:
    one, two, holder, _ = two_funders(database)
    with database.reading() as session:
        figures = audit.figures(session, one.first, one.scheme_id)
        guards = audit.guards(session, one.first, one.scheme_id)
        assert (guards.fund, guards.available, guards.held) == (8_500, 1_240, 0)
        assert (figures.fund, figures.available, figures.held) == (8_500, 1_240, 0)
        with pytest.raises(NotFound):
            audit.guards(session, two.first, one.scheme_id)
    with database.work(SYSTEM, NOW) as work:
        lot = work.session.scalars(
            select(Lot).where(Lot.account_id == holder.id, Lot.scheme_id == one.scheme_id)
        ).one()
        lot.available, lot.held = lot.available - 1, lot.held + 1
    with database.reading() as session:
        guards = audit.guards(session, one.first, one.scheme_id)
        figures = audit.figures(session, one.first, one.scheme_id)
    assert (guards.available, guards.held) == (1_239, 1)
    assert (figures.available, figures.held) == (1_240, 0)


def test_funder_sees_its_own_lines_only(database: Database) -> None:
    one, two, holder, settled = two_funders(database)
    with database.reading() as session:
        view = audit.transaction(session, one.first, settled, NAMES)
        assert view.others and {line.scheme_id for line in view.lines} == {one.scheme_id}
        assert len(view.lines) == 4 and sum(line.amount for line in view.lines) == 0
        own = {line.account for line in view.lines}
        assert own == {NAMES.of(one.funder_id, holder.id)}
        assert NAMES.of(one.funder_id, holder.id) != NAMES.of(two.funder_id, holder.id)
        grant = audit.postings(session, two.first, two.scheme_id, NAMES, Filter(kind="grant"))
        with pytest.raises(NotFound):
            audit.transaction(session, one.first, grant.items[0].transaction_id, NAMES)
        with pytest.raises(NotFound):
            audit.transaction(session, one.first, "txn_absent", NAMES)
        with pytest.raises(NotFound):
            audit.postings(session, one.first, two.scheme_id, NAMES)
        assert [f.scheme_id for f in audit.overview(session, one.first)] == [one.scheme_id]


def test_auditor_reads_what_the_funder_reads(database: Database) -> None:
    one, _, _, settled = two_funders(database)
    auditor = replace(one.first, id="usr_a", user_id="usr_a", role="auditor")
    with database.reading() as session:
        assert audit.figures(session, auditor, one.scheme_id).agrees
        assert audit.transaction(session, auditor, settled, NAMES).lines
        for role in ("holder", "provider", "operator"):
            with pytest.raises(Forbidden):
                audit.overview(session, replace(one.first, role=role))
    with pytest.raises(Forbidden), database.work(auditor, NOW) as work:
        budgets.pay_in(work, one.scheme_id, 100, "x", TODAY)


def test_number_of_an_account_is_nowhere(database: Database) -> None:
    one, _, holder, _ = two_funders(database)
    with database.reading() as session:
        everything = repr(list(audit.every_posting(session, one.first, one.scheme_id, NAMES)))
    assert holder.number not in everything and holder.id not in everything
    assert "P-" in everything


def test_pages_give_every_posting_once(database: Database) -> None:
    one, _, _, _ = two_funders(database)
    seen: list[audit.PostingView] = []
    cursor = None
    with database.reading() as session:
        while True:
            page = audit.postings(session, one.first, one.scheme_id, NAMES, cursor=cursor, size=3)
            seen += page.items
            cursor = page.next_cursor
            if cursor is None:
                break
        every = list(audit.every_posting(session, one.first, one.scheme_id, NAMES))
    assert seen == every and len({(x.transaction_id, x.line) for x in seen}) == len(seen) == 14
    assert sum(line.amount for line in seen) == 0


def test_postings_can_be_narrowed(database: Database) -> None:
    one, _, holder, _ = two_funders(database)

    def amounts(which: Filter) -> list[int]:
        with database.reading() as session:
            found = audit.every_posting(session, one.first, one.scheme_id, NAMES, which)
            return [line.amount for line in found]

    assert sorted(amounts(Filter(bucket="payable"))) == [-150, 200]
    assert sorted(amounts(Filter(kind="grant"))) == [-1_000, -500, 500, 1_000]
    assert amounts(Filter(until=date(2026, 3, 9))) == []
    assert len(amounts(Filter(since=TODAY, until=TODAY))) == 14
    with database.reading() as session:
        lot = lots.of_account(session, holder.id)[0]
    assert sorted(amounts(Filter(lot_id=lot.id))) == [-1_000, -300, -300, 40, 60, 200, 300, 1_000]
    assert amounts(Filter(lot_id="lot_absent")) == []
    with pytest.raises(Invalid):
        amounts(Filter(bucket="pocket"))
