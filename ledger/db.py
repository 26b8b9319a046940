"""The database and its two doors: ``reading()`` cannot write, ``work(actor)`` is one unit of work.

Only this module commits. SQLite takes its write lock when the work begins (``BEGIN IMMEDIATE``),
so that what a verb reads cannot change before it writes; PostgreSQL relies on conditional updates
and locks in sorted order, and :meth:`Database.perform` runs the whole work again when the engine
had to choose a victim.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, ClassVar, Concatenate, ParamSpec, TypeVar

import psycopg
from sqlalchemy import DateTime, Engine, MetaData, create_engine, event
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.types import JSON, BigInteger, Boolean, Date, String, Text, TypeDecorator

from ledger import clock
from ledger.errors import Busy, Conflict
from ledger.messages import N_

P = ParamSpec("P")
T = TypeVar("T")

_RETRIED = {"40001", "40P01"}  # serialization_failure, deadlock_detected
_ATTEMPTS = 6
# Connections that are closed again after use, for who needs a second one. Few, since making a
# connection takes longer than waiting for one.
_SPARE = 4
_STALE_ATTEMPTS = 60


class UtcDateTime(TypeDecorator[datetime]):
    """A moment with time zone; stored in UTC on both engines, refused without a zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# STRICT tables know five types only; these are the ones that our columns have there.
for _type, _name in (
    (String, "TEXT"),
    (Text, "TEXT"),
    (Date, "TEXT"),
    (DateTime, "TEXT"),
    (JSON, "TEXT"),
    (Boolean, "INTEGER"),
    (BigInteger, "INTEGER"),
):
    compiles(_type, "sqlite")(lambda _element, _compiler, _n=_name, **_: _n)


class Base(DeclarativeBase):
    """Every table; on SQLite all are STRICT."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar = {
        datetime: UtcDateTime(),
        int: BigInteger(),
        str: Text(),
        dict[str, Any]: JSON(),
        list[str]: JSON(),
        list[Any]: JSON(),
    }


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a pseudonymous id for the journal, the role, and what it may stand for."""

    id: str
    role: str
    user_id: str | None = None
    organisation_id: str | None = None
    account_id: str | None = None


SYSTEM = Actor(id="system", role="system")


@dataclass(frozen=True, slots=True)
class Work:
    """One unit of work: everything in ``session`` stands or falls together at its end."""

    session: Session
    actor: Actor
    now: datetime

    @property
    def today(self) -> date:
        """Return the legal date of this work in Amsterdam."""
        return clock.today(self.now)


def driver(session: Session) -> psycopg.Connection[Any] | sqlite3.Connection:
    """Return the driver's own connection of a session, within its transaction.

    For set-based statements where going through SQLAlchemy would cost more than the statement.
    """
    session.flush()  # what it was told so far, those statements must see
    return _driver_of(session.connection().connection)


def _driver_of(pooled: PoolProxiedConnection) -> psycopg.Connection[Any] | sqlite3.Connection:
    found = pooled.driver_connection
    if not isinstance(found, psycopg.Connection | sqlite3.Connection):
        raise TypeError(f"no driver of ours: {type(found)}")
    return found


class Stale(Exception):
    """What this work read was changed by another before it could write; it has to run again."""


class Database:
    """One SQLite file or PostgreSQL database, by its SQLAlchemy URL."""

    def __init__(self, url: str, *, pool_size: int = 16) -> None:
        self.url = url
        self.engine = _engine(url, pool_size)
        self._reader = _reading_engine(url, pool_size)
        self._asker = _asking_engine(url, self._reader)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a session for questions; nothing that happens in it can be kept."""
        with (
            self._noticing_loss(),
            Session(self._reader, autoflush=False, expire_on_commit=False) as session,
        ):
            yield session

    @contextmanager
    def asking(self) -> Iterator[psycopg.Connection[Any] | sqlite3.Connection]:
        """Lend a driver's own connection for one statement that only reads.

        It has no transaction around it and costs one round trip: for what every request asks.
        """
        with self._noticing_loss():
            pooled = self._asker.raw_connection()
            try:
                yield _driver_of(pooled)
            except BaseException:
                pooled.invalidate()
                raise
            pooled.close()

    @contextmanager
    def work(self, actor: Actor, now: datetime | None = None) -> Iterator[Work]:
        """Open one unit of work; it is kept when the block ends and undone when it raises."""
        with (
            self._noticing_loss(),
            Session(self.engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield Work(session, actor, now or clock.now())

    def perform(
        self,
        actor: Actor,
        verb: Callable[Concatenate[Work, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run ``verb`` in one unit of work and return its answer.

        When the database gave this work up in favour of another, the whole work runs again, a
        bounded number of times with growing random pauses; likewise when it is Stale, more often
        and with short pauses, since each time somebody else got on. Raises Busy when that did not
        help, and Conflict when a unique index refused what another work had just written.
        """
        victim: Exception | None = None
        attempt = stale = 0
        while attempt < _ATTEMPTS and stale < _STALE_ATTEMPTS:
            try:
                with self.work(actor) as work:
                    return verb(work, *args, **kwargs)
            except (Stale, DBAPIError, psycopg.Error, sqlite3.Error) as error:
                if _is_taken(error):
                    raise Conflict(
                        N_("Somebody did the same at this moment. Look at what is there now.")
                    ) from error
                if not _may_retry(error):
                    raise
                victim = error
                # Jitter keeps the competitors from meeting again at the same moment.
                pause = 0.01 if isinstance(error, Stale) else 0.01 * 2**attempt
                time.sleep(random.uniform(0, pause))  # noqa: S311 (no secret)
                stale += isinstance(error, Stale)
                attempt += not isinstance(error, Stale)
        busy = N_("It is very busy. Nothing was changed; please try again in a minute.")
        raise Busy(busy) from victim

    @contextmanager
    def _noticing_loss(self) -> Iterator[None]:
        """Let go of all connections when one was lost: the others are dead as well."""
        try:
            yield
        except (DBAPIError, psycopg.OperationalError) as error:
            if is_loss(error):
                self.dispose()
            raise

    def dispose(self) -> None:
        """Close all connections."""
        for engine in (self.engine, self._reader, self._asker):
            engine.dispose()


def is_loss(error: Exception) -> bool:
    """Tell whether the server went away; what was being kept then is kept, or it is not."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(cause, psycopg.OperationalError):
        return False
    # Connection exceptions, and the server saying that it shuts down or crashed.
    return cause.sqlstate is None or cause.sqlstate[:2] == "08" or cause.sqlstate[:3] == "57P"


def _is_taken(error: Exception) -> bool:
    """Tell whether a unique index refused: what verbs check first, two can pass together."""
    state, code = _codes(error)
    unique = (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
    return state == "23505" or code in unique


def _may_retry(error: Exception) -> bool:
    if isinstance(error, Stale):
        return True
    state, code = _codes(error)
    return state in _RETRIED or (code is not None and code & 0xFF == sqlite3.SQLITE_BUSY)


def _codes(error: Exception) -> tuple[str | None, int | None]:
    """Return PostgreSQL's and SQLite's code of an error, SQLAlchemy's or the driver's own."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return getattr(cause, "sqlstate", None), getattr(cause, "sqlite_errorcode", None)


def _engine(url: str, pool_size: int) -> Engine:
    if url.startswith("sqlite"):
        engine = create_engine(url, hide_parameters=True, connect_args={"timeout": 30})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_immediate)
        return engine
    engine = create_engine(url, hide_parameters=True, pool_size=pool_size, max_overflow=_SPARE)
    event.listen(engine, "connect", _prepare_postgresql)
    return engine


def _reading_engine(url: str, pool_size: int) -> Engine:
    if url.startswith("sqlite"):
        reader = create_engine(url, hide_parameters=True, connect_args={"timeout": 30})
        event.listen(reader, "connect", _prepare_sqlite)
        event.listen(reader, "connect", _refuse_writes)
        event.listen(reader, "begin", _begin_deferred)
        return reader
    reader = create_engine(url, hide_parameters=True, pool_size=pool_size, max_overflow=_SPARE)
    event.listen(reader, "connect", _read_one_snapshot)
    return reader


def _asking_engine(url: str, reader: Engine) -> Engine:
    if url.startswith("sqlite"):
        return reader
    # Nobody keeps one for longer than a statement, so a few serve many threads.
    asker = create_engine(url, hide_parameters=True, pool_size=8, max_overflow=0)
    event.listen(asker, "connect", _ask_only)
    return asker


def _prepare_postgresql(connection: psycopg.Connection[Any], _record: object) -> None:
    # What the driver prepares it discards at every rollback, see ledger/prepared.py.
    connection.prepare_threshold = None
    connection.autocommit = True
    # The same few statements all day: planning each anew takes longer than running it. And
    # nobody's locks outlive a client that fell silent.
    connection.execute("SET plan_cache_mode = force_generic_plan")
    # Such a plan is kept while the tables grow: made when they were nearly empty, it would read
    # them whole for ever after. What writes is about a few rows and has an index for them.
    connection.execute("SET enable_seqscan = off")
    connection.execute("SET jit = off")  # compiling one of these takes longer than running it
    connection.execute("SET TIME ZONE 'UTC'")
    connection.execute("SET idle_in_transaction_session_timeout = '60s'")
    connection.autocommit = False


def _read_one_snapshot(connection: psycopg.Connection[Any], _record: object) -> None:
    connection.prepare_threshold = None
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True


def _ask_only(connection: psycopg.Connection[Any], _record: object) -> None:
    connection.autocommit = True
    connection.execute("SET plan_cache_mode = force_generic_plan")
    connection.execute("SET enable_seqscan = off")
    connection.execute("SET TIME ZONE 'UTC'")
    connection.execute("SET default_transaction_read_only = on")


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # BEGIN is ours, see below
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "busy_timeout=30000",
        "trusted_schema=OFF",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _refuse_writes(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA query_only=ON")


def _begin_immediate(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_deferred(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN")


def strict_tables() -> None:
    """Make every table STRICT on SQLite; called once all models are known."""
    for table in Base.metadata.tables.values():
        table.dialect_options["sqlite"]["strict"] = True
