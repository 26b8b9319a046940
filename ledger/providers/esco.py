"""ESCO: the European Commission's list of skills, read from the CSV files as it publishes them.

Both kinds of file are understood, whatever the order of their columns: the skills collections
(``altLabels`` and ``broaderConceptUri`` separated by ``|``) and the skill groups (one per line).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from ledger import files
from ledger.db import Work
from ledger.errors import Invalid
from ledger.messages import N_
from ledger.providers import models
from ledger.providers.vocabulary import searchable

SKILL, KNOWLEDGE, GROUP = "skill", "knowledge", "group"

_URI = re.compile(r"http://data\.europa\.eu/esco/[A-Za-z0-9._~/-]{1,200}", re.ASCII)
_SEPARATOR = re.compile(r"\s*(?:\||[\r\n]+)\s*")
_NEEDED = ("conceptType", "conceptUri", "preferredLabel")
_FIELD = "file"
_CHUNK = 500  # rows per statement: well below SQLite's 32,766 parameters


@dataclass(frozen=True, slots=True)
class Skill:
    """One ESCO concept; ``kind`` is ``skill``, ``knowledge`` or ``group``, the URI its identity."""

    uri: str
    kind: str
    label: str
    alt_labels: tuple[str, ...] = ()
    description: str = ""
    broader_uris: tuple[str, ...] = ()
    reuse_level: str | None = None
    status: str = "released"


@dataclass(frozen=True, slots=True)
class ImportResult:
    """How many concepts an import added, changed and found as they were."""

    added: int
    changed: int
    unchanged: int


def read(data: bytes) -> tuple[Skill, ...]:
    """Return the concepts of one published file, each URI once.

    Raises Invalid with the line when it is no such file or names something outside ESCO.
    """
    # The published file of skill groups has stray control characters in its descriptions.
    records = files.records(files.decode(data, drop_controls=True), ",")
    _, header = next(records)
    if not set(_NEEDED) <= set(header):
        raise Invalid(N_("This is not a file of ESCO skills as published."), field=_FIELD)
    return merge(_skills(records, header))


def merge(skills: Iterable[Skill]) -> tuple[Skill, ...]:
    """Return each concept once, with the other labels and broader concepts of all its copies."""
    merged: dict[str, Skill] = {}
    for skill in skills:
        before = merged.get(skill.uri)
        merged[skill.uri] = skill if before is None else _both(before, skill)
    return tuple(merged.values())


def _both(first: Skill, second: Skill) -> Skill:
    return replace(
        first,
        alt_labels=_unique((*first.alt_labels, *second.alt_labels)),
        description=first.description or second.description,
        broader_uris=_unique((*first.broader_uris, *second.broader_uris)),
        reuse_level=first.reuse_level or second.reuse_level,
    )


def _skills(records: Iterator[tuple[int, list[str]]], header: list[str]) -> Iterator[Skill]:
    for line, cells in records:
        if len(cells) != len(header):
            raise Invalid(
                N_("Line %(line)s has %(cells)s cells where the header has %(columns)s."),
                field=_FIELD,
                line=line,
                cells=len(cells),
                columns=len(header),
            )
        yield _skill(line, dict(zip(header, cells, strict=True)))


def _skill(line: int, cells: Mapping[str, str]) -> Skill:
    broader = _unique(_SEPARATOR.split(cells.get("broaderConceptUri", "")))
    for uri in (cells["conceptUri"], *broader):
        if not _URI.fullmatch(uri):
            raise Invalid(
                N_("Line %(line)s names something that is not an ESCO concept."),
                field=_FIELD,
                line=line,
            )
    if not cells["preferredLabel"]:
        raise Invalid(N_("Line %(line)s has no label."), field=_FIELD, line=line)
    return Skill(
        uri=cells["conceptUri"],
        kind=_kind(line, cells),
        label=cells["preferredLabel"],
        alt_labels=_unique(_SEPARATOR.split(cells.get("altLabels", ""))),
        description=cells.get("description", ""),
        broader_uris=broader,
        reuse_level=cells.get("reuseLevel") or None,
        status=cells.get("status") or "released",
    )


def _kind(line: int, cells: Mapping[str, str]) -> str:
    match cells["conceptType"], cells.get("skillType", ""):
        case "SkillGroup", _:
            return GROUP
        case "KnowledgeSkillCompetence", "knowledge":
            return KNOWLEDGE
        case "KnowledgeSkillCompetence", _:
            return SKILL
    raise Invalid(
        N_("Line %(line)s is not a skill but “%(kind)s”."),
        field=_FIELD,
        line=line,
        kind=cells["conceptType"][:60],
    )


def _unique(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))


def import_skills(work: Work, skills: Iterable[Skill], language: str = "en") -> ImportResult:
    """Add the concepts that are new and bring the others up to date; the same twice is harmless.

    Concepts that are not in ``skills`` stay, since courses may name them. ``language`` is that of
    the labels (ISO 639-1).
    """
    added = changed = unchanged = 0
    merged = merge(skills)
    for start in range(0, len(merged), _CHUNK):
        chunk = [_row(skill, language) for skill in merged[start : start + _CHUNK]]
        known = _known(work, [row["uri"] for row in chunk])
        different = [row for row in chunk if known.get(row["uri"]) != row]
        new = sum(row["uri"] not in known for row in different)
        added += new
        changed += len(different) - new
        unchanged += len(chunk) - len(different)
        if different:
            _upsert(work, different)
    return ImportResult(added, changed, unchanged)


def _row(skill: Skill, language: str) -> dict[str, Any]:
    return {
        "uri": skill.uri,
        "kind": skill.kind,
        "label": skill.label,
        "alt_labels": list(skill.alt_labels),
        "description": skill.description,
        "broader_uris": list(skill.broader_uris),
        "reuse_level": skill.reuse_level,
        "status": skill.status,
        "language": language,
        "search_text": searchable(skill.label, *skill.alt_labels),
    }


def _known(work: Work, uris: Sequence[str]) -> dict[str, dict[str, Any]]:
    columns = models.Skill.__table__.columns
    rows = work.session.execute(select(*columns).where(models.Skill.uri.in_(uris))).mappings()
    return {row["uri"]: dict(row) for row in rows}


def _upsert(work: Work, rows: Sequence[Mapping[str, Any]]) -> None:
    dialect = postgresql if work.session.get_bind().dialect.name == "postgresql" else sqlite
    statement = dialect.insert(models.Skill).values(list(rows))
    work.session.execute(
        statement.on_conflict_do_update(
            index_elements=["uri"],
            set_={name: statement.excluded[name] for name in rows[0] if name != "uri"},
        )
    )
