"""Issuing a micro-credential, withdrawing it with a reason, and who sees the name on it.

Nothing is printed here: the snapshot is kept, and the PDF is made from it when somebody asks.
"""

from __future__ import annotations

import dataclasses

from sqlalchemy import CursorResult, select, update
from sqlalchemy.exc import IntegrityError

from ledger import ids
from ledger.accounts import history
from ledger.certificates import fonts
from ledger.certificates.content import ELEMENTS, CertificateContent, missing_annex1
from ledger.certificates.models import Credential
from ledger.db import Work
from ledger.errors import AlreadyDone, Invalid, NotFound
from ledger.i18n import N_, Message

REASONS = {
    "error": N_("Issued by mistake"),
    "fraud": N_("Obtained by fraud"),
    "withdrawn": N_("Withdrawn by the provider"),
}
# What stands large on the certificate must be printable; other texts may lose a rare symbol.
_PRINTED_LARGE = ("learner_name", "title", "awarding_body")


def issue(
    work: Work,
    *,
    enrolment_id: str,
    account_id: str,
    provider_id: str,
    course_id: str,
    content: CertificateContent,
) -> Credential:
    """Issue the credential of an enrolment and return it; once per enrolment.

    The credential's id and the date of issue are filled in here. Errors: ``Invalid`` when a
    mandatory Annex I element is empty or a name cannot be printed, ``AlreadyDone``.
    """
    credential_id = ids.new("crd")
    snapshot = dataclasses.replace(content, credential_id=credential_id, issued_on=work.today)
    _check(snapshot)
    credential = Credential(
        id=credential_id,
        token=ids.token(),
        enrolment_id=enrolment_id,
        account_id=account_id,
        provider_id=provider_id,
        course_id=course_id,
        content=snapshot.to_json(),
        awarded_on=snapshot.awarded_on,
        issued_at=work.now,
    )
    try:
        with work.session.begin_nested():
            work.session.add(credential)
    except IntegrityError:
        if not _exists(work, enrolment_id):
            raise
        raise AlreadyDone(N_("This enrolment already has a certificate.")) from None
    history.record(work, credential_id, "issued", enrolment_id=enrolment_id)
    return credential


def revoke(
    work: Work, credential_id: str, *, reason: str, provider_id: str | None = None
) -> Credential:
    """Withdraw a credential for good; it stays, and its public page says so.

    ``reason`` is a key of ``REASONS``. ``provider_id`` limits it to that provider's credentials;
    None is for the operator. Errors: ``Invalid``, ``NotFound``, ``AlreadyDone``.
    """
    if reason not in REASONS:
        raise Invalid(N_("Choose a reason."), field="reason")
    credential = _credential(work, credential_id)
    if provider_id is not None and credential.provider_id != provider_id:
        raise _unknown()
    # Conditional, so that of two people at the same moment one is told it was done already.
    done = work.session.execute(
        update(Credential)
        .where(Credential.id == credential_id, Credential.status == "issued")
        .values(status="revoked", revoked_at=work.now, revocation_reason=reason)
    )
    if isinstance(done, CursorResult) and done.rowcount == 0:
        raise AlreadyDone(N_("This certificate was withdrawn before."))
    history.record(work, credential_id, "revoked", reason=reason)
    work.session.refresh(credential)
    return credential


def show_name(work: Work, credential_id: str, *, account_id: str, shown: bool) -> None:
    """Let the holder decide whether the public page has the name. Errors: ``NotFound``."""
    credential = _credential(work, credential_id)
    if credential.account_id != account_id:
        raise _unknown()
    if credential.shows_name != shown:
        credential.shows_name = shown
        history.record(work, credential_id, "name_shown" if shown else "name_hidden")


def _check(content: CertificateContent) -> None:
    missing = missing_annex1(content)
    if missing:
        raise Invalid(
            N_("The certificate lacks what every micro-credential must have."),
            field_errors={
                name: [Message(N_("Missing: %(element)s"), {"element": Message(ELEMENTS[name])})]
                for name in missing
            },
        )
    for name in _PRINTED_LARGE:
        fonts.check_coverage(getattr(content, name), field=name)


def _exists(work: Work, enrolment_id: str) -> bool:
    found = select(Credential.id).where(Credential.enrolment_id == enrolment_id)
    return work.session.scalar(found) is not None


def _credential(work: Work, credential_id: str) -> Credential:
    credential = work.session.get(Credential, credential_id)
    if credential is None:
        raise _unknown()
    return credential


def _unknown() -> NotFound:
    return NotFound(N_("There is no such certificate."))
