"""The pages and calls of funders, auditors and the operator, on both engines."""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ledger import clock, web
from ledger.accounts import organisations, people, schemes
from ledger.accounts import views as account_views
from ledger.accounts.models import Account
from ledger.db import SYSTEM, Database
from ledger.funders import api, views
from ledger.web.auth import Principal
from tests.integration.web_shell import People, csrf_token, sign_in

NASTY = "Fonds <b>'één' & \"twee\"</b>"


class Staff(People):
    """People whose API key is their name."""

    def load_key(self, key: str) -> Principal | None:
        return self.by_email.get(f"{key}@example.nl")


@dataclass
class Site:
    """A funder with two employees and an auditor, an operator, and one scheme."""

    app: Flask
    scheme_id: str
    accounts: list[Account]

    def client(self, who: str) -> FlaskClient:
        browser = self.app.test_client()
        sign_in(browser, f"{who}@example.nl")
        browser.get("/password?lang=en")
        return browser

    @property
    def base(self) -> str:
        return f"/funder/schemes/{self.scheme_id}"


@pytest.fixture
def site(database: Database) -> Site:
    with database.work(SYSTEM) as work:
        house = organisations.admit(work, "operator", "Beheer")
        fund = organisations.admit(work, "funder", NASTY, funder_kind="region")
        other = organisations.admit(work, "funder", "Ander", funder_kind="employer")
        terms = {
            "accrual_period": "year",
            "accrual_minor": 50_000,
            "four_eyes_minor": 10_000,
        }
        scheme = schemes.create(work, fund.id, "Leerrecht", "Learning right", "EUR", terms)
        accounts = [
            people.open_account(work, people.register(work, f"Persoon {n}").id) for n in range(3)
        ]
    staff = Staff(
        {
            f"{who}@example.nl": Principal(f"usr_{who}", who.title(), role, home.id)
            for who, role, home in (
                ("anna", "funder", fund),
                ("bram", "funder", fund),
                ("cees", "auditor", fund),
                ("dora", "funder", other),
                ("beheer", "operator", house),
            )
        }
    )
    return Site(_app(database, staff), scheme.id, accounts)


def _app(database: Database, staff: Staff) -> Flask:
    app = Flask("ledger", static_folder=None)
    app.config.update(SECRET_KEY="only for this test", TESTING=True)
    app.extensions["ledger"] = SimpleNamespace(database=database)
    shell = web.init(app, staff)
    for blueprint in (*account_views.blueprints, *views.blueprints):
        app.register_blueprint(blueprint)
    for part in api.blueprints:
        shell.register_blueprint(part)
    return app


def send(browser: FlaskClient, url: str, **data: Any) -> TestResponse:
    return browser.post(url, data={"csrf_token": csrf_token(browser, "/password"), **data})


def content(answer: TestResponse) -> Any:
    return json.loads(answer.text)


def follow(browser: FlaskClient, answer: TestResponse) -> str:
    assert answer.status_code == 303, answer.text
    return browser.get(answer.headers["Location"]).text


def paid_in(site: Site, amount: str = "1.234,56") -> FlaskClient:
    browser = site.client("anna")
    today = clock.today(clock.now()).isoformat()
    done = send(browser, f"{site.base}/budget", amount=amount, reference="R1", received_on=today)
    assert "1,234.56" in follow(browser, done) or amount != "1.234,56"
    return browser


def test_every_page_opens_in_both_languages(site: Site) -> None:
    browser = paid_in(site)
    pages = ["/funder/schemes", "/funder/schemes/new", "/audit"]
    pages += [site.base + more for more in ("", "/rules/new", "/budget", "/grants", "/accrual")]
    pages += [f"/audit/schemes/{site.scheme_id}{more}" for more in ("", "/postings")]
    for page in pages:
        for language in ("nl", "en"):
            answer = browser.get(f"{page}?lang={language}")
            assert answer.status_code == 200, page
            assert "<b>'één'" not in answer.text
    operator = site.client("beheer")
    assert "&lt;b&gt;" in operator.get("/operator/funders").text
    assert operator.get("/operator/funders/new").status_code == 200


def test_payment_shows_errors_beside_the_fields_and_keeps_values(site: Site) -> None:
    browser = site.client("anna")
    answer = send(
        browser, f"{site.base}/budget", amount="-5", reference="R-77", received_on="31-02-2026"
    )
    assert answer.status_code == 400
    assert 'id="amount-error"' in answer.text and 'id="received_on-error"' in answer.text
    assert 'value="R-77"' in answer.text and 'value="-5"' in answer.text
    paid_in(site)
    again = send(
        browser, f"{site.base}/budget", amount="1", reference="R1", received_on="2026-01-01"
    )
    assert again.status_code == 409 and "recorded before" in again.text


def test_grant_by_form_and_by_a_colleague(site: Site) -> None:
    browser = paid_in(site)
    wrong = send(browser, f"{site.base}/grants", account_number="LR12", amount="x")
    assert wrong.status_code == 400 and 'value="LR12"' in wrong.text
    wrong = send(browser, f"{site.base}/grants", account_number="LR12", amount="1")
    assert wrong.status_code == 400 and "not an account number" in wrong.text
    number = site.accounts[0].number
    small = send(browser, f"{site.base}/grants", account_number=number, amount="100")
    assert "Granted" in follow(browser, small)
    large = send(browser, f"{site.base}/grants", account_number=number, amount="100,01")
    page = large.headers["Location"]
    assert "second person" in follow(browser, large)
    own = send(browser, f"{page}/approve")
    assert own.status_code == 403 and "Somebody else" in own.text
    colleague = site.client("bram")
    assert "Granted" in follow(colleague, send(colleague, f"{page}/approve"))
    assert send(colleague, f"{page}/approve").status_code == 409


def upload(browser: FlaskClient, site: Site, content: bytes, name: str = "a.csv") -> TestResponse:
    return send(browser, f"{site.base}/grants/upload", file=(io.BytesIO(content), name))


def test_file_is_checked_shown_and_confirmed(site: Site) -> None:
    browser = paid_in(site)
    assert "Choose a file" in send(browser, f"{site.base}/grants/upload").text
    assert upload(browser, site, b"").status_code == 400
    assert upload(browser, site, b"naam;bedrag\nx;1\n").status_code == 400
    bad = upload(browser, site, b"rekeningnummer;bedrag\nLR00;1\nLR01;0\n", "<i>.csv")
    assert bad.status_code == 400 and "&lt;i&gt;.csv" in bad.text and "3 errors" in bad.text
    rows = [f"{one.number};20,00" for one in site.accounts]
    good = "\r\n".join(["rekeningnummer;bedrag", *rows]).encode()
    shown = upload(browser, site, good)
    page = shown.headers["Location"]
    assert "Is this right?" in follow(browser, shown)
    assert "Granted" in follow(browser, send(browser, f"{page}/submit"))
    again = upload(browser, site, good)
    assert again.status_code == 409 and "sent before" in again.text
    assert "€60.00" in browser.get(f"{site.base}/grants").text


def test_file_can_be_taken_away_and_rejected(site: Site) -> None:
    browser = paid_in(site)
    content = f"rekeningnummer;bedrag\n{site.accounts[0].number};200\n".encode()
    page = upload(browser, site, content).headers["Location"]
    assert "taken away" in follow(browser, send(browser, f"{page}/discard"))
    page = upload(browser, site, content).headers["Location"]
    follow(browser, send(browser, f"{page}/submit"))
    colleague = site.client("bram")
    assert send(colleague, f"{page}/reject", reason=" ").status_code == 400
    text = follow(colleague, send(colleague, f"{page}/reject", reason="Wrong <u>month</u>"))
    assert "Wrong &lt;u&gt;month" in text


def test_accrual_is_looked_at_and_then_run(site: Site) -> None:
    browser = paid_in(site, "2000")
    assert send(browser, f"{site.base}/accrual", period="soon").status_code == 400
    year = str(clock.today(clock.now()).year)
    looked = send(browser, f"{site.base}/accrual", period=year, action="look")
    assert looked.status_code == 200 and "€1,500.00" in looked.text
    run = send(browser, f"{site.base}/accrual", period=year, action="run")
    assert "3 accounts were credited" in follow(browser, run)


def test_scheme_is_made_and_its_rules_change_from_a_day(site: Site) -> None:
    browser = site.client("anna")
    wrong = send(browser, "/funder/schemes", name="Nieuw", unit="GBP", age_from="x")
    assert wrong.status_code == 400 and 'value="Nieuw"' in wrong.text
    for field in ("name_en", "unit", "valid_from", "age_from"):
        assert f'id="{field}-error"' in wrong.text, field
    form = {
        "name": "Nieuw",
        "name_en": "New",
        "unit": "MIN",
        "valid_from": clock.today(clock.now()).isoformat(),
        "accrual_period": "month",
        "accrual_minor": "480",
        "regions": "West-Brabant, Zeeland",
        "holder_sectors": ["care", "ict"],
        "own_employees": "yes",
        "expiry_months": "36",
    }
    done = send(browser, "/funder/schemes", **form)
    text = follow(browser, done)
    assert "8 h" in text and "West-Brabant" in text
    page = done.headers["Location"]
    fields = browser.get(f"{page}/rules/new").text
    assert 'value="480"' in fields and 'value="West-Brabant, Zeeland"' in fields
    assert re.search(r'value="care" checked', fields) and 'value="36"' in fields
    past = send(browser, f"{page}/rules", valid_from="2020-01-01", accrual_period="none")
    assert past.status_code == 400 and "cannot change in the past" in past.text
    later = send(browser, f"{page}/rules", valid_from="2099-01-01", accrual_period="none")
    assert "Version 2" in follow(browser, later)
    assert "Closed" in follow(browser, send(browser, f"{page}/close"))
    assert send(browser, "/funder/schemes", **form).status_code == 409


def test_auditor_reads_and_changes_nothing(site: Site) -> None:
    browser = paid_in(site)
    number = site.accounts[0].number
    follow(browser, send(browser, f"{site.base}/grants", account_number=number, amount="100"))
    auditor = site.client("cees")
    assert auditor.get(site.base).status_code == 403
    text = auditor.get(f"/audit/schemes/{site.scheme_id}").text
    assert "Agrees to the cent" in text and "€1,134.56" in text
    listed = auditor.get(f"/audit/schemes/{site.scheme_id}/postings?kind=grant")
    assert "P-" in listed.text and number not in listed.text
    entry = re.search(r"/audit/transactions/txn_\w+", listed.text)
    assert entry is not None and "Fingerprint" in auditor.get(entry[0]).text
    wrong = auditor.get(f"/audit/schemes/{site.scheme_id}/postings?since=31-02-2026")
    assert wrong.status_code == 400 and 'id="since-error"' in wrong.text
    sheet = auditor.get(f"/audit/schemes/{site.scheme_id}/postings.csv?kind=grant&lang=nl")
    assert sheet.mimetype == "text/csv" and sheet.data.startswith(b"\xef\xbb\xbf")
    lines = sheet.data.decode("utf-8-sig").splitlines()
    assert len(lines) == 3 and '"-100,00"' in lines[1] + lines[2]


def test_foreign_schemes_answer_as_absent(site: Site) -> None:
    stranger = site.client("dora")
    for page in ("", "/rules/new", "/budget", "/grants", "/accrual", "/grants/grb_x"):
        assert stranger.get(site.base + page).status_code == 404, page
    for page in ("", "/postings", "/postings.csv"):
        assert stranger.get(f"/audit/schemes/{site.scheme_id}{page}").status_code == 404
    for page in ("/close", "/rules", "/budget/reallocate", "/grants/upload", "/grants"):
        assert send(stranger, site.base + page).status_code == 404, page


def test_operator_admits_suspends_and_adds_people(site: Site) -> None:
    browser = site.client("beheer")
    wrong = send(browser, "/operator/funders", name="", funder_kind="x", kvk="12")
    assert wrong.status_code == 400
    done = send(browser, "/operator/funders", name="Nieuw", funder_kind="employer", kvk="12345678")
    page = done.headers["Location"]
    assert "Nieuw" in follow(browser, done)
    text = send(browser, f"{page}/staff", name="Eva", email="eva@x.nl", role="auditor").text
    assert "First password" in text
    assert send(browser, f"{page}/staff", name="Eva", email="e", role="holder").status_code == 400
    no = send(browser, f"{page}/suspend", reason="Late", reply_until="2020-01-01")
    assert no.status_code == 400 and "Late" in no.text
    yes = send(browser, f"{page}/suspend", reason="Late", reply_until="2099-01-01")
    assert "Suspended" in follow(browser, yes)
    assert "ended" in follow(browser, send(browser, f"{page}/reinstate"))
    assert browser.get("/operator/funders/org_x").status_code == 404


def test_api_pays_in_and_grants_once_per_key(site: Site) -> None:
    browser = site.app.test_client()

    def call(path: str, name: str, **body: Any) -> TestResponse:
        return browser.post(
            f"/api/v1/schemes/{site.scheme_id}{path}",
            data=json.dumps(body),
            headers={
                "Authorization": "Bearer anna",
                "Idempotency-Key": name,
                "Content-Type": "application/json",
            },
        )

    money = {"amount_minor": 20_000, "reference": "A", "received_on": "2026-01-01"}
    first, again = call("/payments", "k1", **money), call("/payments", "k1", **money)
    assert first.status_code == again.status_code == 201
    assert content(first) == content(again) and len(content(first)["receipt"]["hash"]) == 64
    assert call("/payments", "k2", **money).status_code == 409
    number = site.accounts[0].number
    granted = call("/grants", "k3", account_number=number, amount_minor=10_000)
    assert granted.status_code == 201 and content(granted)["receipt"]["id"].startswith("txn_")
    waits = call("/grants", "k4", account_number=number, amount_minor=10_001)
    assert content(waits)["status"] == "awaiting" and content(waits)["receipt"] is None
    for amount in (0, -1, 1.5, "1", 2**53, True, None):
        wrong = call("/grants", f"x{amount}", account_number=number, amount_minor=amount)
        assert wrong.status_code == 400, amount
    headers = {"Authorization": "Bearer cees"}
    listed = content(browser.get("/api/v1/schemes", headers=headers))["items"]
    assert [(one["paid_in"], one["available"], one["agrees"]) for one in listed] == [
        (20_000, 10_000, True)
    ]
    page = content(
        browser.get(
            f"/api/v1/schemes/{site.scheme_id}/transactions?limit=1&kind=grant", headers=headers
        )
    )
    assert len(page["items"]) == 1 and page["next_cursor"]
    assert page["items"][0]["account"].startswith("P-")
    refused = browser.get(f"/api/v1/schemes/{site.scheme_id}/transactions?kind=x", headers=headers)
    assert refused.status_code == 400
    foreign = {"Authorization": "Bearer dora"}
    assert browser.get(f"/api/v1/schemes/{site.scheme_id}", headers=foreign).status_code == 404
