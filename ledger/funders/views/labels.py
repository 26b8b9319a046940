"""What the pages of this room share: its menu, and the names of states, events and fields."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, request
from flask_babel import gettext

from ledger.accounts import wording
from ledger.funders.schemas import FUNDER_KINDS
from ledger.messages import N_
from ledger.providers.vocabulary import FORMS, SECTORS
from ledger.web import navigation
from ledger.web.i18n import language

# Here and not per page, because the first item of a role is where signing in leads.
for _role, _label, _endpoint in (
    ("holder", N_("Ask for budget"), "rounds.index"),
    ("funder", N_("Schemes"), "funder_schemes.index"),
    ("funder", N_("Audit"), "audit.overview"),
    ("auditor", N_("Audit"), "audit.overview"),
    ("operator", N_("Funders"), "funder_admission.index"),
):
    navigation.add(_role, _label, _endpoint)

BATCH_STATES = {
    "preview": (N_("Not confirmed yet"), "info"),
    "awaiting": (N_("Waits for a second person"), "warn"),
    "granting": (N_("Being granted"), "info"),
    "committed": (N_("Granted"), "good"),
    "rejected": (N_("Rejected"), "bad"),
}
ROUND_STATES = {
    "planned": (N_("Not open yet"), "info"),
    "open": (N_("Open"), "good"),
    "spent": (N_("Budget spent"), "warn"),
    "closed": (N_("Closed"), "neutral"),
}
FUNDER_STATES = {
    "admitted": (N_("Admitted"), "good"),
    "suspended": (N_("Suspended"), "bad"),
    "closed": (N_("Closed"), "neutral"),
}
SCHEME_STATES = {"open": (N_("Open"), "good"), "closed": (N_("Closed"), "neutral")}
STAFF_ROLES = {"funder": N_("Funder"), "auditor": N_("Auditor")}
UNITS = {"EUR": N_("Euros"), "MIN": N_("Learning time in minutes")}
PERIODS = {"none": N_("Nothing"), "month": N_("Each month"), "year": N_("Each year")}
RESTS = {"back": N_("Comes back to the holder"), "lost": N_("Is lost to the holder")}
EVENTS = {
    "admitted": N_("Admitted"),
    "suspended": N_("Suspended"),
    "reinstated": N_("Suspension ended"),
}
FIELDS = {
    "account_number": N_("Account number"),
    "amount": N_("Amount"),
    "expires_on": N_("Can be spent until"),
    "reference": N_("Reference"),
    "received_on": N_("Received on"),
    "file": N_("File"),
    "period": N_("Period"),
    "budget": N_("Budget of the round"),
    "opens_at": N_("Opens"),
    "closes_at": N_("Closes"),
    "reason": N_("Reason"),
    "reply_until": N_("Reply possible until"),
    "name": N_("Name"),
    "name_en": N_("Name in English"),
    "unit": N_("Unit"),
    "funder_kind": N_("Kind of funder"),
    "kvk": N_("KvK number"),
    "region": N_("Region"),
    "email": N_("E-mail address"),
    "website": N_("Website"),
    "role": N_("Role"),
    "since": N_("From"),
    "until": N_("Until and including"),
    "valid_from": N_("Valid from"),
    "accrual_period": N_("Accounts build up budget"),
    "accrual_minor": N_("Amount each period"),
    "accrual_low_minor": N_("Amount for the low-qualified"),
    "cap_minor": N_("Stop building up at"),
    "cap_low_minor": N_("Stop building up at, for the low-qualified"),
    "low_level_until": N_("Low-qualified up to level"),
    "full_from_percent": N_("Full amount from this percentage of full time"),
    "expiry_months": N_("Expires after this number of months"),
    "regions": N_("Regions"),
    "holder_sectors": N_("Sectors in which people work"),
    "own_employees": N_("Only for people who work at our organisation"),
    "age_from": N_("From age"),
    "age_until": N_("Until age"),
    "course_sectors": N_("Sectors of courses"),
    "forms": N_("Forms of courses"),
    "share_percent": N_("Pays at most this percentage of the price"),
    "max_per_course_minor": N_("Pays at most per course"),
    "cooling_off_days": N_("Days of cooling-off"),
    "free_until_days": N_("Withdrawal is free until this number of days before the start"),
    "late_percent": N_("Late cancellation: percentage of the price to the provider"),
    "rest_when_late": N_("Late cancellation: the rest"),
    "abandoned_below": N_("Abandoned below this percentage attended"),
    "abandoned_percent": N_("Abandoned: percentage of the price to the provider"),
    "rest_when_abandoned": N_("Abandoned: the rest"),
    "complete_from": N_("Completed from this percentage attended"),
    "four_eyes_minor": N_("Grants above this amount need two people"),
}


def room(name: str, import_name: str) -> Blueprint:
    """Return a blueprint whose templates know the words of this room."""
    blueprint = Blueprint(name, import_name, template_folder="../templates")
    blueprint.context_processor(_words)
    return blueprint


def labelled(names: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return pairs of code and its words in the reader's language, for choices."""
    return [(code, gettext(text)) for code, text in names.items()]


def own_name(name: str, name_en: str) -> str:
    """Return the name of a scheme in the reader's language."""
    return (name_en if language() == "en" else "") or name


def _words() -> dict[str, object]:
    return {
        "SECTORS": SECTORS,
        "FORMS": FORMS,
        "FUNDER_KINDS": FUNDER_KINDS,
        "BATCH_STATES": BATCH_STATES,
        "ROUND_STATES": ROUND_STATES,
        "FUNDER_STATES": FUNDER_STATES,
        "SCHEME_STATES": SCHEME_STATES,
        "STAFF_ROLES": STAFF_ROLES,
        "UNITS": UNITS,
        "PERIODS": PERIODS,
        "RESTS": RESTS,
        "EVENTS": EVENTS,
        "FIELDS": dict(labelled(FIELDS)),
        "KINDS": wording.KINDS,
        "BUCKETS": wording.BUCKETS,
        "labelled": labelled,
        "own_name": own_name,
        "submitted": request.form,
    }
