"""The pages about paying providers, as the operator and as the provider, in both languages."""

from __future__ import annotations

from datetime import date

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from ledger import clock
from ledger.db import Database
from ledger.providers.models import Declaration, Statement
from ledger.providers.views import declarations, own_statements, statements
from ledger.web.auth import Principal
from tests.integration.paying import PRICE, Paying, paying
from tests.integration.web_shell import PASSWORD, People, build, csrf_token, sign_in

APRIL = "2026-04"


@pytest.fixture
def world(database: Database) -> Paying:
    world = paying(database)
    world.learn(date(2026, 4, 1))
    return world


@pytest.fixture
def app(world: Paying) -> Flask:
    people = People(
        by_email={
            "een@example.nl": Principal("usr_one", "Ada Een", "operator", language="en"),
            "twee@example.nl": Principal("usr_two", "Bo Twee", "operator", language="en"),
            "school@example.nl": Principal(
                "usr_school",
                "Cas School",
                "provider",
                organisation_id=world.provider_id,
                language="en",
            ),
            "ander@example.nl": Principal(
                "usr_other", "Dee Ander", "provider", organisation_id="org_other", language="en"
            ),
        }
    )
    app = build(people, world.database)
    for module in (statements, declarations, own_statements):
        app.register_blueprint(module.blueprint)
    return app


def client(app: Flask, who: str) -> FlaskClient:
    browser = app.test_client()
    sign_in(browser, f"{who}@example.nl")
    return browser


def send(browser: FlaskClient, page: str, url: str, **data: str) -> tuple[int, str]:
    answer = browser.post(url, data={"csrf_token": csrf_token(browser, page), **data})
    if answer.status_code == 303:
        return 303, browser.get(answer.headers["Location"]).text
    return answer.status_code, answer.text


def first(world: Paying, model: type[Statement] | type[Declaration]) -> str:
    with world.database.reading() as session:
        return session.scalars(select(model.id)).first() or ""


def test_the_operator_prepares_a_colleague_releases_the_bank_gets_a_file(
    app: Flask, world: Paying
) -> None:
    one, two = client(app, "een"), client(app, "twee")
    index = f"/operator/statements?period={APRIL}"
    assert "Vakschool Één &amp; Zn." in one.get(index).text
    one_of = {"period": APRIL, "provider": world.provider_id}
    status, text = send(one, index, "/operator/statements", **one_of)
    assert status == 303
    assert "Someone else has to release it" in text
    page = f"/operator/statements/{first(world, Statement)}"
    assert one.get(f"{page}/payment.xml").status_code == 409
    status, text = send(two, page, f"{page}/release", password="wrong")
    assert (status, "This is not your password." in text) == (400, True)
    status, text = send(one, index, f"{page}/release", password=PASSWORD)
    assert (status, "you prepared it" in text) == (403, True)
    assert world.books("payable") == PRICE
    status, text = send(two, page, f"{page}/release", password=PASSWORD)
    assert (status, "Released by" in text, "Bo Twee" in text) == (303, True, True)
    assert world.books("payable") == 0
    for url in (f"{page}/payment.xml", f"/operator/payments/{APRIL}.xml"):
        answer = two.get(url)
        assert answer.mimetype == "application/xml"
        assert b'<InstdAmt Ccy="EUR">500.00</InstdAmt>' in answer.data
        assert "attachment" in answer.headers["Content-Disposition"]
    assert two.get(f"{page}/lines.csv").data.startswith(b"\xef\xbb\xbf")
    for wrong in ("2026-13", "x", "2026-04-01"):
        assert two.get(f"/operator/payments/{wrong}.xml").status_code == 400
        assert two.get(f"/operator/statements?period={wrong}").status_code == 200


def test_all_at_once_and_what_is_refused(app: Flask, world: Paying) -> None:
    one = client(app, "een")
    index = "/operator/statements?period=2026-04"
    status, text = send(one, index, "/operator/statements", period="")
    assert (status, "Fill this in" in text) == (400, True)
    status, text = send(one, index, "/operator/statements", period="2026-99")
    assert status == 400
    status, text = send(one, index, "/operator/statements", period=APRIL)
    assert (status, "1 statement is prepared" in text) == (303, True)
    status, text = send(one, "/password", "/operator/statements", period=APRIL, provider="org_x")
    assert status == 404
    assert one.get("/operator/statements/sta_x").status_code == 404
    assert one.get("/operator/declarations/dec_x").status_code == 404


def test_hold_and_lift_are_shown_to_the_provider(app: Flask, world: Paying) -> None:
    one, school = client(app, "een"), client(app, "school")
    page = f"/operator/declarations/{first(world, Declaration)}"
    status, text = send(one, page, f"{page}/hold", reason="", until="31-02-2026")
    assert (status, "does not exist" in text, "Fill this in" in text) == (400, True, True)
    given = {"reason": "<b>Signaal</b>"}
    status, text = send(one, page, f"{page}/hold", until="2026-01-01", **given)
    assert (status, "Choose a day after today" in text) == (400, True)
    until = clock.today(clock.now()) + clock.days(30)
    status, text = send(one, page, f"{page}/hold", until=f"{until:%d-%m-%Y}", **given)
    assert status == 303
    text = school.get("/provider/statements").text
    assert "&lt;b&gt;Signaal&lt;/b&gt;" in text
    status, text = send(one, page, f"{page}/lift", reason="Opgelost")
    assert (status, "Hold ended" in text, "Opgelost" in text) == (303, True, True)


def test_the_provider_sees_its_own_and_nobody_elses(app: Flask, world: Paying) -> None:
    school, other = client(app, "school"), client(app, "ander")
    assert "Lassen voor beginners" in school.get("/provider/statements").text
    assert "Lassen voor beginners" not in other.get("/provider/statements").text
    one = client(app, "een")
    send(one, "/operator/statements", "/operator/statements", period=APRIL)
    page = f"/provider/statements/{first(world, Statement)}"
    assert "500.00" in school.get(page).text
    assert "Ada Een" not in school.get(page).text
    csv = school.get(f"{page}/lines.csv")
    assert csv.data.decode("utf-8-sig").startswith('"Kind","Course"')
    for url in (page, f"{page}/lines.csv"):
        assert other.get(url).status_code == 404
    for url in ("/operator/statements", "/operator/declarations/dec_x"):
        assert school.get(url).status_code == 403


def test_money_is_taken_back_by_form(app: Flask, world: Paying) -> None:
    one, two = client(app, "een"), client(app, "twee")
    send(one, "/operator/statements", "/operator/statements", period=APRIL)
    page = f"/operator/statements/{first(world, Statement)}"
    send(two, page, f"{page}/release", password=PASSWORD)
    page = f"/operator/declarations/{first(world, Declaration)}"
    for amount, words in (
        ("0", "more than zero"),
        ("-5", "Write the amount"),
        ("500,01", "No more than"),
        ("1e3", "Write the amount"),
        ("", "Fill this in"),
    ):
        status, text = send(one, page, f"{page}/clawback", amount=amount, reason="Niet gegeven")
        assert (status, words in text) == (400, True), text
    status, text = send(one, page, f"{page}/clawback", amount="100,50", reason="Niet gegeven")
    assert (status, "Is being taken back" in text) == (303, True)
    assert world.books("receivable") == -10_050
