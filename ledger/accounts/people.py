"""Holders: registering a person, opening the account, and the single-use consent codes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ledger import ids
from ledger.accounts import history
from ledger.accounts.models import Account, ConsentCode, Person
from ledger.db import Work
from ledger.errors import Invalid, NotFound
from ledger.messages import N_

CONSENT_LIFE = timedelta(days=7)
_OPEN_CODES = 20  # that one account may have at the same time


@dataclass(frozen=True, slots=True)
class ConsentView:
    """A consent code as its holder sees it; the code itself is never kept."""

    id: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    used_for: str | None
    withdrawn_at: datetime | None

    def state(self, now: datetime) -> str:
        """Return used, withdrawn, expired or open."""
        if self.used_at:
            return "used"
        if self.withdrawn_at:
            return "withdrawn"
        return "open" if self.expires_at > now else "expired"


def register(work: Work, name: str, user_id: str | None = None, **facts: Any) -> Person:
    """Register a person; ``facts`` are the columns of Person that schemes ask about."""
    if not name.strip():
        raise Invalid(N_("Give the name."), field="name")
    person = Person(id=ids.new("per"), name=name.strip(), user_id=user_id, **facts)
    work.session.add(person)
    work.session.flush()
    return person


def open_account(work: Work, person_id: str) -> Account:
    """Open the learning account of a person, with a new opaque number."""
    account = Account(
        id=ids.new("acc"), number=ids.account_number(), person_id=person_id, opened_at=work.now
    )
    work.session.add(account)
    work.session.flush()
    history.record(work, account.id, "opened")
    return account


def account(session: Session, account_id: str) -> Account:
    """Return an account. Raises NotFound."""
    found = session.get(Account, account_id)
    if found is None:
        raise NotFound(N_("There is no such account."))
    return found


def holder(session: Session, account_id: str) -> Person:
    """Return the person behind an account. Raises NotFound, also after erasure."""
    person_id = account(session, account_id).person_id
    person = session.get(Person, person_id) if person_id else None
    if person is None:
        raise NotFound(N_("There is no such account."))
    return person


def account_by_number(session: Session, number: str) -> Account | None:
    """Return the open account with this number, written with or without spaces."""
    return session.scalars(
        select(Account).where(
            Account.number == ids.normal_account_number(number), Account.closed_at.is_(None)
        )
    ).one_or_none()


def make_consent_code(work: Work, account_id: str) -> str:
    """Return a new single-use code with which one provider may register one enrolment.

    Valid for seven days; only its hash is kept. Raises Invalid when twenty are open already.
    """
    codes = consent_codes(work.session, account_id)
    if sum(code.state(work.now) == "open" for code in codes) >= _OPEN_CODES:
        raise Invalid(N_("You have many open codes. Withdraw one first."))
    code = ids.code()
    work.session.add(
        ConsentCode(
            id=ids.new("con"),
            account_id=account_id,
            code_hash=_hash(account_id, code),
            created_at=work.now,
            expires_at=work.now + CONSENT_LIFE,
        )
    )
    history.record(work, account_id, "consent_code_made")
    return code


def withdraw_consent_code(work: Work, account_id: str, code_id: str) -> None:
    """Withdraw an unused code of this account. Raises NotFound when it is used or foreign."""
    done = work.session.execute(
        update(ConsentCode)
        .where(
            ConsentCode.id == code_id,
            ConsentCode.account_id == account_id,
            ConsentCode.used_at.is_(None),
            ConsentCode.withdrawn_at.is_(None),
        )
        .values(withdrawn_at=work.now)
    )
    if done.rowcount != 1:  # type: ignore[attr-defined]
        raise NotFound(N_("There is no open code to withdraw."))
    history.record(work, account_id, "consent_code_withdrawn", code_id=code_id)


def use_consent_code(work: Work, account_number: str, code: str, enrolment_id: str) -> Account:
    """Use up a code for one enrolment and return the account.

    An unknown account and a wrong, used, withdrawn or expired code raise the same Invalid, so
    that nobody can find out which accounts exist.
    """
    found = account_by_number(work.session, account_number)
    used = 0
    if found is not None:
        result = work.session.execute(
            update(ConsentCode)
            .where(
                ConsentCode.account_id == found.id,
                ConsentCode.code_hash == _hash(found.id, _normal(code)),
                ConsentCode.used_at.is_(None),
                ConsentCode.withdrawn_at.is_(None),
                ConsentCode.expires_at > work.now,
            )
            .values(used_at=work.now, used_for=enrolment_id)
        )
        used = result.rowcount  # type: ignore[attr-defined]
    if found is None or used != 1:
        raise Invalid(
            N_(
                "This account number and consent code do not belong together, or the code was"
                " used or has expired. Ask the learner for a new code."
            ),
            field="consent_code",
        )
    history.record(work, found.id, "consent_code_used", enrolment_id=enrolment_id)
    return found


def consent_codes(session: Session, account_id: str) -> tuple[ConsentView, ...]:
    """Return the codes of an account, newest first."""
    rows = session.scalars(
        select(ConsentCode)
        .where(ConsentCode.account_id == account_id)
        .order_by(ConsentCode.id.desc())
    )
    return tuple(
        ConsentView(
            row.id, row.created_at, row.expires_at, row.used_at, row.used_for, row.withdrawn_at
        )
        for row in rows
    )


def _normal(code: str) -> str:
    plain = "".join(c for c in code.upper() if c.isalnum())
    # What people misread is written back: the alphabet has no I, L or O.
    plain = plain.replace("O", "0").replace("I", "1").replace("L", "1")
    return f"{plain[:4]}-{plain[4:]}"


def _hash(account_id: str, code: str) -> str:
    return hashlib.sha256(f"consent:{account_id}:{code}".encode("utf-8", "replace")).hexdigest()
