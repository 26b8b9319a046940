"""The pages of the shell: headers, languages, forms, building blocks, the menu, health."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from flask import Flask, render_template_string
from flask.testing import FlaskClient
from markupsafe import Markup
from marshmallow import Schema, fields, validate
from werkzeug.datastructures import MultiDict

from ledger.errors import Invalid
from ledger.web import auth, forms, health, navigation
from tests.integration.web_shell import build, sign_in

NASTY = "<b>\"Zoë\" & 'Ånd'</b>"


@pytest.fixture
def app() -> Flask:
    return build()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def shown(app: Flask, template: str, **context: object) -> str:
    """Return what a template with all building blocks shows, in English."""
    names = (
        "field, select, radios, textarea, checkbox, error_summary, table, badge, money, date,"
        " pagination, empty, csrf, submit, bar, facts"
    )
    source = f'{{% from "macros.html" import {names} with context %}}{template}'
    with app.test_request_context("/list?cursor=abc&x=1&lang=en"):
        return render_template_string(source, **context)


@pytest.mark.parametrize("path", ["/", "/sign-in", "/nothing", "/problems/invalid", "/forgotten"])
def test_pages_cannot_be_framed_scripted_or_kept(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    assert "Strict-Transport-Security" not in headers


@pytest.mark.parametrize("path", ["/", "/sign-in", "/password", "/nothing", "/problems/invalid"])
def test_pages_need_no_inline_style_or_script(client: FlaskClient, path: str) -> None:
    sign_in(client)
    text = client.get(path, follow_redirects=True).text
    assert "<script" not in text
    assert "<style" not in text
    assert " style=" not in text
    assert " onclick=" not in text


def test_the_stylesheet_is_served(client: FlaskClient) -> None:
    with client.get("/static/app.css") as answer:
        assert answer.status_code == 200
        assert answer.mimetype == "text/css"


@pytest.mark.parametrize(
    ("accept", "path", "language"),
    [
        (None, "/", "nl"),
        ("en", "/", "en"),
        ("fr", "/", "nl"),
        ("nl;q=0.5,en-GB", "/", "en"),
        ("nl", "/?lang=en", "en"),
        ("nl", "/?lang=klingon", "nl"),
    ],
)
def test_the_language_follows_the_reader(
    client: FlaskClient, accept: str | None, path: str, language: str
) -> None:
    headers = {"Accept-Language": accept} if accept else {}
    text = client.get(path, headers=headers).text
    assert f'<html lang="{language}">' in text
    assert {"nl": "Uw eigen budget", "en": "Your own budget"}[language] in text


def test_a_chosen_language_is_remembered_and_kept_in_links(client: FlaskClient) -> None:
    text = client.get("/sign-in?next=/account", headers={"Accept-Language": "nl"}).text
    assert 'href="/sign-in?next=%2Faccount&amp;lang=en"' in text
    client.get("/?lang=en")
    assert '<html lang="en">' in client.get("/", headers={"Accept-Language": "nl"}).text
    client.get("/?lang=nl")
    assert '<html lang="nl">' in client.get("/", headers={"Accept-Language": "en"}).text


def test_the_person_s_own_language_comes_before_the_browser_s(client: FlaskClient) -> None:
    sign_in(client)  # Samira reads Dutch
    assert '<html lang="nl">' in client.get("/password", headers={"Accept-Language": "en"}).text


class Registration(Schema):
    """A form with one of each."""

    name = fields.String(required=True, validate=validate.Length(max=300))
    places = fields.Integer(required=True, validate=validate.Range(min=1))
    starts_on = fields.Date(required=True)
    skills = fields.List(fields.String())


def test_a_form_gives_all_errors_at_once(app: Flask) -> None:
    given = MultiDict([("name", "  "), ("places", "0"), ("starts_on", "2026-02-30"), ("x", "y")])
    with pytest.raises(Invalid) as caught:
        forms.load(Registration, given)
    with app.test_request_context("/?lang=en"):
        assert forms.texts(caught.value) == {
            "name": ["Fill this in."],
            "places": ["Give a number of at least 1."],
            "starts_on": ["Give a date that exists, for example 2026-03-31."],
        }


def test_a_form_gives_what_was_filled_in() -> None:
    given = MultiDict(
        [
            ("name", " Zoë 李 "),
            ("places", "12"),
            ("starts_on", "2026-03-01"),
            ("skills", "a"),
            ("skills", ""),
            ("skills", "b"),
            ("csrf_token", "t"),
        ]
    )
    data = forms.load(Registration, given)
    assert data["name"] == "Zoë 李"
    assert data["places"] == 12
    assert data["skills"] == ["a", "b"]
    assert set(data) == {"name", "places", "starts_on", "skills"}


def test_a_field_keeps_its_value_and_says_what_is_wrong(app: Flask) -> None:
    text = shown(
        app,
        '{{ error_summary(errors, {"name": "Name"}) }}{{ field("name", "Name", hint="As in your'
        ' passport") }}{{ field("secret", "Secret", type="password", required=false) }}',
        errors={"name": ["Too long."], "": ["Not now."]},
        values=MultiDict([("name", NASTY), ("secret", "hunter2")]),
    )
    assert '<a href="#name">Name: Too long.</a>' in text
    assert "<li>Not now.</li>" in text
    assert 'aria-describedby="name-hint name-error" aria-invalid="true"' in text
    assert str(Markup.escape(NASTY)) in text
    assert NASTY not in text
    assert "hunter2" not in text
    assert "(optional)" in text


def test_choices_keep_what_was_chosen(app: Flask) -> None:
    text = shown(
        app,
        """{{ select("level", "Level", [(3, "Three"), (4, "Four")], value=4) }}
        {{ radios("form", "Form", [("online", "Online"), ("class", "Classroom")]) }}
        {{ checkbox("agree", "I agree") }}{{ textarea("why", "Why") }}""",
        values={"form": "class", "agree": "yes", "why": NASTY},
    )
    assert '<option value="4" selected>Four</option>' in text
    assert 'value="class" required checked' in text
    assert 'name="agree" value="yes" checked' in text
    assert f"{Markup.escape(NASTY)}</textarea>" in text


def test_tables_scroll_by_keyboard_and_pages_keep_the_question(app: Flask) -> None:
    text = shown(
        app,
        """{% call table("Amounts", ["Date", ("Amount", "num")]) %}<tr><td>1</td></tr>{% endcall %}
        {{ pagination(page) }}{{ money(123456) }} {{ badge("Paid", "good") }}""",
        page=SimpleNamespace(next_cursor="d&f"),
    )
    assert 'role="region" aria-label="Amounts" tabindex="0"' in text
    assert '<th scope="col" class="num">Amount</th>' in text
    assert 'href="/list?cursor=d%26f&amp;x=1&amp;lang=en"' in text
    assert 'href="/list?x=1&amp;lang=en"' in text
    assert "€1,234.56" in text
    assert '<span class="badge good">Paid</span>' in text


def test_a_bar_tells_the_same_in_words(app: Flask) -> None:
    parts = [
        {"label": "Free", "value": 300, "text": "€ 3", "tone": "available"},
        {"label": "Held", "value": 100, "text": "€ 1", "tone": "held"},
        {"label": "Spent", "value": 0, "text": "€ 0", "tone": "spent"},
    ]
    text = shown(app, '{{ bar("Your budget", parts) }}', parts=parts)
    assert "<title>Your budget</title>" in text
    assert 'class="bar-available" x="0.00" y="0" width="299.00"' in text
    assert 'class="bar-held" x="300.00" y="0" width="99.00"' in text
    assert "<strong>€ 0</strong>" in text
    assert "style=" not in text
    nothing = shown(app, '{{ bar("Empty", parts) }}', parts=[{**parts[2]}])
    assert "bar-empty" in nothing


def test_the_menu_shows_what_there_is_for_a_role(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(navigation, "_entries", {})

    @app.get("/account/lots")
    @auth.roles("holder")
    def lots() -> str:
        return render_template_string('{% extends "base.html" %}')

    navigation.add("holder", "First", "account")
    navigation.add("holder", "Second", "lots")
    navigation.add("holder", "Second", "lots")
    navigation.add("holder", "Elsewhere", "not.in.this.application")
    navigation.add("provider", "Not for you", "lots")
    assert sign_in(client) == "/account"
    text = client.get("/account/lots").text
    assert '<a href="/account">First</a>' in text
    assert text.count('<a href="/account/lots" aria-current="page">Second</a>') == 1
    assert "Elsewhere" not in text
    assert "Not for you" not in text
    with pytest.raises(ValueError, match="wizard"):
        navigation.add("wizard", "Spells", "account")


def test_health_is_told_apart(app: Flask, client: FlaskClient) -> None:
    assert client.get("/healthz").get_json() == {"status": "up"}
    assert client.get("/readyz").get_json()["parts"] == {"database": True}
    app.extensions["ledger_ready"] = lambda: {"database": True, "migrations": False}
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.get_json()["parts"]["migrations"] is False

    def fail() -> dict[str, bool]:
        raise OSError("no disk")

    app.extensions["ledger_ready"] = fail
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "no disk" not in answer.text
    assert health.blueprint.name == "health"
