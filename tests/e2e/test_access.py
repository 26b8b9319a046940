"""Every route, asked by every role and by nobody: it answers as it declares, and never breaks.

All ids in the addresses belong to other people, so that what is not public answers as absent to
those who may use the route for things of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import quote

import pytest
from werkzeug.routing import Rule

from ledger.web import auth
from tests.e2e.product import Answer, Login, Product, Visitor

ROLES = ("holder", "provider", "funder", "auditor", "operator")
ALLOWED = {200, 201, 303, 400, 404, 409}
ANY_ID = re.compile(r"\b([a-z]{3})_[0-9A-Z]{26}\b")
FORM_TOKEN = re.compile(r'value="[^"]{80,}"')
# What is somebody's own, per role; the operator sees to everything.
OWNED = {
    "holder": {"lot_id", "transaction_id", "enrolment_id", "credential_id", "code_id"},
    "provider": {
        *("accreditation_id", "course_id", "credential_id", "enrolment_id", "programme_id"),
        *("run_id", "statement_id"),
    },
    "funder": {"scheme_id", "batch_id", "transaction_id"},
    "auditor": {"scheme_id", "batch_id", "transaction_id"},
    "operator": set(),
}
ONE_FOREIGN = """
    SELECT e.id AS enrolment_id, e.run_id, e.course_id, r.provider_id, c.programme_id,
           l.id AS lot_id, l.scheme_id, s.funder_id
    FROM enrolment e JOIN course_run r ON r.id = e.run_id JOIN course c ON c.id = e.course_id
    JOIN enrolment_line n ON n.enrolment_id = e.id JOIN lot l ON l.id = n.lot_id
    JOIN scheme s ON s.id = l.scheme_id
    JOIN account a ON a.id = e.account_id JOIN person p ON p.id = a.person_id
    WHERE p.user_id IS NULL AND s.funder_id NOT IN (?, ?) AND r.provider_id <> ?
    ORDER BY e.id DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Case:
    """One way to call one rule."""

    rule: Rule
    method: str
    path: str
    declared: frozenset[str]

    @property
    def is_api(self) -> bool:
        return self.path.startswith("/api/")

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@pytest.fixture(scope="module")
def people(product: Product) -> dict[str, Login]:
    """Return one login per role, none of which has to do with the ids in the addresses."""
    return {
        "holder": product.login("worker"),
        "provider": product.login("provider"),
        "funder": product.login_of("region1@demo.example"),
        "auditor": product.login("auditor"),
        "operator": product.login("operator"),
    }


@pytest.fixture(scope="module")
def cases(product: Product, people: dict[str, Login]) -> list[Case]:
    """Return every rule of the product with every method, in the name of somebody else."""
    values = foreign(product, people)
    return list(_cases(product, values))


def organisation(product: Product, login: Login) -> str:
    ((found,),) = product.ask(
        "SELECT m.organisation_id FROM membership m JOIN user_account u ON u.id = m.user_id"
        " WHERE u.email = ?",
        login.sign_in,
    )
    return str(found)


def foreign(product: Product, people: dict[str, Login]) -> dict[str, str]:
    """Return a value for each part of an address that names somebody else's thing."""
    ours = [organisation(product, people[role]) for role in ("funder", "auditor", "provider")]
    names = ["enrolment_id", "run_id", "course_id", "provider_id", "programme_id"]
    names += ["lot_id", "scheme_id", "funder_id"]
    (row,) = product.ask(ONE_FOREIGN, *ours)
    values = dict(zip(names, map(str, row), strict=True))
    provider_id = values["provider_id"]
    one = {
        "credential_id": "SELECT id FROM credential WHERE provider_id = ? LIMIT 1",
        "statement_id": "SELECT id FROM statement WHERE provider_id = ? LIMIT 1",
        "declaration_id": "SELECT id FROM declaration WHERE provider_id = ? LIMIT 1",
        "accreditation_id": "SELECT id FROM accreditation WHERE provider_id = ? LIMIT 1",
    }
    for name, question in one.items():
        values[name] = str(product.ask(question, provider_id)[0][0])
    # What a lot began with moved the money of one funder only.
    credit = (
        "SELECT transaction_id FROM journal_posting WHERE lot_id = ? AND bucket = 'fund' LIMIT 1"
    )
    values["transaction_id"] = str(product.ask(credit, values["lot_id"])[0][0])
    values["case_id"] = str(product.ask("SELECT id FROM review_case LIMIT 1")[0][0])
    values["batch_id"] = str(product.ask("SELECT id FROM grant_batch LIMIT 1")[0][0])
    values["round_id"] = str(product.ask("SELECT id FROM grant_round LIMIT 1")[0][0])
    values["token"] = str(product.ask("SELECT token FROM credential LIMIT 1")[0][0])
    fixed = {"period": "2026-01", "code": "not-found", "code_id": "cod_unknown", "size": "1"}
    return values | fixed


def _cases(product: Product, values: dict[str, str]) -> Iterator[Case]:
    for rule in product.app.url_map.iter_rules():
        if rule.endpoint == "static":
            continue
        view = product.app.view_functions[rule.endpoint]
        _, path = rule.build(values, append_unknown=False) or (None, None)
        assert path is not None, f"no value for a part of {rule}"
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            declared = auth.declared_roles(view, method)
            assert declared, f"{rule.endpoint} declares no roles"
            yield Case(rule, method, path, declared)


def ask(case: Case, visitor: Visitor, key: str = "") -> Answer:
    """Send an empty request: without form token and body nothing can be changed by it."""
    if case.is_api:
        content = "{}" if case.method == "POST" else None
        return visitor.call(key, case.method, case.path.removeprefix("/api/v1"), content)
    return visitor.ask(case.method, case.path)


def test_nobody_gets_past_the_guard_without_signing_in(product: Product, cases: list[Case]) -> None:
    wrong = []
    for case in cases:
        answer = ask(case, product.visitor())
        if auth.PUBLIC in case.declared:
            right = answer.status in ALLOWED and answer.status != 303
        elif case.is_api:
            right = answer.status == 401 and "WWW-Authenticate" in answer.headers
            right = right and answer.headers.get_content_type() == "application/problem+json"
        else:
            # What was asked for is remembered, unless it was a form that is lost by now.
            sought = f"?next={quote(case.path, safe='/')}" if case.method == "GET" else ""
            right = (answer.status, answer.headers["Location"]) == (303, f"/sign-in{sought}")
        if not right:
            wrong.append(f"{case}: {answer.status} {answer.headers['Location']}")
    assert not wrong


@pytest.mark.parametrize("role", ROLES)
def test_every_route_answers_a_role_as_it_declares(
    role: str, product: Product, people: dict[str, Login], cases: list[Case]
) -> None:
    person = people[role]
    visitor = product.visitor(person)
    wrong = []
    for case in cases:
        answer = ask(case, visitor, person.api_key)
        if not case.declared & {role, auth.PUBLIC}:
            right = answer.status == 403
        elif case.method != "GET" and not case.is_api:
            right = answer.status == 400  # the form's token is missing
        else:
            right = answer.status in ALLOWED
        if not right:
            wrong.append(f"{case}: {answer.status}")
    assert not wrong


@pytest.mark.parametrize("role", ["holder", "provider", "funder", "auditor"])
def test_what_belongs_to_others_is_absent(
    role: str, product: Product, people: dict[str, Login], cases: list[Case]
) -> None:
    person = people[role]
    visitor = product.visitor(person)
    asked, wrong = 0, []
    for case in cases:
        if role not in case.declared or not set(case.rule.arguments) & OWNED[role]:
            continue
        asked += 1
        theirs, nobodys = (
            own_form(replace(case, path=path), visitor, person)
            for path in (case.path, ANY_ID.sub(r"\1_01AAAAAAAAAAAAAAAAAAAAAAAA", case.path))
        )
        # A form that is wrong already may be refused first, but then for any id alike.
        absent = theirs.status == 404 or (case.method != "GET" and theirs.status == 400)
        if not absent or told(theirs) != told(nobodys):
            wrong.append(f"{case}: {theirs.status} and {nobodys.status} for an unknown id")
    assert asked
    assert not wrong


def own_form(case: Case, visitor: Visitor, person: Login) -> Answer:
    """Send the request with the form token of the visitor's own pages."""
    if case.is_api or case.method == "GET":
        return ask(case, visitor, person.api_key)
    visitor.get("/password")
    return visitor.post(case.path)


def told(answer: Answer) -> tuple[int, str]:
    """Return an answer without the ids and tokens in it."""
    return answer.status, FORM_TOKEN.sub("", ANY_ID.sub("", answer.text))


def test_neither_door_takes_the_other_ones_proof(product: Product) -> None:
    person = product.login("worker")
    visitor = product.visitor(person)
    assert visitor.call("", "GET", "/account").status == 401
    stranger = product.visitor()
    headers = {"Authorization": f"Bearer {person.api_key}"}
    assert stranger.ask("GET", "/account", headers=headers).status == 303
