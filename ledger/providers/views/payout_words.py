"""Words for what happens to payments, and the file that a statement is downloaded as."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from babel.dates import format_date
from flask import Blueprint, Response, make_response
from flask_babel import gettext

from ledger import clock, files
from ledger.messages import N_
from ledger.providers.queries.statements import LineView, StatementView
from ledger.providers.views.labels import room
from ledger.web.i18n import language

STATEMENT_STATES = {
    "payable": (N_("Waits for release"), "warn"),
    "paid": (N_("Paid"), "good"),
}
DECLARATION_STATES = {
    "payable": (N_("To be paid"), "info"),
    "on_hold": (N_("On hold"), "bad"),
    "paid": (N_("Paid"), "good"),
    "awaiting_clawback": (N_("Is being taken back"), "warn"),
    "clawed_back": (N_("Taken back"), "neutral"),
    "voided": (N_("Void"), "neutral"),
}
DECLARATION_KINDS = {"settlement": N_("Training"), "clawback": N_("Clawback")}
# Reasons that the software gives; a person's own words are shown as they are.
HOLD_REASONS = {"provider_suspended": N_("The provider is suspended.")}
PAYMENT_EVENTS = {
    "payment_held": N_("Put on hold"),
    "payment_hold_lifted": N_("Hold ended"),
    "declaration_paid": N_("Paid"),
    "clawback_made": N_("Taken back"),
    "clawback_netted": N_("Netted on a statement"),
}
_HEAD = (
    N_("Kind"),
    N_("Course"),
    N_("Starts on"),
    N_("Enrolment"),
    N_("Amount"),
    N_("Pay date"),
    N_("Status"),
)


def payout_room(name: str, import_name: str) -> Blueprint:
    """Return a blueprint whose templates know the words for payments."""
    blueprint = room(name, import_name)
    blueprint.context_processor(_words)
    return blueprint


def month(period: str) -> str:
    """Return ``2026-03`` as ``maart 2026`` in the reader's language."""
    return str(format_date(clock.period_end(period), "MMMM y", locale=language()))


def csv(statement: StatementView, lines: Sequence[LineView]) -> Response:
    """Return a statement as CSV for a spreadsheet in the reader's language."""
    rows = [
        (
            gettext(DECLARATION_KINDS[line.kind]),
            line.course_title,
            line.starts_on,
            line.enrolment_id,
            Decimal(line.amount_cents) / 100,
            line.pay_on,
            gettext(DECLARATION_STATES[line.status][0]),
        )
        for line in lines
    ]
    data = files.write_csv(rows, [gettext(text) for text in _HEAD], language())
    return attachment(data, f"{statement.number}.csv", "text/csv; charset=utf-8")


def attachment(data: bytes, name: str, mimetype: str) -> Response:
    """Return a file to be saved under ``name`` (ASCII, no quotes)."""
    response = make_response(data)
    response.headers["Content-Type"] = mimetype
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _words() -> dict[str, object]:
    return {
        "STATEMENT_STATES": STATEMENT_STATES,
        "DECLARATION_STATES": DECLARATION_STATES,
        "DECLARATION_KINDS": DECLARATION_KINDS,
        "HOLD_REASONS": HOLD_REASONS,
        "PAYMENT_EVENTS": PAYMENT_EVENTS,
        "month": month,
    }
