"""Seals and proofs as everybody sees them: the API, the public pages, the pages of transactions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from ledger import config, create_app
from ledger.accounts import organisations, users
from ledger.accounts.models import Transaction
from ledger.accounts.seals import offline
from ledger.db import SYSTEM, Database
from tests.factories import PASSWORD, Holder
from tests.integration.proving import ANY_HASH, UNKNOWN, Log, checked, four_seals
from tests.integration.web_shell import csrf_token


@pytest.fixture
def log(database: Database, tmp_path: Path) -> Log:
    return four_seals(database, tmp_path)


class Site:
    """The whole application on a log."""

    def __init__(self, log: Log, folder: Path) -> None:
        settings = config.load({"LEERREKENING_INSTANCE_PATH": str(folder)})
        self.log = log
        self.app: Flask = create_app(replace(settings, secret_key="only for tests"), log.database)
        self.app.testing = True

    def get(self, path: str, **query: Any) -> TestResponse:
        """Open a page or call as nobody in particular, in English."""
        return self.app.test_client().get(path, query_string={**query, "lang": "en"})

    def call(self, path: str, accept: str = "application/json", **query: Any) -> TestResponse:
        """Call the API without a key."""
        headers = {"Accept": accept, "Accept-Language": "en"}
        return self.app.test_client().get(f"/api/v1{path}", query_string=query, headers=headers)

    def browser(self, email: str) -> FlaskClient:
        """Return a browser in which somebody is signed in, in English."""
        client = self.app.test_client()
        client.get("/?lang=en")
        given = {"email": email, "password": PASSWORD, "csrf_token": csrf_token(client)}
        assert client.post("/sign-in", data=given).status_code == 303
        return client


@pytest.fixture
def site(log: Log, tmp_path: Path) -> Iterator[Site]:
    yield Site(log, tmp_path / "instance")


def test_the_api_gives_a_proof_to_whoever_holds_the_receipt(site: Site) -> None:
    first, second = site.log.verifiers()
    id_, hashed = site.log.receipts()[1]
    answer = site.call(f"/transactions/{id_}/proof", hash=hashed.upper())
    assert answer.status_code == 200
    assert isinstance(checked(answer.get_json(), first), offline.Included)
    assert isinstance(offline.verify(answer.data, [second], hashed), offline.Included)
    old = site.call(f"/transactions/{id_}/proof", hash=hashed, size=site.log.sizes[0])
    shown = checked(old.get_json(), first)
    assert isinstance(shown, offline.Included)
    assert shown.checkpoint.size == site.log.sizes[0]


def test_the_api_does_not_tell_a_stranger_which_transactions_there_are(site: Site) -> None:
    id_, _ = site.log.receipts()[1]
    wrong = site.call(f"/transactions/{id_}/proof", hash=ANY_HASH)
    nobodys = site.call(f"/transactions/{UNKNOWN}/proof", hash=ANY_HASH)
    assert (wrong.status_code, wrong.data) == (404, nobodys.data)
    for hashed in (None, "", "00", "g" * 64, f"{ANY_HASH}\n"):
        answer = site.call(f"/transactions/{id_}/proof", hash=hashed)
        assert answer.status_code == 400
        assert answer.get_json()["errors"][0]["field"] == "hash"


def test_the_api_says_that_a_transaction_waits_for_its_seal(site: Site) -> None:
    [id_] = site.log.posted.post()
    answer = site.call(f"/transactions/{id_}/proof", hash=dict(site.log.receipts())[id_])
    assert answer.status_code == 409
    assert answer.get_json()["code"] == "not-sealed"
    assert "try again" in answer.get_json()["detail"]


def test_the_api_lists_seals_by_the_page(site: Site) -> None:
    page = site.call("/seals", limit=1).get_json()
    items = page["items"]
    while page["next_cursor"]:
        page = site.call("/seals", limit=1, cursor=page["next_cursor"]).get_json()
        items += page["items"]
    assert [item["size"] for item in items] == site.log.sizes[::-1]
    assert set(items[0]) == {"size", "root", "sealed_at", "key_id"}


def test_the_api_shows_a_seal_and_its_signed_text(site: Site) -> None:
    first, second = site.log.verifiers()
    latest = site.call("/seals/latest").get_json()
    assert (latest["size"], latest["key_id"]) == (site.log.sizes[-1], second.id)
    assert site.call(f"/seals/{latest['size']}").get_json() == latest
    for path in ("/seals/latest", f"/seals/{latest['size']}"):
        text = site.call(path, accept="text/plain")
        assert (text.mimetype, text.text) == ("text/plain", latest["note"])
    for size in (4, 10**40):
        assert site.call(f"/seals/{size}").status_code == 404
    assert site.call(f"/seals/{site.log.sizes[0]}").get_json()["key_id"] == first.id


def test_the_api_proves_that_the_log_only_grew(site: Site) -> None:
    first, _ = site.log.verifiers()
    old, new = site.log.sizes[0], site.log.sizes[2]
    shown = checked(site.call("/seals/consistency", old=old, new=new).get_json(), first)
    assert isinstance(shown, offline.Grown)
    assert site.call("/seals/consistency", old=old).get_json()["new_size"] == site.log.sizes[-1]
    assert site.call("/seals/consistency", old=new, new=old).status_code == 409
    assert site.call("/seals/consistency", old=4).status_code == 404
    for wrong in ({}, {"old": "x"}, {"old": 0}, {"old": 10**30}, {"old": old, "new": -1}):
        assert site.call("/seals/consistency", **wrong).status_code == 400


def test_the_api_publishes_the_keys(site: Site) -> None:
    items = site.call("/seal-keys").get_json()["items"]
    assert [item["verifier_key"] for item in items] == [key.line for key in site.log.verifiers()]
    assert "replaces" in items[1]["note"]


def test_nothing_public_says_who_did_what(site: Site) -> None:
    id_, hashed = site.log.receipts()[0]
    texts = [
        site.call("/seals").text,
        site.call("/seals/latest").text,
        site.call("/seals/consistency", old=site.log.sizes[0]).text,
        site.call(f"/transactions/{id_}/proof", hash=hashed).text,
        site.get("/seals").text,
    ]
    ids = {other for other, _ in site.log.receipts()} - {id_}
    for text in texts:
        assert not any(other in text for other in ids)
        assert site.log.posted.scheme_id not in text


def test_the_page_checks_a_receipt(site: Site) -> None:
    id_, hashed = site.log.receipts()[2]
    page = site.get("/seals", id=f" {id_} ", hash=hashed)
    assert page.status_code == 200
    assert "This transaction is in the log" in page.text
    assert f"/seals/proof?id={id_}&amp;hash={hashed}" in page.text
    [waiting] = site.log.posted.post()
    page = site.get("/seals", id=waiting, hash=dict(site.log.receipts())[waiting])
    assert "This transaction is not sealed yet" in page.text


@pytest.mark.parametrize(
    ("id_", "hashed", "status", "said"),
    [
        (UNKNOWN, ANY_HASH, 404, "There is no transaction with this number and fingerprint."),
        (UNKNOWN, "00", 400, "A fingerprint has 64 characters"),
        ("", "", 400, "This is not right yet"),
        ("x" * 65, ANY_HASH, 400, "This is not right yet"),
        ("<b>\0", ANY_HASH, 400, "We could not read this request"),
    ],
)
def test_the_page_tells_what_is_not_right(
    site: Site, id_: str, hashed: str, status: int, said: str
) -> None:
    page = site.get("/seals", id=id_, hash=hashed)
    assert page.status_code == status
    assert said in page.text
    assert "<b>" not in page.text


def test_the_page_shows_seals_and_keys(site: Site) -> None:
    page = site.get("/seals")
    for size in site.log.sizes:
        assert f'href="/seals/{size}"' in page.text
    for key in site.log.verifiers():
        assert key.line in page.text
    assert site.get(f"/seals/{site.log.sizes[0]}").mimetype == "text/plain"
    assert offline.keys(site.get("/seals/keys").text) == site.log.verifiers()
    assert site.get("/seals/4").status_code == 404


def test_the_page_works_before_the_first_seal(database: Database, tmp_path: Path) -> None:
    empty = Site(Log(database, tmp_path), tmp_path / "instance")
    page = empty.get("/seals")
    assert page.status_code == 200
    assert "There is no seal yet" in page.text
    assert empty.get("/seals/keys").text == ""
    assert empty.call("/seals/latest").status_code == 404


def test_a_proof_is_a_file_to_keep(site: Site) -> None:
    id_, hashed = site.log.receipts()[2]
    answer = site.get("/seals/proof", id=id_, hash=hashed)
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{id_}.proof.json"'
    shown = offline.verify(answer.data, site.log.verifiers()[:1], hashed)
    assert isinstance(shown, offline.Included)
    assert site.get("/seals/proof", id=id_, hash=ANY_HASH).status_code == 404
    assert site.get("/seals/proof").status_code == 400


@pytest.fixture
def holder(site: Site) -> Holder:
    """Somebody with money of a funder who signs in, and an operator."""
    world = site.log.world
    holder = world.holder(email="noor@example.nl")
    scheme = world.scheme()
    world.lot(holder, 5_000, scheme)
    staff = "fonds@example.nl"
    world.do(SYSTEM, users.add_user, staff, "Anna", PASSWORD, "funder", scheme.funder_id)
    house = world.do(SYSTEM, organisations.admit, "operator", "Beheer")
    world.do(SYSTEM, users.add_user, "beheer@example.nl", "Els", PASSWORD, "operator", house.id)
    return holder


def test_whoever_sees_a_transaction_gets_its_proof(site: Site, holder: Holder) -> None:
    with site.log.database.reading() as session:
        grant = session.scalars(select(Transaction).where(Transaction.kind == "grant")).one()
    pages = {
        "noor@example.nl": f"/account/transactions/{grant.id}",
        "fonds@example.nl": f"/audit/transactions/{grant.id}",
        "beheer@example.nl": f"/operator/journal/{grant.id}",
    }
    browsers = {email: site.browser(email) for email in pages}
    for email, path in pages.items():
        assert "Not sealed yet" in browsers[email].get(path).text
    site.log.world.now = max(site.log.world.now, grant.recorded_at) + timedelta(seconds=1)
    site.log.seal()
    proof = f"/seals/proof?id={grant.id}&amp;hash={grant.hash.hex()}"
    for email, path in pages.items():
        page = browsers[email].get(path).text
        assert "Not sealed yet" not in page
        assert f'href="{proof}"' in page
    content = site.get("/seals/proof", id=grant.id, hash=grant.hash.hex()).data
    shown = offline.verify(content, site.log.verifiers()[:1], grant.hash.hex())
    assert isinstance(shown, offline.Included)
