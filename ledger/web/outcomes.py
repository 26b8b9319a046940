"""Outcomes that are kept under the keys of API calls: finding, keeping and forgetting many."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

import psycopg
from sqlalchemy import delete, select, tuple_

from ledger import sets
from ledger.db import Stale, Work
from ledger.prepared import Prepared
from ledger.web.models import IdempotencyKey


@dataclass(frozen=True, slots=True)
class Key:
    """What a caller named one intended change; ``fingerprint`` is the request that came with it."""

    actor_id: str
    value: str
    fingerprint: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """An answer or a refusal as it is kept and sent; ``replayed`` when it was kept before."""

    body: str
    status: int
    replayed: bool = False


REMEMBERED_DAYS = 30  # at least, as the API's description promises
Kept = tuple[str, Outcome]  # the fingerprint of the request that it answered
_KEY = {"actor_id": "text", "key": "text"}
_ROW = {
    **_KEY,
    "request_hash": "text",
    "status": "int",
    "body": "text",
    "created_at": "timestamptz",
}
_ASKED = "SELECT k.actor_id, k.key, k.request_hash, k.body, k.status FROM"
_POSTGRESQL = Prepared(
    "SELECT json_agg(json_build_array(k.actor_id, k.key, k.request_hash, k.body, k.status)) FROM"  # noqa: S608
    f" {sets.unnest('r', _KEY)} JOIN idempotency_key AS k USING (actor_id, key)"
)
_SQLITE = (
    f"{_ASKED} json_each(?) AS r CROSS JOIN idempotency_key AS k"
    " ON k.actor_id = json_extract(r.value, '$[0]') AND k.key = json_extract(r.value, '$[1]')"
)
_TAKEN = (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)


def find(connection: sets.Connection, keys: Sequence[Key]) -> dict[Key, Kept]:
    """Return what is kept under ``keys``, in one statement."""
    if not keys:
        return {}
    pairs = [(key.actor_id, key.value) for key in keys]
    if isinstance(connection, sqlite3.Connection):
        rows = connection.execute(_SQLITE, (json.dumps(pairs),)).fetchall()
    else:
        (found,) = _POSTGRESQL.run(connection, sets.columns(pairs, len(_KEY)))
        rows = json.loads(found or b"[]")
    return {
        Key(actor_id, value, fingerprint): (fingerprint, Outcome(body, status, replayed=True))
        for actor_id, value, fingerprint, body, status in rows
    }


def keep(connection: sets.Connection, now: datetime, made: Iterable[tuple[Key, Outcome]]) -> None:
    """Keep outcomes, in one statement. Raises Stale when such a key was used this moment."""
    rows = [
        (key.actor_id, key.value, key.fingerprint, outcome.status, outcome.body, now)
        for key, outcome in made
    ]
    try:
        # In one order everywhere, so that two processes with the same keys wait but never cross.
        sets.insert(connection, "idempotency_key", _ROW, sorted(rows))
    except psycopg.errors.UniqueViolation as error:
        raise Stale from error
    except sqlite3.IntegrityError as error:
        if error.sqlite_errorcode in _TAKEN:
            raise Stale from error
        raise


def forget(work: Work, before: datetime, most: int) -> int:
    """Delete outcomes that were kept before a moment, at most so many; return how many."""
    old = (
        select(IdempotencyKey.actor_id, IdempotencyKey.key)
        .where(IdempotencyKey.created_at < before)
        .limit(most)
    )
    row = tuple_(IdempotencyKey.actor_id, IdempotencyKey.key)
    done = work.session.execute(
        delete(IdempotencyKey).where(row.in_(old)).execution_options(synchronize_session=False)
    )
    return cast(int, done.rowcount)  # type: ignore[attr-defined]
