"""What a certificate says: a snapshot, taken when it is issued, that later edits never change.

The elements are those of Council Recommendation 2022/C 243/02, Annex I. Who paid for the course,
and the learner's birth date, address and e-mail, are no part of it and have no field here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from ledger.i18n import N_

# Codes and meanings follow the Dutch Open Badges 3.0 profile for micro-credentials.
ASSESSMENT_TYPES: Mapping[str, str] = {
    "testing": N_("Test or examination"),
    "application": N_("Application of a skill in practice"),
    "portfolio": N_("Portfolio"),
    "recognition": N_("Recognition of prior learning"),
}
PARTICIPATION_FORMS: Mapping[str, str] = {
    "classroom": N_("In a classroom"),
    "online": N_("Online"),
    "blended": N_("Partly online, partly in a classroom"),
    "workplace": N_("At a workplace"),
}
SUPERVISION_TYPES: Mapping[str, str] = {
    "none": N_("Not supervised, identity not checked"),
    "supervised": N_("Supervised, identity not checked"),
    "supervised_online_id": N_("Supervised online, identity checked"),
    "supervised_onsite_id": N_("Supervised on site, identity checked"),
}
ELEMENTS: Mapping[str, str] = {
    "learner_name": N_("Name of the learner"),
    "title": N_("Title of the micro-credential"),
    "issuer_country": N_("Country of the issuer"),
    "issuer_region": N_("Region of the issuer"),
    "awarding_body": N_("Awarding body"),
    "awarded_on": N_("Date of award"),
    "issued_on": N_("Date of issue"),
    "learning_outcomes": N_("Learning outcomes"),
    "workload_hours": N_("Workload in hours"),
    "ects": N_("ECTS credits"),
    "eqf_level": N_("Level (EQF/NLQF)"),
    "nlqf_reference": N_("NLQF classification"),
    "assessment_type": N_("Type of assessment"),
    "participation_form": N_("Form of participation"),
    "quality_assurance": N_("Quality assurance"),
    "prerequisites": N_("Prerequisites"),
    "supervision": N_("Supervision and identity check"),
    "grade": N_("Result"),
    "stackable_into": N_("Counts towards"),
    "skills": N_("Skills (ESCO)"),
    "further_information": N_("Further information"),
    "course_language": N_("Language of the course"),
}
# ECTS and level are asked for "where possible" and "where applicable", so they may be absent.
_MANDATORY = (
    "learner_name",
    "title",
    "issuer_country",
    "awarding_body",
    "issued_on",
    "learning_outcomes",
    "workload_hours",
    "assessment_type",
    "participation_form",
    "quality_assurance",
)
_DATES = ("awarded_on", "issued_on")


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateContent:
    """Every Annex I element as it stood at issue.

    ``workload_hours`` in whole hours; ``ects`` a decimal as text (``"2.5"``); ``issuer_country``
    an ISO 3166-1 alpha-2 code; ``course_language`` an ISO 639-1 code; ``skills`` pairs of ESCO
    address and label; ``learner_name`` the full name as the learner wrote it.
    """

    credential_id: str
    learner_name: str
    title: str
    issuer_country: str
    awarding_body: str
    awarded_on: date
    issued_on: date
    learning_outcomes: tuple[str, ...]
    workload_hours: int
    assessment_type: str
    participation_form: str
    quality_assurance: str
    description: str = ""
    issuer_region: str = ""
    ects: str | None = None
    eqf_level: int | None = None
    nlqf_reference: str | None = None
    quality_assurance_url: str = ""
    prerequisites: str = ""
    supervision: str = ""
    grade: str = ""
    stackable_into: str = ""
    skills: tuple[tuple[str, str], ...] = ()
    further_information: str = ""
    course_language: str = "nl"

    @property
    def classified_level(self) -> int | None:
        """Return the EQF/NLQF level, or None when no classification backs it up.

        In the Netherlands a non-formal course has a level only after classification by NCP NLQF.
        """
        return self.eqf_level if self.nlqf_reference else None

    def to_json(self) -> dict[str, Any]:
        """Return the snapshot as plain JSON values; :meth:`from_json` reads it back unchanged."""
        values: dict[str, Any] = {item.name: getattr(self, item.name) for item in fields(self)}
        for name in _DATES:
            values[name] = values[name].isoformat()
        values["learning_outcomes"] = list(self.learning_outcomes)
        values["skills"] = [list(skill) for skill in self.skills]
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> CertificateContent:
        """Return the snapshot that :meth:`to_json` wrote."""
        read = dict(values)
        for name in _DATES:
            read[name] = date.fromisoformat(read[name])
        read["learning_outcomes"] = tuple(read["learning_outcomes"])
        read["skills"] = tuple((uri, label) for uri, label in read["skills"])
        return cls(**read)


def missing_annex1(content: CertificateContent) -> list[str]:
    """Return the names of the mandatory Annex I elements that are empty; see ``ELEMENTS``."""
    missing = [name for name in _MANDATORY if not _is_filled(getattr(content, name))]
    if content.assessment_type == "none":
        # Without an assessment it is a proof of participation, not a micro-credential.
        missing.append("assessment_type")
    return missing


def _is_filled(value: object) -> bool:
    if isinstance(value, str):
        return bool(value.strip())
    if isinstance(value, tuple):
        return any(isinstance(item, str) and item.strip() for item in value)
    if isinstance(value, int):
        return value > 0
    return value is not None
