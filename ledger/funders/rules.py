"""A funder's own schemes: making them, dating their rules, closing them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from ledger.accounts import schemes
from ledger.accounts.models import Rule, Scheme
from ledger.db import Work
from ledger.errors import Forbidden, Invalid
from ledger.funders import reach
from ledger.messages import N_


def create_scheme(
    work: Work, name: str, name_en: str, unit: str, terms: Mapping[str, Any], valid_from: date
) -> Scheme:
    """Make a scheme of the acting funder; its first rules hold from today or later.

    Raises Invalid, Conflict for a name that is taken, WrongState for a suspended funder.
    """
    if work.actor.role != "funder" or work.actor.organisation_id is None:
        raise Forbidden(N_("Only a funder can make a scheme."))
    _not_before_today(work, valid_from)
    _make_sense(terms)
    return schemes.create(work, work.actor.organisation_id, name, name_en, unit, terms, valid_from)


def add_version(work: Work, scheme_id: str, valid_from: date, terms: Mapping[str, Any]) -> Rule:
    """Add a version of the rules that holds from ``valid_from``; what went before stays as it was.

    Raises NotFound for somebody else's scheme, Invalid for a day that is past or not later than
    the last version's.
    """
    scheme = reach.scheme_changed(work, scheme_id)
    _not_before_today(work, valid_from)
    _make_sense(terms)
    return schemes.add_rule(work, scheme.id, valid_from, terms)


def close_scheme(work: Work, scheme_id: str) -> None:
    """Close a scheme: nothing is granted any more; what was granted can still be spent."""
    reach.scheme_changed(work, scheme_id)
    schemes.close(work, scheme_id)


def _not_before_today(work: Work, valid_from: date) -> None:
    # People act on the rules of the day; those cannot change behind them.
    if valid_from < work.today:
        raise Invalid(N_("Rules cannot change in the past."), field="valid_from")


def _make_sense(terms: Mapping[str, Any]) -> None:
    if terms.get("age_from", 0) > terms.get("age_until", 200):
        raise Invalid(N_("The highest age lies below the lowest."), field="age_until")
    if terms.get("accrual_period", "none") != "none" and not terms.get("accrual_minor"):
        raise Invalid(N_("Say how much is built up each period."), field="accrual_minor")
