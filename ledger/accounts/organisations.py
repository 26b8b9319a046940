"""Organisations: admitting funders and providers, suspending them with a reason and a deadline."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session
from stdnum import iban as iban_number

from ledger import ids
from ledger.accounts import history
from ledger.accounts.models import Organisation
from ledger.db import Work
from ledger.errors import Conflict, Invalid, NotFound, WrongState
from ledger.messages import N_


def admit(
    work: Work,
    kind: str,
    name: str,
    *,
    funder_kind: str | None = None,
    country: str = "NL",
    region: str | None = None,
    kvk: str | None = None,
    iban: str | None = None,
    email: str | None = None,
    website: str | None = None,
) -> Organisation:
    """Admit a funder, a provider or the operator itself.

    Raises Invalid for a KvK number or IBAN that cannot exist, Conflict when one of this kind
    with the same KvK number was admitted before.
    """
    organisation = Organisation(
        id=ids.new("org"),
        kind=kind,
        funder_kind=funder_kind,
        name=name,
        country=country,
        region=region or None,
        kvk=_kvk(kvk),
        iban=_iban(iban),
        email=email or None,
        website=website or None,
        status="admitted",
        admitted_at=work.now,
    )
    if organisation.kvk is not None:
        known = select(Organisation.id).where(
            Organisation.kind == kind, Organisation.kvk == organisation.kvk
        )
        if work.session.execute(known).first():
            raise Conflict(N_("An organisation with this KvK number is there."), field="kvk")
    work.session.add(organisation)
    work.session.flush()
    history.record(work, organisation.id, "admitted")
    return organisation


def suspend(work: Work, organisation_id: str, reason: str, reply_until: date) -> None:
    """Suspend an organisation, with a reason and the last day on which it may reply."""
    organisation = get(work.session, organisation_id)
    if organisation.status != "admitted":
        raise WrongState(N_("This organisation is suspended."))
    if not reason.strip():
        raise Invalid(N_("Give the reason."), field="reason")
    if reply_until <= work.today:
        raise Invalid(N_("The deadline must lie after today."), field="reply_until")
    organisation.status = "suspended"
    history.record(
        work,
        organisation_id,
        "suspended",
        reason=reason.strip(),
        reply_until=reply_until.isoformat(),
    )


def reinstate(work: Work, organisation_id: str) -> None:
    """End a suspension."""
    organisation = get(work.session, organisation_id)
    if organisation.status != "suspended":
        raise WrongState(N_("This organisation is not suspended."))
    organisation.status = "admitted"
    history.record(work, organisation_id, "reinstated")


def get(session: Session, organisation_id: str, kind: str | None = None) -> Organisation:
    """Return an organisation, of this kind when one is given. Raises NotFound."""
    organisation = session.get(Organisation, organisation_id)
    if organisation is None or (kind is not None and organisation.kind != kind):
        raise NotFound(N_("There is no such organisation."))
    return organisation


def of_kind(session: Session, kind: str) -> tuple[Organisation, ...]:
    """Return the organisations of a kind by name."""
    return tuple(
        session.scalars(
            select(Organisation).where(Organisation.kind == kind).order_by(Organisation.name)
        )
    )


def _kvk(text: str | None) -> str | None:
    number = "".join((text or "").split())
    if not number:
        return None
    if not (number.isascii() and number.isdigit() and len(number) == 8):
        raise Invalid(N_("A KvK number has 8 digits."), field="kvk")
    return number


def _iban(text: str | None) -> str | None:
    if text is None or not text.strip():
        return None
    if not iban_number.is_valid(text):
        raise Invalid(N_("This IBAN is not right; check the digits."), field="iban")
    return str(iban_number.compact(text))
