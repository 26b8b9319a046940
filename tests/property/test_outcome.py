"""What becomes of held money: for any lines, rules and event the sums are exact and fair."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.money import EUR, LIMIT, MIN
from ledger.providers.settlement import Event, HeldLine, Part, fate, outcome, status


@dataclass(frozen=True)
class Terms:
    """The rules of one scheme, with the values of the demonstration."""

    late_percent: int = 5
    rest_when_late: str = "back"
    abandoned_below: int = 25
    abandoned_percent: int = 25
    rest_when_abandoned: str = "back"
    complete_from: int = 80


PERCENT = st.integers(0, 100)
RESTS = st.sampled_from(["back", "lost"])
TERMS = st.builds(Terms, PERCENT, RESTS, PERCENT, PERCENT, RESTS, st.integers(1, 100))
LINES = st.lists(
    st.builds(
        HeldLine,
        st.uuids().map(str),
        st.sampled_from([EUR, MIN]),
        st.integers(1, LIMIT),
        TERMS,
    ),
    max_size=8,
)
EVENTS: st.SearchStrategy[Event] = st.sampled_from(
    [
        "withdrawn",
        "cancelled_late",
        "cancelled_by_provider",
        "force_majeure",
        "completed",
        "attended",
    ]
)
STANDARD = Terms()


def euros(*amounts: int, terms: Terms = STANDARD) -> list[HeldLine]:
    return [HeldLine(f"lot_{n}", EUR, amount, terms) for n, amount in enumerate(amounts)]


def paid(parts: tuple[Part, ...]) -> int:
    return sum(part.paid for part in parts)


@given(LINES, EVENTS, PERCENT)
def test_every_unit_is_accounted_for(lines: list[HeldLine], event: Event, percent: int) -> None:
    parts = outcome(lines, event, percent)
    assert [part.lot_id for part in parts] == [line.lot_id for line in lines]
    for line, part in zip(lines, parts, strict=True):
        assert part.paid + part.released + part.lost == line.amount
        assert min(part.paid, part.released, part.lost) >= 0
        assert line.unit == EUR or part.lost == 0


@given(LINES, PERCENT)
def test_free_events_cost_nothing_and_completion_pays_all(
    lines: list[HeldLine], percent: int
) -> None:
    for event in ("withdrawn", "cancelled_by_provider"):
        parts = outcome(lines, event, percent)
        assert paid(parts) == 0 and not any(part.lost for part in parts)
    assert paid(outcome(lines, "completed", percent)) == sum(line.amount for line in lines)


@given(LINES, PERCENT)
def test_force_majeure_never_costs_rights(lines: list[HeldLine], percent: int) -> None:
    assert not any(part.lost for part in outcome(lines, "force_majeure", percent))


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=8), EVENTS, PERCENT)
def test_the_sum_does_not_depend_on_the_number_of_lots(
    amounts: list[int], event: Event, percent: int
) -> None:
    apart = paid(outcome(euros(*amounts), event, percent))
    assert apart == paid(outcome(euros(sum(amounts)), event, percent))


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=4), PERCENT, PERCENT)
def test_who_attends_more_never_costs_the_provider(
    amounts: list[int], one: int, other: int
) -> None:
    # Below the first step of the table everybody pays the same quarter.
    low, high = sorted((one, other))
    if low >= STANDARD.abandoned_below:
        assert paid(outcome(euros(*amounts), "attended", low)) <= paid(
            outcome(euros(*amounts), "attended", high)
        )


@pytest.mark.parametrize(
    ("event", "percent", "provider"),
    [
        ("withdrawn", 0, 0),
        ("cancelled_late", 0, 5_000),
        ("attended", 0, 25_000),
        ("attended", 24, 25_000),
        ("attended", 25, 25_000),
        ("attended", 60, 60_000),
        ("attended", 79, 79_000),
        ("attended", 80, 100_000),
        ("completed", 10, 100_000),
        ("force_majeure", 10, 10_000),
        ("cancelled_by_provider", 90, 0),
    ],
)
def test_the_table_with_the_values_of_the_demonstration(
    event: Event, percent: int, provider: int
) -> None:
    parts = outcome(euros(33_333, 33_334, 33_333), event, percent)
    assert paid(parts) == provider
    assert sum(part.released for part in parts) == 100_000 - provider


def test_each_line_follows_its_own_rules() -> None:
    mild, strict = Terms(complete_from=50), Terms(abandoned_below=60, rest_when_abandoned="lost")
    lines = [HeldLine("lot_a", EUR, 1_000, mild), HeldLine("lot_b", EUR, 1_000, strict)]
    a, b = outcome(lines, "attended", 55)
    assert (a.paid, a.released, a.lost) == (1_000, 0, 0)
    assert (b.paid, b.released, b.lost) == (250, 0, 750)
    assert [fate(line.terms, "attended", 55) for line in lines] == ["complete", "abandoned"]
    assert status(lines, "attended", 55) == "partially_completed"


def test_minutes_follow_attendance() -> None:
    lines = [HeldLine("lot_m", MIN, 600, STANDARD)]
    for event, percent, taken in (
        ("cancelled_late", 0, 0),
        ("attended", 10, 60),
        ("attended", 80, 600),
        ("force_majeure", 50, 300),
    ):
        assert outcome(lines, event, percent)[0].paid == taken  # type: ignore[arg-type]


def test_the_status_in_which_it_ends() -> None:
    assert status(euros(1), "withdrawn", 0) == "withdrawn"
    assert status(euros(1), "attended", 100) == "completed"
    assert status(euros(1), "attended", 0) == "abandoned"
    assert [status([], "attended", percent) for percent in (0, 50, 100)] == [
        "abandoned",
        "partially_completed",
        "completed",
    ]


def test_a_percentage_out_of_bounds_is_a_fault_in_the_program() -> None:
    with pytest.raises(ValueError, match="percentage"):
        outcome(euros(1), "attended", 101)
