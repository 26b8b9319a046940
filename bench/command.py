"""The command line of the benchmarks."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from bench import (
    bare_sqlite,
    granting,
    growing,
    holding,
    posting,
    requesting,
    sealing,
    serving,
    verifying,
)
from bench.grounds import Grounds
from bench.measuring import Figure, Result, as_json, as_text, measure
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
FIGURES: tuple[Figure, ...] = tuple(figure for module in MODULES for figure in module.FIGURES)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what was asked for; return 1 when something could not be measured."""
    options = _parser().parse_args(arguments)
    chosen = [figure for figure in FIGURES if not options.only or figure.name in options.only]
    results: list[Result] = []
    try:
        with Grounds(options.seconds, options.repeats, options.small) as grounds:
            versions = grounds.versions()
            for figure in chosen:
                print(f"Measuring {figure.name} …", file=sys.stderr, flush=True)
                result = measure(figure, grounds)
                results.append(result)
                if options.json:
                    print(as_json(result, versions), flush=True)
    except Unavailable as problem:
        print(problem, file=sys.stderr)
        return 1
    if not options.json:
        print(as_text(results))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--only", type=lambda text: text.split(","))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--small", action="store_true")
    return parser
