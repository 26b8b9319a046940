"""The same API call twice gives the same answer once done, on both engines."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from marshmallow import Schema, fields
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from ledger import ids
from ledger.db import Database, Work
from ledger.errors import Busy, RunFull
from ledger.messages import N_
from ledger.web import auth, openapi
from ledger.web.idempotency import idempotent
from ledger.web.models import IdempotencyKey
from tests.integration.web_shell import build

WORKER = {"Authorization": "Bearer key-worker"}
STAFF = {"Authorization": "Bearer key-staff"}
Post = Callable[..., TestResponse]


class Order(Schema):
    """What is asked: ``fail`` names a way to go wrong."""

    text = fields.String(required=True)
    fail = fields.String()


class Receipt(Schema):
    """What was done."""

    id = fields.String()
    text = fields.String()


@pytest.fixture
def trouble() -> list[Exception]:
    """What goes wrong in the call; empty when nothing does."""
    return []


@pytest.fixture
def app(database: Database, trouble: list[Exception]) -> Flask:
    app = build(database=database)
    blueprint = openapi.Blueprint("orders", __name__, url_prefix="/api/v1")

    def order(work: Work, given: dict[str, str], place: str = "here") -> dict[str, Any]:
        # Any table will do as the thing that the call changes; this one is at hand.
        done = IdempotencyKey(
            actor_id="done",
            key=ids.new("txn"),
            request_hash="0" * 64,
            status=200,
            body=given["text"],
            created_at=work.now,
        )
        work.session.add(done)
        work.session.flush()
        if trouble:
            raise trouble[0]
        if given.get("fail"):
            raise RunFull(N_("This course run has no place left."))
        return {"id": done.key, "text": given["text"], "left out": place}

    blueprint.post("/orders")(
        blueprint.arguments(Order)(
            auth.roles("holder", "provider")(idempotent(Receipt, status=201)(order))
        )
    )
    blueprint.post("/places/<place>/orders")(
        blueprint.arguments(Order)(auth.roles("holder")(idempotent(required=False)(order)))
    )
    api = app.extensions["flask-smorest"]["apis"][""]["ext_obj"]
    api.register_blueprint(blueprint)
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def post(client: FlaskClient) -> Post:
    def post(
        body: object, key: str | None = "k1", who: dict[str, str] = WORKER, path: str = "orders"
    ) -> TestResponse:
        headers = {**who, "Accept-Language": "en"}
        if key is not None:
            headers["Idempotency-Key"] = key
        return client.post(f"/api/v1/{path}", json=body, headers=headers)

    return post


def done(database: Database) -> int:
    with database.reading() as session:
        return (
            session.scalar(
                select(func.count())
                .select_from(IdempotencyKey)
                .where(IdempotencyKey.actor_id == "done")
            )
            or 0
        )


def test_asking_again_gives_the_first_answer(post: Post, database: Database) -> None:
    first, second = post({"text": "één"}), post({"text": "één"})
    assert first.status_code == second.status_code == 201
    assert first.data == second.data
    assert first.get_json()["text"] == "één"
    assert set(first.get_json()) == {"id", "text"}
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert done(database) == 1


def test_another_body_with_the_same_key_is_refused(post: Post, database: Database) -> None:
    post({"text": "one"})
    answer = post({"text": "two"})
    assert answer.status_code == 409
    assert answer.get_json()["code"] == "idempotency-key-reused"
    assert done(database) == 1


def test_another_address_with_the_same_key_is_refused(post: Post) -> None:
    assert post({"text": "one"}, path="places/a/orders").status_code == 200
    assert post({"text": "one"}, path="places/b/orders").status_code == 409


def test_keys_of_others_are_others(post: Post, database: Database) -> None:
    mine, theirs = post({"text": "one"}), post({"text": "one"}, who=STAFF)
    assert mine.get_json()["id"] != theirs.get_json()["id"]
    assert done(database) == 2


def test_a_refusal_is_kept_and_what_it_began_is_undone(post: Post, database: Database) -> None:
    first = post({"text": "one", "fail": "yes"})
    second = post({"text": "one", "fail": "yes"})
    for answer in (first, second):
        assert answer.status_code == 409
        assert answer.mimetype == "application/problem+json"
        assert answer.get_json()["code"] == "run-full"
    assert first.data == second.data
    assert second.headers["Idempotency-Replayed"] == "true"
    assert done(database) == 0


def test_being_busy_is_not_an_answer_to_keep(
    post: Post, database: Database, trouble: list[Exception]
) -> None:
    trouble.append(Busy(N_("Busy.")))
    assert post({"text": "one"}).status_code == 503
    trouble.clear()
    assert post({"text": "one"}).status_code == 201
    assert done(database) == 1


def test_a_failure_keeps_nothing(
    app: Flask, post: Post, database: Database, trouble: list[Exception]
) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    trouble.append(RuntimeError("a mistake in the program"))
    assert post({"text": "one"}).status_code == 500
    assert done(database) == 0
    trouble.clear()
    assert post({"text": "one"}).status_code == 201


def test_wrong_input_does_not_use_up_the_key(post: Post) -> None:
    assert post({"txt": "one"}).status_code == 400
    assert post({"text": "one"}).status_code == 201


@pytest.mark.parametrize("key", [None, ""])
def test_money_does_not_move_without_a_key(post: Post, database: Database, key: str | None) -> None:
    answer = post({"text": "one"}, key)
    assert answer.status_code == 400
    assert answer.get_json()["code"] == "idempotency-key-missing"
    assert done(database) == 0


@pytest.mark.parametrize("key", ["x" * 256, "with space", "caf\xe9"])
def test_keys_are_plain_and_short(post: Post, key: str) -> None:
    answer = post({"text": "one"}, key)
    assert answer.status_code == 400
    assert answer.get_json()["errors"][0]["field"] == "Idempotency-Key"
    assert post({"text": "one"}, "x" * 255).status_code == 201


def test_where_a_key_may_be_left_out_every_call_is_done(post: Post, database: Database) -> None:
    for _ in range(2):
        assert post({"text": "one"}, None, path="places/a/orders").status_code == 200
    assert done(database) == 2


def test_many_at_once_are_one(app: Flask, database: Database) -> None:
    together = Barrier(8)

    def call(_: int) -> TestResponse:
        together.wait()
        return app.test_client().post(
            "/api/v1/orders",
            json={"text": "one"},
            headers={**WORKER, "Idempotency-Key": "same"},
        )

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(call, range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.data for answer in answers}) == 1
    assert done(database) == 1


def test_the_header_is_described(client: FlaskClient) -> None:
    paths = client.get("/api/v1/openapi.json").get_json()["paths"]
    for path, required in (("/api/v1/orders", True), ("/api/v1/places/{place}/orders", False)):
        (header,) = [
            parameter
            for parameter in paths[path]["post"]["parameters"]
            if parameter["in"] == "header"
        ]
        assert header["name"] == "Idempotency-Key"
        assert header["required"] is required
