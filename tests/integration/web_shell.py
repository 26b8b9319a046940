"""A small application from the shell alone, with people that exist only in memory."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

from flask import Flask, Response, jsonify
from flask.testing import FlaskClient
from marshmallow import Schema, fields, validate

from ledger import web
from ledger.db import Database
from ledger.errors import Forbidden, NotFound
from ledger.messages import N_
from ledger.web import auth, openapi
from ledger.web.auth import Membership, Principal

PASSWORD = "een heel lang wachtwoord"
WORKER = Principal("usr_worker", "Samira de Vries", "holder", account_id="acc_1", language="nl")
STAFF = Principal(
    "usr_staff",
    "Jan Jansen",
    "provider",
    organisation_id="org_1",
    memberships=(
        Membership("mem_1", "provider", "org_1", "Vakcentrum"),
        Membership("mem_2", "operator"),
    ),
    membership_id="mem_1",
)


@dataclass
class People:
    """Everybody there is, and the sessions they have."""

    by_email: dict[str, Principal] = field(
        default_factory=lambda: {"samira@example.nl": WORKER, "jan@example.nl": STAFF}
    )
    sessions: dict[str, Principal | None] = field(default_factory=dict)
    password: str = PASSWORD
    asked: int = 0

    def sign_in(self, email: str, password: str, ip: str) -> str:
        if email not in self.by_email or password != self.password:
            raise Forbidden(N_("E-mail address or password is not right."))
        return self._begin(self.by_email[email])

    def _begin(self, person: Principal) -> str:
        token = f"token-{len(self.sessions)}"
        self.sessions[token] = person
        return token

    def load_session(self, token: str) -> Principal | None:
        self.asked += 1
        return self.sessions.get(token)

    def end_session(self, token: str) -> None:
        if token in self.sessions:
            self.sessions[token] = None

    def load_key(self, key: str) -> Principal | None:
        return {"key-worker": WORKER, "key-staff": STAFF}.get(key)

    def check_password(self, user_id: str, password: str) -> bool:
        return password == self.password

    def change_password(self, user_id: str, old: str, new: str) -> None:
        if old != self.password:
            raise Forbidden(N_("This is not your password."), field="old_password")
        self.password = new
        self.sessions = dict.fromkeys(self.sessions, None)

    def switch_role(self, token: str, membership_id: str) -> str:
        person = self.sessions[token]
        for one in person.memberships if person else ():
            if person and one.id == membership_id:
                self.end_session(token)
                return self._begin(replace(person, role=one.role, membership_id=one.id))
        raise NotFound(N_("You do not have this role."))


class Purchase(Schema):
    """Something to send."""

    amount_cents = fields.Integer(
        required=True, strict=True, validate=validate.Range(min=1, max=2**53 - 1)
    )
    note = fields.String(validate=validate.Length(max=20))


def build(
    people: People | None = None, database: Database | None = None, *, https: bool = False
) -> Flask:
    """Return an application with the shell, a page per kind of role and one API call."""
    app = Flask("ledger", static_folder=None)
    app.config.update(TESTING=True, SECRET_KEY="only for tests", HTTPS=https)
    app.extensions["ledger"] = SimpleNamespace(database=database)
    api = web.init(app, people or People(), lambda: {"database": True})

    @app.get("/account")
    @auth.roles("holder")
    def account() -> str:
        return f"account of {auth.current_actor().account_id}"

    @app.post("/account")
    @auth.roles("holder")
    def change_account() -> str:
        return "changed"

    @app.get("/forgotten")
    def forgotten() -> str:
        return "nobody declared who may see this"

    blueprint = openapi.Blueprint("purchases", __name__, url_prefix="/api/v1")

    @blueprint.post("/purchases")
    @blueprint.arguments(Purchase)
    @auth.roles("holder")
    def purchase(given: dict[str, object]) -> Response:
        return jsonify(given)

    api.register_blueprint(blueprint)
    return app


def csrf_token(client: FlaskClient, path: str = "/sign-in") -> str:
    """Return the CSRF token in a page's form."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).text)
    assert found, "the page has no form"
    return found[1]


def sign_in(client: FlaskClient, email: str = "samira@example.nl", **extra: str) -> str:
    """Sign in and return where that leads."""
    answer = client.post(
        "/sign-in",
        data={
            "email": email,
            "password": PASSWORD,
            "csrf_token": csrf_token(client),
            **extra,
        },
    )
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]
