"""What all tests share: databases on both engines, a browser, the reference files.

``database`` runs a test twice, on SQLite and on PostgreSQL. Each test gets an empty database of
its own, copied from one that was migrated once.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import settings

from ledger.db import Database
from tests import postgres
from tests.browser import axe, browser, page, phone

__all__ = ["axe", "browser", "page", "phone"]

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = Path(
    os.environ.get("LEERREKENING_REFERENCE_DATA", ROOT.parent / "shared" / "data")
).resolve()

# Two busy cores make single examples slow now and then; a deadline would call that a defect.
settings.register_profile("house", deadline=None, print_blob=True)
settings.load_profile("house")

NewDatabase = Callable[[], str]


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[postgres.Cluster]:
    """Start a private PostgreSQL for this session (with several workers: one each)."""
    try:
        cluster = postgres.start()
    except postgres.Unavailable as problem:
        pytest.fail(str(problem), pytrace=False)
    try:
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="session")
def postgres_template(postgres_cluster: postgres.Cluster) -> str:
    """Migrate one database, that the others are copied from, and return its name."""
    from ledger.migrations import upgrade

    name = postgres_cluster.create_database()
    upgrade(postgres_cluster.server_url(name))
    return name


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrate one SQLite file, that the others are copied from."""
    from ledger.migrations import upgrade

    path = tmp_path_factory.mktemp("template") / "ledger.sqlite"
    upgrade(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as connection:
        # All of it must be in the one file that is copied.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)],
    ids=["sqlite", "postgresql"],
)
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NewDatabase]:
    """Return a maker of empty migrated databases: it answers their URLs, as often as called."""
    if request.param == "sqlite":
        yield _sqlite_maker(request.getfixturevalue("sqlite_template"), tmp_path)
        return
    cluster: postgres.Cluster = request.getfixturevalue("postgres_cluster")
    template: str = request.getfixturevalue("postgres_template")
    made: list[str] = []

    def make() -> str:
        made.append(cluster.lend_database(template))
        return cluster.server_url(made[-1])

    yield make
    for name in made:
        cluster.take_back(name, template)


def _sqlite_maker(template: Path, folder: Path) -> NewDatabase:
    def make() -> str:
        path = folder / f"ledger-{len(list(folder.glob('ledger-*.sqlite')))}.sqlite"
        shutil.copyfile(template, path)
        return f"sqlite:///{path}"

    return make


@pytest.fixture
def database_url(new_database: NewDatabase) -> str:
    """Return the URL of an empty migrated database."""
    return new_database()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Open an empty migrated database, once on each engine."""
    database = Database(database_url)
    try:
        yield database
    finally:
        database.dispose()


@pytest.fixture(scope="session")
def reference_data() -> Path:
    """Return the folder with the published reference files; mark the test ``reference``."""
    assert REFERENCE.is_dir(), f"{REFERENCE} is absent: mark this test with pytest.mark.reference"
    return REFERENCE


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark by folder, and set reference tests apart if they must."""
    absent = pytest.mark.skip(reason=f"no reference files in {REFERENCE}")
    for item in items:
        if item.path.is_relative_to(ROOT / "tests" / "e2e"):
            item.add_marker(pytest.mark.e2e)
        if item.get_closest_marker("reference") and not REFERENCE.is_dir():
            item.add_marker(absent)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly which tests did not run for want of the reference files."""
    missing = [
        report.nodeid
        for report in terminalreporter.stats.get("skipped", [])
        if "reference" in report.keywords
    ]
    if not missing:
        return
    terminalreporter.section("NOT RUN: no reference files", sep="!", red=True, bold=True)
    terminalreporter.line(f"Put the published files in {REFERENCE}, or name their folder in")
    terminalreporter.line("LEERREKENING_REFERENCE_DATA. These tests did not run:")
    for nodeid in missing:
        terminalreporter.line(f"  {nodeid}")
