"""The command as an operator uses it: help, proof, refusals, and a demonstration on PostgreSQL."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import click
import pytest

from ledger.cli import main
from tests import postgres
from tests.e2e.product import Product, command, environment_of, make_demo

Words = tuple[str, ...]


def every_command(group: click.Group = main, before: Words = ()) -> Iterator[Words]:
    """Yield every command with the words that call it, groups included."""
    yield before
    for name, one in sorted(group.commands.items()):
        if isinstance(one, click.Group):
            yield from every_command(one, (*before, name))
        else:
            yield (*before, name)


@pytest.fixture(scope="module")
def copy(product: Product, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment of a copy of the product, to break without harm."""
    folder = tmp_path_factory.mktemp("copy")
    name = "leerrekening.db"
    with (
        closing(sqlite3.connect(product.folder / name)) as source,
        closing(sqlite3.connect(folder / name)) as target,
    ):
        source.backup(target)
    shutil.copy(product.folder / "demo.json", folder)
    return environment_of(folder)


@pytest.mark.parametrize("words", list(every_command()), ids=" ".join)
def test_every_command_explains_itself(words: Words, tmp_path: Path) -> None:
    said = command(environment_of(tmp_path), *words, "--help")
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith("Usage: leerrekening")


def test_an_absent_database_is_one_sentence_and_no_answer(tmp_path: Path) -> None:
    away = {
        **environment_of(tmp_path),
        "LEERREKENING_DATABASE_URL": f"postgresql://nobody@/nothing?host={tmp_path}",
    }
    said = command(away, "verify")
    assert said.returncode == 3
    assert said.stderr.startswith("Error: The database cannot be used now: ")
    assert len(said.stderr.splitlines()) == 1


def test_the_books_are_proved_and_a_changed_row_is_named(copy: dict[str, str]) -> None:
    sound = command(copy, "verify")
    assert (sound.returncode, sound.stdout[:19]) == (0, "Everything agrees: "), sound.stdout
    with closing(
        sqlite3.connect(Path(copy["LEERREKENING_INSTANCE_PATH"]) / "leerrekening.db")
    ) as db:
        ((lot_id,),) = db.execute("SELECT id FROM lot WHERE available > 0 LIMIT 1").fetchall()
        db.execute(
            "UPDATE lot SET available = available + 1, credited = credited + 1 WHERE id = ?",
            (lot_id,),
        )
        db.commit()
    broken = command(copy, "verify")
    assert broken.returncode == 1
    assert lot_id in broken.stdout


def test_a_demonstration_is_made_once(copy: dict[str, str], product: Product) -> None:
    again = make_demo(copy)
    assert again["users"] == product.demo["users"]


def test_the_version_of_the_database_is_checked(copy: dict[str, str], tmp_path: Path) -> None:
    assert command(copy, "db", "check").returncode == 0
    empty = environment_of(tmp_path)
    refused = command(empty, "db", "check")
    assert (refused.returncode, "leerrekening db upgrade" in refused.stderr) == (1, True)
    assert command(empty, "serve", "--port", "1").returncode == 1
    assert command(empty, "db", "upgrade").returncode == 0
    assert command(empty, "db", "check").returncode == 0


def test_data_of_ones_own_is_not_thrown_away(tmp_path: Path) -> None:
    environment = environment_of(tmp_path)
    assert command(environment, "db", "upgrade").returncode == 0
    refused = command(environment, "demo", "--reset", "--no-serve")
    assert refused.returncode == 1
    assert "not made by the demonstration" in refused.stderr


@pytest.mark.postgres
@pytest.mark.timeout(600)
def test_a_demonstration_on_postgresql_begins_anew_and_agrees(
    product: Product, postgres_cluster: postgres.Cluster, tmp_path: Path
) -> None:
    url = postgres_cluster.server_url(postgres_cluster.create_database())
    environment = environment_of(tmp_path, LEERREKENING_DATABASE_URL=url)
    # As if a demonstration had been there: the reset must drop every table, then make all anew.
    assert command(environment, "db", "upgrade").returncode == 0
    shutil.copy(product.folder / "demo.json", tmp_path)
    demo = make_demo(environment, "--reset")
    assert demo["users"].keys() == product.demo["users"].keys()
    for name in ("account", "scheme", "course", "run", "enrolment", "credential"):
        assert demo[name]["id"]
        assert demo[name] != product.demo[name]
    assert demo["credential"].keys() == {"id", "pdf_url", "verify_url"}
    proved = command(environment, "verify")
    assert proved.returncode == 0, proved.stdout + proved.stderr
