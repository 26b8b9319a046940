"""What the pages of this room share: its menu, and the names of states, events and fields."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from flask import Blueprint
from flask_babel import gettext

from ledger import clock
from ledger.messages import N_
from ledger.providers import vocabulary
from ledger.providers.views.own import own_title
from ledger.web import navigation
from ledger.web.i18n import show_date

# Here and not per page, because the first item of a role is where signing in leads.
for _role, _label, _endpoint in (
    ("public", N_("Courses"), "catalogue.search"),
    ("holder", N_("Courses"), "catalogue.search"),
    ("provider", N_("Overview"), "provider_home.show"),
    ("provider", N_("Courses"), "provider_courses.index"),
    ("provider", N_("Programmes"), "provider_programmes.index"),
    ("operator", N_("Providers"), "admission.index"),
    ("operator", N_("Accreditations"), "accreditations.index"),
):
    navigation.add(_role, _label, _endpoint)

COURSE_STATES = {
    "draft": (N_("Draft"), "neutral"),
    "published": (N_("In the catalogue"), "good"),
    "withdrawn": (N_("Withdrawn"), "warn"),
}
RUN_STATES = {
    "planned": (N_("Planned"), "good"),
    "cancelled": (N_("Cancelled"), "bad"),
}
ACCREDITATION_STATES = {
    "granted": (N_("Valid"), "good"),
    "upcoming": (N_("Not yet valid"), "info"),
    "expired": (N_("Expired"), "warn"),
    "suspended": (N_("Suspended"), "bad"),
    "withdrawn": (N_("Withdrawn"), "bad"),
}
PROVIDER_STATES = {
    "admitted": (N_("Admitted"), "good"),
    "suspended": (N_("Suspended"), "bad"),
    "closed": (N_("Closed"), "neutral"),
}
EVENTS = {
    "admitted": N_("Admitted"),
    "suspended": N_("Suspended"),
    "reinstated": N_("Suspension ended"),
    "suspension_reply": N_("Reply of the provider"),
    "accreditation_granted": N_("Accreditation granted"),
    "accreditation_suspended": N_("Accreditation suspended"),
    "accreditation_reply": N_("Reply of the provider"),
    "accreditation_reinstated": N_("Suspension of the accreditation ended"),
    "accreditation_withdrawn": N_("Accreditation withdrawn"),
}
# Course fields as the form calls them, for error summaries.
FIELDS = {
    "code": N_("Code"),
    "title": N_("Title"),
    "title_en": N_("Title in English"),
    "programme_id": N_("Programme"),
    "description": N_("Description"),
    "outcomes": N_("Learning outcomes"),
    "skills": N_("Skills"),
    "sector": N_("Sector"),
    "region": N_("Region"),
    "language": N_("Language"),
    "form": N_("Form"),
    "workload_hours": N_("Workload in hours"),
    "ects_tenths": N_("ECTS credits"),
    "eqf_level": N_("Level (EQF/NLQF)"),
    "level_reference": N_("Reference of the classification"),
    "assessment": N_("Assessment"),
    "supervision": N_("Supervision"),
    "quality_assurance": N_("Quality assurance"),
    "quality_assurance_url": N_("Web address about quality assurance"),
    "prerequisites": N_("What you need beforehand"),
    "is_micro_credential": N_("Micro-credential"),
    "price_cents": N_("Price"),
    "provider": N_("Provider"),
    "starts_on": N_("First day"),
    "ends_on": N_("Last day"),
    "capacity": N_("Places"),
    "location": N_("Location"),
    "sessions": N_("Sessions"),
    "name": N_("Name"),
    "kvk": N_("KvK number"),
    "iban": N_("IBAN"),
    "email": N_("E-mail address"),
    "website": N_("Website"),
    "country": N_("Country"),
    "reason": N_("Reason"),
    "reply": N_("Reply"),
    "reply_until": N_("Reply possible until"),
    "quality_mark": N_("Quality mark"),
    "evidence_url": N_("Web address of the evidence"),
    "sectors": N_("Sectors"),
    "valid_from": N_("First day"),
    "valid_until": N_("Last day"),
}


def room(name: str, import_name: str) -> Blueprint:
    """Return a blueprint whose templates know the words of this room."""
    blueprint = Blueprint(name, import_name, template_folder="../templates")
    blueprint.context_processor(_words)
    return blueprint


def _words() -> dict[str, object]:
    return {
        "SECTORS": vocabulary.SECTORS,
        "LANGUAGE_NAMES": vocabulary.LANGUAGES,
        "FORMS": vocabulary.FORMS,
        "ASSESSMENTS": vocabulary.ASSESSMENTS,
        "SUPERVISIONS": vocabulary.SUPERVISIONS,
        "COURSE_STATES": COURSE_STATES,
        "RUN_STATES": RUN_STATES,
        "ACCREDITATION_STATES": ACCREDITATION_STATES,
        "PROVIDER_STATES": PROVIDER_STATES,
        "EVENTS": EVENTS,
        "FIELDS": FIELDS,
        "own_title": own_title,
        "today": clock.today(clock.now()),
        "labelled": _labelled,
        "pairs": lambda values: [(value, value) for value in values],
        "id_titles": lambda rows: [(row.id, own_title(row.title, row.title_en)) for row in rows],
        "translated": lambda names: dict(_labelled(names)),
        "iso_date": lambda text: show_date(date.fromisoformat(text)) if text else "",
        "local_date": clock.today,
        "local_time": lambda moment: f"{moment.astimezone(clock.AMSTERDAM):%H:%M}",
    }


def _labelled(names: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(code, gettext(name)) for code, name in names.items()]
