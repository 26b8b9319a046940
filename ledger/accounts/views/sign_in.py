"""How people of this room sign in: the shell asks, the verbs in ``users`` answer."""

from __future__ import annotations

from ledger import clock
from ledger.accounts import users
from ledger.db import SYSTEM, Database
from ledger.errors import Invalid
from ledger.messages import N_
from ledger.web.auth import Membership, Principal


class Backend:
    """The people's side of :mod:`ledger.web.auth`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def sign_in(self, email: str, password: str, ip: str) -> str:
        """Return the token of a new session. Raises Invalid without telling what was wrong."""
        # A refusal is an answer here and not an error, so that the count of wrong ones is kept.
        typed = self._compared(password, email=email)
        token = self._database.perform(SYSTEM, users.sign_in, email, typed)
        if token is None:
            raise Invalid(
                N_(
                    "This e-mail address and password do not belong together. After several wrong"
                    " ones signing in is closed for a quarter of an hour."
                ),
                field="email",
            )
        return token

    def load_session(self, token: str) -> Principal | None:
        """Return who a living session belongs to."""
        with self._database.reading() as session:
            found = users.load_session(session, token, clock.now())
            if found is None:
                return None
            roles = users.memberships(session, found.user_id)
        return _principal(found, roles)

    def end_session(self, token: str) -> None:
        """End the session."""
        self._database.perform(SYSTEM, users.end_session, token)

    def load_key(self, key: str) -> Principal | None:
        """Return who an API key belongs to."""
        with self._database.asking() as connection:
            found = users.load_key(connection, key, clock.now())
        return _principal(found, ()) if found is not None else None

    def check_password(self, user_id: str, password: str) -> bool:
        """Tell whether this is the person's password."""
        typed = self._compared(password, user_id=user_id)
        return self._database.perform(SYSTEM, users.confirm_password, user_id, typed)

    def _compared(self, password: str, **whose: str) -> users.Password:
        with self._database.reading() as session:
            password_hash = users.hash_of(session, **whose)
        typed = users.Password(password)
        typed.matches(password_hash)
        return typed

    def change_password(self, user_id: str, old: str, new: str) -> None:
        """Set the password and end all sessions of this person."""
        self._database.perform(SYSTEM, users.change_password, user_id, old, new)

    def switch_role(self, token: str, membership_id: str) -> str:
        """Return the token of a new session in another capacity of the same person."""
        return self._database.perform(SYSTEM, users.switch_role, token, membership_id)


def _principal(found: users.SignedIn, roles: tuple[users.SignedIn, ...]) -> Principal:
    return Principal(
        user_id=found.user_id,
        name=found.name,
        role=found.role,
        organisation_id=found.organisation_id,
        account_id=found.account_id,
        memberships=tuple(
            Membership(role.membership_id, role.role, role.organisation_id, role.organisation_name)
            for role in roles
        ),
        membership_id=found.membership_id,
        language=found.language,
    )
