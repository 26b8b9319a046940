"""Grants and accrual in steps: what stops halfway goes on, and nobody is credited twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from ledger.accounts import lots, schemes
from ledger.accounts.models import Account, Transaction
from ledger.db import SYSTEM, Database, Work
from ledger.errors import (
    AlreadyDone,
    Conflict,
    FourEyes,
    InsufficientBalance,
    NotFound,
    WrongState,
)
from ledger.funders import accruals, granting, grants, promises, queries, steps, verification
from ledger.funders.granting import Outcome
from ledger.funders.models import AccrualRun, GrantBatch
from tests.integration.funding import NOW, TODAY, Funding, accounts, funding

RICH: dict[str, Any] = {"four_eyes_minor": 2**40}
YEARLY: dict[str, Any] = {"accrual_period": "year", "accrual_minor": 1_000}


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(granting, "STEP", 2)
    monkeypatch.setattr(accruals, "STEP", 2)


def sheet(holders: list[Account], more: str = "") -> bytes:
    rows = [f"{one.number};10;{more}{n if more else ''}" for n, one in enumerate(holders)]
    return "\n".join(["rekeningnummer;bedrag;kenmerk", *rows]).encode()


def balances(database: Database, holders: list[Account]) -> list[int]:
    with database.reading() as session:
        return [lots.balance(session, one.id, TODAY)[0].available for one in holders]


def begun(database: Database, money: Funding, data: bytes) -> Outcome:
    with database.work(money.first, NOW) as work:
        return grants.submit_file(work, money.scheme_id, data, "a.csv")


def gone_on(database: Database, money: Funding, batch_id: str) -> Outcome:
    with database.work(money.second, NOW) as work:
        return grants.go_on(work, money.scheme_id, batch_id)


def sound(database: Database) -> bool:
    with database.reading() as session:
        return not [one for check in verification.CHECKS for one in check.run(session)]


def test_batch_says_how_far_it_is_and_ends(database: Database) -> None:
    money, holders = funding(database, **RICH), accounts(database, 5)
    first = begun(database, money, sheet(holders))
    assert (first.status, first.handled, len(first.receipts)) == ("granting", 2, 2)
    assert balances(database, holders) == [1_000, 1_000, 0, 0, 0] and sound(database)
    second = gone_on(database, money, first.batch_id)
    assert (second.status, second.granted_count, second.granted_total) == ("granting", 4, 4_000)
    last = gone_on(database, money, first.batch_id)
    assert (last.status, last.handled, last.done) == ("committed", 5, True)
    again = gone_on(database, money, first.batch_id)
    assert (again.granted_count, again.receipts) == (5, ())
    assert balances(database, holders) == [1_000] * 5 and sound(database)
    with database.reading() as session:
        kept = session.get_one(Transaction, second.receipts[0].id)
        assert kept.actor_id == "usr_first"  # who decided, whoever went on
        assert promises.free(session, money.scheme_id, NOW) == 1_000_000 - 5_000


def test_a_step_that_fails_is_undone_and_can_be_made_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    money, holders = funding(database, **RICH), accounts(database, 4)
    batch_id = begun(database, money, sheet(holders)).batch_id

    def stopped(*_: object) -> None:
        raise RuntimeError("the plug was pulled")

    with monkeypatch.context() as broken:
        broken.setattr(granting, "_finish", stopped)  # after the money moved, before the commit
        with pytest.raises(RuntimeError):
            gone_on(database, money, batch_id)
    assert balances(database, holders) == [1_000, 1_000, 0, 0] and sound(database)
    assert gone_on(database, money, batch_id).done
    assert balances(database, holders) == [1_000] * 4 and sound(database)


def test_two_who_go_on_at_the_same_time_take_turns(database: Database) -> None:
    money, holders = funding(database, **RICH), accounts(database, 9)
    batch_id = begun(database, money, sheet(holders)).batch_id
    ends: list[Outcome] = []

    def to_the_end() -> None:
        args = (money.scheme_id, batch_id)
        ends.append(steps.to_the_end(database, money.first, grants.go_on, None, *args))

    threads = [threading.Thread(target=to_the_end) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.granted_count for one in ends] == [9, 9, 9]
    assert balances(database, holders) == [1_000] * 9 and sound(database)


def test_rows_that_became_impossible_are_named_and_the_rest_goes_on(database: Database) -> None:
    money, holders = funding(database, **RICH), accounts(database, 5)
    outcome = begun(database, money, sheet(holders, "K"))
    with database.work(SYSTEM, NOW) as work:
        work.session.get_one(Account, holders[3].id).closed_at = NOW
    done = steps.to_the_end(
        database, money.first, grants.go_on, None, money.scheme_id, outcome.batch_id
    )
    assert (done.status, done.granted_count, done.refused_count) == ("committed", 4, 1)
    assert (done.granted_total, done.total) == (4_000, 5_000)
    with database.reading() as session:
        (row,) = queries.refused_rows(session, outcome.batch_id)
        assert (row.line, row.account_number, row.refusal) == (5, holders[3].number, "closed")
        assert promises.free(session, money.scheme_id, NOW) == 1_000_000 - 4_000
    assert sound(database)


def test_days_and_references_are_looked_at_again(database: Database) -> None:
    money = funding(database, four_eyes_minor=0)
    holders = accounts(database, 3)
    rows = [f"{holders[0].number};1;{TODAY}", f"{holders[1].number};1;", f"{holders[2].number};1;"]
    data = "\n".join(["rekeningnummer;bedrag;vervalt op", *rows]).encode()
    batch_id = begun(database, money, data).batch_id
    with database.work(money.second, NOW + timedelta(days=1)) as work:
        outcome = grants.approve(work, money.scheme_id, batch_id)
        assert (outcome.granted_count, outcome.refused_count) == (1, 1)
        assert grants.go_on(work, money.scheme_id, batch_id).done
    assert balances(database, holders) == [0, 100, 100] and sound(database)


def test_reference_that_waits_elsewhere_is_not_granted_twice(database: Database) -> None:
    money, holders = funding(database, four_eyes_minor=0), accounts(database, 2)
    batch_id = begun(database, money, sheet(holders, "K")).batch_id
    # As if a program had credited the same reference meanwhile.
    subject = granting.subject(money.scheme_id, "", 0, "K0")
    with database.work(SYSTEM, NOW) as work:
        lots.credit(work, money.scheme_id, [lots.Credit(holders[0].id, 5, "grant", subject)])
    with database.work(money.second, NOW) as work:
        outcome = grants.approve(work, money.scheme_id, batch_id)
    assert (outcome.granted_count, outcome.refused_count) == (1, 1)
    assert balances(database, holders) == [5, 1_000]


def test_decision_promises_the_whole(database: Database) -> None:
    money = funding(database, budget=5_500, **RICH)
    holders = accounts(database, 5)
    with pytest.raises(InsufficientBalance):
        begun(database, money, sheet([*holders, *accounts(database, 1)]))
    outcome = begun(database, money, sheet(holders))
    with database.work(money.first, NOW) as work:
        with pytest.raises(InsufficientBalance) as refusal:
            grants.grant(work, money.scheme_id, holders[0].number, 501)
        work.session.rollback()
    assert refusal.value.params["promised"] is not None
    with database.work(money.first, NOW) as work:
        grants.grant(work, money.scheme_id, holders[0].number, 500)
    for _ in range(2):
        outcome = gone_on(database, money, outcome.batch_id)
    assert outcome.done and balances(database, holders) == [1_500, 1_000, 1_000, 1_000, 1_000]


def test_closed_scheme_stops_it_and_strangers_see_nothing(database: Database) -> None:
    money, holders = funding(database, **RICH), accounts(database, 4)
    other = funding(database, name="Ander fonds")
    batch_id = begun(database, money, sheet(holders)).batch_id
    with pytest.raises(NotFound), database.work(other.first, NOW) as work:
        grants.go_on(work, money.scheme_id, batch_id)
    with database.work(money.first, NOW) as work:
        schemes.close(work, money.scheme_id)
    with pytest.raises(WrongState):
        gone_on(database, money, batch_id)
    with database.reading() as session:
        assert session.get_one(GrantBatch, batch_id).granted_count == 2
    assert sound(database)


def test_what_waits_cannot_go_on(database: Database) -> None:
    money, holders = funding(database, four_eyes_minor=0), accounts(database, 3)
    waiting = begun(database, money, sheet(holders))
    assert waiting.status == "awaiting"
    with pytest.raises(WrongState):
        gone_on(database, money, waiting.batch_id)
    with pytest.raises(FourEyes), database.work(money.first, NOW) as work:
        grants.approve(work, money.scheme_id, waiting.batch_id)


def test_same_file_finds_its_batch_again(database: Database) -> None:
    money, holders = funding(database, **RICH), accounts(database, 3)
    data = sheet(holders)
    outcome = begun(database, money, data)
    with pytest.raises(AlreadyDone):
        begun(database, money, data)
    with database.reading() as session:
        assert grants.under_way(session, money.scheme_id, data) == outcome.batch_id
    gone_on(database, money, outcome.batch_id)
    with database.reading() as session:
        assert grants.under_way(session, money.scheme_id, data) is None


def test_small_grants_of_one_person_count_together(database: Database) -> None:
    money = funding(database)  # two people above 50,000
    (holder,) = accounts(database, 1)

    def grant(amount: int, at: datetime = NOW, colleague: bool = False) -> str:
        actor = money.second if colleague else money.first
        with database.work(actor, at) as work:
            return grants.grant(work, money.scheme_id, holder.number, amount).status

    assert [grant(20_000), grant(30_000), grant(1)] == ["committed", "committed", "awaiting"]
    assert grant(50_000, colleague=True) == "committed"
    assert grant(1, colleague=True) == "awaiting"
    tomorrow = NOW + timedelta(days=1)
    assert grant(50_000, tomorrow) == "committed" and grant(1, tomorrow) == "awaiting"


def test_what_was_approved_by_two_does_not_count(database: Database) -> None:
    money = funding(database)
    (holder,) = accounts(database, 1)
    with database.work(money.first, NOW) as work:
        large = grants.grant(work, money.scheme_id, holder.number, 60_000)
    with database.work(money.second, NOW) as work:
        grants.approve(work, money.scheme_id, large.batch_id)
    with database.work(money.first, NOW) as work:
        assert grants.grant(work, money.scheme_id, holder.number, 50_000).status == "committed"


def test_preview_looks_again_when_it_is_confirmed(database: Database) -> None:
    money, holders = funding(database), accounts(database, 2)
    with database.work(money.first, NOW) as work:
        staged = grants.stage(work, money.scheme_id, sheet(holders), "a.csv")
    assert not staged.needs_second and staged.batch_id
    with database.work(money.first, NOW) as work:
        grants.grant(work, money.scheme_id, holders[0].number, 49_000)
    with database.work(money.first, NOW) as work:
        outcome = grants.submit(work, money.scheme_id, staged.batch_id)
    assert outcome.status == "awaiting"


def test_background_work_ends_and_tells_what_went_wrong(database: Database) -> None:
    money, holders = funding(database, **RICH), accounts(database, 7)
    batch_id = begun(database, money, sheet(holders)).batch_id
    args = (money.scheme_id, batch_id)
    done = steps.in_background(database, money.first, batch_id, grants.go_on, *args)
    assert done is not None and done.granted_count == 7
    with pytest.raises(NotFound):
        steps.in_background(database, money.first, "x", grants.go_on, money.scheme_id, "grb_x")


def test_page_that_has_no_patience_leaves_the_work_going_on(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    money, holders = funding(database, **RICH), accounts(database, 5)
    batch_id = begun(database, money, sheet(holders)).batch_id
    may_go_on, ended = threading.Event(), threading.Event()

    def slowly(work: Work, scheme_id: str, batch: str) -> Outcome:
        may_go_on.wait(timeout=30)
        outcome = grants.go_on(work, scheme_id, batch)
        if outcome.done:
            ended.set()
        return outcome

    monkeypatch.setattr(steps, "PATIENCE", 0.01)
    args = (money.scheme_id, batch_id)
    assert steps.in_background(database, money.first, batch_id, slowly, *args) is None
    running = dict(steps._running)
    assert steps.in_background(database, money.first, batch_id, slowly, *args) is None
    assert dict(steps._running) == running  # not begun a second time
    may_go_on.set()
    assert ended.wait(timeout=30)
    for future in running.values():
        future.result(timeout=30)
    assert balances(database, holders) == [1_000] * 5 and sound(database)


@pytest.fixture
def yearly(database: Database) -> Iterator[tuple[Funding, list[Account]]]:
    money = funding(database, **YEARLY)
    yield money, accounts(database, 5)


def accrual_begun(database: Database, money: Funding) -> accruals.Result:
    with database.reading() as session:
        looked = accruals.look(session, SYSTEM, money.scheme_id, "2026", TODAY)
    with database.work(SYSTEM, NOW) as work:
        return accruals.begin(work, money.scheme_id, "2026", looked)


def accrual_gone_on(database: Database, money: Funding, now: datetime = NOW) -> accruals.Result:
    with database.work(SYSTEM, now) as work:
        return accruals.go_on(work, money.scheme_id, "2026")


def test_accrual_goes_on_where_it_stopped(
    database: Database, yearly: tuple[Funding, list[Account]]
) -> None:
    money, holders = yearly
    with pytest.raises(NotFound):
        accrual_gone_on(database, money)
    first = accrual_begun(database, money)
    assert (first.visited, first.to_visit, first.done) == (0, 5, False)
    accrual_gone_on(database, money)
    assert sorted(balances(database, holders)) == [0, 0, 0, 1_000, 1_000] and sound(database)
    # Beginning again finds the pass that is under way, a day later too, with the day it began.
    assert accrual_begun(database, money).visited == 2
    accrual_gone_on(database, money, NOW + timedelta(days=1))
    done = accrual_gone_on(database, money)
    assert (done.credited, done.visited, done.done, done.day) == (5, 5, True, TODAY)
    assert accrual_gone_on(database, money) == done
    assert balances(database, holders) == [1_000] * 5 and sound(database)
    again = accrual_begun(database, money)
    assert (again.before, again.credited, again.done) == (5, 0, False)


def test_accrual_promises_its_total(
    database: Database, yearly: tuple[Funding, list[Account]]
) -> None:
    money, holders = yearly
    accrual_begun(database, money)
    with database.reading() as session:
        assert promises.free(session, money.scheme_id, NOW) == 995_000
    accrual_gone_on(database, money)
    with database.reading() as session:
        assert promises.free(session, money.scheme_id, NOW) == 995_000
        assert lots.fund_balance(session, money.scheme_id) == 998_000
    assert holders


def test_accrual_step_that_fails_is_undone(
    database: Database, yearly: tuple[Funding, list[Account]], monkeypatch: pytest.MonkeyPatch
) -> None:
    money, holders = yearly
    accrual_begun(database, money)

    def stopped(*_: object) -> None:
        raise Conflict("stopped")

    with monkeypatch.context() as broken:
        broken.setattr(accruals, "_finish", stopped)
        with pytest.raises(Conflict):
            for _ in range(3):
                accrual_gone_on(database, money)
    with database.reading() as session:
        kept = session.scalars(select(AccrualRun)).one()
        assert (kept.visited, kept.status) == (4, "running")
    assert accrual_gone_on(database, money).done
    assert balances(database, holders) == [1_000] * 5 and sound(database)
