"""Many holders confirm by the API at the same moment: each once, each with their own answer."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from sqlalchemy import select
from werkzeug.test import TestResponse

from ledger import clock, config, create_app
from ledger.accounts import users
from ledger.accounts.models import Membership
from ledger.db import SYSTEM, Database, Work
from ledger.providers import confirmations
from ledger.providers.confirmations import Confirmed
from ledger.providers.models import Enrolment, Run
from ledger.providers.queries import enrolments as queries
from ledger.providers.schemas.enrolments import EnrolmentJson, MovedJson, confirmed_json
from tests.factories import Holder, World

PATIENCE = 60  # seconds until a test that hangs fails
HOLDERS = 9
PLACES = 7


def test_a_confirmation_is_written_as_the_schema_does(database: Database) -> None:
    world = World(database)
    holder = world.holder()
    world.lot(holder, 60_000)
    paid = world.requested(holder)
    free = world.requested(holder, world.run(world.course(price_cents=0), in_days=60))
    for enrolment, own_share, moved in ((paid, 40_000, True), (free, 0, False)):
        done = world.do(holder.actor, confirmations.confirm, enrolment.id, own_share)
        assert (done.receipt is not None) == moved
        assert as_sent(confirmed_json(done)) == as_sent(from_schema(world, holder, done))
        assert list(confirmed_json(done)) == list(MovedJson().fields)


def from_schema(world: World, holder: Holder, done: Confirmed) -> object:
    with world.database.reading() as session:
        row = queries.row(session, holder.actor, done.id)
    fields = {name: getattr(row, name) for name in EnrolmentJson().fields}
    return MovedJson().dump({**fields, "receipt": done.receipt, "credential_id": None})


def as_sent(answer: object) -> str:
    return json.dumps(answer, sort_keys=True)


def test_an_opening_day_by_api(database: Database, tmp_path: Path) -> None:
    world = World(database, clock.now())
    settings = config.load({"LEERREKENING_INSTANCE_PATH": str(tmp_path)})
    app = create_app(replace(settings, secret_key="only for tests"), database)
    run = world.run(world.course(), capacity=PLACES)
    scheme = world.scheme()
    holders = [world.holder(email=f"nr{number}@example.nl") for number in range(HOLDERS)]
    for holder in holders:
        world.lot(holder, 100_000, scheme)
    enrolments = [world.requested(holder, run) for holder in holders]
    keys = [world.do(SYSTEM, key_of, holder) for holder in holders]
    together = threading.Barrier(2 * HOLDERS)

    def confirm(number: int) -> TestResponse:
        headers = {"Authorization": f"Bearer {keys[number]}", "Idempotency-Key": "once"}
        together.wait(PATIENCE)
        path = f"/api/v1/enrolments/{enrolments[number].id}/confirm"
        return app.test_client().post(path, json={}, headers=headers)

    with ThreadPoolExecutor(2 * HOLDERS) as pool:
        # Everybody presses twice.
        answers = list(pool.map(confirm, [*range(HOLDERS), *range(HOLDERS)]))
    first, second = answers[:HOLDERS], answers[HOLDERS:]
    assert [answer.data for answer in first] == [answer.data for answer in second]
    done = [number for number in range(HOLDERS) if first[number].status_code == 200]
    assert len(done) == PLACES
    for number, answer in enumerate(first):
        body = answer.get_json()
        if number not in done:
            assert body["code"] == "run-full"
            continue
        assert (body["id"], body["account_number"]) == (
            enrolments[number].id,
            holders[number].number,
        )
    receipts = {first[number].get_json()["receipt"]["id"] for number in done}
    assert len(receipts) == PLACES
    with database.reading() as session:
        assert session.get_one(Run, run.id).taken == PLACES
        confirmed = select(Enrolment.hold_id).where(Enrolment.status == "confirmed")
        assert set(session.scalars(confirmed)) == receipts


def key_of(work: Work, holder: Holder) -> str:
    member = work.session.scalars(select(Membership).where(Membership.user_id == holder.actor.id))
    return users.add_api_key(work, member.one().id)
