"""Rounds by page and by API: opening one, asking in it, and what everybody reads."""

from __future__ import annotations

import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ledger import clock, web
from ledger.accounts import api as account_api
from ledger.accounts import views as account_views
from ledger.db import Database
from ledger.funders import api, views
from ledger.web.auth import Principal
from tests.factories import Holder, World
from tests.integration.test_funder_pages import Staff, content, follow, send
from tests.integration.web_shell import sign_in


class Site:
    """A scheme with €1,000, its funder's staff, and two holders who can sign in."""

    def __init__(self, database: Database) -> None:
        self.world = World(database, clock.now())
        self.scheme = self.world.scheme(100_000, regions=["Zeeland"], expiry_months=12)
        self.noor = self.world.holder(region="Zeeland")
        self.piet = self.world.holder(region="Drenthe")
        self.app = self._app(database)

    @property
    def base(self) -> str:
        return f"/funder/schemes/{self.scheme.id}/rounds"

    def client(self, who: str) -> FlaskClient:
        browser = self.app.test_client()
        sign_in(browser, f"{who}@example.nl")
        browser.get("/password?lang=en")
        return browser

    def call(self, who: str, path: str, key: str = "", **body: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {who}", "Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        data = json.dumps(body) if body else None
        return self.app.test_client().post(f"/api/v1{path}", data=data, headers=headers)

    def _app(self, database: Database) -> Flask:
        def holder(who: Holder) -> Principal:
            return Principal(who.actor.id, "N", "holder", None, who.account_id)

        funder = Principal("usr_anna", "Anna", "funder", self.scheme.funder_id)
        staff = Staff(
            {
                "anna@example.nl": funder,
                "noor@example.nl": holder(self.noor),
                "piet@example.nl": holder(self.piet),
            }
        )
        app = Flask("ledger", static_folder=None)
        app.config.update(SECRET_KEY="only for this test", TESTING=True)
        app.extensions["ledger"] = SimpleNamespace(database=database)
        shell = web.init(app, staff)
        for blueprint in (*account_views.blueprints, *views.blueprints):
            app.register_blueprint(blueprint)
        for part in (*account_api.blueprints, *api.blueprints):
            shell.register_blueprint(part)
        return app


@pytest.fixture
def site(database: Database) -> Site:
    return Site(database)


def local(**ahead: float) -> str:
    moment = clock.now().astimezone(clock.AMSTERDAM) + timedelta(**ahead)
    return moment.strftime("%Y-%m-%dT%H:%M")


def opened(site: Site, budget: str = "500") -> str:
    browser = site.client("anna")
    done = send(browser, site.base, amount="200", budget=budget, closes_at=local(days=3))
    text = follow(browser, done)
    assert "€500.00" in text or budget != "500"
    return done.headers["Location"].rsplit("/", 1)[1]


def test_funder_opens_sees_and_closes_a_round(site: Site) -> None:
    browser = site.client("anna")
    wrong = send(browser, site.base, amount="200", budget="100", closes_at="2026-02-30")
    assert wrong.status_code == 400 and 'id="closes_at-error"' in wrong.text
    wrong = send(browser, site.base, amount="200", budget="100", closes_at=local(days=1))
    assert wrong.status_code == 400 and 'id="budget-error"' in wrong.text
    over = send(browser, site.base, amount="200", budget="1000,01", closes_at=local(days=1))
    assert over.status_code == 409 and "Pay in first" in over.text
    page = f"{site.base}/{opened(site)}"
    listed = browser.get(site.base).text
    assert "€500.00" in listed and page in listed
    assert "enough for 2 more requests" in browser.get(page).text
    assert "is closed" in follow(browser, send(browser, f"{page}/close"))
    assert send(browser, f"{page}/close").status_code == 409
    assert browser.get(f"{site.base}/rnd_x").status_code == 404


def test_holder_asks_on_the_page(site: Site) -> None:
    page = opened(site)
    noor, piet = site.client("noor"), site.client("piet")
    for language in ("nl", "en"):
        assert noor.get(f"/rounds?lang={language}").status_code == 200
    assert "Ask for €200.00" in noor.get("/account").text
    shown = noor.get("/rounds").text
    assert "Ask for €200.00" in shown and "2 more requests" in shown
    text = follow(noor, send(noor, f"/rounds/{page}/requests"))
    assert "It is yours" in text and "Budget received" in text
    again = send(noor, f"/rounds/{page}/requests")
    assert again.status_code == 409 and "ask once" in again.text
    assert "it is yours" in again.text
    assert "people who live in Zeeland" in piet.get("/rounds").text
    refused = send(piet, f"/rounds/{page}/requests")
    assert refused.status_code == 409 and "Zeeland" in refused.text


def test_api_asks_once_per_key_and_says_when_it_is_spent(site: Site) -> None:
    round_id = opened(site, "200")
    path = f"/rounds/{round_id}/requests"
    first, again = site.call("noor", path, "k1"), site.call("noor", path, "k1")
    assert first.status_code == again.status_code == 201
    assert content(first) == content(again)
    assert content(first)["amount_minor"] == 20_000 and len(content(first)["receipt"]["hash"]) == 64
    assert site.call("noor", path, "k2").status_code == 409
    assert site.call("noor", path).status_code == 400
    late = site.world.holder(region="Zeeland")
    staff = site.app.extensions["ledger_backend"].by_email
    staff["late@example.nl"] = Principal(late.actor.id, "L", "holder", None, late.account_id)
    refused = site.call("late", path, "k3")
    assert refused.status_code == 409 and "round-spent" in content(refused)["type"]
    assert site.call("late", "/rounds/rnd_x/requests", "k4").status_code == 404
    assert site.call("anna", path, "k5").status_code == 403


def test_api_opens_lists_and_closes(site: Site) -> None:
    body = {
        "amount_minor": 20_000,
        "budget_minor": 50_000,
        "closes_at": (clock.now() + timedelta(days=1)).isoformat(),
    }
    path = f"/schemes/{site.scheme.id}/rounds"
    made, again = site.call("anna", path, "o1", **body), site.call("anna", path, "o1", **body)
    assert made.status_code == 201 and content(made) == content(again)
    assert (content(made)["state"], content(made)["places_left"]) == ("open", 2)
    browser = site.app.test_client()

    def items(who: str, where: str) -> Any:
        answer = browser.get(f"/api/v1{where}", headers={"Authorization": f"Bearer {who}"})
        assert answer.status_code == 200, answer.text
        return content(answer)["items"]

    assert [one["id"] for one in items("anna", path)] == [content(made)["id"]]
    assert [one["can_ask"] for one in items("noor", "/rounds")] == [True]
    (seen,) = items("piet", "/rounds")
    assert not seen["can_ask"] and "Zeeland" in seen["unmet"][0]
    closed = site.call("anna", f"{path}/{content(made)['id']}/close", "o2")
    assert closed.status_code == 200 and content(closed)["state"] == "closed"
    assert items("noor", "/rounds") == []
