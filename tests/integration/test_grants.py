"""Budget and grants: once each, all rows or none, and big ones by two people."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest

from ledger import ids
from ledger.accounts import balances, lots, organisations
from ledger.accounts.models import Account
from ledger.db import SYSTEM, Database
from ledger.errors import (
    AlreadyDone,
    Conflict,
    Forbidden,
    FourEyes,
    InsufficientBalance,
    Invalid,
    NotFound,
    WrongState,
)
from ledger.funders import budgets, grants, queries
from ledger.funders.grant_rows import Wish
from tests.integration.funding import NOW, TODAY, Funding, accounts, funding


def sheet(rows: Sequence[str], header: str = "rekeningnummer;bedrag;vervalt op") -> bytes:
    return "\r\n".join([header, *rows, ""]).encode("cp1252")


def fund_of(database: Database, money: Funding) -> int:
    with database.reading() as session:
        return balances.bucket_balance(session, money.scheme_id, "fund")


def balance_of(database: Database, account: Account) -> int:
    with database.reading() as session:
        return lots.balance(session, account.id, TODAY)[0].available


def test_budget_counts_once_per_reference(database: Database) -> None:
    money = funding(database, budget=70_000)
    with pytest.raises(AlreadyDone) as refusal, database.work(money.first, NOW) as work:
        budgets.pay_in(work, money.scheme_id, 99, "  transfer   1 ", TODAY)
    assert "reference" in refusal.value.field_errors
    with database.work(money.first, NOW) as work:
        receipt = budgets.pay_in(work, money.scheme_id, 30_000, "transfer 2", TODAY)
    assert receipt.id.startswith("txn_") and len(receipt.hash) == 64
    assert fund_of(database, money) == 100_000


@pytest.mark.parametrize("amount", [0, -1, 2**53, True, 1.5])
def test_budget_refuses_what_is_no_amount(database: Database, amount: int) -> None:
    money = funding(database)
    with pytest.raises(Invalid), database.work(money.first, NOW) as work:
        budgets.pay_in(work, money.scheme_id, amount, "x", TODAY)


def test_budget_refuses_tomorrow_and_no_reference(database: Database) -> None:
    money = funding(database)
    for reference, day in (("x", TODAY + timedelta(days=1)), (" ", TODAY), ("x" * 141, TODAY)):
        with pytest.raises(Invalid), database.work(money.first, NOW) as work:
            budgets.pay_in(work, money.scheme_id, 100, reference, day)


def test_nothing_came_back_so_nothing_is_reallocated(database: Database) -> None:
    money = funding(database)
    with pytest.raises(Conflict), database.work(money.first, NOW) as work:
        budgets.reallocate(work, money.scheme_id)


def test_foreign_schemes_are_absent_and_suspended_funders_wait(database: Database) -> None:
    money = funding(database)
    other = funding(database, name="Ander fonds")
    with pytest.raises(NotFound), database.work(other.first, NOW) as work:
        budgets.pay_in(work, money.scheme_id, 100, "x", TODAY)
    with pytest.raises(Forbidden), database.work(replace(money.first, role="operator")) as work:
        budgets.pay_in(work, money.scheme_id, 100, "x", TODAY)
    with database.work(SYSTEM, NOW) as work:
        organisations.suspend(work, money.funder_id, "No annual report", date(2026, 4, 1))
    with pytest.raises(WrongState), database.work(money.first, NOW) as work:
        budgets.pay_in(work, money.scheme_id, 100, "x", TODAY)


def test_small_grant_is_made_at_once(database: Database) -> None:
    money = funding(database, expiry_months=24)
    (holder,) = accounts(database, 1)
    number = f"{holder.number[:4]} {holder.number[4:]}".lower()
    with database.work(money.first, NOW) as work:
        outcome = grants.grant(work, money.scheme_id, number, 50_000)
    assert outcome.status == "committed" and len(outcome.receipts) == 1
    assert balance_of(database, holder) == 50_000
    assert fund_of(database, money) == 950_000
    with database.reading() as session:
        (lot,) = lots.of_account(session, holder.id)
    assert lot.expires_on == date(2028, 3, 10)


def test_large_grant_needs_a_colleague(database: Database) -> None:
    money = funding(database)
    (holder,) = accounts(database, 1)
    with database.work(money.first, NOW) as work:
        outcome = grants.grant(work, money.scheme_id, holder.number, 50_001)
    assert outcome.status == "awaiting" and balance_of(database, holder) == 0
    with pytest.raises(FourEyes), database.work(money.first, NOW) as work:
        grants.approve(work, money.scheme_id, outcome.batch_id)
    with database.work(money.second, NOW) as work:
        done = grants.approve(work, money.scheme_id, outcome.batch_id)
    assert done.status == "committed" and balance_of(database, holder) == 50_001
    with pytest.raises(AlreadyDone), database.work(money.second, NOW) as work:
        grants.approve(work, money.scheme_id, outcome.batch_id)
    assert balance_of(database, holder) == 50_001


def test_limit_of_zero_sends_every_grant_to_a_colleague(database: Database) -> None:
    money = funding(database, four_eyes_minor=0)
    (holder,) = accounts(database, 1)
    with database.work(money.first, NOW) as work:
        assert grants.grant(work, money.scheme_id, holder.number, 1).status == "awaiting"


def test_grant_says_what_is_wrong_beside_the_field(database: Database) -> None:
    money = funding(database)
    (holder,) = accounts(database, 1)
    absent = ids.account_number()
    wrong = holder.number[:-1] + str((int(holder.number[-1]) + 1) % 10)
    for number, expires_on, field in (
        (absent, None, "account_number"),
        (wrong, None, "account_number"),
        ("", None, "account_number"),
        (holder.number, TODAY - timedelta(days=1), "expires_on"),
        (holder.number, date(9999, 1, 1), "expires_on"),
    ):
        with pytest.raises(Invalid) as refusal, database.work(money.first, NOW) as work:
            grants.grant(work, money.scheme_id, number, 100, expires_on)
        assert list(refusal.value.field_errors) == [field]


def test_grant_beyond_the_fund_is_refused(database: Database) -> None:
    money = funding(database, budget=100)
    (holder,) = accounts(database, 1)
    with pytest.raises(InsufficientBalance), database.work(money.first, NOW) as work:
        grants.grant(work, money.scheme_id, holder.number, 101)
    with database.reading() as session:
        assert queries.batches(session, money.scheme_id) == ()


def test_reference_counts_once_per_scheme(database: Database) -> None:
    money = funding(database)
    holder, other = accounts(database, 2)
    with database.work(money.first, NOW) as work:
        grants.grant(work, money.scheme_id, holder.number, 100, reference="B-1")
    with pytest.raises(Invalid) as refusal, database.work(money.first, NOW) as work:
        grants.grant(work, money.scheme_id, other.number, 100, reference="B-1")
    assert "reference" in refusal.value.field_errors


def test_file_grants_all_rows_once(database: Database) -> None:
    money = funding(database)
    holders = accounts(database, 3)
    data = sheet([f"{h.number};1.2{n}0,50;31-12-2027" for n, h in enumerate(holders)])
    with database.work(money.first, NOW) as work:
        staged = grants.stage(work, money.scheme_id, data, "C:\\mijn map\\toekenningen.csv")
    assert staged.errors == () and staged.file_name == "toekenningen.csv"
    assert staged.sha256 == hashlib.sha256(data).hexdigest()
    assert staged.total == 120_050 + 121_050 + 122_050 and staged.needs_second
    assert staged.batch_id is not None
    with database.work(money.first, NOW) as work:
        assert grants.submit(work, money.scheme_id, staged.batch_id).status == "awaiting"
    for actor in (money.first, money.second):
        with pytest.raises(AlreadyDone), database.work(actor, NOW) as work:
            grants.submit_file(work, money.scheme_id, data, "again.csv")
    with database.work(money.second, NOW) as work:
        done = grants.approve(work, money.scheme_id, staged.batch_id)
    assert len(done.receipts) == 3
    assert [balance_of(database, h) for h in holders] == [120_050, 121_050, 122_050]
    with pytest.raises(AlreadyDone), database.work(money.first, NOW) as work:
        grants.submit_file(work, money.scheme_id, data, "again.csv")


def test_small_file_is_granted_when_confirmed(database: Database) -> None:
    money = funding(database)
    holders = accounts(database, 2)
    data = sheet([f"{h.number};10" for h in holders], "account_number;amount")
    with database.work(money.first, NOW) as work:
        assert grants.submit_file(work, money.scheme_id, data, "a.csv").status == "committed"
    assert [balance_of(database, h) for h in holders] == [1_000, 1_000]


def test_every_wrong_row_is_named_and_nothing_is_kept(database: Database) -> None:
    money = funding(database)
    first, second, closed = accounts(database, 3)
    with database.work(SYSTEM, NOW) as work:
        work.session.get_one(Account, closed.id).closed_at = NOW
    data = sheet(
        [
            f"{first.number};100,00;31-12-2027",
            f"{second.number};-5;31-02-2027",
            f"{first.number};100,00;31-12-2027",
            f"{closed.number};1;",
            f"{ids.account_number()};1;01-01-2020",
            "NL00BANK0123456789;NaN;",
            ";1;",
        ]
    )
    with database.work(money.first, NOW) as work:
        staged = grants.stage(work, money.scheme_id, data, "a.csv")
    assert staged.batch_id is None and len(staged.rows) == 1
    assert [(error.line, error.field) for error in staged.errors] == [
        (3, "amount"),
        (3, "expires_on"),
        (4, "account_number"),
        (5, "account_number"),
        (6, "account_number"),
        (6, "expires_on"),
        (7, "amount"),
        (7, "account_number"),
        (8, "account_number"),
    ]
    with pytest.raises(Invalid) as refusal, database.work(money.first, NOW) as work:
        grants.submit_file(work, money.scheme_id, data, "a.csv")
    assert len(refusal.value.field_errors) == 9
    with database.reading() as session:
        assert queries.batches(session, money.scheme_id) == ()


def test_one_account_twice_wants_references(database: Database) -> None:
    money = funding(database)
    (holder,) = accounts(database, 1)
    header = "rekeningnummer;bedrag;kenmerk"
    good = sheet([f"{holder.number};10;A", f"{holder.number};10;B"], header)
    same = sheet([f"{holder.number};10;C", f"{holder.number};10;C"], header)
    with database.work(money.first, NOW) as work:
        assert grants.submit_file(work, money.scheme_id, good, "a.csv").row_count == 2
    with pytest.raises(Invalid), database.work(money.first, NOW) as work:
        grants.submit_file(work, money.scheme_id, same, "b.csv")


def test_rejected_file_may_come_again(database: Database) -> None:
    money = funding(database, four_eyes_minor=0)
    (holder,) = accounts(database, 1)
    data = sheet([f"{holder.number};10;"])
    with database.work(money.first, NOW) as work:
        batch = grants.submit_file(work, money.scheme_id, data, "a.csv").batch_id
    with pytest.raises(Invalid), database.work(money.second, NOW) as work:
        grants.reject(work, money.scheme_id, batch, "  ")
    with database.work(money.second, NOW) as work:
        grants.reject(work, money.scheme_id, batch, "Wrong month")
    with pytest.raises(AlreadyDone), database.work(money.second, NOW) as work:
        grants.approve(work, money.scheme_id, batch)
    with database.work(money.first, NOW) as work:
        assert grants.submit_file(work, money.scheme_id, data, "a.csv").status == "awaiting"


def test_preview_can_be_sent_again_or_taken_away(database: Database) -> None:
    money = funding(database)
    (holder,) = accounts(database, 1)
    data = sheet([f"{holder.number};10;"])
    with database.work(money.first, NOW) as work:
        first = grants.stage(work, money.scheme_id, data, "a.csv")
    with database.work(money.first, NOW) as work:
        second = grants.stage(work, money.scheme_id, data, "a.csv")
    assert first.batch_id and second.batch_id and first.batch_id != second.batch_id
    with pytest.raises(WrongState), database.work(money.second, NOW) as work:
        grants.submit(work, money.scheme_id, second.batch_id)
    with database.work(money.first, NOW) as work:
        grants.discard(work, money.scheme_id, second.batch_id)
    with pytest.raises(NotFound), database.work(money.first, NOW) as work:
        grants.submit(work, money.scheme_id, second.batch_id)


def test_account_closed_between_two_people_stops_the_batch(database: Database) -> None:
    money = funding(database, four_eyes_minor=0)
    (holder,) = accounts(database, 1)
    with database.work(money.first, NOW) as work:
        batch = grants.grant(work, money.scheme_id, holder.number, 100).batch_id
    with database.work(SYSTEM, NOW) as work:
        work.session.get_one(Account, holder.id).closed_at = NOW
    with pytest.raises(Conflict), database.work(money.second, NOW) as work:
        grants.approve(work, money.scheme_id, batch)


def test_minutes_are_whole(database: Database) -> None:
    money = funding(database, unit="MIN")
    holders = accounts(database, 2)
    good = sheet([f"{holders[0].number};480"], "leerrekening;minuten")
    bad = sheet([f"{holders[1].number};7,5"], "leerrekening;minuten")
    with database.work(money.first, NOW) as work:
        assert grants.submit_file(work, money.scheme_id, good, "a.csv").total == 480
    with pytest.raises(Invalid), database.work(money.first, NOW) as work:
        grants.submit_file(work, money.scheme_id, bad, "b.csv")


def test_program_can_grant_many(database: Database) -> None:
    money = funding(database)
    holders = accounts(database, 3)
    wishes = [Wish(n, h.number, 100) for n, h in enumerate(holders, start=1)]
    with database.work(money.first, NOW) as work:
        assert grants.grant_all(work, money.scheme_id, wishes).row_count == 3
    assert fund_of(database, money) == 999_700
