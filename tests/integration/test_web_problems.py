"""What comes in wrong gets a clear answer, in the form and language of whoever asked."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from ledger.batching import OutcomeUnknown
from ledger.errors import DomainError, InsufficientBalance, NotFound
from ledger.messages import N_
from ledger.money import Money
from ledger.web import auth, explanations
from ledger.web.phrases import phrase
from tests.integration.web_shell import Purchase, build

KEY = {"Authorization": "Bearer key-worker"}
PROBLEM = "application/problem+json"


@pytest.fixture
def app() -> Flask:
    app = build()

    @app.get("/api/v1/poor")
    @app.get("/poor")
    @auth.everyone
    def poor() -> str:
        raise InsufficientBalance(N_("You lack %(short)s."), short=Money(123456))

    @app.get("/api/v1/down")
    @app.get("/down")
    @auth.everyone
    def down() -> str:
        raise OperationalError("SELECT secret", {}, Exception("no connection"))

    @app.get("/api/v1/cut")
    @app.get("/cut")
    @auth.everyone
    def cut() -> str:
        raise psycopg.OperationalError("the connection to the secret place is lost")

    @app.post("/api/v1/cut-off")
    @auth.everyone
    def cut_off() -> str:
        raise psycopg.OperationalError("the connection was lost at the end")

    @app.post("/api/v1/stopped")
    @auth.everyone
    def stopped() -> str:
        raise OutcomeUnknown("stopped at the end")

    @app.post("/api/v1/no-room")
    @auth.everyone
    def no_room() -> str:
        raise psycopg.errors.DiskFull("no room")

    @app.get("/api/v1/full")
    @app.get("/full")
    @auth.everyone
    def full() -> str:
        raise sqlite3.OperationalError("database or disk is full: secret.db")

    @app.get("/api/v1/broken")
    @app.get("/broken")
    @auth.everyone
    def broken() -> str:
        raise RuntimeError("secret detail")

    @app.get("/number/<int:number>")
    @auth.everyone
    def number(number: int) -> str:
        return str(number)

    app.config["PROPAGATE_EXCEPTIONS"] = False
    return app


@pytest.fixture
def client(app: Flask) -> Iterator[FlaskClient]:
    with app.test_client() as client:
        yield client


@pytest.mark.parametrize(
    "body",
    [
        '{"amount_cents": NaN}',
        '{"amount_cents": Infinity}',
        '{"amount_cents": 1e999}',
        '{"amount_cents": 1, "amount_cents": 2}',
        '{"amount_cents": 1, "note": "\\ud800"}',
        '{"amount_cents": 1, "note": "\\u0000"}',
        '{"amount_cents": 1, "\\udfff": 1}',
        "[" * 200_000,
        '{"amount_cents": ' + "[" * 100 + "]" * 100 + "}",
        '{"amount_cents": ' + "9" * 5000 + "}",
        "{",
        "nonsense",
        "[]",
        "null",
        '"text"',
        "",
        '{"amount_cents": 1}]',
        "\x00",
    ],
)
def test_malformed_json_is_refused(client: FlaskClient, body: str) -> None:
    answer = client.post(
        "/api/v1/purchases", data=body, content_type="application/json", headers=KEY
    )
    assert answer.status_code == 400
    assert answer.mimetype == PROBLEM


def test_json_in_a_wrong_encoding_is_refused(client: FlaskClient) -> None:
    answer = client.post(
        "/api/v1/purchases",
        data=b'{"amount_cents": 1, "note": "\xff"}',
        content_type="application/json",
        headers=KEY,
    )
    assert answer.status_code == 400


def test_content_that_is_not_json_is_refused(client: FlaskClient) -> None:
    answer = client.post("/api/v1/purchases", data={"amount_cents": "1"}, headers=KEY)
    assert answer.status_code == 415
    assert answer.mimetype == PROBLEM


def test_all_wrong_fields_are_named_at_once_in_the_callers_language(client: FlaskClient) -> None:
    wrong = {"amount_cents": 0, "note": "x" * 30, "extra": 1}
    answer = client.post(
        "/api/v1/purchases", json=wrong, headers={**KEY, "Accept-Language": "nl,en;q=0.5"}
    )
    assert answer.status_code == 400
    problem = answer.get_json()
    assert problem["code"] == "invalid"
    assert problem["status"] == 400
    assert answer.headers["Content-Language"] == "nl"
    assert {error["field"]: error["detail"] for error in problem["errors"]} == {
        "amount_cents": "Vul een getal in van 1 tot en met 9.007.199.254.740.991.",
        "note": "Gebruik hoogstens 20 tekens.",
        "extra": "Dit veld bestaat hier niet.",
    }
    english = client.post(
        "/api/v1/purchases", json=wrong, headers={**KEY, "Accept-Language": "en"}
    ).get_json()
    assert english["errors"][1]["detail"] == "Use at most 20 characters."


@pytest.mark.parametrize("amount", [1.5, "1", True, None, [], {}, -1, 2**53])
def test_amounts_are_whole_numbers_within_bounds(client: FlaskClient, amount: object) -> None:
    answer = client.post("/api/v1/purchases", json={"amount_cents": amount}, headers=KEY)
    assert answer.status_code == 400
    assert answer.get_json()["errors"][0]["field"] == "amount_cents"


def test_a_refusal_is_told_as_a_problem_and_as_a_page(client: FlaskClient) -> None:
    answer = client.get("/api/v1/poor", headers={"Accept-Language": "en"})
    assert answer.status_code == 409
    problem = answer.get_json()
    assert problem["code"] == "insufficient-balance"
    assert problem["title"] == "There is not enough money for this"
    assert problem["detail"] == "You lack €1,234.56."
    assert client.get(problem["type"]).status_code == 200
    page = client.get("/poor", headers={"Accept-Language": "en"})
    assert page.status_code == 409
    assert page.mimetype == "text/html"
    assert "You lack €1,234.56." in page.text


def test_failures_tell_nothing_of_the_inside(client: FlaskClient) -> None:
    for path, status in (("/down", 503), ("/cut", 503), ("/full", 503), ("/broken", 500)):
        for prefix in ("", "/api/v1"):
            answer = client.get(prefix + path)
            assert answer.status_code == status
            assert "secret" not in answer.text
            assert "Traceback" not in answer.text
            assert (answer.mimetype == PROBLEM) == bool(prefix)
    waits = {int(client.get("/api/v1/down").headers["Retry-After"]) for _ in range(30)}
    assert 5 <= min(waits) < max(waits) <= 20, "all would come back together"


@pytest.mark.parametrize(
    ("path", "code"),
    [("cut-off", "outcome-unknown"), ("stopped", "outcome-unknown"), ("no-room", "busy")],
)
def test_a_change_that_may_be_kept_is_not_said_to_be_undone(
    client: FlaskClient, path: str, code: str
) -> None:
    answer = client.post(f"/api/v1/{path}", headers=KEY)
    assert (answer.status_code, answer.get_json()["code"]) == (503, code)
    assert ("niets veranderd" in answer.get_json()["detail"]) == (code == "busy")


def test_an_outage_page_does_not_ask_the_database_who_is_there(client: FlaskClient) -> None:
    def fail(token: str) -> None:
        raise OperationalError("SELECT secret", {}, Exception("no connection"))

    client.application.extensions["ledger_backend"].load_session = fail
    client.set_cookie("leerrekening-session", "token-0")
    for path in ("/account", "/"):
        assert client.get(path).status_code == 503


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nothing", 404),
        ("/nothing%00", 404),
        ("/problems/%00", 404),
        ("/problems/%ED%A0%80", 404),
        ("/?x=%00", 400),
        ("/?x=%ED%A0%80", 200),
        ("/number/12", 200),
        ("/number/" + "9" * 5000, 404),
        ("/number/%EF%BC%91", 404),
        ("/number/1_000", 404),
        ("/?lang=xx", 200),
        ("/?lang=../../etc", 200),
    ],
)
def test_odd_addresses(client: FlaskClient, path: str, status: int) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.mimetype == "text/html"


def test_the_api_answers_404_and_405_as_problems(client: FlaskClient) -> None:
    assert client.get("/api/v1/nothing").mimetype == PROBLEM
    answer = client.get("/api/v1/purchases")
    assert answer.status_code == 405
    assert answer.mimetype == PROBLEM
    assert "POST" in answer.headers["Allow"]
    page = client.post("/problems/invalid")
    assert page.status_code in (400, 405)
    assert page.mimetype == "text/html"


def test_too_much_is_refused(app: Flask, client: FlaskClient) -> None:
    assert app.config["MAX_CONTENT_LENGTH"] == 25 * 1024 * 1024
    app.config["MAX_CONTENT_LENGTH"] = 1000
    answer = client.post("/api/v1/purchases", json={"note": "x" * 2000}, headers=KEY)
    assert answer.status_code == 413
    assert answer.mimetype == PROBLEM
    page = client.post("/sign-in", data={"email": "x" * 2000})
    assert page.status_code == 413
    assert page.mimetype == "text/html"


def test_every_kind_of_problem_has_a_page(client: FlaskClient) -> None:
    kinds: list[type[DomainError]] = [DomainError]
    for kind in kinds:
        kinds.extend(kind.__subclasses__())
        assert client.get(f"/problems/{kind('').code}").status_code == 200
    for code in explanations.ALL:
        assert client.get(f"/problems/{code}").status_code == 200
    assert client.get("/problems/no-such-thing").status_code == 404


def test_a_kind_without_words_of_its_own_takes_those_of_the_kind_above() -> None:
    class VerySpecial(NotFound):
        pass

    found = explanations.for_error(VerySpecial(""))
    assert found.code == "very-special"
    assert found.title == explanations.ALL["not-found"].title
    assert explanations.find("very-special") == found


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("Must be greater than 0.", "Give a number above 0."),
        ("Must be less than or equal to 10.", "Give a number of at most 10."),
        ("Shorter than minimum length 3.", "Use at least 3 characters."),
        ("Length must be between 3 and 5.", "Use 3 to 5 characters."),
        ("Must be one of: nl, en.", "Choose one of: nl, en."),
        ("What a schema of ours says.", "What a schema of ours says."),
    ],
)
def test_the_librarys_words_become_ours(text: str, ours: str) -> None:
    assert str(phrase(text)) == ours


def test_the_api_describes_itself(client: FlaskClient) -> None:
    answer = client.get("/api/v1/openapi.json")
    assert answer.status_code == 200
    described = answer.get_json()
    assert described["openapi"].startswith("3.1")
    assert described["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    call = described["paths"]["/api/v1/purchases"]["post"]
    assert "400" in call["responses"]
    assert Purchase.__name__ in str(call["requestBody"])
