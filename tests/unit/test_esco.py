"""ESCO files as published, in both shapes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.errors import Invalid
from ledger.providers import esco

SKILL = "http://data.europa.eu/esco/skill/"

COLLECTION = "\n".join(
    (
        "conceptType,conceptUri,skillType,reuseLevel,preferredLabel,status,altLabels,description,"
        "broaderConceptUri,broaderConceptPT",
        f"KnowledgeSkillCompetence,{SKILL}a1,skill/competence,transversal,plan work,released,"
        'make plans | schedule,"First line.\nSecond, with comma.",'
        f"{SKILL}S1 | http://data.europa.eu/esco/isced-f/0613,planning | other",
        f"KnowledgeSkillCompetence,{SKILL}b2,knowledge,sector-specific,Haskell,released,,Text,,",
    )
)
GROUPS = f"""\
conceptType,conceptUri,preferredLabel,altLabels,hiddenLabels,status,scopeNote,description,code
SkillGroup,{SKILL}S1,planning,"one
two",,released,"x
y",About planning,S1
"""


def test_a_collection_is_read() -> None:
    plan, haskell = esco.read(COLLECTION.encode())
    assert plan == esco.Skill(
        uri=f"{SKILL}a1",
        kind=esco.SKILL,
        label="plan work",
        alt_labels=("make plans", "schedule"),
        description="First line.\nSecond, with comma.",
        broader_uris=(f"{SKILL}S1", "http://data.europa.eu/esco/isced-f/0613"),
        reuse_level="transversal",
        status="released",
    )
    assert (haskell.kind, haskell.alt_labels, haskell.broader_uris) == (esco.KNOWLEDGE, (), ())


def test_groups_are_read_with_or_without_bom() -> None:
    (group,) = esco.read(GROUPS.encode("utf-8-sig"))
    assert (group.kind, group.alt_labels) == (esco.GROUP, ("one", "two"))
    assert group.reuse_level is None


def test_stray_control_characters_of_the_publisher_are_left_out() -> None:
    (group,) = esco.read(GROUPS.replace("About planning", "About\u009d planning").encode())
    assert group.description == "About planning"


def test_a_concept_in_two_files_is_one_concept() -> None:
    other = COLLECTION.replace("make plans", "organise").replace("First line.", "Other.")
    merged = esco.merge((*esco.read(COLLECTION.encode()), *esco.read(other.encode())))
    assert [skill.uri for skill in merged] == [f"{SKILL}a1", f"{SKILL}b2"]
    assert merged[0].alt_labels == ("make plans", "schedule", "organise")
    assert merged[0].description.startswith("First line.")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (f"{SKILL}b2", "http://example.org/b2", "Line 4 names something that is not an ESCO"),
        (f"{SKILL}b2", f"{SKILL}b2\u202e", "Line 4 names"),
        ("Haskell", "", "Line 4 has no label"),
        ("KnowledgeSkillCompetence", "Occupation", "Line 2 is not a skill but “Occupation”"),
        ("conceptUri", "uri", "not a file of ESCO skills"),
        (",released,,Text,,", ",released,,Text", "Line 4 has 8 cells where the header has 10"),
    ],
)
def test_what_is_not_esco_is_refused(old: str, new: str, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        esco.read(COLLECTION.replace(old, new).encode())


@pytest.mark.reference
def test_the_published_files_are_read_whole(reference_data: Path) -> None:
    counts = {}
    everything: list[esco.Skill] = []
    for path in sorted((reference_data / "esco").glob("*.csv")):
        skills = esco.read(path.read_bytes())
        counts[path.name.split("_")[0]] = len(skills)
        everything += skills
    assert counts == {
        "digitalSkillsCollection": 1284,
        "greenSkillsCollection": 591,
        "skillGroups": 640,
        "transversalSkillsCollection": 95,
    }
    merged = esco.merge(everything)
    assert len({skill.uri for skill in merged}) == len(merged)
    assert all(skill.label and "|" not in "".join(skill.alt_labels) for skill in merged)
    assert {skill.kind for skill in merged} == {esco.SKILL, esco.KNOWLEDGE, esco.GROUP}
