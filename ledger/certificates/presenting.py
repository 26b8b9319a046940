"""Answers about credentials as plain values, the same for the public page's JSON and the API."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from ledger import clock
from ledger.certificates.queries import CredentialView

_ANNEX1 = (
    "learner_name",
    "title",
    "description",
    "issuer_country",
    "issuer_region",
    "awarding_body",
    "awarded_on",
    "issued_on",
    "learning_outcomes",
    "workload_hours",
    "ects",
    "eqf_level",
    "nlqf_reference",
    "assessment_type",
    "participation_form",
    "quality_assurance",
    "quality_assurance_url",
    "prerequisites",
    "supervision",
    "grade",
    "stackable_into",
    "further_information",
    "course_language",
)


def verification(credential: CredentialView) -> dict[str, Any]:
    """Return what anybody with the public address may know."""
    content = credential.content
    revoked_at = credential.revoked_at
    return {
        "id": credential.id,
        "valid": credential.is_valid,
        "status": credential.status,
        "revoked_on": clock.today(revoked_at) if revoked_at else None,
        "revocation_reason": credential.revocation_reason,
        "learner_name": credential.public_name,
        "title": content.title,
        "awarding_body": content.awarding_body,
        "awarded_on": content.awarded_on,
        "issued_on": content.issued_on,
        "learning_outcomes": content.learning_outcomes,
        "workload_hours": content.workload_hours,
        "ects": content.ects,
        "level": content.classified_level,
    }


def answer(credential: CredentialView, *, pdf_url: str, verify_url: str) -> dict[str, Any]:
    """Return what its holder and its provider may know."""
    content = credential.content
    return {
        "id": credential.id,
        "enrolment_id": credential.enrolment_id,
        "course_id": credential.course_id,
        "status": credential.status,
        "awarded_on": credential.awarded_on,
        "issued_at": credential.issued_at,
        "revoked_at": credential.revoked_at,
        "revocation_reason": credential.revocation_reason,
        "shows_name": credential.shows_name,
        "content": {
            **{name: getattr(content, name) for name in _ANNEX1},
            "skills": [{"uri": uri, "label": label} for uri, label in content.skills],
        },
        "pdf_url": pdf_url,
        "verify_url": verify_url,
    }


def file_name(credential: CredentialView, locale: str) -> str:
    """Return a name for the PDF in plain letters, from the title and the language."""
    bare = unicodedata.normalize("NFKD", credential.content.title)
    words = re.findall(r"[a-z0-9]+", bare.encode("ascii", "ignore").decode().lower())
    title = "-".join(words)[:60].strip("-") or "certificate"
    return f"{title}-{credential.awarded_on.isoformat()}-{locale}.pdf"
