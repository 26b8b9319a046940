"""One invented certificate that the tests of this room start from."""

from __future__ import annotations

from datetime import date
from typing import Any

from ledger.certificates.content import CertificateContent

ADDRESS = "https://leerrekening.example/v/8kQ2v7mXc1RzT0pWn4sYbA"


def sample(**changes: Any) -> CertificateContent:
    """Return a complete certificate content with ``changes``."""
    values: dict[str, Any] = {
        "credential_id": "crd_01KB0000000000000000000000",
        "learner_name": "Samira de Vries",
        "title": "Warmtepompen installeren en inregelen",
        "description": "Praktijkmodule voor installateurs.",
        "issuer_country": "NL",
        "issuer_region": "Utrecht",
        "awarding_body": "Vakcentrum Voorbeeld",
        "awarded_on": date(2026, 5, 12),
        "issued_on": date(2026, 5, 13),
        "learning_outcomes": (
            "Berekent het warmteverlies van een woning en kiest een passende warmtepomp.",
            "Monteert een lucht-waterwarmtepomp volgens de voorschriften.",
            "Regelt de installatie waterzijdig in.",
        ),
        "workload_hours": 84,
        "ects": "3.5",
        "eqf_level": 4,
        "nlqf_reference": "NCP NLQF 2025-0417",
        "assessment_type": "application",
        "participation_form": "blended",
        "quality_assurance": "Keurmerk Voorbeeld",
        "quality_assurance_url": "https://keurmerk.example/4711",
        "prerequisites": "Mbo-niveau 2 in installatietechniek",
        "supervision": "supervised_onsite_id",
        "grade": "8,5",
        "stackable_into": "Allround monteur duurzame installaties",
        "skills": (("http://data.europa.eu/esco/skill/1", "warmtepompen installeren"),),
        "further_information": "Toegang tot het vervolg.",
        "course_language": "nl",
    }
    return CertificateContent(**{**values, **changes})
