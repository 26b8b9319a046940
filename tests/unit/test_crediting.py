"""Crediting many at once hashes the very bytes that a transaction posted alone has."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import cast

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from ledger.accounts.canonical import Head, Line, digest
from ledger.accounts.journal import NewCredit, Source, crediting
from ledger.db import SYSTEM, Work

SOURCE = Source("grant", "sch_1", "EUR", "rul_1")
names = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=255)
items = st.builds(
    NewCredit,
    subject=names,
    account_id=names,
    amount=st.integers(1, 2**53 - 1),
    actor_id=names,
    expires_on=st.none() | st.dates(),
    enrolment_id=st.none() | names,
)


def work(now: datetime) -> Work:
    return Work(cast(Session, None), SYSTEM, now)


def expected(at: Work, item: NewCredit, transaction: str, lot: str) -> bytes:
    head = Head(
        transaction,
        "grant",
        item.subject,
        item.actor_id,
        at.today,
        at.now,
        opens_id=lot,
        expires_on=item.expires_on,
        enrolment_id=item.enrolment_id,
    )
    whose = ("sch_1", "EUR", "rul_1", item.account_id, lot)
    lines = (Line("fund", -item.amount, *whose), Line("available", item.amount, *whose))
    return digest(head, lines)


@given(
    st.lists(items, min_size=1, max_size=3),
    st.timedeltas(timedelta(0), timedelta(days=40_000)),
)
def test_hashes_are_those_of_single_transactions(given_: list[NewCredit], since: timedelta) -> None:
    at = work(datetime(2000, 1, 1, tzinfo=UTC) + since)
    transactions = [f"txn_{number}" for number in range(len(given_))]
    lots = [f"lot_{number}" for number in range(len(given_))]
    assert crediting.fits(SOURCE, given_)
    assert crediting._hashes(at, SOURCE, given_, transactions, lots) == [
        expected(at, item, transaction, lot)
        for item, transaction, lot in zip(given_, transactions, lots, strict=True)
    ]


def test_what_one_character_cannot_count_is_left_to_the_other_way() -> None:
    item = NewCredit("subject", "acc_1", 1, "usr_1", date(2027, 1, 1), None)
    assert crediting.fits(SOURCE, [item])
    for changed in (
        item._replace(subject="é"),
        item._replace(subject="x" * 256),
        item._replace(actor_id="usr_ü"),
        item._replace(enrolment_id="x" * 256),
    ):
        assert not crediting.fits(SOURCE, [item, changed])
