"""Questions about credentials. Somebody else's credential is answered as if it did not exist."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from ledger import paging
from ledger.certificates.content import CertificateContent
from ledger.certificates.models import Credential
from ledger.errors import Invalid, NotFound
from ledger.i18n import N_
from ledger.paging import Page


@dataclass(frozen=True, slots=True)
class CredentialView:
    """A credential as those concerned may see it; ``token`` opens its public page."""

    id: str
    token: str
    enrolment_id: str
    account_id: str
    provider_id: str
    course_id: str
    content: CertificateContent
    awarded_on: date
    issued_at: datetime
    status: str
    revoked_at: datetime | None
    revocation_reason: str | None
    shows_name: bool

    @property
    def is_valid(self) -> bool:
        """Tell whether it was neither withdrawn nor replaced."""
        return self.status == "issued"

    @property
    def public_name(self) -> str | None:
        """Return the learner's name when the holder shares it."""
        return self.content.learner_name if self.shows_name else None


def credential(session: Session, credential_id: str) -> CredentialView:
    """Return any credential, for the operator. Raises NotFound."""
    return _one(session, Credential.id == credential_id)


def of_holder(session: Session, credential_id: str, account_id: str | None) -> CredentialView:
    """Return a credential of this account. Raises NotFound, also for somebody else's."""
    mine = Credential.account_id == account_id
    return _one(session, and_(Credential.id == credential_id, mine))


def of_provider(session: Session, credential_id: str, provider_id: str | None) -> CredentialView:
    """Return a credential that this provider issued. Raises NotFound, also for another's."""
    ours = Credential.provider_id == provider_id
    return _one(session, and_(Credential.id == credential_id, ours))


def of_enrolment(session: Session, enrolment_id: str) -> CredentialView | None:
    """Return the credential that an enrolment led to, None when there is none."""
    row = session.scalar(select(Credential).where(Credential.enrolment_id == enrolment_id))
    return _view(row) if row is not None else None


def by_token(session: Session, token: str) -> CredentialView:
    """Return the credential behind a public address. Raises NotFound."""
    return _one(session, Credential.token == token)


def all_of_holder(
    session: Session, account_id: str | None, cursor: str | None = None, limit: int | None = None
) -> Page[CredentialView]:
    """Return the credentials of an account, newest first."""
    return _page(session, Credential.account_id == account_id, cursor, paging.size(limit))


def all_of_provider(
    session: Session, provider_id: str | None, cursor: str | None = None, limit: int | None = None
) -> Page[CredentialView]:
    """Return the credentials that a provider issued, newest first."""
    return _page(session, Credential.provider_id == provider_id, cursor, paging.size(limit))


def _page(
    session: Session, whose: ColumnElement[bool], cursor: str | None, limit: int
) -> Page[CredentialView]:
    query = select(Credential).where(whose)
    after = paging.decode(cursor, 2)
    if after is not None:
        query = query.where(_older(str(after[0]), str(after[1])))
    query = query.order_by(Credential.awarded_on.desc(), Credential.id.desc()).limit(limit + 1)
    rows = [_view(row) for row in session.scalars(query)]
    return paging.page(rows, limit, lambda row: (row.awarded_on.isoformat(), row.id))


def _older(awarded_on: str, credential_id: str) -> ColumnElement[bool]:
    try:
        day = date.fromisoformat(awarded_on)
    except ValueError:
        raise Invalid(N_("This page address is not right; start at the first page.")) from None
    return or_(
        Credential.awarded_on < day,
        and_(Credential.awarded_on == day, Credential.id < credential_id),
    )


def _one(session: Session, condition: ColumnElement[bool]) -> CredentialView:
    row = session.scalar(select(Credential).where(condition))
    if row is None:
        raise NotFound(N_("There is no such certificate."))
    return _view(row)


def _view(row: Credential) -> CredentialView:
    return CredentialView(
        id=row.id,
        token=row.token,
        enrolment_id=row.enrolment_id,
        account_id=row.account_id,
        provider_id=row.provider_id,
        course_id=row.course_id,
        content=CertificateContent.from_json(row.content),
        awarded_on=row.awarded_on,
        issued_at=row.issued_at,
        status=row.status,
        revoked_at=row.revoked_at,
        revocation_reason=row.revocation_reason,
        shows_name=row.shows_name,
    )
