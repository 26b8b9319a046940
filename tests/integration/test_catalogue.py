"""The catalogue on both engines: what can be published, planned and found."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from ledger import clock
from ledger.accounts import history
from ledger.db import SYSTEM, Actor, Database
from ledger.errors import Forbidden, Invalid, NotFound, WrongState
from ledger.providers import catalogue, esco, runs
from ledger.providers.models import Course, CoursePrice, RunSession
from ledger.providers.queries import catalogue as queries
from ledger.providers.queries import offer
from ledger.providers.queries import runs as run_queries
from ledger.providers.queries.catalogue import Filter
from tests.integration.offering import (
    NOW,
    TODAY,
    Offering,
    course_facts,
    offering,
    run_facts,
    times,
)

SKILL = esco.Skill(
    uri="http://data.europa.eu/esco/skill/1",
    kind="skill",
    label="weld metal",
    alt_labels=("join metal parts",),
)


@pytest.fixture
def school(database: Database) -> Offering:
    """Admit a provider."""
    return offering(database)


def found(school: Offering, **wanted: Any) -> list[str]:
    with school.database.reading() as session:
        return [row.title for row in queries.search(session, Filter(**wanted), TODAY).items]


def test_a_micro_credential_names_every_missing_element(school: Offering) -> None:
    course = school.course(publish=False, outcomes=[], assessment="none", quality_assurance="  ")
    with pytest.raises(Invalid) as refused, school.database.work(school.staff, NOW) as work:
        catalogue.publish(work, course.id)
    assert set(refused.value.field_errors) == {"outcomes", "assessment", "quality_assurance"}
    with school.database.reading() as session:
        assert session.get_one(Course, course.id).status == "draft"


def test_a_course_without_micro_credential_needs_less(school: Offering) -> None:
    course = school.course(is_micro_credential=False, outcomes=[], assessment="none")
    assert course.status == "published"
    assert course.published_at == NOW


def test_a_published_course_cannot_lose_an_element(school: Offering) -> None:
    course = school.course()
    with pytest.raises(Invalid) as refused, school.database.work(school.staff, NOW) as work:
        catalogue.edit_course(work, course.id, course_facts(assessment="none", outcomes=["", " "]))
    assert set(refused.value.field_errors) == {"assessment", "outcomes"}
    with school.database.reading() as session:
        assert session.get_one(Course, course.id).assessment == "application"


def test_all_wrong_fields_are_named_at_once(school: Offering) -> None:
    wrong = course_facts(
        code=" ",
        title="x" * 301,
        sector="moon",
        form="telepathy",
        language="tlh",
        workload_hours=0,
        price_cents=-1,
        ects_tenths=0,
        eqf_level=9,
        quality_assurance_url="javascript:alert(1)",
        skills=["http://data.europa.eu/esco/skill/unknown"],
        programme_id="prg_unknown",
    )
    with pytest.raises(Invalid) as refused, school.database.work(school.staff, NOW) as work:
        catalogue.create_course(work, wrong)
    assert set(refused.value.field_errors) == {
        "code",
        "title",
        "sector",
        "form",
        "language",
        "workload_hours",
        "price_cents",
        "ects_tenths",
        "eqf_level",
        "level_reference",
        "quality_assurance_url",
        "skills",
        "programme_id",
    }


@pytest.mark.parametrize("price", [2**53, True, 1.5, "12"])
def test_a_price_is_whole_cents(school: Offering, price: Any) -> None:
    with pytest.raises(Invalid) as refused, school.database.work(school.staff, NOW) as work:
        catalogue.create_course(work, course_facts(price_cents=price))
    assert "price_cents" in refused.value.field_errors


def test_a_level_needs_its_classification(school: Offering) -> None:
    with pytest.raises(Invalid) as refused, school.database.work(school.staff, NOW) as work:
        catalogue.create_course(work, course_facts(eqf_level=4))
    assert set(refused.value.field_errors) == {"level_reference"}
    course = school.course(eqf_level=4, level_reference="NLQF 2026-017")
    with school.database.reading() as session:
        (row,) = queries.search(session, Filter(level=4), TODAY).items
    assert (row.id, row.eqf_level) == (course.id, 4)


def test_a_code_is_used_once_per_provider(school: Offering) -> None:
    school.course()
    with pytest.raises(Invalid) as refused, school.database.work(school.staff, NOW) as work:
        catalogue.create_course(work, course_facts())
    assert set(refused.value.field_errors) == {"code"}
    assert offering(school.database, "Andere school").course().code == "L1"


def test_a_price_change_is_kept_in_the_history(school: Offering) -> None:
    course = school.course()
    later = NOW + timedelta(days=10)
    with school.database.work(school.staff, later) as work:
        catalogue.edit_course(work, course.id, course_facts(price_cents=47_500))
    with school.database.work(school.staff, later + timedelta(days=1)) as work:
        catalogue.edit_course(work, course.id, course_facts(price_cents=47_500, title="Lassen"))
    with school.database.reading() as session:
        prices = session.execute(
            select(CoursePrice.changed_at, CoursePrice.price_cents).order_by(CoursePrice.changed_at)
        ).all()
        kinds = [event.kind for event in history.of(session, course.id)]
    assert [tuple(row) for row in prices] == [(NOW, 45_000), (later, 47_500)]
    assert kinds.count("price_changed") == 1


def test_somebody_elses_course_is_absent(school: Offering) -> None:
    course = school.course()
    other = offering(school.database, "Andere school")
    for step in (
        lambda work: catalogue.edit_course(work, course.id, course_facts()),
        lambda work: catalogue.withdraw(work, course.id),
        lambda work: runs.create(work, course.id, run_facts(TODAY)),
    ):
        with pytest.raises(NotFound), school.database.work(other.staff, NOW) as work:
            step(work)
    with pytest.raises(NotFound), school.database.reading() as session:
        queries.own_course(session, course.id, TODAY, other.provider_id)


@pytest.mark.parametrize("role", ["holder", "funder", "operator"])
def test_only_a_provider_has_a_catalogue(school: Offering, role: str) -> None:
    actor = Actor("usr_x", role, organisation_id=school.provider_id)
    with pytest.raises(Forbidden), school.database.work(actor, NOW) as work:
        catalogue.create_course(work, course_facts())


def test_a_draft_is_seen_by_its_provider_and_the_operator_only(school: Offering) -> None:
    course = school.course(publish=False)
    assert found(school) == []
    with school.database.reading() as session:
        with pytest.raises(NotFound):
            queries.course(session, course.id, TODAY)
        assert queries.course(session, course.id, TODAY, operator=True).status == "draft"
        own = queries.course(session, course.id, TODAY, provider_id=school.provider_id)
    assert own.facts == course_facts(outcomes=("Last twee platen aan elkaar",))


def test_a_withdrawn_course_takes_no_runs_and_can_come_back(school: Offering) -> None:
    course = school.course()
    with school.database.work(school.staff, NOW) as work:
        catalogue.withdraw(work, course.id)
    assert found(school) == []
    with pytest.raises(WrongState):
        school.run(course.id, TODAY)
    with school.database.work(school.staff, NOW) as work:
        catalogue.publish(work, course.id)
        with pytest.raises(WrongState):
            catalogue.publish(work, course.id)
    assert found(school) == ["Lassen voor beginners"]


def test_modules_stack_into_a_programme(school: Offering) -> None:
    with school.database.work(school.staff, NOW) as work:
        programme = catalogue.create_programme(
            work, catalogue.ProgrammeFacts(title="Vakman metaal", title_en="Metal worker")
        )
    first = school.course(programme_id=programme.id)
    school.course(programme_id=programme.id, code="L2", title="Lassen voor gevorderden")
    with school.database.reading() as session:
        (row,) = offer.programmes(session, school.provider_id)
        view = queries.course(session, first.id, TODAY)
    assert (row.courses, row.workload_hours) == (2, 112)
    assert view.programme_title == "Vakman metaal"
    assert [module.title for module in view.modules] == ["Lassen voor gevorderden"]
    assert found(school, text="vakman metaal") == [
        "Lassen voor beginners",
        "Lassen voor gevorderden",
    ]


def test_skills_are_chosen_from_esco_and_found_by(school: Offering) -> None:
    with school.database.work(SYSTEM, NOW) as work:
        esco.import_skills(work, [SKILL])
    course = school.course()
    with school.database.reading() as session:
        assert [row.uri for row in offer.skills(session, "JOIN metal")] == [SKILL.uri]
        assert offer.skills(session, "  ") == ()
        assert offer.skills(session, "100%") == ()
    with school.database.work(school.staff, NOW) as work:
        catalogue.choose_skills(work, course.id, [SKILL.uri, SKILL.uri])
    with school.database.reading() as session:
        view = queries.course(session, course.id, TODAY)
    assert view.skills == ((SKILL.uri, "weld metal"),)
    assert found(school, text="weld") == ["Lassen voor beginners"]


def test_search_knows_no_case_accents_or_wildcards(school: Offering) -> None:
    school.course(title="Café-bediening 100%", code="C")
    school.course(title="العربية للمبتدئين", code="A")
    assert found(school, text="CAFE bediening") == ["Café-bediening 100%"]
    assert found(school, text="een & zn")  # the provider's name, Één & Zn.
    assert found(school, text="العربية") == ["العربية للمبتدئين"]
    assert found(school, text="caf%") == ["Café-bediening 100%"]
    assert found(school, text="cafe thee") == []


def test_filters_narrow_the_catalogue(school: Offering) -> None:
    near = school.course(title="A", code="1", region="Twente", form="online", language="en")
    school.course(title="B", code="2", sector="care")
    school.run(near.id, TODAY + timedelta(days=30))
    assert found(school, sector="care") == ["B"]
    assert found(school, region="Twente") == ["A", "B"]  # B is given everywhere
    assert found(school, region="Zeeland") == ["B"]
    assert found(school, form="online", language="en") == ["A"]
    assert found(school, start=TODAY + timedelta(days=30)) == ["A"]
    assert found(school, start=TODAY + timedelta(days=31)) == []


def test_pages_follow_each_other_without_gaps(school: Offering) -> None:
    for number in range(7):
        school.course(title=f"Cursus {number // 2}", code=str(number))  # equal titles too
    seen: list[str] = []
    cursor = None
    with school.database.reading() as session:
        while True:
            page = queries.search(session, Filter(), TODAY, cursor, limit=3)
            seen += [row.id for row in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        with pytest.raises(Invalid):
            queries.search(session, Filter(), TODAY, "nonsense")
    assert len(seen) == len(set(seen)) == 7


def test_a_run_keeps_its_sessions_in_amsterdam_time(school: Offering) -> None:
    course = school.course()
    day = date(2026, 3, 29)  # summer time begins
    run = school.run(
        course.id, day - timedelta(days=1), ends_on=day, sessions=[times(day), times(day, 13, 17)]
    )
    with school.database.reading() as session:
        starts = session.scalars(select(RunSession.starts_at).order_by(RunSession.starts_at)).all()
        view = run_queries.run(session, run.id, TODAY)
    assert list(starts) == [clock.local(day, 9), clock.local(day, 13)]
    assert starts[0].hour == 7  # UTC
    assert (view.row.places_left, view.row.price_cents, len(view.sessions)) == (12, 45_000, 2)


@pytest.mark.parametrize(
    ("facts", "fields"),
    [
        ({"starts_on": TODAY - timedelta(days=1)}, {"starts_on"}),
        ({"ends_on": TODAY - timedelta(days=1)}, {"ends_on", "sessions"}),
        ({"capacity": 0, "location": "x" * 301}, {"capacity", "location"}),
        ({"sessions": []}, {"sessions"}),
        ({"sessions": [times(TODAY + timedelta(days=1))]}, {"sessions"}),
        ({"sessions": [times(TODAY, 12, 9)]}, {"sessions"}),
        ({"sessions": [times(TODAY, 9, 12), times(TODAY, 11, 13)]}, {"sessions"}),
    ],
)
def test_a_run_that_cannot_be_is_refused(
    school: Offering, facts: dict[str, Any], fields: set[str]
) -> None:
    course = school.course()
    with pytest.raises(Invalid) as refused:
        school.run(course.id, **({"starts_on": TODAY} | facts))
    assert set(refused.value.field_errors) == fields


def test_runs_are_listed_by_start(school: Offering) -> None:
    course = school.course()
    later, sooner = (school.run(course.id, TODAY + timedelta(days=d)) for d in (20, 10))
    with school.database.reading() as session:
        page = run_queries.listing(session, course.id, TODAY, None, 1)
        rest = run_queries.listing(session, course.id, TODAY, page.next_cursor, 1)
        assert run_queries.listing(session, "crs_unknown", TODAY, None, None).items == ()
    assert [page.items[0].id, rest.items[0].id] == [sooner.id, later.id]
    assert rest.next_cursor is None
