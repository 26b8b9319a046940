"""The API under hostile and careless callers: a problem document that says why, never a break."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.product import Answer, Product

WRITES = {
    "enrolments": ("worker", "/enrolments"),
    "confirm": ("worker", "/enrolments/{enrolment}/confirm"),
    "attendance": ("provider", "/enrolments/{enrolment}/attendance"),
    "complete": ("provider", "/enrolments/{enrolment}/complete"),
    "cancel": ("operator", "/enrolments/{enrolment}/cancel"),
    "payments": ("funder", "/schemes/{scheme}/payments"),
    "grants": ("funder", "/schemes/{scheme}/grants"),
}
BODIES = {
    "nothing": "",
    "half": '{"run_id": ',
    "not a number": '{"amount_minor": NaN, "run_id": NaN}',
    "infinite": '{"amount_minor": 1e999, "own_share_cents": 1e999}',
    "beyond 2^53": '{"amount_minor": 9007199254740993, "own_share_cents": 9007199254740993}',
    "fraction": '{"amount_minor": 0.5, "own_share_cents": 0.5}',
    "negative": '{"amount_minor": -1, "own_share_cents": -1}',
    "text": '{"amount_minor": "1", "own_share_cents": "1", "run_id": 1}',
    "yes": '{"amount_minor": true, "own_share_cents": true, "sessions": true, "result": true}',
    "a name twice": '{"run_id": "a", "run_id": "b"}',
    "deep": '{"run_id": ' + "[" * 5_000 + "]" * 5_000 + "}",
    "a list": "[]",
    "null": "null",
    "NUL": '{"run_id": "a\\u0000b", "force_majeure": "\\u0000"}',
    "half a character": '{"run_id": "\\ud800", "force_majeure": "\\ud800"}',
    "not UTF-8": b'{"run_id": "\xff\xfe"}',
    "an unknown field": '{"is_admin": true}',
    "long": '{"run_id": "' + "x" * 100_000 + '", "result": "' + "x" * 100_000 + '"}',
}
PATHS = [
    *("/enrolments/%00", "/enrolments/enr_%ff%fe", "/enrolments/..%2f..%2fetc"),
    *("/runs/%F0%9F%92%A9", "/runs?cursor=%00", "/runs?cursor=AAAA", "/runs?limit=1e9"),
    *("/runs?limit=-1", "/runs?limit=%00", "/account/transactions?cursor=zzz"),
    *("/account/transactions?cursor=%ff", "/courses?q=%00", "/runs?from=2026-02-30"),
    *("/runs?sector=" + "x" * 5_000, "/verify/%00", "/credentials/" + "9" * 900),
]


def is_problem(answer: Answer) -> bool:
    """Tell whether this is a refusal as RFC 9457 has it."""
    if not 400 <= answer.status < 500:
        return False
    if answer.headers.get_content_type() != "application/problem+json":
        return False
    problem = answer.json
    return bool(problem["status"] == answer.status and {"type", "title", "detail"} <= set(problem))


def key_of(product: Product, role: str) -> str:
    return product.login(role).api_key


@pytest.mark.parametrize("call", WRITES)
def test_a_malformed_body_is_refused_with_a_reason(call: str, product: Product) -> None:
    role, path = WRITES[call]
    place = path.format(
        enrolment=product.demo["enrolment"]["id"], scheme=product.demo["scheme"]["id"]
    )
    wrong = []
    for name, body in BODIES.items():
        answer = product.visitor().call(
            key_of(product, role), "POST", place, body, Idempotency_Key=uuid.uuid4().hex
        )
        if not is_problem(answer):
            wrong.append(f"{name}: {answer.status} {answer.body[:200]!r}")
    assert not wrong


@pytest.mark.parametrize("path", PATHS)
def test_a_malformed_address_never_breaks(path: str, product: Product) -> None:
    answer = product.visitor().call(key_of(product, "worker"), "GET", path)
    assert answer.status == 200 or is_problem(answer), answer.body[:300]


@pytest.mark.parametrize(
    "path", ["/enrolments/%00", "/courses?q=%00", "/courses?cursor=%ff", "/%c0"]
)
def test_a_malformed_page_address_never_breaks(path: str, product: Product) -> None:
    answer = product.visitor(product.login("worker")).get(path)
    assert 200 <= answer.status < 500


def test_other_kinds_of_content_are_refused(product: Product) -> None:
    key = key_of(product, "worker")
    for kind in ("text/plain", "application/xml", "application/x-www-form-urlencoded"):
        answer = product.visitor().call(
            key, "POST", "/enrolments", "run_id=1", Content_Type=kind, Idempotency_Key="kind"
        )
        assert is_problem(answer), (kind, answer.status, answer.body)


def pay_in(product: Product, key: str, amount: int) -> Answer:
    """Pay into the scheme of the demonstration, once per key."""
    return product.visitor().call(
        key_of(product, "funder"),
        "POST",
        f"/schemes/{product.demo['scheme']['id']}/payments",
        {"amount_minor": amount, "reference": f"Test {key}", "received_on": "2026-01-05"},
        Idempotency_Key=key,
    )


def payments(product: Product) -> int:
    return int(product.ask("SELECT count(*) FROM budget_payment")[0][0])


def test_the_same_key_pays_in_once(product: Product) -> None:
    before, key = payments(product), uuid.uuid4().hex
    first, again = pay_in(product, key, 12_345), pay_in(product, key, 12_345)
    assert first.status == 201, first.text
    assert first.json["receipt"].keys() >= {"id", "hash"}
    assert (again.status, again.body) == (first.status, first.body)
    assert again.headers["Idempotency-Replayed"] == "true"
    other = pay_in(product, key, 54_321)
    assert is_problem(other) and other.json["code"] == "idempotency-key-reused"
    assert payments(product) == before + 1


def test_the_same_key_at_the_same_moment_pays_in_once(product: Product) -> None:
    before, key = payments(product), uuid.uuid4().hex
    with ThreadPoolExecutor(8) as crowd:
        answers = list(crowd.map(lambda _: pay_in(product, key, 100), range(8)))
    assert {(answer.status, answer.body) for answer in answers} == {(201, answers[0].body)}
    assert payments(product) == before + 1


def test_without_a_key_nothing_is_paid_in(product: Product) -> None:
    before = payments(product)
    answer = product.visitor().call(
        key_of(product, "funder"),
        "POST",
        f"/schemes/{product.demo['scheme']['id']}/payments",
        {"amount_minor": 100, "reference": "Test", "received_on": "2026-01-05"},
    )
    assert is_problem(answer) and answer.status == 400
    assert payments(product) == before
