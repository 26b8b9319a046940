"""Everything that moves money, in any order, on both engines, against a plain model.

``make test`` runs a modest number of examples. ``LEERREKENING_MACHINE_MINUTES=60`` lets it go on
for that long on each engine.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from ledger.accounts.seals.keys import Keys
from tests.postgres import Cluster
from tests.property.machine.paying import Journey

MINUTES = float(os.environ.get("LEERREKENING_MACHINE_MINUTES", "0"))
EXAMPLES, STEPS = (10, 80) if MINUTES else (8, 40)
Place = tuple[Callable[[], str], Callable[[str], None]]


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)],
    ids=["sqlite", "postgresql"],
)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Lend an empty database for each example, and take it back."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")

        def copied() -> str:
            return f"sqlite:///{shutil.copyfile(template, tmp_path / 'example.sqlite')}"

        def removed(_url: str) -> None:
            for path in tmp_path.glob("example.sqlite*"):
                path.unlink()

        yield copied, removed
        return
    cluster: Cluster = request.getfixturevalue("postgres_cluster")
    name: str = request.getfixturevalue("postgres_template")
    lent: list[str] = []

    def lend() -> str:
        lent.append(cluster.lend_database(name))
        return cluster.server_url(lent[-1])

    def take_back(_url: str) -> None:
        cluster.take_back(lent.pop(), name)

    yield lend, take_back


# What stands above bounds how long it runs; pytest's own limit is for tests that hang.
@pytest.mark.timeout(MINUTES * 60 + 600)
def test_any_order_of_steps_keeps_the_books_whole(place: Place, tmp_path: Path) -> None:
    lend, take_back = place

    class Machine(Journey):
        pass

    Machine.lend, Machine.take_back, Machine.beginning = lend, take_back, None
    Machine.keys = Keys(tmp_path / "keys", "leerrekening.test/journal")

    house = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        print_blob=True,
        # Making an example smaller takes minutes; its steps say enough as they are.
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    end = time.monotonic() + MINUTES * 60
    while True:
        run_state_machine_as_test(Machine, settings=house)
        if time.monotonic() >= end:
            break
