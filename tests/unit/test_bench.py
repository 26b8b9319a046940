"""How the benchmarks compare and tell; nothing is timed here."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest

from bench import command, crew, hordak_transfers, load, measuring, report
from bench.grounds import Grounds
from bench.measuring import Figure, Pair, Result

VERSIONS = {"postgresql": "15.18", "python": "3.11.7"}
TODAY = date(2026, 11, 24)


def figure(better: str = "higher", target: float = 0.5, name: str = "hold") -> Figure:
    @contextmanager
    def prepare(_grounds: Grounds) -> Iterator[Pair]:
        yield Pair(lambda seconds: seconds, lambda seconds: 2 * seconds)

    return Figure(name, "tx/s", target, better, "ours", "theirs", prepare)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ours", "yardstick", "ratio"),
    [
        ((1.0, 100.0, 3.0), (6.0, 6.0, 6.0), 0.5),  # one wild turn changes nothing
        ((1.0, 3.0), (4.0, 4.0), 0.5),
        ((5.0,), (2.0,), 2.5),
    ],
)
def test_the_ratio_is_that_of_the_medians(
    ours: tuple[float, ...], yardstick: tuple[float, ...], ratio: float
) -> None:
    assert Result(figure(), ours, yardstick).ratio == ratio


@pytest.mark.parametrize(
    ("better", "target", "reached"),
    [("higher", 0.5, True), ("higher", 0.51, False), ("lower", 0.5, True), ("lower", 0.49, False)],
)
def test_a_target_is_reached_from_its_own_side(better: str, target: float, reached: bool) -> None:
    assert Result(figure(better, target), (1.0,), (2.0,)).reached is reached


def test_ours_and_the_yardstick_take_turns() -> None:
    turns: list[str] = []

    def side(name: str) -> Callable[[float], float]:
        def measured(seconds: float) -> float:
            turns.append(f"{name} {seconds:g}")
            return seconds

        return measured

    @contextmanager
    def prepare(_grounds: Grounds) -> Iterator[Pair]:
        yield Pair(side("ours"), side("yardstick"))

    made = Figure("hold", "tx/s", 1.0, "higher", "ours", "theirs", prepare)
    result = measuring.measure(made, Grounds(seconds=3, repeats=2))
    assert turns == [
        "ours 1",  # the warm-up
        "yardstick 1",
        *("ours 3", "yardstick 3") * 2,
    ]
    assert result.ours == result.yardstick == (3, 3)


def test_a_result_is_one_line_of_json() -> None:
    line = report.as_json(Result(figure(), (1.0, 2.0, 3.0), (4.0, 4.0, 4.0)), VERSIONS)
    assert "\n" not in line
    said = json.loads(line)
    assert (said["figure"], said["ours"], said["yardstick"]) == ("hold", 2.0, 4.0)
    assert (said["ratio"], said["unit"], said["repeats"]) == (0.5, "tx/s", 3)
    assert (said["target"], said["reached"]) == ("≥ 0.5", True)
    assert said["clients"] == {"ours": "ours", "yardstick": "theirs"}
    assert said["versions"] == VERSIONS


def test_the_table_says_what_was_not_reached_and_with_what_it_was_measured() -> None:
    text = report.as_text([Result(figure("lower", 0.2), (1.0,), (2.0,))], VERSIONS)
    assert "0.50" in text
    assert "≤ 0.2" in text
    assert "not reached" in text
    assert "postgresql 15.18" in text


def test_the_document_keeps_the_rows_that_were_not_measured() -> None:
    document = f"Above.\n\n{report.BEGIN}\n{report.END}\n\nBelow.\n"
    slow, fast = Result(figure(), (1.0,), (9.0,)), Result(figure(), (5.0,), (9.0,))
    other = Result(figure(name="post"), (1.0,), (4.0,))
    first = report.replaced(document, [slow, other], VERSIONS, TODAY)
    second = report.replaced(first, [fast], VERSIONS, TODAY)
    rows = [line for line in second.splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == ["hold", "post"]
    assert "0.56" in rows[0]
    assert "0.11" not in second
    assert "2026-11-24" in rows[0]
    assert second.startswith("Above.")
    assert second.endswith("Below.\n")


def test_a_document_without_marks_is_left_alone() -> None:
    with pytest.raises(ValueError, match="the document has no"):
        report.replaced("Nothing here.", [Result(figure(), (1.0,), (2.0,))], VERSIONS, TODAY)


def test_the_document_has_a_place_for_the_table() -> None:
    text = report.DOCUMENT.read_text("utf-8")
    assert text.index(report.BEGIN) < text.index(report.END)


def test_every_figure_is_explained_in_the_document() -> None:
    text = report.DOCUMENT.read_text("utf-8")
    assert [name for name in command.FIGURES if f"### `{name}`" not in text] == []


def test_only_known_figures_can_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    chosen = command.parser().parse_args(["--only", "hold_single,post_single", "--repeats", "3"])
    assert chosen.only == ("hold_single", "post_single")
    assert chosen.repeats == 3
    for wrong in (["--only", "hold_sinlge"], ["--repeats", "0"]):
        with pytest.raises(SystemExit):
            command.parser().parse_args(wrong)
    assert "no such figure: hold_sinlge" in capsys.readouterr().err


class _Countdown:
    """A role that has so much to do, and then no more."""

    def __init__(self, number: int) -> None:
        self.left = iter(range(number))

    def prepare(self, load: Any) -> None:
        """Nothing."""

    def caller(self, number: int) -> Callable[[], object]:
        def once() -> None:
            if next(self.left, None) is None:
                raise crew.Exhausted

        return once

    def close(self) -> None:
        """Nothing."""


def test_callers_stop_when_everything_is_done_and_count_what_they_did() -> None:
    count, elapsed = crew.work(_Countdown(1000), threads=3, seconds=60)
    assert count == 1000
    assert 0 < elapsed < 60


def test_a_failing_caller_fails_the_measurement() -> None:
    class Failing(_Countdown):
        def caller(self, number: int) -> Callable[[], object]:
            def once() -> None:
                raise LookupError("the verb refused")

            return once

    with pytest.raises(LookupError, match="the verb refused"):
        crew.work(Failing(1), threads=2, seconds=60)


class _Server:
    """A server that gives each connection's requests the answers it was told, byte by byte."""

    def __init__(self, answer: bytes) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._answer = answer
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            while connection.recv(1000):
                for start in range(0, len(self._answer), 20):
                    connection.sendall(self._answer[start : start + 20])


def test_the_load_generator_puts_answers_together_and_stops_with_its_requests() -> None:
    server = _Server(b'HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 12\r\n\r\n{"a": "bcd"}')
    requests = iter([b"GET / HTTP/1.1\r\n\r\n"] * 50)
    assert load.rate("127.0.0.1", server.port, 4, requests, 60) > 0
    assert next(requests, None) is None


def test_the_load_generator_counts_nothing_but_200() -> None:
    server = _Server(b"HTTP/1.1 409 CONFLICT\r\nContent-Length: 2\r\n\r\n{}")
    with pytest.raises(load.BadAnswer, match="409"):
        load.rate("127.0.0.1", server.port, 1, iter([b"GET / HTTP/1.1\r\n\r\n"]), 60)


def test_everything_that_the_other_ledger_needs_is_pinned_with_its_hash() -> None:
    lines = hordak_transfers.REQUIREMENTS.read_text("utf-8").splitlines()
    pinned = [line for line in lines if "==" in line]
    assert any(line.startswith("django-hordak==") for line in pinned)
    assert all(line.endswith("\\") for line in pinned)
    assert all("==" in line or line.startswith("    --hash=sha256:") for line in lines)


def test_a_small_run_says_so() -> None:
    @contextmanager
    def prepare(_grounds: Grounds) -> Iterator[Pair]:
        yield Pair(lambda _: 1.0, lambda _: 1.0)

    made = Figure("growth", "ms", 1.3, "lower", "a hold at 10⁷ postings", "at 10⁴", prepare)
    assert measuring.measure(made, Grounds(small=True)).figure.ours == "a hold at 10⁶ postings"
    assert measuring.measure(made, Grounds()).figure.ours == "a hold at 10⁷ postings"
