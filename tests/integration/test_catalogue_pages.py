"""The pages and API of the catalogue, admission and accreditation, as each role meets them."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from ledger import clock, config, create_app
from ledger.accounts import organisations, users
from ledger.accounts.models import Organisation
from ledger.db import SYSTEM, Database
from ledger.providers.models import Accreditation, Course, Run
from tests.integration.offering import Offering, grant

PASSWORD = "een heel lang wachtwoord"
TODAY = clock.today(clock.now())
COURSE = {
    "code": "L1",
    "title": "Lassen <b>voor</b> beginners",
    "sector": "technology",
    "form": "classroom",
    "language": "nl",
    "workload_hours": "56",
    "price_cents": "1.450,00",
    "outcomes": "Last twee platen aan elkaar\r\n\r\nLeest een tekening",
    "assessment": "application",
    "supervision": "supervised",
    "quality_assurance": "Externe visitatie",
    "is_micro_credential": "yes",
}


@pytest.fixture
def app(database: Database, tmp_path: Path) -> Flask:
    """Return the whole application, with an operator who can sign in."""
    with database.work(SYSTEM) as work:
        operator = organisations.admit(work, "operator", "Beheer")
        users.add_user(work, "operator@example.nl", "Olga", PASSWORD, "operator", operator.id, "en")
    settings = config.load({"LEERREKENING_INSTANCE_PATH": str(tmp_path)})
    return create_app(replace(settings, secret_key="only for tests"), database)


@pytest.fixture
def school(app: Flask, database: Database) -> Offering:
    """Admit a provider with somebody who can sign in."""
    with database.work(SYSTEM) as work:
        provider = organisations.admit(work, "provider", "Vakschool Één")
        users.add_user(work, "school@example.nl", "Sam", PASSWORD, "provider", provider.id, "en")
    return Offering(database, provider.id)


def visitor(app: Flask, email: str | None = None) -> FlaskClient:
    """Return a browser that reads English, signed in when an address is given."""
    browser = app.test_client()
    browser.get("/?lang=en")
    if email is not None:
        answer = post(browser, "/sign-in", {"email": email, "password": PASSWORD})
        assert answer.status_code == 303
    return browser


def post(
    browser: FlaskClient, path: str, data: dict[str, str], page: str = "/sign-in"
) -> TestResponse:
    """Send a form with the CSRF token of a page that this visitor may see."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', browser.get(page).text)
    assert found is not None, page
    return browser.post(path, data={**data, "csrf_token": found[1]})


def staff_post(browser: FlaskClient, path: str, data: dict[str, str]) -> TestResponse:
    return post(browser, path, data, page="/password")


def admit(operator: FlaskClient, database: Database) -> tuple[str, str]:
    """Admit a provider with somebody who signs in; returns its id and the first password."""
    admitted = staff_post(
        operator,
        "/operator/providers",
        {"name": "Vakschool Één", "kvk": "12345678", "iban": "NL02 ABNA 0123 4567 89"},
    )
    assert admitted.status_code == 303
    with database.reading() as session:
        provider_id = session.scalars(
            select(Organisation.id).where(Organisation.kind == "provider")
        ).one()
    person = {"name": "Sam", "email": "school@example.nl"}
    made = staff_post(operator, f"/operator/providers/{provider_id}/staff", person)
    password = re.search(r"First password: <code>([^<]+)", made.text)
    assert password is not None
    return provider_id, password[1]


def plan(school: FlaskClient, course_url: str) -> None:
    """Publish a course and plan a run of it."""
    assert staff_post(school, f"{course_url}/publish", {}).status_code == 303
    day = TODAY + timedelta(days=30)
    run = {
        "starts_on": day.isoformat(),
        "ends_on": day.isoformat(),
        "capacity": "12",
        "location": "Helmond",
        "sessions": f"{day:%d-%m-%Y} 09:00-12:30",
    }
    assert staff_post(school, f"{course_url}/runs", run).status_code == 303


def test_from_admission_to_a_run_that_everybody_finds(app: Flask, database: Database) -> None:
    operator = visitor(app, "operator@example.nl")
    provider_id, password = admit(operator, database)
    school = app.test_client()
    school.get("/?lang=en")
    post(school, "/sign-in", {"email": "school@example.nl", "password": password})
    created = staff_post(school, "/provider/courses", COURSE)
    assert created.status_code == 303
    course_id = created.location.rsplit("/", 1)[1]
    assert "Lassen &lt;b&gt;voor&lt;/b&gt; beginners" in school.get(created.location).text
    plan(school, created.location)
    for course in ("", course_id):
        accreditation = {
            "quality_mark": "NRTO-keurmerk",
            "evidence_url": "https://voorbeeld.nl/keurmerk",
            "valid_from": TODAY.isoformat(),
            "valid_until": (TODAY + timedelta(days=365)).isoformat(),
            "course": course,
        }
        page = f"/operator/providers/{provider_id}/accredit"
        assert staff_post(operator, page, accreditation).status_code == 303

    reader = visitor(app)
    listed = reader.get("/courses?q=lassen&sector=technology").text
    assert "€1,450.00" in listed
    assert "Not payable" not in listed
    with database.reading() as session:
        run_id = session.scalars(select(Run.id)).one()
        facts = session.get_one(Course, course_id)
    assert facts.outcomes == ["Last twee platen aan elkaar", "Leest een tekening"]
    assert f"/runs/{run_id}" in reader.get(f"/courses/{course_id}").text
    assert "09:00 – 12:30" in reader.get(f"/runs/{run_id}").text


def test_publishing_names_what_is_missing(app: Flask, school: Offering) -> None:
    course = school.course(publish=False, outcomes=[], assessment="none")
    browser = visitor(app, "school@example.nl")
    answer = staff_post(browser, f"/provider/courses/{course.id}/publish", {})
    assert answer.status_code == 400
    assert f"/provider/courses/{course.id}/edit#outcomes" in answer.text
    assert f"/provider/courses/{course.id}/edit#assessment" in answer.text


def test_a_wrong_form_keeps_the_answers_and_names_the_fields(app: Flask, school: Offering) -> None:
    browser = visitor(app, "school@example.nl")
    wrong = {**COURSE, "price_cents": "twelve", "form": "x", "eqf_level": "9", "code": ""}
    answer = staff_post(browser, "/provider/courses", wrong)
    assert answer.status_code == 400
    for field in ("price_cents", "form", "eqf_level", "code"):
        assert f'id="{field}-error"' in answer.text
    assert "Lassen &lt;b&gt;voor&lt;/b&gt; beginners" in answer.text


@pytest.mark.parametrize(
    "lines", ["30-02-2027 09:00-12:00", "01-03-2027 25:00-26:00", "whenever", "\x0b"]
)
def test_sessions_that_are_none_are_named_by_line(app: Flask, school: Offering, lines: str) -> None:
    course = school.course()
    browser = visitor(app, "school@example.nl")
    answer = staff_post(
        browser,
        f"/provider/courses/{course.id}/runs",
        {"starts_on": "2027-03-01", "ends_on": "31-03-2027", "capacity": "5", "sessions": lines},
    )
    assert answer.status_code == 400
    assert 'id="sessions-error"' in answer.text


def test_the_operator_suspends_and_the_provider_replies(
    app: Flask, school: Offering, database: Database
) -> None:
    accreditation = school.accredit(valid_until=TODAY + timedelta(days=300))
    operator = visitor(app, "operator@example.nl")
    address = f"/operator/accreditations/{accreditation}"
    assert staff_post(operator, f"{address}/suspend", {"reason": "x"}).status_code == 400
    until = (TODAY + timedelta(days=14)).isoformat()
    suspended = staff_post(
        operator, f"{address}/suspend", {"reason": "Klachten", "reply_until": until}
    )
    assert suspended.status_code == 303
    browser = visitor(app, "school@example.nl")
    assert "Klachten" in browser.get("/provider").text
    reply = f"/provider/accreditations/{accreditation}/reply"
    assert staff_post(browser, reply, {"reply": "Wij verbeteren dit."}).status_code == 303
    assert "Wij verbeteren dit." in operator.get(address).text
    staff_post(operator, f"{address}/reinstate", {"reason": "Opgelost"})
    with database.reading() as session:
        assert session.get_one(Accreditation, accreditation).status == "granted"


def test_a_suspended_provider_sees_why_and_replies(app: Flask, school: Offering) -> None:
    operator = visitor(app, "operator@example.nl")
    address = f"/operator/providers/{school.provider_id}"
    until = (TODAY + timedelta(days=14)).isoformat()
    answer = staff_post(
        operator, f"{address}/suspend", {"reason": "Onderzoek", "reply_until": until}
    )
    assert answer.status_code == 303
    browser = visitor(app, "school@example.nl")
    assert "Onderzoek" in browser.get("/provider").text
    assert staff_post(browser, "/provider/reply", {"reply": "Hier is alles."}).status_code == 303
    assert "Hier is alles." in operator.get(address).text
    staff_post(operator, f"{address}/reinstate", {})
    assert "Onderzoek" not in browser.get("/provider").text
    assert staff_post(browser, "/provider/reply", {"reply": "Nog iets"}).status_code == 409


def test_a_wrong_number_is_refused_beside_its_field(app: Flask) -> None:
    operator = visitor(app, "operator@example.nl")
    for field, value in (("kvk", "1234"), ("iban", "NL00ABNA0417164300")):
        data = {"name": "Nieuw", "kvk": "12345678", "iban": "NL91ABNA0417164300", field: value}
        answer = staff_post(operator, "/operator/providers", data)
        assert answer.status_code == 400
        assert f'id="{field}-error"' in answer.text


def test_a_vat_register_is_refused_with_the_reason(app: Flask, school: Offering) -> None:
    operator = visitor(app, "operator@example.nl")
    answer = staff_post(
        operator,
        f"/operator/providers/{school.provider_id}/accredit",
        {
            "quality_mark": "CRKBO",
            "evidence_url": "https://voorbeeld.nl",
            "valid_from": "2026-01-01",
            "valid_until": "2027-01-01",
        },
    )
    assert answer.status_code == 400
    assert "VAT exemption" in answer.text


def test_somebody_elses_course_answers_as_absent(app: Flask, school: Offering) -> None:
    with school.database.work(SYSTEM) as work:
        other = organisations.admit(work, "provider", "Andere school")
    course = Offering(school.database, other.id).course()
    browser = visitor(app, "school@example.nl")
    for path in ("", "/edit", "/skills", "/runs", "/runs/new"):
        assert browser.get(f"/provider/courses/{course.id}{path}").status_code == 404
    for path in ("/edit", "/publish", "/withdraw", "/skills", "/runs"):
        answer = staff_post(browser, f"/provider/courses/{course.id}{path}", COURSE)
        assert answer.status_code == 404, path


@pytest.mark.parametrize(
    "query", ["level=99", "start=31-02-2026", "level=x", "cursor=nonsense", "cursor=WyJhIl0"]
)
def test_a_wrong_search_says_so(app: Flask, query: str) -> None:
    assert visitor(app).get(f"/courses?{query}").status_code == 400
    answer = app.test_client().get(f"/api/v1/courses?{query}")
    assert answer.status_code == 400
    assert answer.mimetype == "application/problem+json"


def test_the_api_lists_and_shows(app: Flask, school: Offering) -> None:
    course = school.course()
    run = school.run(course.id, TODAY + timedelta(days=30))
    school.accredit(valid_from=grant().valid_from, valid_until=TODAY + timedelta(days=90))
    client = app.test_client()
    (row,) = client.get("/api/v1/courses?q=lassen&limit=1").get_json()["items"]
    assert (row["id"], row["price_cents"], row["accredited"]) == (course.id, 45_000, False)
    shown = client.get(f"/api/v1/courses/{course.id}").get_json()
    assert shown["facts"]["outcomes"] == ["Last twee platen aan elkaar"]
    assert [item["id"] for item in shown["runs"]] == [run.id]
    (listed,) = client.get(f"/api/v1/runs?course_id={course.id}").get_json()["items"]
    assert listed["places_left"] == 12
    one = client.get(f"/api/v1/runs/{run.id}").get_json()
    assert len(one["sessions"]) == 1
    assert client.get("/api/v1/courses/crs_unknown").status_code == 404
    assert client.get("/api/v1/runs/run_unknown").status_code == 404
