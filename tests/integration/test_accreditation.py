"""Accreditation on both engines: granting, suspending, and what it lets through."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from ledger.accounts import history, organisations
from ledger.db import SYSTEM, Actor, Database
from ledger.errors import Forbidden, Invalid, NotAccredited, NotFound, WrongState
from ledger.providers import accreditations
from ledger.providers.models import Accreditation, Course
from ledger.providers.queries import accreditations as queries
from tests.integration.offering import NOW, OPERATOR, TODAY, Offering, grant, offering

YEAR = timedelta(days=365)


@pytest.fixture
def school(database: Database) -> Offering:
    """Admit a provider."""
    return offering(database)


def why_not(school: Offering, course: Course, on: date = TODAY) -> str | None:
    with school.database.reading() as session:
        try:
            accreditations.require_valid(session, school.provider_id, course, on)
        except NotAccredited as refused:
            return str(refused)
    return None


def test_provider_and_course_both_need_it(school: Offering) -> None:
    course = school.course()
    assert why_not(school, course) == "The provider has no accreditation."
    school.accredit()
    assert why_not(school, course) == "The course has no accreditation."
    school.accredit(course.id)
    assert why_not(school, course) is None


def test_it_counts_from_the_first_to_the_last_day(school: Offering) -> None:
    course = school.course()
    school.accredit(valid_from=TODAY - YEAR, valid_until=TODAY + YEAR)
    school.accredit(course.id, valid_from=TODAY, valid_until=TODAY)
    assert why_not(school, course, TODAY) is None
    assert "begins on" in (why_not(school, course, TODAY - timedelta(days=1)) or "")
    assert "ended on" in (why_not(school, course, TODAY + timedelta(days=1)) or "")


def test_its_scope_is_the_sector(school: Offering) -> None:
    course = school.course()
    school.accredit(sectors=["care", "ict"])
    school.accredit(course.id)
    assert "does not cover the sector" in (why_not(school, course) or "")
    school.accredit(sectors=["technology"])
    assert why_not(school, course) is None


def test_suspending_says_why_and_ends(school: Offering) -> None:
    course = school.course()
    school.accredit()
    suspended = school.accredit(course.id)
    with school.database.work(OPERATOR, NOW) as work:
        accreditations.suspend(work, suspended, " Klachten over examens ", TODAY + YEAR)
    assert "Klachten over examens" in (why_not(school, course) or "")
    with school.database.work(school.staff, NOW) as work:
        accreditations.reply(work, suspended, "Er is een nieuwe examencommissie.")
    with school.database.work(OPERATOR, NOW) as work:
        with pytest.raises(WrongState):
            accreditations.suspend(work, suspended, "Nog eens", TODAY + YEAR)
        accreditations.reinstate(work, suspended, "Opgelost")
    assert why_not(school, course) is None
    with school.database.reading() as session:
        view = queries.accreditation(session, suspended)
        kinds = [event.kind for event in history.of(session, course.id)]
    assert [event.kind for event in view.events] == [
        "accreditation_granted",
        "accreditation_suspended",
        "accreditation_reply",
        "accreditation_reinstated",
    ]
    assert kinds[-1] == "accreditation_reinstated"
    assert view.row.suspension_reason is None


def test_a_suspension_needs_reason_and_deadline(school: Offering) -> None:
    granted = school.accredit()
    for reason, until, field in (("", TODAY + YEAR, "reason"), ("Klacht", TODAY, "reply_until")):
        with pytest.raises(Invalid) as refused, school.database.work(OPERATOR, NOW) as work:
            accreditations.suspend(work, granted, reason, until)
        assert set(refused.value.field_errors) == {field}


def test_a_reply_comes_in_time_and_from_the_provider(school: Offering) -> None:
    granted = school.accredit()
    with school.database.work(OPERATOR, NOW) as work:
        accreditations.suspend(work, granted, "Klacht", TODAY + timedelta(days=7))
    stranger = offering(school.database, "Andere school")
    with pytest.raises(NotFound), school.database.work(stranger.staff, NOW) as work:
        accreditations.reply(work, granted, "Hallo")
    late = NOW + timedelta(days=8)
    with pytest.raises(WrongState), school.database.work(school.staff, late) as work:
        accreditations.reply(work, granted, "Te laat")


def test_withdrawing_is_for_good(school: Offering) -> None:
    course = school.course()
    granted = school.accredit()
    with school.database.work(OPERATOR, NOW) as work:
        accreditations.withdraw(work, granted, "Opgeheven")
    assert why_not(school, course) == "The accreditation of the provider was withdrawn."
    for step in (accreditations.withdraw, accreditations.reinstate):
        with pytest.raises(WrongState), school.database.work(OPERATOR, NOW) as work:
            step(work, granted, "Toch niet")


def test_a_suspended_provider_cannot_be_paid(school: Offering) -> None:
    course = school.course()
    school.accredit()
    school.accredit(course.id)
    with school.database.work(SYSTEM, NOW) as work:
        organisations.suspend(work, school.provider_id, "Onderzoek", TODAY + YEAR)
    assert "suspended" in (why_not(school, course) or "")


def test_somebody_elses_course_is_no_course_of_this_provider(school: Offering) -> None:
    course = offering(school.database, "Andere school").course()
    assert why_not(school, course) == "This course is not of this provider."


@pytest.mark.parametrize("mark", ["CRKBO", "crkbo", " C.R.K.B.O. ", "CRKBO-register"])
def test_a_vat_register_is_no_quality_mark(school: Offering, mark: str) -> None:
    with pytest.raises(Invalid) as refused:
        school.accredit(quality_mark=mark)
    (message,) = refused.value.field_errors["quality_mark"]
    assert "VAT" in str(message)


def test_the_database_refuses_the_vat_register_too(school: Offering) -> None:
    granted = school.accredit()
    with pytest.raises(IntegrityError), school.database.work(OPERATOR, NOW) as work:
        work.session.execute(
            update(Accreditation).where(Accreditation.id == granted).values(quality_mark="CRKBO")
        )


def test_all_wrong_fields_are_named_at_once(school: Offering) -> None:
    with pytest.raises(Invalid) as refused:
        school.accredit(
            quality_mark="",
            evidence_url="http://voorbeeld.nl",
            valid_until=TODAY - YEAR,
            sectors=["moon"],
        )
    assert set(refused.value.field_errors) == {
        "quality_mark",
        "evidence_url",
        "valid_until",
        "sectors",
    }


@pytest.mark.parametrize("role", ["provider", "holder", "funder", "auditor"])
def test_only_the_operator_accredits(school: Offering, role: str) -> None:
    course = school.course()
    actor = Actor("usr_x", role, organisation_id=school.provider_id)
    with school.database.work(actor, NOW) as work:
        with pytest.raises(Forbidden):
            accreditations.accredit_provider(work, school.provider_id, grant())
        with pytest.raises(Forbidden):
            accreditations.accredit_course(work, course.id, grant())


def test_what_does_not_exist_is_absent(school: Offering) -> None:
    with school.database.work(OPERATOR, NOW) as work:
        with pytest.raises(NotFound):
            accreditations.accredit_provider(work, "org_unknown", grant())
        with pytest.raises(NotFound):
            accreditations.accredit_course(work, "crs_unknown", grant())
        with pytest.raises(NotFound):
            accreditations.suspend(work, "acn_unknown", "Klacht", TODAY + YEAR)


def test_the_list_is_newest_first_and_filtered(school: Offering) -> None:
    first, second = school.accredit(), school.accredit(quality_mark="Cedeo")
    with school.database.work(OPERATOR, NOW) as work:
        accreditations.withdraw(work, first, "Opgeheven")
    with school.database.reading() as session:
        everything = queries.listing(session, None, None).items
        granted = queries.listing(session, "granted", None).items
    assert [row.id for row in everything] == [second, first]
    assert [row.id for row in granted] == [second]
    assert granted[0].state(TODAY + YEAR) == "expired"
