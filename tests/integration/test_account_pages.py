"""The account's pages and API on both engines: what a holder and an operator see, and only they."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from ledger import clock, web
from ledger.accounts import api, expiry, lots, organisations, users, views
from ledger.accounts.models import Transaction, User
from ledger.accounts.views.sign_in import Backend
from ledger.db import SYSTEM, Database, Work
from ledger.providers import completions, naming
from tests.factories import PASSWORD, Holder, World, provider_actor
from tests.integration.web_shell import csrf_token

NASTY = "Regeling <b>'één' & \"twee\"</b>"


@dataclass
class Site:
    """The shell and the accounts room on one database."""

    world: World
    app: Flask

    def client(self, email: str) -> FlaskClient:
        """Return a browser that is signed in, in English."""
        client = self.app.test_client()
        token = csrf_token(client)
        done = client.post(
            "/sign-in", data={"email": email, "password": PASSWORD, "csrf_token": token}
        )
        assert done.status_code == 303, done.text
        client.get("/account?lang=en")
        return client

    def holder_client(self, holder: Holder) -> FlaskClient:
        """Return a browser in which the holder is signed in."""
        with self.world.database.reading() as session:
            email = session.get_one(User, holder.actor.user_id).email
        return self.client(email)

    def operator(self) -> tuple[FlaskClient, str]:
        """Return an operator's browser and API key."""
        return self.client("beheer@example.nl"), self.key("beheer@example.nl")

    def key(self, email: str) -> str:
        """Return a new API key of somebody."""

        def make(work: Work) -> str:
            user = work.session.scalars(select(User).where(User.email == email)).one()
            member = users.memberships(work.session, user.id)[0]
            return users.add_api_key(work, member.membership_id)

        return self.world.do(SYSTEM, make)

    def holder_key(self, holder: Holder) -> str:
        """Return a new API key of a holder."""
        with self.world.database.reading() as session:
            email = session.get_one(User, holder.actor.user_id).email
        return self.key(email)

    def call(self, key: str, path: str, method: str = "GET", **more: Any) -> TestResponse:
        """Call the API."""
        headers = {"Authorization": f"Bearer {key}"}
        return self.app.test_client().open(f"/api/v1{path}", method=method, headers=headers, **more)


@pytest.fixture
def site(database: Database) -> Site:
    world = World(database, clock.now() - timedelta(days=60))
    app = Flask("ledger", static_folder=None)
    app.config.update(TESTING=True, SECRET_KEY="only for tests", HTTPS=False)
    app.extensions["ledger"] = SimpleNamespace(database=database)
    smorest = web.init(app, Backend(database))
    for page in views.blueprints:
        app.register_blueprint(page)
    for part in api.blueprints:
        smorest.register_blueprint(part)

    def operator(work: Work) -> None:
        own = organisations.admit(work, "operator", "Stichting Leerrekening")
        users.add_user(work, "beheer@example.nl", "Beheer", PASSWORD, "operator", own.id)

    world.do(SYSTEM, operator)
    naming.register()
    return Site(world, app)


@pytest.fixture
def holder(site: Site) -> Holder:
    """A holder with three budgets, an expired one, a reserved and a completed course."""
    world = site.world
    holder = world.holder(email="noor@example.nl")
    world.lot(holder, 300_000, world.scheme(name=NASTY), expires_on=None)
    world.lot(holder, 600, world.scheme(unit="MIN"))
    course = world.course(title="Warmtepompen", price_cents=50_000)
    done = world.confirmed(holder, world.run(course, in_days=10))
    world.lot(holder, 1_000, expires_on=world.today + timedelta(days=2))
    world.do(SYSTEM, expiry.notify, world.today)
    world.attended(done, [True] * 4)
    world.do(provider_actor(done.provider_id), completions.complete, done.id, "passed")
    world.do(SYSTEM, expiry.expire, world.today)
    world.now = clock.now()
    world.lot(holder, 20_000, expires_on=world.today + timedelta(days=38))
    world.confirmed(holder, world.run(world.course(title="Lassen", price_cents=60_000), in_days=9))
    return holder


def transactions(site: Site, kind: str) -> str:
    with site.world.database.reading() as session:
        return (
            session.scalars(
                select(Transaction.id)
                .where(Transaction.kind == kind)
                .order_by(Transaction.id.desc())
            ).first()
            or ""
        )


def test_the_overview_shows_the_balance_first(site: Site, holder: Holder) -> None:
    page = site.holder_client(holder).get("/account").text
    main = page[page.index("<main") :]
    assert main.index("Free to spend") < main.index("Your budgets") < main.index("Latest trans")
    assert holder.number in page and "€2,100.00" in page
    assert "Learning time that you can use" in page and "10 h" in page
    assert "€200.00" in page
    assert "Warmtepompen" in page and "Lassen" in page
    assert "<b>" not in main and "&lt;b&gt;" in main


def test_an_empty_account_says_what_to_do(site: Site) -> None:
    page = site.holder_client(site.world.holder(email="leeg@example.nl")).get("/account")
    assert page.status_code == 200
    assert "There is no budget on your account yet" in page.text


@pytest.mark.parametrize("kind", ["grant", "hold", "settle", "expire"])
def test_each_transaction_tells_where_it_came_from(site: Site, holder: Holder, kind: str) -> None:
    client = site.holder_client(holder)
    transaction_id = transactions(site, kind)
    page = client.get(f"/account/transactions/{transaction_id}")
    assert page.status_code == 200
    assert transaction_id in page.text
    with site.world.database.reading() as session:
        assert session.get_one(Transaction, transaction_id).hash.hex() in page.text
    assert "version 1, valid from 1 January 2024" in page.text
    assert 'lang="en"' in page.text
    assert client.get(f"/account/transactions/{transaction_id}?lang=nl").status_code == 200


def test_all_transactions_are_paged_without_gap_or_double(site: Site, holder: Holder) -> None:
    key = site.holder_key(holder)
    everything = site.call(key, "/account/transactions?limit=100").get_json()
    assert everything["next_cursor"] is None
    seen, cursor = [], ""
    while True:
        part = site.call(key, f"/account/transactions?limit=2&cursor={cursor}").get_json()
        seen += part["items"]
        cursor = part["next_cursor"]
        if cursor is None:
            break
    assert seen == everything["items"]
    assert [row["kind"] for row in seen].count("hold") == 2
    days = [row["occurred_on"] for row in seen]
    assert days == sorted(days, reverse=True)
    assert site.holder_client(holder).get("/account/transactions").status_code == 200


@pytest.mark.parametrize("cursor", ["x", "WyJhIiwiYiJd", "WyJub2RhdGUiLCAieCJd", "%00", "é"])
def test_a_bad_cursor_is_refused(site: Site, holder: Holder, cursor: str) -> None:
    key = site.holder_key(holder)
    assert site.call(key, f"/account/transactions?cursor={cursor}").status_code == 400
    client = site.holder_client(holder)
    assert client.get(f"/account/transactions?cursor={cursor}").status_code == 400


def test_a_lot_tells_its_rules_and_all_that_happened(site: Site, holder: Holder) -> None:
    client = site.holder_client(holder)
    lots = site.call(site.holder_key(holder), "/account/lots").get_json()["items"]
    assert len(lots) == 4
    for lot in lots:
        page = client.get(f"/account/lots/{lot['id']}").text
        assert "The rules of this budget" in page
        assert "<dt>Funder</dt><dd>" in page and lot["funder_name"] in page
    assert client.get("/account/lots").status_code == 200


def test_what_a_scheme_built_up_is_one_row_that_opens(site: Site) -> None:
    world = site.world
    holder = world.holder(email="noor@example.nl")
    scheme = world.scheme(name="Leerrecht")
    items = [
        lots.Credit(holder.account_id, 5_000, "accrual", f"acr_{month}") for month in range(24)
    ]
    world.do(SYSTEM, lots.credit, scheme.id, items)
    world.lot(holder, 1_000, scheme)
    client = site.holder_client(holder)
    page = client.get("/account/lots").text
    assert page.count('<th scope="row">') == 2 and "24 amounts, built up from " in page
    assert "€1,200.00" in page and "€10.00" in page
    assert f'href="/account/lots?scheme={scheme.id}"' in page
    apart = client.get(f"/account/lots?scheme={scheme.id}").text
    assert apart.count('<th scope="row">') == 25


def test_what_is_somebody_elses_is_absent(site: Site, holder: Holder) -> None:
    other = site.world.holder("Iemand Anders", email="ander@example.nl")
    client, key = site.holder_client(other), site.holder_key(other)
    lots = site.call(site.holder_key(holder), "/account/lots").get_json()["items"]
    foreign = transactions(site, "hold")
    for path in (f"/account/transactions/{foreign}", f"/account/lots/{lots[0]['id']}"):
        assert client.get(path).status_code == 404
        assert client.get(path[:-3] + "zzz").status_code == 404
    answer = site.call(key, f"/account/transactions/{foreign}")
    unknown = site.call(key, "/account/transactions/txn_unknown")
    assert (answer.status_code, answer.get_json()) == (404, unknown.get_json())
    assert site.call(key, "/account/lots").get_json()["items"] == []
    for path in ("/operator/journal", f"/operator/journal/{foreign}", "/operator/users"):
        assert client.get(path).status_code == 403
    assert site.call(key, "/journal").status_code == 403


def test_the_api_tells_who_balances_and_receipts(site: Site, holder: Holder) -> None:
    key = site.holder_key(holder)
    me = site.call(key, "/me").get_json()
    assert (me["role"], me["account_id"]) == ("holder", holder.account_id)
    account = site.call(key, "/account").get_json()
    euros, minutes = account["balances"]
    assert account["number"] == holder.number
    assert (euros["unit"], euros["spent"], euros["held"]) == ("EUR", 50_000, 60_000)
    assert minutes == {"unit": "MIN", "available": 0, "held": 0, "spent": 600, "expired": 0}
    settle = transactions(site, "settle")
    shown = site.call(key, f"/account/transactions/{settle}").get_json()
    assert shown["receipt"]["id"] == settle and len(shown["receipt"]["hash"]) == 64
    assert sum(line["amount"] for line in shown["postings"]) == 0
    assert [(e["unit"], e["spent"]) for e in shown["effects"]] == [("EUR", 50_000), ("MIN", 600)]
    assert site.app.test_client().get("/api/v1/account").status_code == 401


def test_a_consent_code_is_shown_once_and_can_be_withdrawn(site: Site) -> None:
    holder = site.world.holder(email="code@example.nl")
    client = site.holder_client(holder)
    token = csrf_token(client, "/account/consent-codes")
    page = client.post("/account/consent-codes", data={"csrf_token": token}).text
    code = page.split('<p class="big"><code>')[1].split("<")[0]
    assert len(code) == 9
    again = client.get("/account/consent-codes").text
    assert code not in again and "Open" in again
    (made,) = site.call(site.holder_key(holder), "/account/consent-codes").get_json()["items"]
    path = f"/account/consent-codes/{made['id']}/withdraw"
    assert client.post(path, data={"csrf_token": token}).status_code == 303
    assert "Withdrawn" in client.get("/account/consent-codes").text
    assert client.post(path, data={"csrf_token": token}).status_code == 404
    assert client.post("/account/consent-codes").status_code == 400  # no token


def test_codes_by_api(site: Site) -> None:
    key = site.holder_key(site.world.holder(email="code@example.nl"))
    made = site.call(key, "/account/consent-codes", "POST")
    assert made.status_code == 201 and len(made.get_json()["code"]) == 9
    (listed,) = site.call(key, "/account/consent-codes").get_json()["items"]
    assert listed["state"] == "open" and "code" not in listed
    path = f"/account/consent-codes/{listed['id']}"
    other = site.holder_key(site.world.holder(email="ander@example.nl"))
    assert site.call(other, path, "DELETE").status_code == 404
    assert site.call(key, path, "DELETE").status_code == 204
    assert site.call(key, path, "DELETE").status_code == 404


def test_the_operator_sees_the_journal_without_names(site: Site, holder: Holder) -> None:
    client, key = site.operator()
    page = client.get("/operator/journal").text
    hold = transactions(site, "hold")
    assert hold in page and "Noor Bakker" not in page
    entry = client.get(f"/operator/journal/{hold}").text
    assert holder.number in entry and "Noor Bakker" not in entry
    assert client.get("/operator/journal/txn_unknown").status_code == 404
    only = client.get("/operator/journal?kind=settle").text
    assert transactions(site, "settle") in only and hold not in only
    assert client.get("/operator/journal?kind=nonsense").status_code == 400
    listed = site.call(key, "/journal?kind=hold&limit=1").get_json()
    assert listed["items"][0]["id"] == hold
    rest = site.call(key, f"/journal?kind=hold&cursor={listed['next_cursor']}").get_json()
    assert len(rest["items"]) == 1 and rest["next_cursor"] is None
    assert sum(p["amount"] for p in site.call(key, f"/journal/{hold}").get_json()["postings"]) == 0
    assert site.call(key, "/journal?kind=x").status_code == 400
    assert site.call(key, "/account").status_code == 403


def test_the_operator_adds_a_user(site: Site) -> None:
    client, _ = site.operator()
    provider = site.world.provider("Vakcentrum")
    token = csrf_token(client, "/operator/users")
    answers = {
        "csrf_token": token,
        "name": "Jan Jansen",
        "email": "jan@example.nl",
        "password": PASSWORD,
        "role": "provider",
        "organisation": provider.id,
    }
    empty = client.post("/operator/users", data={"csrf_token": token})
    assert empty.status_code == 400 and empty.text.count("Fill this in.") >= 5
    wrong = client.post("/operator/users", data={**answers, "role": "funder"})
    assert wrong.status_code == 400 and "needs an organisation of its kind" in wrong.text
    assert "jan@example.nl" in wrong.text and PASSWORD not in wrong.text
    assert client.post("/operator/users", data=answers).status_code == 303
    assert "Jan Jansen" in client.get("/operator/users").text
    twice = client.post("/operator/users", data=answers)
    assert twice.status_code == 409 and "is there" in twice.text
    site.client("jan@example.nl")
