"""The checklist for a micro-credential: each Annex I element, and where a course gets it from.

Source: Council Recommendation 2022/C 243/02, Annex I. The certificate's own rule decides what is
missing, so that a course that can be published can also be certified.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ledger.accounts.models import Organisation
from ledger.certificates.content import ELEMENTS, CertificateContent, missing_annex1
from ledger.providers.models import Course

# Element of the certificate → field of the course form; the others come with the award.
_FIELDS = {
    "title": "title",
    "issuer_country": "provider",
    "awarding_body": "provider",
    "learning_outcomes": "outcomes",
    "workload_hours": "workload_hours",
    "ects": "ects_tenths",
    "eqf_level": "eqf_level",
    "assessment_type": "assessment",
    "participation_form": "form",
    "quality_assurance": "quality_assurance",
}
# Annex I asks for these "where possible" and "where applicable".
_OPTIONAL = ("ects", "eqf_level")


@dataclass(frozen=True, slots=True)
class Element:
    """One element: its name, the English msgid for it, the form field, and whether it is there."""

    name: str
    label: str
    field: str
    mandatory: bool
    present: bool


def checklist(course: Course, provider: Organisation) -> tuple[Element, ...]:
    """Return every element that the course and its provider have to supply."""
    content = _sample(course, provider)
    missing = missing_annex1(content)
    return tuple(
        Element(
            name,
            ELEMENTS[name],
            field,
            name not in _OPTIONAL,
            name not in missing and bool(getattr(content, name)),
        )
        for name, field in _FIELDS.items()
    )


def missing(course: Course, provider: Organisation) -> tuple[Element, ...]:
    """Return the mandatory elements that a course lacks; none when it gives no micro-credential."""
    if not course.is_micro_credential:
        return ()
    return tuple(e for e in checklist(course, provider) if e.mandatory and not e.present)


def _sample(course: Course, provider: Organisation) -> CertificateContent:
    """Return a certificate as it would be; who and when are known only at the award."""
    return CertificateContent(
        credential_id="-",
        learner_name="-",
        title=course.title,
        issuer_country=provider.country,
        awarding_body=provider.name,
        awarded_on=date.min,
        issued_on=date.min,
        learning_outcomes=tuple(course.outcomes),
        workload_hours=course.workload_hours,
        assessment_type="" if course.assessment == "none" else course.assessment,
        participation_form=course.form,
        quality_assurance=course.quality_assurance,
        ects="-" if course.ects_tenths else None,
        eqf_level=course.eqf_level if course.level_reference else None,
    )
