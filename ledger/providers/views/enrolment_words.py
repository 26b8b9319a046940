"""The names of an enrolment's states, events, results and reasons on pages."""

from __future__ import annotations

from ledger.messages import N_
from ledger.providers.cancellations import REASONS
from ledger.providers.completions import RESULTS
from ledger.web import navigation

for _role, _label, _endpoint in (
    ("holder", N_("Enrolments"), "enrolments.index"),
    ("provider", N_("Enrolments"), "provider_enrolments.index"),
    ("provider", N_("Issued certificates"), "certificates.given"),
):
    navigation.add(_role, _label, _endpoint)
# What waits for a person comes first.
navigation.add("operator", N_("Cases"), "cases.index", first=True)

ENROLMENT_STATES = {
    "requested": (N_("Requested"), "info"),
    "offered": (N_("Offered"), "info"),
    "confirmed": (N_("Confirmed"), "good"),
    "started": (N_("Started"), "good"),
    "completed": (N_("Completed"), "good"),
    "partially_completed": (N_("Partly completed"), "warn"),
    "abandoned": (N_("Stopped early"), "warn"),
    "failed": (N_("Exam not passed"), "warn"),
    "declined": (N_("Declined"), "neutral"),
    "withdrawn": (N_("Withdrawn"), "neutral"),
    "cancelled_by_provider": (N_("Cancelled by the provider"), "bad"),
    "cancelled_late": (N_("Cancelled late"), "warn"),
    "force_majeure": (N_("Ended by force majeure"), "warn"),
    "lapsed": (N_("Lapsed"), "neutral"),
}
ENROLMENT_EVENTS = {
    **{code: text for code, (text, _) in ENROLMENT_STATES.items()},
    "requested": N_("Place requested"),
    "offered": N_("Registered by the provider"),
    "confirmed": N_("Confirmed; the money was set aside"),
    "started": N_("Started"),
    "attendance_stated": N_("The provider stated attendance"),
    "attendance_confirmed": N_("The learner confirmed attendance"),
    "attendance_disputed": N_("The learner disputed attendance"),
    "case_opened": N_("A case was opened"),
    "case_closed": N_("The case was decided"),
    "stopped": N_("The learner stopped"),
    "force_majeure_asked": N_("The learner asked for force majeure"),
    "declared": N_("Pay-out to the provider declared"),
    "settled": N_("The provider was paid"),
}
PAYMENT_STATES = {
    "payable": (N_("To be paid"), "info"),
    "on_hold": (N_("On hold"), "warn"),
    "paid": (N_("Paid"), "good"),
    "awaiting_clawback": (N_("To be paid back"), "warn"),
    "clawed_back": (N_("Paid back"), "neutral"),
    "voided": (N_("Voided"), "neutral"),
}
CASE_KINDS = {
    "dispute": N_("Disputed attendance"),
    "missing_declaration": N_("Nothing declared"),
    "objection": N_("Objection"),
}
FIELDS = {
    "own_share": N_("Your own share"),
    "password": N_("Your password"),
    "run_id": N_("Course run"),
    "account_number": N_("Account number"),
    "consent_code": N_("Consent code"),
    "result": N_("Result"),
    "grade": N_("Grade"),
    "reason": N_("Reason"),
    "decision": N_("Decision"),
    "present": N_("Attendance"),
}


def words() -> dict[str, object]:
    """Return what the templates about enrolments need to know."""
    return {
        "ENROLMENT_STATES": ENROLMENT_STATES,
        "ENROLMENT_EVENTS": ENROLMENT_EVENTS,
        "PAYMENT_STATES": PAYMENT_STATES,
        "CASE_KINDS": CASE_KINDS,
        "RESULTS": RESULTS,
        "REASONS": REASONS,
        "ENROLMENT_FIELDS": FIELDS,
    }
