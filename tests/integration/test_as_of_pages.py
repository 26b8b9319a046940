"""Asking as of a moment on pages, by the API and in an export, on both engines."""

from __future__ import annotations

import csv
import html
import io
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ledger import web
from ledger.accounts import api as accounts_api
from ledger.accounts import lots
from ledger.accounts import views as accounts_views
from ledger.accounts.models import Account, Seal
from ledger.db import SYSTEM, Database
from ledger.funders import api as funders_api
from ledger.funders import views as funders_views
from ledger.web.auth import Principal
from tests.integration.funding import Funding
from tests.integration.sealed import seal
from tests.integration.spending import hold, settle, two_funders
from tests.integration.test_as_of import at
from tests.integration.web_shell import People, sign_in

THEN = "2026-03-10T10:30:00Z"  # half an hour after the hold; 11:30 in Amsterdam


class Staff(People):
    """People whose API key is their name."""

    def load_key(self, key: str) -> Principal | None:
        return self.by_email.get(f"{key}@example.nl")


@dataclass
class Site:
    """A holder who reserved at 10:00 UTC and whose provider is owed since 12:00; two seals."""

    app: Flask
    money: Funding
    holder: Account
    seals: tuple[Seal, Seal]
    lot_id: str
    held: str
    settled: str

    def client(self, who: str) -> FlaskClient:
        browser = self.app.test_client()
        sign_in(browser, f"{who}@example.nl")
        browser.get("/password?lang=en")
        return browser

    def call(self, who: str, path: str) -> TestResponse:
        return self.app.test_client().get(
            f"/api/v1{path}", headers={"Authorization": f"Bearer {who}"}
        )


def made(database: Database, staff: Staff) -> Flask:
    app = Flask("ledger", static_folder=None)
    app.config.update(SECRET_KEY="only for this test", TESTING=True)
    app.extensions["ledger"] = SimpleNamespace(database=database)
    shell = web.init(app, staff)
    for page in (*accounts_views.blueprints, *funders_views.blueprints):
        app.register_blueprint(page)
    for part in (*accounts_api.blueprints, *funders_api.blueprints):
        shell.register_blueprint(part)
    return app


@pytest.fixture
def site(database: Database) -> Site:
    money, _, holder = two_funders(database)
    with database.work(SYSTEM, at(1)) as work:
        held = hold(work, holder, "enr_1")
    first = seal(database, at(2))
    with database.work(SYSTEM, at(3)) as work:
        settled = settle(work, holder, "enr_1", held)
        lot_id = next(
            lot.id
            for lot in lots.of_account(work.session, holder.id)
            if lot.scheme_id == money.scheme_id
        )
    second = seal(database, at(4))
    assert first and second
    staff = Staff(
        {
            "noor@example.nl": Principal("usr_noor", "Noor", "holder", account_id=holder.id),
            "cees@example.nl": Principal("usr_cees", "Cees", "auditor", money.funder_id),
        }
    )
    app = made(database, staff)
    return Site(app, money, holder, (first, second), lot_id, held.id, settled.id)


def test_the_api_answers_as_of_a_moment_and_names_the_seal(site: Site) -> None:
    scheme = f"/schemes/{site.money.scheme_id}"
    stands_on = {
        "asked": "2026-03-10T10:30:00+00:00",
        "counted_until": "2026-03-10T10:30:00+00:00",
        "size": site.seals[0].size,
        "root": site.seals[0].root.hex(),
        "sealed_at": "2026-03-10T11:00:00+00:00",
    }

    def asked(who: str, path: str, moment: str = THEN) -> Any:
        mark = "&" if "?" in path else "?"
        answer = site.call(who, f"{path}{mark}as_of={moment}")
        assert answer.status_code == 200, answer.text
        return answer.get_json()

    account = asked("noor", "/account")
    assert account["as_of"] == stands_on and account["on"] == "2026-03-10"
    assert account["balances"] == [
        {"unit": "EUR", "available": 1_400, "held": 600, "spent": 0, "expired": 0}
    ]
    assert site.call("noor", "/account").get_json()["balances"][0]["spent"] == 400
    assert [x["held"] for x in asked("noor", "/account/lots")["items"]] == [300, 300]
    movements = asked("noor", "/account/transactions?limit=1")
    assert [x["kind"] for x in movements["items"]] == ["hold"] and movements["as_of"] == stands_on
    following = f"/account/transactions?cursor={movements['next_cursor']}"
    assert [x["kind"] for x in asked("noor", following)["items"]] == ["grant", "grant"]
    assert asked("noor", f"/account/transactions/{site.held}")["as_of"] == stands_on
    late = site.call("noor", f"/account/transactions/{site.settled}?as_of={THEN}")
    assert late.status_code == 404
    figures = asked("cees", scheme)
    assert (figures["held"], figures["paid"], figures["agrees"]) == (300, 0, True)
    assert figures["as_of"] == asked("cees", "/schemes")["as_of"] == stands_on
    assert site.call("cees", scheme).get_json()["as_of"] is None
    lines = asked("cees", f"{scheme}/transactions?bucket=held")
    assert [x["amount"] for x in lines["items"]] == [300] and lines["as_of"] == stands_on
    # Later than the newest seal: what counts as of that, and it says so.
    later = asked("noor", "/account", "2030-01-01T00:00:00Z")["as_of"]
    assert later["counted_until"] == later["sealed_at"] == "2026-03-10T13:00:00+00:00"
    assert later["size"] == site.seals[1].size


@pytest.mark.parametrize(
    "moment", ["2026-03-10T10:30:00", "yesterday", "2026-02-30T10:00:00Z", "0001-01-01T00:00+14:00"]
)
def test_a_moment_that_is_none_is_refused(site: Site, moment: str) -> None:
    given = moment.replace("+", "%2B")
    scheme_id = site.money.scheme_id
    for who, path in (("noor", "/account/lots"), ("cees", f"/schemes/{scheme_id}/transactions")):
        answer = site.call(who, f"{path}?as_of={given}")
        assert answer.status_code == 400, answer.text
        assert "as_of" in answer.text
    if moment.startswith("2026-03"):
        return  # pages take it as Amsterdam's time
    for who, path in (
        ("noor", "/account/transactions"),
        ("cees", f"/audit/schemes/{scheme_id}"),
        ("cees", f"/audit/schemes/{scheme_id}/postings"),
    ):
        page = site.client(who).get(f"{path}?as_of={given}")
        assert page.status_code == 400 and 'href="#as_of"' in page.text


def test_pages_take_the_time_in_amsterdam_and_say_what_they_stand_on(site: Site) -> None:
    root = site.seals[0].root.hex()
    browser = site.client("noor")
    moment = "as_of=2026-03-10T11:30"
    for path in (
        "/account/transactions",
        "/account/lots",
        f"/account/lots/{site.lot_id}",
        f"/account/transactions/{site.held}",
    ):
        page = browser.get(f"{path}?{moment}")
        assert page.status_code == 200 and root in page.text, path
        assert "Paid to" not in page.text and site.settled not in page.text, path
    statement = browser.get(f"/account/transactions?{moment}").text
    assert f"/account/transactions/{site.held}?as_of=2026-03-10T11:30" in html.unescape(statement)
    assert browser.get(f"/account/transactions/{site.settled}?{moment}").status_code == 404
    assert root not in browser.get("/account/transactions").text
    later = browser.get("/account/lots?as_of=2030-01-01T00:00").text
    assert "You asked about a later moment" in later and site.seals[1].root.hex() in later


def test_an_auditor_follows_a_figure_of_then_down_to_the_receipt(site: Site) -> None:
    browser = site.client("cees")
    moment = "as_of=2026-03-10T11:30"
    scheme = f"/audit/schemes/{site.money.scheme_id}"
    listed = html.unescape(browser.get(f"/audit?{moment}").text)
    assert f'href="{scheme}?as_of=2026-03-10T11:30"' in listed
    page = html.unescape(browser.get(f"{scheme}?{moment}").text)
    assert f'href="{scheme}/postings?bucket=held&as_of=2026-03-10T11:30"' in page
    assert "Count again" not in page and site.seals[0].root.hex() in page
    lines = html.unescape(browser.get(f"{scheme}/postings?bucket=held&{moment}").text)
    assert f"/audit/transactions/{site.held}?as_of=2026-03-10T11:30" in lines
    assert site.settled not in lines and 'name="as_of"' in lines
    assert browser.get(f"/audit/transactions/{site.held}?{moment}").status_code == 200
    assert browser.get(f"/audit/transactions/{site.settled}?{moment}").status_code == 404
    assert site.settled in browser.get(f"{scheme}/postings").text


def test_an_export_as_of_a_moment_carries_its_seal_in_every_line(site: Site) -> None:
    browser = site.client("cees")
    path = f"/audit/schemes/{site.money.scheme_id}/postings.csv"
    answer = browser.get(f"{path}?as_of=2026-03-10T11:30&kind=hold")
    assert answer.headers["Content-Disposition"].endswith('-20260310T103000Z.csv"')
    head, *rows = csv.reader(io.StringIO(answer.data.decode("utf-8-sig")))
    assert len(rows) == 2 and len(head) == 13
    seals = {tuple(row[-3:]) for row in rows}
    first = site.seals[0]
    assert seals == {("2026-03-10T10:30:00+00:00", str(first.size), first.root.hex())}
    now = csv.reader(io.StringIO(browser.get(path).data.decode("utf-8-sig")))
    assert {len(row) for row in now} == {10}


def test_figures_are_counted_again_from_the_accounts_when_asked(site: Site) -> None:
    browser = site.client("cees")
    scheme = f"/audit/schemes/{site.money.scheme_id}"
    page = browser.get(scheme).text
    assert "Checked against the accounts" not in page and f"{scheme}?accounts=1" in page
    again = browser.get(f"{scheme}?accounts=1")
    assert again.status_code == 200 and "Checked against the accounts" in again.text


def test_before_the_first_seal_a_page_says_that_it_is_too_early(database: Database) -> None:
    _, _, holder = two_funders(database)
    noor = Principal("usr_noor", "Noor", "holder", account_id=holder.id)
    browser = made(database, Staff({"noor@example.nl": noor})).test_client()
    sign_in(browser, "noor@example.nl")
    shown = browser.get("/account/transactions?as_of=2026-03-10T11:30&lang=en")
    assert shown.status_code == 409 and "Nothing is sealed yet" in shown.text
    assert browser.get("/account/transactions").status_code == 200
