"""Balances from roll-ups: the same to the cent before, during and after sealing."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ledger.accounts import balances
from ledger.accounts.models import BUCKETS, Posting
from ledger.db import SYSTEM, Database
from tests.integration.funding import NOW
from tests.integration.sealed import seal, seal_in
from tests.integration.spending import hold, settle, two_funders


def counted(session: Session, scheme_id: str, bucket: str) -> int:
    """Return a balance the slow way: from all postings."""
    total = select(func.sum(Posting.amount)).where(
        Posting.scheme_id == scheme_id, Posting.bucket == bucket
    )
    return int(session.scalar(total) or 0)


def test_a_balance_is_the_sum_of_all_postings_whatever_is_sealed(database: Database) -> None:
    one, two, holder = two_funders(database)

    def agree() -> None:
        both = {}
        with database.reading() as session:
            for scheme_id in (one.scheme_id, two.scheme_id):
                both[scheme_id] = {name: counted(session, scheme_id, name) for name in BUCKETS}
                for bucket, amount in both[scheme_id].items():
                    assert balances.bucket_balance(session, scheme_id, bucket) == amount, bucket
            assert balances.of_schemes(session, list(both)) == both

    agree()
    seal(database, NOW)
    agree()
    with database.work(SYSTEM, NOW) as work:
        held = hold(work, holder, "enr_1")
    agree()  # half of it is sealed now
    with database.work(SYSTEM, NOW) as work:
        settle(work, holder, "enr_1", held)
    seal(database, NOW)
    agree()
    with database.reading() as session:
        assert balances.of_schemes(session, [one.scheme_id])[one.scheme_id] == {
            "bank": -10_000,
            "fund": 8_500,
            "returned": 60,
            "available": 1_240,
            "held": 0,
            "payable": 200,
            "receivable": 0,
        }


def test_a_seal_that_is_not_kept_changes_no_balance(database: Database) -> None:
    one, _, _ = two_funders(database)
    with pytest.raises(InterruptedError), database.work(SYSTEM, NOW) as work:
        seal_in(work)
        assert balances.bucket_balance(work.session, one.scheme_id, "fund") == 8_500
        raise InterruptedError
    with database.reading() as session:
        assert balances.bucket_balance(session, one.scheme_id, "fund") == 8_500


def test_a_balance_inside_a_work_counts_what_it_posted(database: Database) -> None:
    one, _, holder = two_funders(database)
    seal(database, NOW)
    with database.work(SYSTEM, NOW) as work:
        hold(work, holder, "enr_1")
        assert balances.bucket_balance(work.session, one.scheme_id, "held") == 300


def test_what_providers_are_owed_is_the_same_before_and_after_the_seal(
    database: Database,
) -> None:
    one, two, holder = two_funders(database)
    with database.work(SYSTEM, NOW) as work:
        settle(work, holder, "enr_1", hold(work, holder, "enr_1"))
    for _ in range(2):
        with database.reading() as session:
            for money in (one, two):
                assert balances.bucket_balance(session, money.scheme_id, "payable") == 200
        seal(database, NOW)
