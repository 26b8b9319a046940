"""Signing in, locking, sessions that die, keys, and passwords at the moment that counts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from ledger.accounts import users
from ledger.accounts.models import ApiKey, Membership, User
from ledger.accounts.views.sign_in import Backend
from ledger.db import SYSTEM, Database
from ledger.errors import Conflict, Forbidden, Invalid, NotFound
from tests.factories import PASSWORD, World

EMAIL = "noor@example.nl"


@pytest.fixture
def world(database: Database) -> World:
    world = World(database)
    world.holder(email=EMAIL)
    return world


def _in(world: World, password: str = PASSWORD, email: str = EMAIL) -> str | None:
    return world.do(SYSTEM, users.sign_in, email, password)


def _who(world: World, token: str) -> users.SignedIn | None:
    with world.database.reading() as session:
        return users.load_session(session, token, world.now)


def _signed_in(world: World) -> tuple[str, users.SignedIn]:
    token = _in(world)
    assert token is not None
    found = _who(world, token)
    assert found is not None
    return token, found


def test_the_right_password_signs_in_and_signing_out_ends_it(world: World) -> None:
    token, found = _signed_in(world)
    assert (found.role, found.account_id is not None) == ("holder", True)
    world.do(SYSTEM, users.end_session, token)
    assert _who(world, token) is None


def test_a_session_ends_by_itself(world: World) -> None:
    token, _ = _signed_in(world)
    world.later(hours=13)
    assert _who(world, token) is None


@pytest.mark.parametrize(
    ("email", "password"), [(EMAIL, "wrong"), ("nobody@example.nl", PASSWORD), ("", ""), ("é", "é")]
)
def test_anything_else_is_refused_alike(world: World, email: str, password: str) -> None:
    assert _in(world, password, email) is None


def test_eight_wrong_passwords_close_the_door_for_a_while(world: World) -> None:
    for _ in range(8):
        assert _in(world, "wrong") is None
    assert _in(world) is None
    world.later(minutes=16)
    assert _in(world) is not None


def test_wrong_passwords_count_at_the_moment_that_counts_too(world: World) -> None:
    _, found = _signed_in(world)
    assert world.do(SYSTEM, users.confirm_password, found.user_id, PASSWORD)
    for _ in range(8):
        assert not world.do(SYSTEM, users.confirm_password, found.user_id, "wrong")
    assert not world.do(SYSTEM, users.confirm_password, found.user_id, PASSWORD)
    assert _in(world) is None
    assert not world.do(SYSTEM, users.confirm_password, "usr_nobody", PASSWORD)


def test_a_new_password_ends_every_session(world: World) -> None:
    first, found = _signed_in(world)
    second, _ = _signed_in(world)
    with pytest.raises(Forbidden):
        world.do(SYSTEM, users.change_password, found.user_id, "wrong", "een ander wachtwoord")
    with pytest.raises(Invalid):
        world.do(SYSTEM, users.change_password, found.user_id, PASSWORD, "kort")
    world.do(SYSTEM, users.change_password, found.user_id, PASSWORD, "een ander wachtwoord")
    assert _who(world, first) is None and _who(world, second) is None
    assert _in(world) is None
    assert _in(world, "een ander wachtwoord") is not None


def test_a_disabled_user_is_out_at_once(world: World) -> None:
    token, found = _signed_in(world)
    with world.database.work(SYSTEM, world.now) as work:
        work.session.get_one(User, found.user_id).disabled_at = world.now
    assert _who(world, token) is None
    assert _in(world) is None


def test_a_key_works_until_it_expires(world: World) -> None:
    _, found = _signed_in(world)
    key = world.do(SYSTEM, users.add_api_key, found.membership_id)
    with world.database.asking() as connection:
        known = users.load_key(connection, key, world.now)
        assert known is not None and known.user_id == found.user_id
        assert users.load_key(connection, key, world.now + timedelta(days=366)) is None
        assert users.load_key(connection, "lrk_unknown", world.now) is None
    with world.database.work(SYSTEM, world.now) as work:
        work.session.get_one(User, known.user_id).disabled_at = world.now
    with world.database.asking() as connection:
        assert users.load_key(connection, key, world.now) is None


def test_a_revoked_key_works_no_more(world: World) -> None:
    _, found = _signed_in(world)
    key = world.do(SYSTEM, users.add_api_key, found.membership_id)
    with world.database.work(SYSTEM, world.now) as work:
        work.session.scalars(select(ApiKey)).one().revoked_at = world.now
    with world.database.asking() as connection:
        assert users.load_key(connection, key, world.now) is None


def test_a_key_stands_for_what_a_session_of_that_role_stands_for(world: World) -> None:
    _, holder = _signed_in(world)
    provider = world.provider()
    world.do(SYSTEM, users.add_user, "jan@example.nl", "Jan", PASSWORD, "provider", provider.id)
    world.do(SYSTEM, users.add_membership, holder.user_id, "provider", provider.id)
    with world.database.reading() as session:
        members = session.scalars(select(Membership.id)).all()
        expected = {
            who.membership_id: who
            for user_id in session.scalars(select(User.id))
            for who in users.memberships(session, user_id)
        }
    assert len(members) == len(expected) == 3
    for member in members:
        key = world.do(SYSTEM, users.add_api_key, member)
        with world.database.asking() as connection:
            assert users.load_key(connection, key, world.now) == expected[member]


def test_only_ones_own_role_can_be_taken(world: World) -> None:
    token, _ = _signed_in(world)
    world.holder("Daan Smit", email="daan@example.nl")
    daan = _in(world, PASSWORD, "daan@example.nl")
    assert daan is not None
    other = _who(world, daan)
    assert other is not None
    with pytest.raises(NotFound):
        world.do(SYSTEM, users.switch_role, token, other.membership_id)


@pytest.mark.parametrize("email", ["", "noor", "no or@example.nl", "a@" + "b" * 300])
def test_an_address_that_cannot_be_is_named(world: World, email: str) -> None:
    with pytest.raises(Invalid) as refused:
        world.do(SYSTEM, users.add_user, email, "Noor", PASSWORD, "holder")
    assert "email" in refused.value.field_errors


def test_an_address_is_used_once_and_staff_need_an_organisation(world: World) -> None:
    with pytest.raises(Conflict):
        world.do(SYSTEM, users.add_user, EMAIL.upper(), "Noor", PASSWORD, "holder")
    with pytest.raises(Invalid):
        world.do(SYSTEM, users.add_user, "x@example.nl", "X", PASSWORD, "operator")
    funder = world.funder()
    with pytest.raises(Invalid):
        world.do(SYSTEM, users.add_user, "x@example.nl", "X", PASSWORD, "provider", funder.id)


def test_no_password_is_compared_while_others_wait_to_write(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside: list[bool] = []
    working = False
    compare, perform = users._matches, world.database.perform

    def watched_compare(password_hash: str, password: str) -> bool:
        inside.append(working)
        return compare(password_hash, password)

    def watched_perform(*arguments: Any) -> Any:
        nonlocal working
        working = True
        try:
            return perform(*arguments)
        finally:
            working = False

    monkeypatch.setattr(users, "_matches", watched_compare)
    monkeypatch.setattr(world.database, "perform", watched_perform)
    people = Backend(world.database)
    found = people.load_session(people.sign_in(EMAIL, PASSWORD, ""))
    assert found is not None
    assert people.check_password(found.user_id, PASSWORD)
    assert not people.check_password(found.user_id, "een ander wachtwoord")
    for email in (EMAIL, "nobody@example.nl"):
        with pytest.raises(Invalid):
            people.sign_in(email, "een ander wachtwoord", "")
    assert inside == [False] * 5


def test_a_password_changed_in_between_counts(world: World) -> None:
    _, found = _signed_in(world)
    typed, new = users.Password(PASSWORD), "een nieuw lang wachtwoord"
    with world.database.reading() as session:
        assert typed.matches(users.hash_of(session, email=EMAIL))
    world.do(SYSTEM, users.change_password, found.user_id, PASSWORD, new)
    assert world.do(SYSTEM, users.sign_in, EMAIL, typed) is None
    assert _in(world, new) is not None
