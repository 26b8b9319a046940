"""Amounts: what people type, and sums that never lose a cent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Invalid
from ledger.money import LIMIT, checked, parse_amount, share, split


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("1.234,56", 123456),
        ("1234,56", 123456),
        ("1,234.56", 123456),
        ("1234.56", 123456),
        ("12,5", 1250),
        ("12.5", 1250),
        ("€ 12", 1200),
        ("EUR 0,01", 1),
        (" 1.000 ", 100000),
        ("1 000,00", 100000),
    ],
)
def test_amounts_as_people_write_them(text: str, cents: int) -> None:
    assert parse_amount(text) == cents


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "0,00",
        "-5",
        "1,234",
        "1.23.4",
        "12,345",
        "NaN",
        "1e3",
        "１２",
        "5-",
        "twaalf",
        "9" * 25,
    ],
)
def test_other_texts_are_refused_with_what_to_do(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_amount(text)
    assert "amount" in refused.value.field_errors


@pytest.mark.parametrize("value", [0, -1, LIMIT + 1, 1.0, True, "5", None, float("nan")])
def test_only_whole_positive_amounts_within_bounds(value: object) -> None:
    with pytest.raises(Invalid):
        checked(value)
    assert checked(LIMIT) == LIMIT


@given(st.integers(0, LIMIT), st.lists(st.integers(0, 10**9), min_size=1, max_size=20))
def test_a_split_sums_to_the_whole(total: int, weights: list[int]) -> None:
    parts = split(total, weights)
    assert len(parts) == len(weights)
    assert all(part >= 0 for part in parts)
    assert sum(parts) == (total if sum(weights) else 0)


@given(st.integers(0, LIMIT), st.integers(0, 100))
def test_a_share_is_within_half_a_unit(minor: int, percent: int) -> None:
    part = share(minor, percent, 100)
    assert abs(100 * part - minor * percent) <= 50
    assert 0 <= part <= minor
