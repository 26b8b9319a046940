"""Telling results: a JSON object a line, a table for a terminal, the table in the document."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from bench.measuring import Result
from ledger import clock

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
HEADINGS = ("figure", "ours", "yardstick", "unit", "ratio", "to reach", "")


def as_json(result: Result, versions: Mapping[str, str]) -> str:
    """Return one JSON object on one line."""
    figure = result.figure
    return json.dumps(
        {
            "figure": figure.name,
            "ours": round(statistics.median(result.ours), 4),
            "yardstick": round(statistics.median(result.yardstick), 4),
            "ratio": round(result.ratio, 3),
            "unit": figure.unit,
            "repeats": len(result.ours),
            "target": result.target,
            "reached": result.reached,
            "clients": {"ours": figure.ours, "yardstick": figure.yardstick},
            "each": {
                "ours": [round(value, 4) for value in result.ours],
                "yardstick": [round(value, 4) for value in result.yardstick],
            },
            "versions": dict(versions),
        },
        ensure_ascii=False,
    )


def as_text(results: Sequence[Result], versions: Mapping[str, str]) -> str:
    """Return a table for a terminal, with what ran and how many clients below it."""
    rows = [HEADINGS, *map(cells, results)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    measured = [
        f"{result.figure.name}: {result.figure.ours}; beside it: {result.figure.yardstick}."
        f" Medians of {len(result.ours)}."
        for result in results
    ]
    return "\n".join([*table, "", *measured, "", told(versions)])


def cells(result: Result) -> tuple[str, ...]:
    """Return the cells of a result in the order of ``HEADINGS``."""
    return (
        result.figure.name,
        _number(statistics.median(result.ours)),
        _number(statistics.median(result.yardstick)),
        result.figure.unit,
        f"{result.ratio:.2f}",
        result.target,
        "reached" if result.reached else "not reached",
    )


def told(versions: Mapping[str, str]) -> str:
    """Return the versions in one sentence."""
    return ", ".join(f"{name} {version}" for name, version in versions.items()) + "."


def write(results: Sequence[Result], versions: Mapping[str, str]) -> None:
    """Put the results into the document's table; figures that were not measured keep theirs."""
    today = clock.today(clock.now())
    text = replaced(DOCUMENT.read_text("utf-8"), results, versions, today)
    DOCUMENT.write_text(text, "utf-8")


def replaced(
    document: str, results: Sequence[Result], versions: Mapping[str, str], today: date
) -> str:
    """Return the document with the rows of ``results`` put in or added between the marks."""
    before, _, rest = document.partition(BEGIN)
    table, mark, after = rest.partition(END)
    if not mark:
        raise ValueError(f"the document has no {BEGIN} … {END}")
    rows = {_first(line): line for line in table.splitlines() if line.startswith("| `")}
    for result in results:
        name, *others = cells(result)
        others += [str(len(result.ours)), today.isoformat()]
        rows[name] = f"| `{name}` | {' | '.join(others)} |"
    heads = (*HEADINGS, "repeats", "measured")
    lines = [
        f"| {' | '.join(heads)} |",
        f"|{'---|' * len(heads)}",
        *rows.values(),
        "",
        f"Last run: {told(versions)}",
    ]
    return f"{before}{BEGIN}\n\n" + "\n".join(lines) + f"\n\n{END}{after}"


def _first(line: str) -> str:
    return line.split("`")[1]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.3g}"
