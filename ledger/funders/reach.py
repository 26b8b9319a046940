"""Whose schemes an actor may see, and which of them it may put money through."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.accounts import schemes
from ledger.accounts.models import Organisation, Scheme
from ledger.db import Actor, Work
from ledger.errors import Forbidden, WrongState
from ledger.messages import N_


def funder_seen_by(session: Session, actor: Actor) -> str | None:
    """Return the funder whose books the actor may read, None when it may read everyone's.

    An auditor of a funder reads that funder's; an auditor whom the operator appointed reads all.
    Raises Forbidden for everybody else.
    """
    if actor.role == "system":
        return None
    if actor.role in ("funder", "auditor") and actor.organisation_id:
        organisation = session.get(Organisation, actor.organisation_id)
        if organisation is not None and organisation.kind == "funder":
            return organisation.id
        if organisation is not None and actor.role == "auditor":
            return None
    raise Forbidden(N_("Only the funder and its auditors may see this."))


def scheme_seen(session: Session, actor: Actor, scheme_id: str) -> Scheme:
    """Return a scheme that the actor may read. Raises NotFound for somebody else's."""
    return schemes.get(session, scheme_id, funder_id=funder_seen_by(session, actor))


def scheme_changed(work: Work, scheme_id: str) -> Scheme:
    """Return a scheme of the acting funder and lock it until the work ends.

    The lock lets one at a time decide on the scheme's money; who only credits an account, such as
    a request in a round, does not wait for it. Raises NotFound for somebody else's, WrongState
    when the scheme is closed or the funder suspended.
    """
    scheme_granting(work, scheme_id)
    scheme = work.session.scalars(
        select(Scheme)
        .where(Scheme.id == scheme_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one()
    _must_be_open(work.session, scheme)
    return scheme


def scheme_granting(work: Work, scheme_id: str) -> Scheme:
    """Return a scheme that the actor may go on granting from, as :func:`scheme_changed` does.

    Without a lock: for what was decided before.
    """
    if work.actor.role not in ("funder", "system"):
        raise Forbidden(N_("Only the funder of a scheme may do this."))
    scheme = scheme_seen(work.session, work.actor, scheme_id)
    _must_be_open(work.session, scheme)
    return scheme


def _must_be_open(session: Session, scheme: Scheme) -> None:
    if scheme.status != "open":
        raise WrongState(N_("This scheme is closed."))
    funder = session.get_one(Organisation, scheme.funder_id)
    if funder.status != "admitted":
        raise WrongState(N_("This funder is suspended; nothing can be paid in or granted now."))


def person_of(work: Work) -> str:
    """Return the id under which the acting person is kept as maker or second person."""
    return work.actor.user_id or work.actor.id
