"""Expiry on both engines: told three times, returned once, held money left alone."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from ledger.accounts import expiry, lots, verification
from ledger.db import SYSTEM, Database
from ledger.errors import Invalid
from tests.factories import Holder, World

AMOUNT = 50_000


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def run_job(world: World) -> expiry.Expired:
    """Do what the daily job does."""
    world.do(SYSTEM, expiry.notify, world.today)
    return world.do(SYSTEM, expiry.expire, world.today)


def notices(world: World, lot_id: str) -> list[tuple[int, date]]:
    with world.database.reading() as session:
        return list(expiry.notices_of(session, lot_id))


def lot_of(world: World, holder: Holder) -> lots.LotView:
    with world.database.reading() as session:
        (found,) = lots.of_account(session, holder.account_id)
    return found


def test_a_lot_is_announced_three_times_and_then_returned(world: World) -> None:
    holder = world.holder()
    ends = world.today + timedelta(days=122)
    lot_id = world.lot(holder, AMOUNT, expires_on=ends)
    for _ in range(25):
        assert run_job(world) == expiry.Expired(0, {})
        world.later(days=5)
    world.later(days=-2)
    assert [(days, (ends - on).days) for days, on in notices(world, lot_id)] == [
        (90, 87),
        (30, 27),
        (7, 7),
    ]
    assert world.today == ends + timedelta(days=1)
    assert lot_of(world, holder).available == AMOUNT
    assert run_job(world) == expiry.Expired(1, {"EUR": AMOUNT})
    assert (lot_of(world, holder).available, lot_of(world, holder).returned) == (0, AMOUNT)
    assert run_job(world) == expiry.Expired(0, {})
    with world.database.reading() as session:
        assert list(verification.check(session)) == []


def test_the_last_day_can_still_be_spent(world: World) -> None:
    holder = world.holder()
    world.lot(holder, AMOUNT, expires_on=world.today + timedelta(days=7))
    run_job(world)
    world.later(days=7)
    assert run_job(world).lots == 0
    world.later(days=1)
    assert run_job(world).lots == 1


def test_missed_days_give_one_late_notice_and_a_week_all_the_same(world: World) -> None:
    holder = world.holder()
    ends = world.today + timedelta(days=200)
    lot_id = world.lot(holder, AMOUNT, expires_on=ends)
    world.later(days=180)
    run_job(world)
    assert [days for days, _ in notices(world, lot_id)] == [30]
    world.later(days=25)  # five days past the last one, and no notice of seven days yet
    assert run_job(world).lots == 0
    assert notices(world, lot_id)[-1] == (7, world.today)
    world.later(days=6)
    assert run_job(world).lots == 0
    world.later(days=1)
    assert run_job(world).lots == 1


def test_what_never_expires_or_is_empty_is_left_alone(world: World) -> None:
    holder = world.holder()
    world.lot(holder, AMOUNT)
    assert run_job(world).lots == 0
    with world.database.reading() as session:
        assert expiry.notices_due(session, world.today + timedelta(days=5000)) == 0


def test_held_money_stays_held(world: World) -> None:
    holder = world.holder()
    run = world.run(world.course(price_cents=30_000), in_days=20)
    world.lot(holder, AMOUNT, expires_on=world.today + timedelta(days=10))
    world.confirmed(holder, run)
    world.later(days=3)
    run_job(world)
    world.later(days=8)
    assert run_job(world) == expiry.Expired(1, {"EUR": 20_000})
    lot = lot_of(world, holder)
    assert (lot.available, lot.held, lot.returned) == (0, 30_000, 20_000)


def test_many_lots_go_in_batches_and_a_dry_run_tells_the_same(world: World) -> None:
    holder = world.holder()
    scheme = world.scheme()
    granted = [
        lots.Credit(holder.account_id, 100 + n, "grant", f"g{n}", world.today + timedelta(days=7))
        for n in range(1203)
    ]
    world.do(SYSTEM, lots.credit, scheme.id, granted)
    with world.database.reading() as session:
        assert expiry.notices_due(session, world.today) == 1203
    run_job(world)
    world.later(days=8)
    with world.database.reading() as session:
        told = expiry.due(session, world.today)
    first = world.do(SYSTEM, expiry.expire, world.today, 500)
    assert first.lots == 500
    rest = run_job(world)
    assert told == expiry.Expired(1203, {"EUR": first.totals["EUR"] + rest.totals["EUR"]})
    assert rest.lots == 703


def test_minutes_expire_as_minutes(world: World) -> None:
    holder = world.holder()
    world.lot(holder, 600, world.scheme(unit="MIN"), expires_on=world.today + timedelta(days=7))
    run_job(world)
    world.later(days=8)
    assert run_job(world) == expiry.Expired(1, {"MIN": 600})


def test_nothing_expires_ahead_of_time(world: World) -> None:
    tomorrow = world.today + timedelta(days=1)
    for verb in (expiry.notify, expiry.expire):
        with pytest.raises(Invalid):
            world.do(SYSTEM, verb, tomorrow)
