"""Calls of many that share a unit of work: each is done once, with its own answer, on both engines.

The people: a worker and staff, each with a key to the API; ``Crowd`` lets their calls come while
the first is being served, so that they go together.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from flask import Flask
from marshmallow import Schema, fields
from sqlalchemy import func, insert, select
from werkzeug.test import TestResponse

from ledger import ids
from ledger.db import Actor, Database, Work
from ledger.errors import Busy, DomainError, RunFull
from ledger.messages import N_
from ledger.web import auth, gathering, openapi
from ledger.web.auth import Principal
from ledger.web.models import IdempotencyKey
from tests.integration.web_shell import WORKER, People, build

PATIENCE = 60  # seconds until a test that hangs fails


class Many(People):
    """A hundred workers: ``key-7`` is the seventh's."""

    def load_key(self, key: str) -> Principal | None:
        number = key.removeprefix("key-")
        if not number.isdigit():
            return super().load_key(key)
        return replace(WORKER, user_id=f"usr_{number}", account_id=f"acc_{number}", language=None)


class OrderJson(Schema):
    """What is asked: ``fail`` names a way to go wrong."""

    text = fields.String(required=True)
    fail = fields.String(load_default="")


@dataclass(frozen=True)
class Order:
    """What somebody asks for."""

    actor: Actor
    text: str
    fail: str = ""


@dataclass
class Shop:
    """A batch verb that keeps a row per order, and what it was called with."""

    batches: list[list[str]] = field(default_factory=list)
    gate: threading.Event | None = None
    begun: threading.Event = field(default_factory=threading.Event)
    trouble: list[Exception] = field(default_factory=list)

    def order_many(self, work: Work, orders: Sequence[Order]) -> list[str | DomainError]:
        self.batches.append([order.text for order in orders])
        if self.gate is not None:
            gate, self.gate = self.gate, None
            self.begun.set()
            assert gate.wait(PATIENCE)
        done = {order.text: ids.new("txn") for order in orders if order.fail != "full"}
        # Any table will do as the thing that the call changes; this one is at hand.
        row = {"actor_id": "done", "request_hash": "0" * 64, "status": 200, "created_at": work.now}
        rows = [{**row, "key": key, "body": text} for text, key in done.items()]
        if rows:
            work.session.execute(insert(IdempotencyKey), rows)
        if any(order.fail == "guard" for order in orders):
            raise RunFull(N_("This course run is full; choose another one."))
        if any(order.fail == "busy" for order in orders):
            raise Busy(N_("This course run is full; choose another one."))
        if self.trouble:
            raise self.trouble[0]
        full = RunFull(N_("This course run is full; choose another one."))
        return [done.get(order.text, full) for order in orders]


class Crowd:
    """Callers on threads, who come one after another while the first is being served."""

    def __init__(self, app: Flask, shop: Shop, pool: ThreadPoolExecutor) -> None:
        self.app, self.shop, self._pool = app, shop, pool
        self._joined = threading.Semaphore(0)

    def post(
        self, body: object, key: str | None = "k1", who: str = "key-worker", language: str = "en"
    ) -> TestResponse:
        headers = {"Authorization": f"Bearer {who}", "Accept-Language": language}
        if key is not None:
            headers["Idempotency-Key"] = key
        return self.app.test_client().post("/api/v1/orders", json=body, headers=headers)

    def come(self, *calls: dict[str, Any]) -> list[Future[TestResponse]]:
        """Let these calls join the queue, in this order."""
        futures = []
        for call in calls:
            futures.append(self._pool.submit(self.post, **call))
            assert self._joined.acquire(timeout=PATIENCE)
        return futures

    @contextmanager
    def while_serving(self) -> Iterator[None]:
        """Hold somebody's call in the middle of its unit of work for the length of the block."""
        self.shop.gate = gate = threading.Event()
        leader = self._pool.submit(self.post, {"text": "first"}, "k0", "key-999")
        assert self.shop.begun.wait(PATIENCE)
        (batcher,) = self.app.extensions["ledger_batchers"].values()
        batcher._waiting = Queue(self._joined)
        yield
        gate.set()
        assert leader.result(PATIENCE).status_code == 201


class Queue(deque[Any]):
    """A queue that tells when somebody joined."""

    def __init__(self, joined: threading.Semaphore) -> None:
        super().__init__()
        self._joined = joined

    def append(self, one: Any) -> None:
        super().append(one)
        self._joined.release()


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def app(database: Database, shop: Shop) -> Flask:
    return make_app(database, shop)


def make_app(database: Database, shop: Shop) -> Flask:
    app = build(Many(), database=database)
    blueprint = openapi.Blueprint("orders", __name__, url_prefix="/api/v1")

    def show(done: str) -> dict[str, Any]:
        return {"id": done}

    def order(given: dict[str, str]) -> Order:
        return Order(auth.current_actor(), given["text"], given["fail"])

    blueprint.post("/orders")(
        blueprint.arguments(OrderJson)(
            auth.roles("holder")(gathering.batched(shop.order_many, show, status=201)(order))
        )
    )

    @app.post("/orders/<text>")
    @auth.everyone
    def page(text: str) -> str:
        return gathering.submit(shop.order_many, Order(Actor("usr_page", "holder"), text))

    api = app.extensions["flask-smorest"]["apis"][""]["ext_obj"]
    api.register_blueprint(blueprint)
    return app


@pytest.fixture
def crowd(app: Flask, shop: Shop) -> Iterator[Crowd]:
    with ThreadPoolExecutor(32) as pool:
        yield Crowd(app, shop, pool)


def done(database: Database) -> int:
    with database.reading() as session:
        query = select(func.count()).select_from(IdempotencyKey)
        return session.scalar(query.where(IdempotencyKey.actor_id == "done")) or 0


def got(futures: Sequence[Future[TestResponse]]) -> list[TestResponse]:
    return [future.result(PATIENCE) for future in futures]


def test_asking_again_gives_the_first_answer(crowd: Crowd, database: Database) -> None:
    first, second = crowd.post({"text": 'één \\ "'}), crowd.post({"text": 'één \\ "'})
    assert first.status_code == second.status_code == 201
    assert first.data == second.data
    assert set(first.get_json()) == {"id"}
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert done(database) == 1
    assert crowd.shop.batches == [['één \\ "']]


def test_another_body_with_the_same_key_is_refused(crowd: Crowd, database: Database) -> None:
    crowd.post({"text": "one"})
    answer = crowd.post({"text": "two"})
    assert answer.status_code == 409
    assert answer.get_json()["code"] == "idempotency-key-reused"
    assert done(database) == 1


def test_keys_of_others_are_others(crowd: Crowd, database: Database) -> None:
    mine, theirs = crowd.post({"text": "one"}), crowd.post({"text": "one"}, who="key-1")
    assert mine.get_json()["id"] != theirs.get_json()["id"]
    assert done(database) == 2


@pytest.mark.parametrize("how", ["full", "guard"])
def test_a_refusal_is_kept_and_what_it_began_is_undone(
    crowd: Crowd, database: Database, how: str
) -> None:
    first, second = (crowd.post({"text": "one", "fail": how}) for _ in range(2))
    for answer in (first, second):
        assert answer.status_code == 409
        assert answer.mimetype == "application/problem+json"
        assert answer.get_json()["code"] == "run-full"
    assert first.data == second.data
    assert second.headers["Idempotency-Replayed"] == "true"
    assert done(database) == 0
    assert crowd.shop.batches == [["one"]]


def test_being_busy_is_not_an_answer_to_keep(crowd: Crowd, database: Database) -> None:
    answer = crowd.post({"text": "one", "fail": "busy"})
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert crowd.post({"text": "one"}).status_code == 201
    assert done(database) == 1


def test_a_failure_keeps_nothing(app: Flask, crowd: Crowd, database: Database) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    crowd.shop.trouble.append(RuntimeError("a mistake in the program"))
    assert crowd.post({"text": "one"}).status_code == 500
    assert done(database) == 0
    crowd.shop.trouble.clear()
    assert crowd.post({"text": "one"}).status_code == 201


def test_no_key_wrong_input_and_other_roles_are_refused_before(crowd: Crowd) -> None:
    assert crowd.post({"text": "one"}, None).get_json()["code"] == "idempotency-key-missing"
    assert crowd.post({"txt": "one"}).status_code == 400
    assert crowd.post({"text": "one"}, who="key-staff").status_code == 403
    assert crowd.post({"text": "one"}, who="nobody's").status_code == 401
    assert crowd.shop.batches == []
    assert crowd.post({"text": "one"}).status_code == 201


def test_calls_that_go_together_get_each_their_own(crowd: Crowd, database: Database) -> None:
    before = crowd.post({"text": "before"}, "old", "key-1")
    with crowd.while_serving():
        calls = crowd.come(
            {"body": {"text": "a"}, "who": "key-2"},
            {"body": {"text": "b", "fail": "full"}, "who": "key-3", "language": "nl"},
            {"body": {"text": "c", "fail": "full"}, "who": "key-4", "language": "en"},
            {"body": {"text": "before"}, "key": "old", "who": "key-1"},
            {"body": {"text": "e"}, "who": "key-5"},
        )
    a, b, c, d, e = got(calls)
    assert crowd.shop.batches == [["before"], ["first"], ["a", "b", "c", "e"]]
    assert [answer.status_code for answer in (a, b, c, d, e)] == [201, 409, 409, 201, 201]
    assert "vol" in b.get_json()["detail"]
    assert "is full" in c.get_json()["detail"]
    assert d.data == before.data
    assert a.get_json()["id"] != e.get_json()["id"]
    assert done(database) == 4
    again = crowd.post({"text": "b", "fail": "full"}, who="key-3")
    assert again.data == b.data


def test_a_page_goes_with_the_calls(app: Flask, crowd: Crowd) -> None:
    app.config["WTF_CSRF_METHODS"] = set()  # a page of its own would need a form
    with crowd.while_serving():
        page = crowd._pool.submit(lambda: app.test_client().post("/orders/page"))
        assert crowd._joined.acquire(timeout=PATIENCE)
        (call,) = crowd.come({"body": {"text": "a"}})
    assert page.result(PATIENCE).text.startswith("txn_")
    assert call.result(PATIENCE).status_code == 201
    assert crowd.shop.batches == [["first"], ["page", "a"]]


def test_a_guard_that_refuses_one_fails_nobody_else(crowd: Crowd, database: Database) -> None:
    with crowd.while_serving():
        calls = crowd.come(
            {"body": {"text": "a"}, "who": "key-1"},
            {"body": {"text": "b", "fail": "guard"}, "who": "key-2"},
            {"body": {"text": "c"}, "who": "key-3"},
        )
    assert [answer.status_code for answer in got(calls)] == [201, 409, 201]
    assert done(database) == 3
    again = crowd.post({"text": "b", "fail": "guard"}, who="key-2")
    assert again.headers["Idempotency-Replayed"] == "true"


def test_the_same_call_many_times_at_once_is_one(crowd: Crowd, database: Database) -> None:
    with crowd.while_serving():
        calls = crowd.come(*[{"body": {"text": "one"}, "key": "same"}] * 6)
    answers = got(calls)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.data for answer in answers}) == 1
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == 5
    assert crowd.shop.batches == [["first"], ["one"]]
    assert done(database) == 2


def test_the_same_call_at_two_servers_at_once_is_one(database: Database) -> None:
    """Each server has threads of its own; the other calls of their batches are not disturbed."""
    servers = [Database(database.url) for _ in range(2)]
    apps = [make_app(server, Shop()) for server in servers]
    together = threading.Barrier(16)

    def call(number: int) -> TestResponse:
        who = 0 if number % 4 == 0 else number
        together.wait(PATIENCE)
        headers = {"Authorization": f"Bearer key-{who}", "Idempotency-Key": "same"}
        client = apps[number % 8 // 4].test_client()
        return client.post("/api/v1/orders", json={"text": f"of {who}"}, headers=headers)

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(call, range(16)))
    for server in servers:
        server.dispose()
    assert {answer.status_code for answer in answers} == {201}
    assert len({answers[number].data for number in range(0, 16, 4)}) == 1
    assert done(database) == 1 + 12


def test_the_header_is_described(app: Flask) -> None:
    paths = app.test_client().get("/api/v1/openapi.json").get_json()["paths"]
    (header,) = [
        parameter
        for parameter in paths["/api/v1/orders"]["post"]["parameters"]
        if parameter["in"] == "header"
    ]
    assert header["name"] == "Idempotency-Key"
    assert header["required"] is True
