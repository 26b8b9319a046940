"""The books as of a moment: what was true then, proved by a seal, and the same forever."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from ledger import clock
from ledger.accounts import lots, moments, statements
from ledger.accounts.models import Account
from ledger.accounts.moments import AsOf
from ledger.db import SYSTEM, Database
from ledger.errors import NotFound, WrongState
from ledger.funders import audit, budgets
from ledger.funders.audit import Filter
from ledger.funders.pseudonyms import Pseudonyms
from tests.integration.funding import NOW, Funding
from tests.integration.sealed import seal
from tests.integration.spending import claw_back, hold, settle, two_funders

NAMES = Pseudonyms("a secret of this test")
TICK = timedelta(microseconds=1)


def at(hours: float) -> datetime:
    """Return a moment some hours after the funders paid in and granted."""
    return NOW + timedelta(hours=hours)


def told(session: Session, money: Funding, holder: Account, then: AsOf | None) -> object:
    """Return everything that can be asked about an account and a scheme at a moment."""
    actor = money.first
    movements = statements.movements(session, holder.id, then=then).items
    return (
        [statements.movement(session, holder.id, one.id, then) for one in movements],
        statements.lots_of(session, holder.id, then),
        audit.overview(session, actor, then),
        list(audit.every_posting(session, actor, money.scheme_id, NAMES, then=then)),
    )


def as_told(database: Database, money: Funding, holder: Account, moment: datetime) -> object:
    """Return everything that can be asked as of a moment."""
    with database.reading() as session:
        return told(session, money, holder, moments.as_of(session, moment))


def test_each_moment_keeps_telling_what_was_true_then(database: Database) -> None:
    one, _, holder = two_funders(database)
    true_then: dict[datetime, object] = {}

    def sealed(hours: float) -> None:
        assert seal(database, at(hours))
        with database.reading() as session:
            true_then[at(hours)] = told(session, one, holder, None)
        for moment, expected in true_then.items():
            assert as_told(database, one, holder, moment) == expected, moment

    sealed(1)
    with database.work(SYSTEM, at(1.5)) as work:
        held = hold(work, holder, "enr_1")
    sealed(2)
    with database.work(SYSTEM, at(2.5)) as work:
        settled = settle(work, holder, "enr_1", held)
    with database.work(one.first, at(2.75)) as work:
        budgets.pay_in(work, one.scheme_id, 700, "transfer 2", NOW.date())
    sealed(3)
    with database.work(SYSTEM, at(3.5)) as work:
        claw_back(work, holder, "enr_1", settled)
        budgets.reallocate(replace(work, actor=one.first), one.scheme_id)
    sealed(4)
    for number in range(20):  # now most of the log is later than the moments above
        with database.work(one.first, at(4.5)) as work:
            budgets.pay_in(work, one.scheme_id, 1, f"small {number}", NOW.date())
    sealed(5)
    assert len({repr(told) for told in true_then.values()}) == len(true_then) == 5


def test_figures_lots_and_links_of_a_moment(database: Database) -> None:
    one, _, holder = two_funders(database)
    with database.work(SYSTEM, at(1)) as work:
        held = hold(work, holder, "enr_1")
    with database.work(SYSTEM, at(2)) as work:
        settled = settle(work, holder, "enr_1", held)
    seal(database, at(3))
    with database.reading() as session:
        then = moments.as_of(session, at(1.5))
        figures = audit.figures(session, one.first, one.scheme_id, then)
        assert (figures.paid_in, figures.fund, figures.available) == (10_000, 8_500, 1_200)
        assert (figures.held, figures.paid, figures.difference) == (300, 0, 0)
        assert [
            (lot.credited, lot.available, lot.held, lot.spent, lot.returned)
            for lot in statements.lots_of(session, holder.id, then)
        ] == [(1_000, 700, 300, 0, 0)] * 2
        shown = statements.movement(session, holder.id, held.id, then)
        assert shown.resolved_by is None  # it was not known yet
        assert statements.movement(session, holder.id, held.id).resolved_by == settled.id
        lot_id = lots.of_account(session, holder.id)[0].id
        detail = statements.lot(session, holder.id, lot_id, then)
        assert [movement.kind for movement in detail.movements] == ["grant", "hold"]
        with pytest.raises(NotFound):
            statements.movement(session, holder.id, settled.id, then)
        with pytest.raises(NotFound):
            audit.transaction(session, one.first, settled.id, NAMES, then)
        assert audit.transaction(session, one.first, held.id, NAMES, then).id == held.id


def test_what_commits_after_a_seal_counts_after_it(database: Database) -> None:
    """Open while the seal was made, committed later, recorded before: it changes nothing then."""
    one, _, holder = two_funders(database)
    if database.engine.dialect.name == "postgresql":
        with database.work(SYSTEM, at(1)) as work:
            late = hold(work, holder, "enr_1")
            first = seal(database, at(2))
            before = as_told(database, one, holder, at(2))
    else:
        # There one writes at a time, so it can be late by its clock only.
        first = seal(database, at(2))
        before = as_told(database, one, holder, at(2))
        with database.work(SYSTEM, at(1)) as work:
            late = hold(work, holder, "enr_1")
    assert first is not None
    assert as_told(database, one, holder, at(2)) == before
    assert as_told(database, one, holder, at(9)) == before  # it waits for its seal
    seal(database, at(3))
    assert as_told(database, one, holder, at(2)) == before
    assert as_told(database, one, holder, at(1)) == before
    assert as_told(database, one, holder, at(2) + TICK) != before
    with database.reading() as session:
        then = moments.as_of(session, at(2) + TICK)
        assert statements.movement(session, holder.id, late.id, then).movement.id == late.id


def test_the_answer_names_the_first_seal_that_proves_it(database: Database) -> None:
    _, _, holder = two_funders(database)
    first = seal(database, at(1))
    with database.work(SYSTEM, at(1.5)) as work:
        hold(work, holder, "enr_1")
    second = seal(database, at(2))
    assert first and second
    with database.reading() as session:
        for moment, seal_then, until in (
            (at(-9), first, at(-9)),
            (at(1) - TICK, first, at(1) - TICK),
            (at(1), first, at(1)),
            (at(1) + TICK, second, at(1) + TICK),
            (at(2), second, at(2)),
            (at(2) + TICK, second, at(2)),
            (at(99), second, at(2)),
        ):
            then = moments.as_of(session, moment)
            assert (then.size, then.root) == (seal_then.size, seal_then.root.hex())
            assert (then.sealed_at, then.counted_until) == (seal_then.sealed_at, until)
            assert then.is_earlier == (moment > at(2))
        amsterdam = at(1).astimezone(clock.AMSTERDAM)
        assert moments.as_of(session, amsterdam) == moments.as_of(session, at(1))


def test_before_anything_happened_there_is_nothing(database: Database) -> None:
    one, _, holder = two_funders(database)
    seal(database, at(1))
    with database.reading() as session:
        then = moments.as_of(session, at(-1))
        assert statements.movements(session, holder.id, then=then).items == ()
        assert statements.lots_of(session, holder.id, then) == ()
        figures = audit.figures(session, one.first, one.scheme_id, then)
        assert (figures.paid_in, figures.fund, figures.agrees) == (0, 0, True)
        assert audit.postings(session, one.first, one.scheme_id, NAMES, then=then).items == ()
        lot_id = lots.of_account(session, holder.id)[0].id
        with pytest.raises(NotFound):
            statements.lot(session, holder.id, lot_id, then)


def test_no_moment_can_be_asked_about_before_the_first_seal(database: Database) -> None:
    two_funders(database)
    with database.reading() as session:
        with pytest.raises(WrongState):
            moments.as_of(session, NOW)
        with pytest.raises(ValueError, match="time zone"):
            moments.as_of(session, datetime(2026, 3, 10))  # noqa: DTZ001 (that is the point)


def test_pages_and_filters_of_a_moment_give_every_posting_once(database: Database) -> None:
    one, _, holder = two_funders(database)
    with database.work(SYSTEM, at(1)) as work:
        held = hold(work, holder, "enr_1")
    seal(database, at(2))
    with database.work(SYSTEM, at(3)) as work:
        settle(work, holder, "enr_1", held)
    seal(database, at(4))
    with database.reading() as session:
        then = moments.as_of(session, at(2))
        asked = (session, one.first, one.scheme_id, NAMES)
        every = list(audit.every_posting(*asked, then=then))
        seen: list[audit.PostingView] = []
        cursor = None
        while True:
            page = audit.postings(*asked, cursor=cursor, size=3, then=then)
            seen += page.items
            cursor = page.next_cursor
            if cursor is None:
                break
        assert seen == every and len(every) == 2 + 4 + 2
        which = Filter(bucket="held", since=date(2026, 3, 10))
        assert [line.amount for line in audit.every_posting(*asked, which, then)] == [300]
        movements: list[statements.Movement] = []
        cursor = None
        while True:
            part = statements.movements(session, holder.id, cursor, 1, then)
            movements += part.items
            cursor = part.next_cursor
            if cursor is None:
                break
        assert [movement.kind for movement in movements] == ["hold", "grant", "grant"]
