"""Users: adding them, signing in and out, API keys. Passwords are hashed with argon2id."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ledger import ids, sets
from ledger.accounts import history
from ledger.accounts.models import (
    Account,
    ApiKey,
    Membership,
    Organisation,
    Person,
    User,
    UserSession,
)
from ledger.db import Work
from ledger.errors import Conflict, Forbidden, Invalid, NotFound
from ledger.messages import N_
from ledger.sets import Question

SESSION_LIFE = timedelta(hours=12)
KEY_LIFE = timedelta(days=365)
_LOCK_AFTER = 8  # wrong passwords in a row
_LOCK_TIME = timedelta(minutes=15)
_MINIMUM = 12  # characters of a password
_MAXIMUM = 256

# Argon2id with OWASP's recommended cost, so that sign-ins do not starve two cores.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
# Verified against when the user is unknown, so that both answers take the same time.
_DECOY = _hasher.hash(secrets.token_urlsafe(16))


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A user in one role: what a session or an API key stands for."""

    user_id: str
    name: str
    language: str
    membership_id: str
    role: str
    organisation_id: str | None
    organisation_name: str | None
    account_id: str | None


@dataclass(frozen=True, slots=True)
class UserView:
    """A user with roles, for lists."""

    id: str
    email: str
    name: str
    roles: tuple[tuple[str, str | None], ...]  # (role, organisation name)
    disabled: bool
    created_at: datetime


def add_user(
    work: Work,
    email: str,
    name: str,
    password: str,
    role: str,
    organisation_id: str | None = None,
    language: str = "nl",
) -> User:
    """Add somebody who can sign in, with one role. Raises Invalid and Conflict."""
    address = email.strip().lower()
    if "@" not in address or len(address) > 254 or any(c.isspace() for c in address):
        raise Invalid(N_("Give an e-mail address, such as name@example.nl."), field="email")
    if not name.strip():
        raise Invalid(N_("Give the name."), field="name")
    if work.session.execute(select(User.id).where(User.email == address)).first():
        raise Conflict(N_("Somebody with this e-mail address is there."), field="email")
    user = User(
        id=ids.new("usr"),
        email=address,
        name=name.strip(),
        password_hash=_hasher.hash(_checked_password(password)),
        language=language,
        epoch=1,
        failed_count=0,
        created_at=work.now,
    )
    work.session.add(user)
    work.session.flush()
    add_membership(work, user.id, role, organisation_id)
    return user


def add_membership(
    work: Work, user_id: str, role: str, organisation_id: str | None = None
) -> Membership:
    """Give a user a role. Raises Invalid when role and organisation do not fit together."""
    kinds = {
        "provider": "provider",
        "funder": "funder",
        "auditor": "funder",
        "operator": "operator",
    }
    if role != "holder":
        organisation = work.session.get(Organisation, organisation_id) if organisation_id else None
        if organisation is None or organisation.kind != kinds.get(role):
            raise Invalid(N_("This role needs an organisation of its kind."), field="organisation")
    membership = Membership(
        id=ids.new("mem"), user_id=user_id, role=role, organisation_id=organisation_id
    )
    work.session.add(membership)
    work.session.flush()
    history.record(work, user_id, "role_given", role=role, organisation_id=organisation_id)
    return membership


def _checked_password(password: str) -> str:
    if not _MINIMUM <= len(password) <= _MAXIMUM:
        raise Invalid(
            N_("A password has at least %(minimum)s characters."),
            field="password",
            minimum=_MINIMUM,
        )
    return password


class Password:
    """A password that somebody typed, with the answers of the hashes that it was compared with.

    Comparing takes its time on purpose, so it is done before the unit of work begins, which on
    SQLite keeps every other writer waiting. Within it the answer is at hand, and is only looked
    for again when the password was changed in between.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._answers: dict[str, bool] = {}

    def matches(self, password_hash: str | None) -> bool:
        """Tell whether this is the password; with None, as slowly, that it is not."""
        known = password_hash or _DECOY
        if known not in self._answers:
            self._answers[known] = _matches(known, self._text)
        return self._answers[known] and password_hash is not None


def hash_of(session: Session, *, email: str = "", user_id: str = "") -> str | None:
    """Return a user's hash, to compare a :class:`Password` with before the unit of work."""
    whose = User.id == user_id if user_id else User.email == email.strip().lower()
    return session.scalars(select(User.password_hash).where(whose)).one_or_none()


def sign_in(work: Work, email: str, password: str | Password) -> str | None:
    """Return the secret of a new session, or None when e-mail address or password is wrong.

    The count of wrong passwords is kept even though the answer is a refusal, so the caller must
    let this unit of work stand. After eight wrong ones in a row signing in is closed for fifteen
    minutes.
    """
    user = work.session.scalars(
        select(User).where(User.email == email.strip().lower()).with_for_update()
    ).one_or_none()
    if not _attempt(work, user, password) or user is None:
        return None
    membership = work.session.scalars(
        select(Membership).where(Membership.user_id == user.id).order_by(Membership.id).limit(1)
    ).one_or_none()
    if membership is None:
        return None
    history.record(work, user.id, "signed_in")
    return _start_session(work, user, membership.id)


def _attempt(work: Work, user: User | None, password: str | Password) -> bool:
    """Tell whether the password is right, and count wrong ones in a row up to the lock."""
    typed = Password(password) if isinstance(password, str) else password
    good = typed.matches(user.password_hash if user else None)
    if user is None or user.disabled_at is not None:
        return False
    if user.locked_until is not None and user.locked_until > work.now:
        return False
    user.failed_count = 0 if good else user.failed_count + 1
    if user.failed_count >= _LOCK_AFTER:
        user.failed_count, user.locked_until = 0, work.now + _LOCK_TIME
        history.record(work, user.id, "sign_in_locked")
    return good


def _start_session(work: Work, user: User, membership_id: str) -> str:
    token = secrets.token_urlsafe(32)
    work.session.add(
        UserSession(
            token_hash=_digest(token),
            user_id=user.id,
            membership_id=membership_id,
            epoch=user.epoch,
            created_at=work.now,
            expires_at=work.now + SESSION_LIFE,
        )
    )
    return token


def switch_role(work: Work, token: str, membership_id: str) -> str:
    """End a session and return the secret of a new one in another role of the same user."""
    current = load_session(work.session, token, work.now)
    membership = work.session.get(Membership, membership_id)
    if current is None or membership is None or membership.user_id != current.user_id:
        raise NotFound(N_("You do not have this role."))
    user = work.session.get_one(User, current.user_id)
    end_session(work, token)
    return _start_session(work, user, membership_id)


def end_session(work: Work, token: str) -> None:
    """End a session at once; ending it again changes nothing."""
    work.session.execute(
        update(UserSession)
        .where(UserSession.token_hash == _digest(token), UserSession.ended_at.is_(None))
        .values(ended_at=work.now)
    )


def load_session(session: Session, token: str, now: datetime) -> SignedIn | None:
    """Return who a session secret stands for; None when it ended, expired or was revoked."""
    row = session.execute(
        select(UserSession, User)
        .join(User, User.id == UserSession.user_id)
        .where(UserSession.token_hash == _digest(token))
    ).one_or_none()
    if row is None:
        return None
    browser, user = row
    if browser.ended_at is not None or browser.expires_at <= now:
        return None
    if browser.epoch != user.epoch or user.disabled_at is not None:
        return None
    return _signed_in(session, browser.membership_id)


def add_api_key(work: Work, membership_id: str) -> str:
    """Return a new API key for one role; it is shown now and never again."""
    key = f"lrk_{secrets.token_urlsafe(32)}"
    row = ApiKey(
        id=ids.new("key"),
        key_hash=_digest(key),
        membership_id=membership_id,
        created_at=work.now,
        expires_at=work.now + KEY_LIFE,
    )
    work.session.add(row)
    history.record(work, membership_id, "api_key_made", key_id=row.id)
    return key


def load_key(connection: sets.Connection, key: str, now: datetime) -> SignedIn | None:
    """Return who an API key stands for; None when unknown, expired or revoked.

    One statement by the driver itself, since every call of a program asks this.
    """
    for *found, expires_at in _OF_KEY.ask(connection, [_digest(key)]):
        if expires_at is None or expires_at > now:
            who = SignedIn(*found)
            return who if who.role == "holder" else replace(who, account_id=None)
    return None


_OF_KEY = Question(
    "SELECT u.id, u.name, u.language, m.id, m.role, o.id, o.name, a.id, k.expires_at"
    " FROM api_key AS k JOIN membership AS m ON m.id = k.membership_id"
    " JOIN user_account AS u ON u.id = m.user_id"
    " LEFT JOIN organisation AS o ON o.id = m.organisation_id"
    " LEFT JOIN person AS p ON p.user_id = u.id LEFT JOIN account AS a ON a.person_id = p.id"
    " WHERE k.key_hash {among} AND k.revoked_at IS NULL AND u.disabled_at IS NULL",
    {8: "timestamptz"},
)


def confirm_password(work: Work, user_id: str, password: str | Password) -> bool:
    """Tell whether this is the password of a user: the fresh sign-in before money is held.

    Wrong ones count as they do for :func:`sign_in`, and a locked user is refused, so that a
    stolen session cannot be used to guess.
    """
    user = work.session.get(User, user_id, with_for_update=True)
    return _attempt(work, user, password)


def change_password(work: Work, user_id: str, old: str, new: str) -> None:
    """Change a password; every session of the user dies. Raises Forbidden for a wrong old one."""
    user = work.session.get_one(User, user_id, with_for_update=True)
    if not _matches(user.password_hash, old):
        raise Forbidden(N_("The present password is not right."), field="old_password")
    user.password_hash = _hasher.hash(_checked_password(new))
    user.epoch += 1
    history.record(work, user_id, "password_changed")


def memberships(session: Session, user_id: str) -> tuple[SignedIn, ...]:
    """Return every role of a user."""
    rows = session.scalars(
        select(Membership.id).where(Membership.user_id == user_id).order_by(Membership.id)
    ).all()
    found = (_signed_in(session, membership_id) for membership_id in rows)
    return tuple(role for role in found if role is not None)


def all_users(session: Session, organisation_id: str | None = None) -> tuple[UserView, ...]:
    """Return staff users by name, of one organisation when given; holders are not listed."""
    query = (
        select(User, Membership.role, Organisation.name)
        .join(Membership, Membership.user_id == User.id)
        .join(Organisation, Organisation.id == Membership.organisation_id)
        .order_by(User.name, User.id)
    )
    if organisation_id is not None:
        query = query.where(Membership.organisation_id == organisation_id)
    views: dict[str, UserView] = {}
    for user, role, organisation in session.execute(query):
        earlier = views[user.id].roles if user.id in views else ()
        views[user.id] = UserView(
            user.id,
            user.email,
            user.name,
            (*earlier, (role, organisation)),
            user.disabled_at is not None,
            user.created_at,
        )
    return tuple(views.values())


def _signed_in(session: Session, membership_id: str) -> SignedIn | None:
    row = session.execute(
        select(User, Membership, Organisation, Account.id)
        .join(Membership, Membership.user_id == User.id)
        .outerjoin(Organisation, Organisation.id == Membership.organisation_id)
        .outerjoin(Person, Person.user_id == User.id)
        .outerjoin(Account, Account.person_id == Person.id)
        .where(Membership.id == membership_id)
    ).one_or_none()
    if row is None:
        return None
    user, membership, account_id = row[0], row[1], row[3]
    organisation: Organisation | None = row[2]  # an outer join
    return SignedIn(
        user_id=user.id,
        name=user.name,
        language=user.language,
        membership_id=membership.id,
        role=membership.role,
        organisation_id=membership.organisation_id,
        organisation_name=None if organisation is None else organisation.name,
        account_id=account_id if membership.role == "holder" else None,
    )


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password.encode("utf-8", "replace")[: 4 * _MAXIMUM])
    except (VerificationError, InvalidHashError):
        return False


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
