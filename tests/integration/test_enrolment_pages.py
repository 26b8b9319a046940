"""The pages and the API of enrolments: what worker, provider and operator see and do there."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from ledger import clock, config, create_app
from ledger.accounts import organisations, people, users
from ledger.accounts.models import Membership, User
from ledger.db import SYSTEM, Database, Work
from ledger.providers.models import Case, Declaration, Enrolment, Run
from tests.factories import PASSWORD, Holder, World

WORKER = "noor@example.nl"
STAFF = "opleider@example.nl"
OPERATOR = "beheer@example.nl"


class Site:
    """The whole application on one database, with a browser and a key per person."""

    def __init__(self, database: Database, folder: Path, days_ago: int = 0) -> None:
        self.world = World(database, clock.now() - clock.days(days_ago))
        settings = config.load({"LEERREKENING_INSTANCE_PATH": str(folder)})
        self.app: Flask = create_app(replace(settings, secret_key="only for tests"), database)
        self.app.testing = True
        self.holder: Holder = self.world.holder(email=WORKER)
        self.provider = self.world.provider("Vakcentrum")
        self.world.do(
            SYSTEM, users.add_user, STAFF, "Jan Jansen", PASSWORD, "provider", self.provider.id
        )
        house = self.world.do(SYSTEM, organisations.admit, "operator", "Beheer")
        self.world.do(SYSTEM, users.add_user, OPERATOR, "Els", PASSWORD, "operator", house.id)

    def browser(self, email: str) -> FlaskClient:
        """Return a browser in which somebody is signed in, in English."""
        client = self.app.test_client()
        client.get("/?lang=en")
        page = client.get("/sign-in").text
        answer = client.post(
            "/sign-in", data={"email": email, "password": PASSWORD, "csrf_token": token(page)}
        )
        assert answer.status_code == 303, answer.text
        return client

    def api(self, email: str) -> Callable[..., TestResponse]:
        """Return a caller of the API with a key of somebody's."""

        def make(work: Work) -> str:
            member = work.session.scalars(
                select(Membership)
                .join(User, User.id == Membership.user_id)
                .where(User.email == email)
            ).one()
            return users.add_api_key(work, member.id)

        key = self.world.do(SYSTEM, make)
        client = self.app.test_client()

        def call(
            method: str, path: str, body: Any = None, idempotency: str | None = None
        ) -> TestResponse:
            headers = {"Authorization": f"Bearer {key}"}
            if idempotency:
                headers["Idempotency-Key"] = idempotency
            return client.open(f"/api/v1{path}", method=method, json=body, headers=headers)

        return call


def token(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def send(client: FlaskClient, page: str, action: str, **data: str) -> TestResponse:
    """Send a form of a page."""
    text = client.get(page).text
    assert f'action="{action}"' in text, text
    return client.post(action, data={"csrf_token": token(text), **data})


@pytest.fixture
def site(database: Database, tmp_path: Path) -> Site:
    return Site(database, tmp_path)


def test_a_worker_sees_who_pays_and_confirms_with_the_password(site: Site) -> None:
    world = site.world
    world.lot(site.holder, 30_000, world.scheme(name="Techniekfonds", share_percent=20))
    world.lot(site.holder, 50_000, world.scheme(name="Leerrecht"))
    run = world.run(world.course(site.provider))
    browser = site.browser(WORKER)
    page = browser.get(f"/runs/{run.id}/enrol").text
    assert "€300.00" in page and "it pays at most €200.00 of this course" in page
    begun = send(browser, f"/runs/{run.id}/enrol", f"/runs/{run.id}/enrol")
    assert begun.status_code == 303
    where = begun.headers["Location"]
    wrong = send(browser, where, f"{where}/confirm", password="een ander wachtwoord")
    assert wrong.status_code == 400 and "This is not your password." in wrong.text
    short = send(browser, where, f"{where}/confirm", password=PASSWORD)
    assert short.status_code == 409
    assert "Your balance is €300.00 short for this course." in short.text
    bad = send(browser, where, f"{where}/confirm", password=PASSWORD, own_share="veel")
    assert bad.status_code == 400 and 'id="own_share-error"' in bad.text
    done = send(browser, where, f"{where}/confirm", password=PASSWORD, own_share="300,00")
    assert done.status_code == 303, done.text
    after = browser.get(where).text
    assert "You are enrolled." in after and "Cancel my enrolment" in after
    assert "within your cooling-off period" in after and "€700.00" in after
    assert site.browser(STAFF).get(where).status_code == 403
    gone = send(browser, where, f"{where}/cancel")
    assert gone.status_code == 303
    assert "Withdrawn" in browser.get("/enrolments").text


def test_a_provider_registers_without_learning_anything_else(site: Site) -> None:
    world = site.world
    world.lot(site.holder, 200_000, world.scheme(name="Geheim fonds"))
    run = world.run(world.course(site.provider))
    code = world.do(site.holder.actor, people.make_consent_code, site.holder.account_id)
    browser = site.browser(STAFF)
    form = {"run_id": run.id, "account_number": site.holder.number}
    wrong = send(
        browser,
        "/provider/enrolments/new",
        "/provider/enrolments",
        **form,
        consent_code="AAAA-AAAA",
    )
    assert wrong.status_code == 400 and "do not belong together" in wrong.text
    assert site.holder.number in wrong.text
    done = send(
        browser, "/provider/enrolments/new", "/provider/enrolments", **form, consent_code=code
    )
    assert done.status_code == 303, done.text
    page = browser.get(done.headers["Location"]).text
    assert "Noor Bakker" in page and "Geheim fonds" not in page and "2,000" not in page
    assert "Noor Bakker" in browser.get("/provider/enrolments?status=offered").text
    world.provider()
    assert (
        "Confirm your enrolment"
        in site.browser(WORKER).get(done.headers["Location"].replace("/provider", "")).text
    )


def test_the_course_from_attendance_to_certificate(database: Database, tmp_path: Path) -> None:
    site = Site(database, tmp_path, days_ago=40)
    world = site.world
    world.lot(site.holder, 100_000)
    run = world.run(world.course(site.provider), in_days=20)
    enrolment = world.confirmed(site.holder, run)
    first, *rest = world.sessions(run.id)
    staff, worker = site.browser(STAFF), site.browser(WORKER)
    sheet = f"/provider/runs/{run.id}/attendance"
    early = send(
        staff,
        f"/provider/enrolments/{enrolment.id}",
        f"/provider/enrolments/{enrolment.id}/complete",
        result="passed",
    )
    assert early.status_code == 400 and "Nothing was stated for the session" in early.text
    states = {f"{enrolment.id}:{session.id}": "yes" for session in rest}
    assert (
        send(staff, sheet, sheet, **states, **{f"{enrolment.id}:{first.id}": "no"}).status_code
        == 303
    )
    mine = f"/enrolments/{enrolment.id}"
    disputed = send(
        worker, mine, f"{mine}/attendance", session_id=first.id, says="disputed", note="<b>Ik</b>"
    )
    assert disputed.status_code == 303
    assert "A case about this enrolment is open." in worker.get(mine).text
    operator = site.browser(OPERATOR)
    cases = operator.get("/operator/cases").text
    assert "&lt;b&gt;Ik&lt;/b&gt;" in cases
    assert operator.get(f"/operator/enrolments/{enrolment.id}").status_code == 200
    with database.reading() as session:
        case_id = session.scalars(select(Case.id)).one()
    close = f"/operator/cases/{case_id}/close"
    assert send(operator, "/operator/cases", close, decision="").status_code == 400
    decided = send(operator, "/operator/cases", close, decision="Aanwezig", present="true")
    assert decided.status_code == 303
    assert "Aanwezig" in operator.get("/operator/cases?status=closed").text
    done = send(
        staff,
        f"/provider/enrolments/{enrolment.id}",
        f"/provider/enrolments/{enrolment.id}/complete",
        result="passed",
        grade="8",
    )
    assert done.status_code == 303, done.text
    page = staff.get(f"/provider/enrolments/{enrolment.id}").text
    assert "€1,000.00" in page and "Expected pay date" in page
    assert "You earned a micro-credential" in worker.get(mine).text


def test_a_provider_cancels_a_run_and_states_force_majeure(site: Site) -> None:
    world = site.world
    world.lot(site.holder, 200_000)
    first, second = (world.run(world.course(site.provider), in_days=d) for d in (20, 40))
    ill, other = world.confirmed(site.holder, first), world.confirmed(site.holder, second)
    staff = site.browser(STAFF)
    page = f"/provider/enrolments/{ill.id}"
    assert send(staff, page, f"{page}/force-majeure", reason="").status_code == 400
    worker = site.browser(WORKER)
    asked = send(
        worker,
        f"/enrolments/{ill.id}",
        f"/enrolments/{ill.id}/force-majeure",
        reason="illness",
    )
    assert asked.status_code == 303
    assert "The learner asks for force majeure: Illness or accident." in staff.get(page).text
    assert send(staff, page, f"{page}/force-majeure", reason="illness").status_code == 303
    sheet = f"/provider/runs/{second.id}/attendance"
    assert send(staff, sheet, f"/provider/runs/{second.id}/cancel").status_code == 303
    with world.database.reading() as session:
        assert session.get_one(Enrolment, ill.id).status == "force_majeure"
        assert session.get_one(Enrolment, other.id).status == "cancelled_by_provider"
        assert session.get_one(Run, second.id).status == "cancelled"
    assert staff.get(f"/provider/enrolments/{other.id}").status_code == 200


def test_what_is_somebody_elses_is_absent(site: Site) -> None:
    world = site.world
    other = world.requested(world.holder())
    worker, staff = site.browser(WORKER), site.browser(STAFF)
    for client, path in (
        (worker, f"/enrolments/{other.id}"),
        (worker, "/enrolments/enr_none"),
        (worker, "/runs/run_none/enrol"),
        (staff, f"/provider/enrolments/{other.id}"),
        (staff, f"/provider/runs/{other.run_id}/attendance"),
    ):
        assert client.get(path).status_code == 404, path
    assert site.api(WORKER)("GET", f"/enrolments/{other.id}").status_code == 404


def test_the_journey_by_api(database: Database, tmp_path: Path) -> None:
    site = Site(database, tmp_path)
    world = site.world
    world.lot(site.holder, 100_000)
    run = world.run(world.course(site.provider))
    worker, staff = site.api(WORKER), site.api(STAFF)
    quote = worker("GET", f"/runs/{run.id}/quote").json
    assert quote is not None
    assert (quote["funded_cents"], quote["shortfall_cents"]) == (100_000, 0)
    assert quote["lines"][0]["reason"]
    begun = worker("POST", "/enrolments", {"run_id": run.id}, "begin-1")
    assert begun.status_code == 201 and begun.json is not None
    enrolment = begun.json["id"]
    assert worker("POST", f"/enrolments/{enrolment}/confirm", {}).status_code == 400
    done = worker("POST", f"/enrolments/{enrolment}/confirm", {}, "confirm-1")
    assert done.status_code == 200 and done.json is not None
    assert len(done.json["receipt"]["hash"]) == 64
    again = worker("POST", f"/enrolments/{enrolment}/confirm", {}, "confirm-1")
    assert again.json == done.json
    other = worker("POST", f"/enrolments/{enrolment}/confirm", {"own_share_cents": 5}, "confirm-2")
    assert other.status_code == 409 and other.json is not None
    assert other.json["code"] == "wrong-state"
    assert staff("POST", f"/enrolments/{enrolment}/confirm", {}, "x").status_code == 403
    for wrong in (-1, 1.5, "10", 2**53, True):
        body = {"own_share_cents": wrong}
        refused = worker("POST", f"/enrolments/{enrolment}/confirm", body, f"bad-{wrong}")
        assert refused.status_code == 400, wrong
    detail = worker("GET", f"/enrolments/{enrolment}").json
    assert detail is not None
    assert [line["held"] for line in detail["lines"]] == [100_000]
    seen = staff("GET", f"/enrolments/{enrolment}").json
    assert seen is not None
    assert seen["lines"] == [] and "funder" not in str(seen)
    listed = staff("GET", "/enrolments?status=confirmed&limit=1").json
    assert listed is not None
    assert [row["id"] for row in listed["items"]] == [enrolment]
    gone = worker("POST", f"/enrolments/{enrolment}/cancel", {}, "cancel-1")
    assert gone.json is not None
    assert (gone.json["status"], gone.json["receipt"] is not None) == ("withdrawn", True)


def test_refusals_by_api_say_what_is_missing(site: Site) -> None:
    world = site.world
    run = world.run(world.course(site.provider))
    worker = site.api(WORKER)
    begun = worker("POST", "/enrolments", {"run_id": run.id}, "a").json
    assert begun is not None
    short = worker("POST", f"/enrolments/{begun['id']}/confirm", {}, "b")
    assert short.status_code == 409 and short.json is not None
    assert short.json["code"] == "insufficient-balance"
    assert short.json["errors"]
    declined = worker("POST", f"/enrolments/{begun['id']}/decline", None, "c")
    assert declined.json is not None
    assert declined.json["status"] == "declined"
    staff = site.api(STAFF)
    body = {"run_id": run.id, "account_number": site.holder.number, "consent_code": "X"}
    assert staff("POST", "/enrolments", body, "d").status_code == 400
    assert staff("POST", "/enrolments", {"run_id": run.id}, "e").status_code == 400


def test_attendance_and_result_by_api(database: Database, tmp_path: Path) -> None:
    site = Site(database, tmp_path, days_ago=40)
    world = site.world
    world.lot(site.holder, 100_000)
    run = world.run(world.course(site.provider), in_days=20)
    enrolment = world.confirmed(site.holder, run).id
    staff, worker = site.api(STAFF), site.api(WORKER)
    sessions = world.sessions(run.id)
    stated = {"sessions": [{"session_id": one.id, "present": True} for one in sessions]}
    path = f"/enrolments/{enrolment}/attendance"
    lacking = {"sessions": [{"session_id": sessions[0].id}]}
    assert staff("POST", path, lacking, "a").status_code == 400
    assert staff("POST", path, stated, "b").status_code == 200
    said = {"sessions": [{"session_id": sessions[0].id, "says": "confirmed"}]}
    assert worker("POST", path, said, "c").status_code == 200
    body = {"result": "passed", "grade": "8"}
    assert (
        staff("POST", f"/enrolments/{enrolment}/complete", {"result": "x"}, "d").status_code == 400
    )
    done = staff("POST", f"/enrolments/{enrolment}/complete", body, "e")
    assert done.status_code == 200 and done.json is not None
    assert done.json["credential_id"].startswith("crd_")
    assert done.json["receipt"]["id"].startswith("txn_")
    with database.reading() as session:
        assert session.scalars(select(Declaration.amount_cents)).one() == 100_000


def test_commands_lapse_and_missing(database: Database) -> None:
    from click.testing import CliRunner

    from ledger.providers import cli

    world = World(database, clock.now() - clock.days(80))
    holder = world.holder()
    world.lot(holder, 100_000)
    late = world.requested(holder, world.run(in_days=60))
    world.confirmed(holder, world.run(in_days=20))
    for command, texts in (
        (cli.lapse, ("1 enrolments would lapse.", "1 enrolments lapsed.", "0 enrolments lapsed.")),
        (
            cli.missing,
            ("1 cases would be opened.", "1 cases were opened.", "0 cases were opened."),
        ),
    ):
        for arguments, text in zip((["--dry-run"], [], []), texts, strict=True):
            result = CliRunner().invoke(command, arguments, obj=database)
            assert (result.exit_code, result.output.strip()) == (0, text)
    with database.reading() as session:
        assert session.get_one(Enrolment, late.id).status == "lapsed"
