"""Credentials from issue to withdrawal, and who gets to see them: on pages, as PDF, by API."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pypdf import PdfReader
from sqlalchemy import text

from ledger import web
from ledger.accounts import history, organisations, people
from ledger.certificates import api, issuing, queries, views
from ledger.certificates.models import Credential
from ledger.db import SYSTEM, Database, Work
from ledger.errors import AlreadyDone, Invalid, NotFound
from ledger.web.auth import Principal
from tests.integration.web_shell import People, csrf_token, sign_in
from tests.unit.certificate_samples import sample

NOW = datetime(2026, 5, 13, 22, 30, tzinfo=UTC)  # past midnight in Amsterdam
NASTY = "<b>Jan</b> <img src=x> محمد"


@dataclass(frozen=True)
class Parties:
    """Two holders and two providers; ``credential_id`` is of the first of each."""

    holder: str
    other_holder: str
    provider: str
    other_provider: str
    credential_id: str
    token: str


@pytest.fixture
def parties(database: Database) -> Parties:
    with database.work(SYSTEM, NOW) as work:
        holders = [
            people.open_account(work, people.register(work, name).id).id
            for name in ("Samira de Vries", "Bo Jansen")
        ]
        providers = [
            organisations.admit(work, "provider", name).id for name in ("Vakcentrum", "Ander")
        ]
        credential = _issue_in(work, holders[0], providers[0])
    return Parties(
        holders[0], holders[1], providers[0], providers[1], credential.id, credential.token
    )


def _issue_in(
    work: Work,
    account_id: str,
    provider_id: str,
    enrolment_id: str = "enr_1",
    /,
    **changes: Any,
) -> Credential:
    return issuing.issue(
        work,
        enrolment_id=enrolment_id,
        account_id=account_id,
        provider_id=provider_id,
        course_id="crs_1",
        content=sample(**changes),
    )


def test_issuing_keeps_the_snapshot_and_its_history(database: Database, parties: Parties) -> None:
    with database.reading() as session:
        found = queries.of_holder(session, parties.credential_id, parties.holder)
        events = history.of(session, parties.credential_id)
        assert queries.of_enrolment(session, "enr_1") == found
        assert queries.of_enrolment(session, "enr_2") is None
    assert found.id.startswith("crd_")
    assert found.content.credential_id == found.id
    assert found.content.learner_name == "Samira de Vries"
    assert found.content.issued_on.isoformat() == "2026-05-14"  # the date in Amsterdam
    assert len(found.token) >= 22
    assert found.is_valid
    assert [event.kind for event in events] == ["issued"]


def test_an_enrolment_gets_one_credential(database: Database, parties: Parties) -> None:
    with pytest.raises(AlreadyDone), database.work(SYSTEM) as work:
        _issue_in(work, parties.holder, parties.provider)


def test_of_many_at_once_one_is_issued(database: Database, parties: Parties) -> None:
    outcomes: list[str] = []

    def attempt() -> None:
        try:
            database.perform(SYSTEM, _issue_in, parties.holder, parties.provider, "enr_race")
            outcomes.append("issued")
        except AlreadyDone:
            outcomes.append("already")

    threads = [threading.Thread(target=attempt) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["already"] * 5 + ["issued"]


def test_what_annex_1_asks_must_be_there(database: Database, parties: Parties) -> None:
    with pytest.raises(Invalid) as caught, database.work(SYSTEM) as work:
        _issue_in(
            work,
            parties.holder,
            parties.provider,
            "enr_2",
            learning_outcomes=(),
            quality_assurance="",
        )
    assert set(caught.value.field_errors) == {"learning_outcomes", "quality_assurance"}


def test_a_name_that_cannot_be_printed_is_refused(database: Database, parties: Parties) -> None:
    with pytest.raises(Invalid) as caught, database.work(SYSTEM) as work:
        _issue_in(work, parties.holder, parties.provider, "enr_2", learner_name="김철수")
    assert "learner_name" in caught.value.field_errors
    with database.reading() as session:
        assert queries.of_enrolment(session, "enr_2") is None


def test_withdrawing_keeps_the_credential_and_says_why(
    database: Database, parties: Parties
) -> None:
    with database.work(SYSTEM, NOW) as work:
        issuing.revoke(work, parties.credential_id, reason="fraud", provider_id=parties.provider)
    with database.reading() as session:
        found = queries.by_token(session, parties.token)
        assert (found.status, found.revocation_reason, found.revoked_at) == (
            "revoked",
            "fraud",
            NOW,
        )
        assert [event.kind for event in history.of(session, found.id)] == ["issued", "revoked"]
    with pytest.raises(AlreadyDone), database.work(SYSTEM) as work:
        issuing.revoke(work, parties.credential_id, reason="error")


def test_only_its_provider_withdraws_and_only_with_a_reason(
    database: Database, parties: Parties
) -> None:
    with pytest.raises(NotFound), database.work(SYSTEM) as work:
        issuing.revoke(
            work, parties.credential_id, reason="error", provider_id=parties.other_provider
        )
    with pytest.raises(NotFound), database.work(SYSTEM) as work:
        issuing.revoke(work, "crd_nobody", reason="error")
    for reason in ("", "superseded", "whim"):
        with pytest.raises(Invalid), database.work(SYSTEM) as work:
            issuing.revoke(work, parties.credential_id, reason=reason)
    with database.reading() as session:
        assert queries.credential(session, parties.credential_id).is_valid


def test_somebody_elses_credential_does_not_exist(database: Database, parties: Parties) -> None:
    with database.reading() as session:
        for account in (parties.other_holder, None):
            with pytest.raises(NotFound):
                queries.of_holder(session, parties.credential_id, account)
        for provider in (parties.other_provider, None):
            with pytest.raises(NotFound):
                queries.of_provider(session, parties.credential_id, provider)
        assert queries.all_of_holder(session, parties.other_holder).items == ()
    with pytest.raises(NotFound), database.work(SYSTEM) as work:
        issuing.show_name(work, parties.credential_id, account_id=parties.other_holder, shown=False)


def test_lists_go_page_by_page_newest_first(database: Database, parties: Parties) -> None:
    with database.work(SYSTEM) as work:
        for number in range(4):
            _issue_in(work, parties.holder, parties.provider, f"enr_more_{number}")
    seen: list[str] = []
    cursor = None
    with database.reading() as session:
        while True:
            page = queries.all_of_holder(session, parties.holder, cursor, 2)
            seen += [item.id for item in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert len(seen) == len(set(seen)) == 5
        assert seen == sorted(seen, reverse=True)
        with pytest.raises(Invalid):
            queries.all_of_holder(session, parties.holder, "nonsense")


def test_the_database_itself_refuses_half_a_withdrawal(
    database: Database, parties: Parties
) -> None:
    with pytest.raises(Exception, match=r"(?i)check"), database.work(SYSTEM) as work:
        work.session.execute(text("UPDATE credential SET status = 'revoked'"))
    with database.reading() as session:
        assert session.get_one(Credential, parties.credential_id).status == "issued"


class Known(People):
    """People whose API key is the part of their address before the @."""

    def load_key(self, key: str) -> Principal | None:
        return self.by_email.get(f"{key}@example.nl")


@pytest.fixture
def app(database: Database, parties: Parties) -> Flask:
    """The shell with this room, and one person per role and side."""

    def person(name: str, role: str, **ids: str) -> Principal:
        return Principal(f"usr_{name}", name, role, language="en", **ids)  # type: ignore[arg-type]

    everybody = Known(
        by_email={
            "holder@example.nl": person("holder", "holder", account_id=parties.holder),
            "other@example.nl": person("other", "holder", account_id=parties.other_holder),
            "staff@example.nl": person("staff", "provider", organisation_id=parties.provider),
            "rival@example.nl": person("rival", "provider", organisation_id=parties.other_provider),
            "operator@example.nl": person("operator", "operator", organisation_id="org_op"),
        }
    )
    app = Flask("ledger")
    app.config.update(TESTING=True, SECRET_KEY="only for tests", PUBLIC_URL="https://leer.example")
    app.extensions["ledger"] = SimpleNamespace(database=database)
    shell = web.init(app, everybody)
    for blueprint in views.blueprints:
        app.register_blueprint(blueprint)
    for blueprint in api.blueprints:
        shell.register_blueprint(blueprint)
    return app


def as_(app: Flask, who: str) -> FlaskClient:
    client = app.test_client()
    sign_in(client, f"{who}@example.nl")
    return client


def test_the_holder_sees_downloads_and_shares(app: Flask, parties: Parties) -> None:
    client = as_(app, "holder")
    page = client.get("/account/credentials?lang=en")
    assert page.status_code == 200
    assert "Warmtepompen installeren" in page.text
    assert f"/v/{parties.token}" in page.text
    assert "Samira" not in as_(app, "other").get("/account/credentials").text
    for locale, day in (("nl", "12 mei 2026"), ("en", "12 May 2026")):
        answer = client.get(f"/credentials/{parties.credential_id}.pdf?lang={locale}")
        assert answer.mimetype == "application/pdf"
        assert answer.headers["Cache-Control"] == "no-store"
        assert f"-{locale}.pdf" in answer.headers["Content-Disposition"]
        words = PdfReader(BytesIO(answer.data)).pages[0].extract_text()
        assert day in words
        assert f"https://leer.example/v/{parties.token}" in words


def test_a_pdf_in_english_leaves_the_pages_in_dutch(app: Flask, parties: Parties) -> None:
    client = as_(app, "holder")
    client.get("/account/credentials?lang=nl")
    client.get(f"/credentials/{parties.credential_id}.pdf?lang=en")
    assert '<html lang="nl">' in client.get("/account/credentials").text


@pytest.mark.parametrize("path", ["/credentials/{id}.pdf", "/credentials/{id}/revoke"])
@pytest.mark.parametrize("who", ["other", "rival"])
def test_others_find_nothing(app: Flask, parties: Parties, who: str, path: str) -> None:
    status = as_(app, who).get(path.format(id=parties.credential_id)).status_code
    assert status == (403 if who == "other" and "revoke" in path else 404)


def test_the_holder_hides_the_name(app: Flask, parties: Parties) -> None:
    client = as_(app, "holder")
    visitor = app.test_client()
    assert "Samira de Vries" in visitor.get(f"/v/{parties.token}").text
    path = f"/account/credentials/{parties.credential_id}/sharing"
    token = csrf_token(client, "/account/credentials")
    assert client.post(path, data={"csrf_token": token}).status_code == 303
    page = visitor.get(f"/v/{parties.token}?lang=en").text
    assert "Samira" not in page
    assert "does not share the name" in page
    client.post(path, data={"csrf_token": token, "shows_name": "yes"})
    assert "Samira de Vries" in visitor.get(f"/v/{parties.token}").text


def test_the_public_page_tells_no_other_site_and_no_search_engine(
    app: Flask, parties: Parties
) -> None:
    for path, status in ((f"/v/{parties.token}", 200), ("/v/nothing-behind-this", 404)):
        answer = app.test_client().get(path)
        assert answer.status_code == status
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "noindex" in answer.headers["X-Robots-Tag"]
        assert answer.headers["Cache-Control"] == "no-store"
    assert app.test_client().get(f"/v/{parties.token.swapcase()}").status_code == 404


def test_the_public_page_answers_machines_too(app: Flask, parties: Parties) -> None:
    client = app.test_client()
    asked = client.get(f"/v/{parties.token}", headers={"Accept": "application/json"})
    called = client.get(f"/api/v1/verify/{parties.token}")
    assert asked.json == called.json
    assert asked.json is not None
    assert asked.json["valid"] is True
    assert asked.json["learner_name"] == "Samira de Vries"
    assert asked.json["awarded_on"] == "2026-05-12"
    assert parties.holder not in asked.text
    assert client.get("/api/v1/verify/nobody").status_code == 404


@pytest.mark.parametrize("who", ["staff", "operator"])
def test_withdrawing_on_the_page(app: Flask, parties: Parties, who: str) -> None:
    client = as_(app, who)
    path = f"/credentials/{parties.credential_id}/revoke"
    token = csrf_token(client, path)
    refused = client.post(f"{path}?lang=en", data={"csrf_token": token})
    assert refused.status_code == 400
    assert 'href="#reason"' in refused.text
    done = client.post(path, data={"csrf_token": token, "reason": "error"})
    assert done.headers["Location"] == f"/v/{parties.token}"
    page = app.test_client().get(f"/v/{parties.token}?lang=en").text
    assert "not valid any more" in page
    assert "Reason: issued by mistake." in page
    again = client.post(f"{path}?lang=en", data={"csrf_token": token, "reason": "error"})
    assert again.status_code == 409
    assert "withdrawn before" in again.text


def test_the_provider_sees_what_it_issued(app: Flask, parties: Parties) -> None:
    assert "Samira de Vries" in as_(app, "staff").get("/provider/credentials").text
    assert "Samira de Vries" not in as_(app, "rival").get("/provider/credentials").text


def test_names_are_shown_as_typed(app: Flask, database: Database, parties: Parties) -> None:
    with database.work(SYSTEM) as work:
        made = _issue_in(
            work, parties.holder, parties.provider, "enr_nasty", learner_name=NASTY, title=NASTY
        )
    for who, path in (
        ("holder", "/account/credentials"),
        ("staff", "/provider/credentials"),
        ("staff", f"/credentials/{made.id}/revoke"),
        ("holder", f"/v/{made.token}"),
    ):
        page = as_(app, who).get(path)
        assert page.status_code == 200
        assert "<img src=x>" not in page.text
        assert "&lt;img src=x&gt;" in page.text


def test_the_api_gives_each_their_own(app: Flask, parties: Parties) -> None:
    client = app.test_client()

    def call(path: str, key: str | None = None) -> tuple[int, dict[str, object]]:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        answer = client.get(f"/api/v1{path}", headers=headers)
        return answer.status_code, answer.get_json()

    one = f"/credentials/{parties.credential_id}"
    assert call(one)[0] == 401
    assert call(one, "other")[0] == 404
    assert call(one, "rival")[0] == 404
    for key in ("holder", "staff", "operator"):
        status, found = call(one, key)
        assert status == 200
        assert found["id"] == parties.credential_id
        assert found["verify_url"] == f"https://leer.example/v/{parties.token}"
        assert found["pdf_url"] == f"https://leer.example{one}.pdf"
    for key, number in (("holder", 1), ("other", 0), ("staff", 1), ("rival", 0)):
        status, page = call("/credentials?limit=10", key)
        items = page["items"]
        assert status == 200
        assert isinstance(items, list)
        assert len(items) == number
    assert call("/credentials?limit=0", "holder")[0] == 400
