"""Reading ESCO's published files with the command, on both engines."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import func, select

from ledger.db import Database
from ledger.providers.cli import import_esco
from ledger.providers.models import Skill
from ledger.providers.queries import offer

HEADER = (
    "conceptType,conceptUri,preferredLabel,status,skillType,reuseLevel,altLabels,description,"
    "broaderConceptUri,broaderConceptPT\n"
)
ROW = (
    "KnowledgeSkillCompetence,http://data.europa.eu/esco/skill/{n},{label},released,"
    "skill/competence,cross-sector,first alternative | second alternative,About {label},,\n"
)


def run(database: Database, *arguments: str | Path) -> Result:
    return CliRunner().invoke(import_esco, [str(part) for part in arguments], obj=database)


def count(database: Database) -> int:
    with database.reading() as session:
        return session.execute(select(func.count()).select_from(Skill)).scalar_one()


def test_a_file_is_read_once_and_again(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "skills.csv"
    path.write_text(HEADER + "".join(ROW.format(n=n, label=f"skill {n}") for n in range(1200)))
    assert "1200 new" in run(database, path).output
    assert "1200 as they were" in run(database, path).output
    path.write_text(HEADER + ROW.format(n=1, label="weld metal"))
    assert "0 new, 1 changed" in run(database, path).output
    with database.reading() as session:
        (found,) = offer.skills(session, "weld")
    assert found.uri == "http://data.europa.eu/esco/skill/1"
    assert count(database) == 1200


def test_a_dry_run_changes_nothing(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "skills.csv"
    path.write_text(HEADER + ROW.format(n=1, label="weld metal"))
    result = run(database, "--dry-run", path)
    assert "1 new" in result.output
    assert "dry run" in result.output
    assert count(database) == 0


def test_a_wrong_file_is_named_and_nothing_is_stored(database: Database, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text(HEADER + ROW.format(n=1, label="weld metal"))
    bad.write_text(HEADER + ROW.format(n=2, label=""))
    result = run(database, good, bad)
    assert result.exit_code == 1
    assert "bad.csv" in result.output
    assert count(database) == 0


@pytest.mark.reference
def test_the_published_files_are_read_whole(database: Database, reference_data: Path) -> None:
    files = sorted((reference_data / "esco").glob("*.csv"))
    assert files
    result = run(database, *files)
    assert result.exit_code == 0, result.output
    stored = count(database)
    assert stored > 1000
    assert f"{stored} as they were" in run(database, *files).output
    with database.reading() as session:
        assert offer.skills(session, "python")
