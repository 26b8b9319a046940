"""Words that are kept as codes: sectors, languages, and how a course is given and assessed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from ledger.certificates.content import (
    ASSESSMENT_TYPES,
    PARTICIPATION_FORMS,
    SUPERVISION_TYPES,
)
from ledger.messages import N_

SECTORS: Mapping[str, str] = {
    "technology": N_("Technology and industry"),
    "ict": N_("ICT and digital"),
    "care": N_("Care and welfare"),
    "logistics": N_("Transport and logistics"),
    "agrifood": N_("Agriculture and food"),
    "construction": N_("Construction"),
    "energy": N_("Energy and climate"),
    "education": N_("Education"),
    "business": N_("Business and administration"),
    "general": N_("All sectors"),
}
LANGUAGES: Mapping[str, str] = {
    "nl": N_("Dutch"),
    "en": N_("English"),
    "de": N_("German"),
    "fr": N_("French"),
    "pl": N_("Polish"),
    "ar": N_("Arabic"),
    "tr": N_("Turkish"),
    "uk": N_("Ukrainian"),
}
FORMS = PARTICIPATION_FORMS
ASSESSMENTS: Mapping[str, str] = {**ASSESSMENT_TYPES, "none": N_("No assessment")}
SUPERVISIONS = SUPERVISION_TYPES


def searchable(*texts: str | None) -> str:
    """Return texts as one line without case, accents and punctuation, for finding words in."""
    joined = " ".join(text for text in texts if text)
    bare = "".join(c for c in unicodedata.normalize("NFKD", joined) if not unicodedata.combining(c))
    return re.sub(r"[\W_]+", " ", bare.casefold()).strip()


def words(query: str, most: int = 8) -> list[str]:
    """Return the first words of what somebody searches, written as :func:`searchable` does."""
    return searchable(query).split()[:most]
