"""Golden vectors: the bytes of a transaction never change, or old hashes would not verify."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from ledger.accounts.canonical import Head, Line, canonical, digest

HEAD = Head(
    id="txn_1",
    kind="hold",
    subject="enr_1",
    actor_id="usr_1",
    occurred_on=date(2026, 3, 2),
    recorded_at=datetime(2026, 3, 2, 9, 0, 0, 5, tzinfo=UTC),
)
LINES = (
    Line("available", -5, "sch_1", "EUR", "rul_1", "acc_1", "lot_1"),
    Line("held", 5, "sch_1", "EUR", "rul_1", "acc_1", "lot_1"),
)


def test_the_bytes_and_hash_are_as_published() -> None:
    content = canonical(HEAD, LINES)
    assert content[:18] == b"\x00\x00\x00\x0eleerrekening/1"
    assert content[18:27] == b"\x00\x00\x00\x05txn_1"
    assert (
        b"\x00\x00\x00\x202026-03-02T09:00:00.000005+00:00"
        + b"\xff\xff\xff\xff" * 5
        + b"\x00\x00\x00\x012"
        in content
    )
    assert len(content) == 254
    assert digest(HEAD, LINES).hex() == (
        "cacb07e4174c46453f706ec93355191b3762cdd60da18b62a72bd932ea838fd2"
    )


def _other(value: object, name: str) -> Any:
    if name == "expires_on":
        return date(2027, 1, 1)
    if value is None:
        return "x"
    if isinstance(value, int):
        return value + 1
    if isinstance(value, datetime):
        return value.replace(microsecond=6)
    if isinstance(value, date):
        return date(2026, 3, 3)
    return f"{value}x"


@pytest.mark.parametrize("name", [field.name for field in fields(Head)])
def test_every_field_of_the_head_counts(name: str) -> None:
    changed = replace(HEAD, **{name: _other(getattr(HEAD, name), name)})
    assert digest(changed, LINES) != digest(HEAD, LINES)


@pytest.mark.parametrize("name", [field.name for field in fields(Line)])
def test_every_field_of_a_line_counts(name: str) -> None:
    changed = (replace(LINES[0], **{name: _other(getattr(LINES[0], name), name)}), LINES[1])
    assert digest(HEAD, changed) != digest(HEAD, LINES)


def test_text_cannot_move_from_one_field_to_the_next() -> None:
    one = replace(HEAD, kind="ab", subject="c")
    other = replace(HEAD, kind="a", subject="bc")
    assert canonical(one, LINES) != canonical(other, LINES)
    assert canonical(HEAD, LINES[:1]) != canonical(HEAD, LINES)
