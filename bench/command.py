"""The command line of the benchmarks."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from bench import (
    bare_sqlite,
    granting,
    growing,
    holding,
    posting,
    report,
    requesting,
    sealing,
    serving,
    verifying,
)
from bench.crew import PROFILE
from bench.grounds import Grounds
from bench.measuring import Figure, Result, measure
from tests.postgres import Unavailable

MODULES = (
    posting,
    holding,
    requesting,
    granting,
    bare_sqlite,
    serving,
    verifying,
    growing,
    sealing,
)
FIGURES: dict[str, Figure] = {
    figure.name: figure for module in MODULES for figure in module.FIGURES
}
EPILOGUE = """
What each figure means stands in docs/performance.md. Examples:
  make bench
  make bench BENCH_ARGS="--only hold_single,post_single --repeats 3"
  make bench BENCH_ARGS="--json"
  make bench BENCH_ARGS="--write"
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what was asked for; return 1 when something could not be measured."""
    options = parser().parse_args(arguments)
    if options.list:
        for figure in FIGURES.values():
            print(f"{figure.name}: {figure.ours}; beside it: {figure.yardstick}")
        return 0
    chosen = [figure for name, figure in FIGURES.items() if name in options.only]
    results: list[Result] = []
    failed = False
    if options.profile:
        os.environ[PROFILE] = "1"
    try:
        with Grounds(options.seconds, options.repeats, options.small) as grounds:
            versions = grounds.versions()
            for figure in chosen:
                result = _measured(figure, grounds)
                if result is None:
                    failed = True
                    continue
                results.append(result)
                if options.json:
                    print(report.as_json(result, versions), flush=True)
    except Unavailable as problem:
        print(problem, file=sys.stderr)
        return 1
    if results and not options.json:
        print(report.as_text(results, versions))
    if results and options.write:
        report.write(results, versions)
    return int(failed)


def _measured(figure: Figure, grounds: Grounds) -> Result | None:
    """Measure one figure; one that fails is named and does not keep the others from us."""
    print(f"Measuring {figure.name} …", file=sys.stderr, flush=True)
    try:
        return measure(figure, grounds)
    except Unavailable:
        raise
    except Exception as problem:
        print(f"{figure.name} could not be measured: {problem}", file=sys.stderr)
        return None


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure each figure beside its yardstick, in turns, on one server.",
        epilog=EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "--only", type=_names, default=tuple(FIGURES), help="names of figures, with commas"
    )
    made.add_argument("--repeats", type=_at_least_one, default=5, help="turns of each side")
    made.add_argument("--seconds", type=float, default=3.0, help="length of one turn")
    made.add_argument("--small", action="store_true", help="10⁶ postings instead of 10⁷")
    made.add_argument("--json", action="store_true", help="one JSON object a line")
    made.add_argument("--write", action="store_true", help="put the table in docs/performance.md")
    made.add_argument("--profile", action="store_true", help="show where a caller's time goes")
    made.add_argument("--list", action="store_true", help="tell the figures; measure nothing")
    return made


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if unknown := [name for name in names if name not in FIGURES]:
        raise argparse.ArgumentTypeError(
            f"no such figure: {', '.join(unknown)}; there are {', '.join(FIGURES)}"
        )
    return names


def _at_least_one(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) == 0:
        raise argparse.ArgumentTypeError("give a whole number from 1")
    return int(text)
