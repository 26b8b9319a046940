"""Signing in, staying in, and being out again: sessions, the role guard, CSRF, onward addresses."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from ledger.web import auth
from tests.integration.web_shell import PASSWORD, STAFF, People, build, csrf_token, sign_in

SESSION = "leerrekening-session"

FOREIGN = [
    "https://evil.example",
    "http:evil.example",
    "//evil.example",
    "///evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r/evil.example",
    "\t//evil.example",
    " //evil.example",
    "/ /evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\\/evil.example",
    "/.//evil.example",
    "/a//evil.example",
    "/\x00/evil.example",
    "/\x85/evil.example",
    "/\u00a0/evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "account",
    "",
]


@pytest.fixture
def people() -> People:
    return People()


@pytest.fixture
def app(people: People) -> Flask:
    return build(people)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.mark.parametrize("target", FOREIGN)
def test_onward_addresses_stay_on_this_site(client: FlaskClient, target: str) -> None:
    assert auth.safe_next(target, "/fallback") == "/fallback"
    assert sign_in(client, next=target.replace("\x00", "")) == "/"


@pytest.mark.parametrize("target", ["/", "/account", "/account?x=1&y=2", "/a/b#c", "/zo%C3%AB"])
def test_local_onward_addresses_are_kept(client: FlaskClient, target: str) -> None:
    assert sign_in(client, next=target) == target


def test_a_visitor_is_asked_to_sign_in_and_comes_back(client: FlaskClient) -> None:
    answer = client.get("/account?year=2026")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/sign-in?next=/account?year%3D2026"
    page = client.get(answer.headers["Location"]).text
    assert 'name="next" value="/account?year=2026"' in page
    assert sign_in(client, next="/account?year=2026") == "/account?year=2026"
    assert client.get("/account").text == "account of acc_1"


def test_another_role_is_refused(client: FlaskClient) -> None:
    sign_in(client, "jan@example.nl")
    answer = client.get("/account", headers={"Accept-Language": "en"})
    assert answer.status_code == 403
    assert "You may not do this" in answer.text


def test_an_endpoint_without_roles_answers_nobody(client: FlaskClient) -> None:
    for email in (None, "samira@example.nl"):
        if email:
            sign_in(client, email)
        answer = client.get("/forgotten")
        assert answer.status_code == 500
        assert "nobody declared" not in answer.text


def test_every_endpoint_of_the_shell_declares_roles(app: Flask) -> None:
    undeclared = [
        rule.endpoint
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"OPTIONS"}
        if auth.declared_roles(app.view_functions[rule.endpoint], method) is None
    ]
    assert set(undeclared) == {"static", "forgotten"}


def test_roles_that_do_not_exist_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="wizard"):
        auth.roles("wizard")
    with pytest.raises(ValueError, match="not roles"):
        auth.roles()


def test_a_copied_cookie_is_dead_after_signing_out(app: Flask, client: FlaskClient) -> None:
    sign_in(client)
    stolen = client.get_cookie(SESSION)
    assert stolen is not None
    client.post("/sign-out", data={"csrf_token": csrf_token(client, "/")})
    thief = app.test_client()
    thief.set_cookie(SESSION, stolen.value)
    assert thief.get("/account").status_code == 303


def test_changing_the_password_ends_every_session(app: Flask, client: FlaskClient) -> None:
    elsewhere = app.test_client()
    sign_in(elsewhere)
    sign_in(client)
    answer = client.post(
        "/password",
        data={
            "old_password": PASSWORD,
            "password": "nog een langer wachtwoord",
            "again": "nog een langer wachtwoord",
            "csrf_token": csrf_token(client, "/password"),
        },
    )
    assert answer.status_code == 303
    assert client.get("/account").status_code == 303
    assert elsewhere.get("/account").status_code == 303


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"old_password": "wrong"}, "old_password"),
        ({"password": "short", "again": "short"}, "password"),
        ({"again": "something else altogether"}, "again"),
        ({"old_password": ""}, "old_password"),
    ],
)
def test_a_password_that_will_not_do_is_explained_at_its_field(
    client: FlaskClient, people: People, given: dict[str, str], field: str
) -> None:
    sign_in(client)
    new = "nog een langer wachtwoord"
    form = {"old_password": PASSWORD, "password": new, "again": new}
    answer = client.post(
        "/password", data={**form, **given, "csrf_token": csrf_token(client, "/password")}
    )
    assert answer.status_code in (400, 403)
    assert f'id="{field}-error"' in answer.text
    assert f'href="#{field}"' in answer.text
    assert people.password == PASSWORD
    assert PASSWORD not in answer.text


def test_signing_in_makes_a_new_session_and_ends_the_old(
    client: FlaskClient, people: People
) -> None:
    client.set_cookie(SESSION, "chosen-by-somebody-else")
    sign_in(client)
    first = client.get_cookie(SESSION)
    assert first is not None
    assert first.value != "chosen-by-somebody-else"
    client.post("/sign-out", data={"csrf_token": csrf_token(client, "/")})
    sign_in(client)
    second = client.get_cookie(SESSION)
    assert second is not None
    assert second.value != first.value
    assert people.sessions[first.value] is None


def test_what_a_visitor_left_in_the_form_cookie_is_gone_after_signing_in(
    client: FlaskClient,
) -> None:
    before = csrf_token(client)
    sign_in(client)
    assert client.post("/sign-out", data={"csrf_token": before}).status_code == 400


def test_a_wrong_password_says_nothing_about_the_address(client: FlaskClient) -> None:
    answers = []
    for email in ("samira@example.nl", "nobody@example.nl"):
        token = csrf_token(client)
        answer = client.post(
            "/sign-in", data={"email": email, "password": "wrong", "csrf_token": token}
        )
        answers.append((answer.status_code, answer.text.replace(token, "").replace(email, "")))
    assert answers[0] == answers[1]
    assert answers[0][0] == 403
    assert "wrong" not in answers[0][1].split("<main")[1].replace("field wrong", "")


def test_forms_need_their_token(client: FlaskClient) -> None:
    answer = client.post("/sign-in", data={"email": "samira@example.nl", "password": PASSWORD})
    assert answer.status_code == 400
    assert client.get_cookie(SESSION) is None
    sign_in(client)
    assert client.post("/account").status_code == 400
    assert client.post("/account", data={"csrf_token": "made up"}).status_code == 400
    assert client.post("/sign-out").status_code == 400
    assert client.get("/account").status_code == 200
    assert client.post("/account", data={"csrf_token": csrf_token(client, "/")}).text == "changed"


def test_signing_out_needs_a_form(client: FlaskClient) -> None:
    sign_in(client)
    assert client.get("/sign-out").status_code == 405
    assert client.get("/account").status_code == 200


def test_a_person_with_several_roles_switches(client: FlaskClient, people: People) -> None:
    sign_in(client, "jan@example.nl")
    before = client.get_cookie(SESSION)
    answer = client.post(
        "/role", data={"membership": "mem_2", "csrf_token": csrf_token(client, "/")}
    )
    assert answer.status_code == 303
    after = client.get_cookie(SESSION)
    assert before is not None
    assert after is not None
    assert people.sessions[before.value] is None
    person = people.sessions[after.value]
    assert person is not None
    assert person.role == "operator"
    answer = client.post(
        "/role", data={"membership": "mem_9", "csrf_token": csrf_token(client, "/")}
    )
    assert answer.status_code == 404


def test_each_door_takes_its_own_proof_only(client: FlaskClient) -> None:
    bearer = {"Authorization": "Bearer key-worker"}
    assert client.get("/account", headers=bearer).status_code == 303
    sign_in(client)
    assert client.post("/api/v1/purchases", json={"amount_cents": 1}).status_code == 401
    answer = client.post("/api/v1/purchases", json={"amount_cents": 1}, headers=bearer)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic a2V5LXdvcmtlcg==", "Bearer nothing", "Bearer k\xe9y"],
)
def test_without_a_good_key_the_api_answers_401(client: FlaskClient, header: str) -> None:
    answer = client.post(
        "/api/v1/purchases", json={"amount_cents": 1}, headers={"Authorization": header}
    )
    assert answer.status_code == 401
    assert answer.mimetype == "application/problem+json"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_key_of_another_role_is_refused(client: FlaskClient) -> None:
    answer = client.post(
        "/api/v1/purchases",
        json={"amount_cents": 1},
        headers={"Authorization": "Bearer key-staff"},
    )
    assert answer.status_code == 403
    assert STAFF.name not in answer.text


@pytest.mark.parametrize("value", ["", "né", "x" * 4000, "token-99"])
def test_odd_session_cookies_are_visitors(client: FlaskClient, value: str) -> None:
    answer = client.get("/account", headers={"Cookie": f"{SESSION}={value}"})
    assert answer.status_code == 303


def test_cookies_are_guarded_with_https() -> None:
    client = build(https=True).test_client()
    base = "https://localhost"
    page = client.get("/sign-in", base_url=base)
    token = page.text.split('name="csrf_token" value="')[1].split('"')[0]
    answer = client.post(
        "/sign-in",
        base_url=base,
        data={"email": "samira@example.nl", "password": PASSWORD, "csrf_token": token},
        headers={"Referer": f"{base}/sign-in"},
    )
    cookies = answer.headers.getlist("Set-Cookie")
    assert any(cookie.startswith("__Host-leerrekening-session=") for cookie in cookies)
    for cookie in cookies:
        assert cookie.startswith("__Host-")
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
        assert "Domain" not in cookie
    assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]
