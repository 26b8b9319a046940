"""What a proof of the books is made of: checks that yield findings, read as a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy import Select
from sqlalchemy.orm import Session

from ledger.db import driver
from ledger.messages import Message

Progress = Callable[[int, int], None]  # how much was done, of how much


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it must be: the table, the row's id, and what is wrong with it."""

    table: str
    id: str
    message: Message


@dataclass(frozen=True, slots=True)
class Check:
    """One kind of proof; ``title`` is an English msgid that says what is compared."""

    title: str
    find: Callable[[Session], Iterator[Finding]]

    def run(self, session: Session, progress: Progress | None = None) -> Iterator[Finding]:
        """Yield what is found; ``progress`` hears of checks that take long."""
        return self.find(session)


@dataclass(frozen=True, slots=True)
class LongCheck:
    """A kind of proof that says how far it is."""

    title: str
    find: Callable[[Session, Progress], Iterator[Finding]]

    def run(self, session: Session, progress: Progress | None = None) -> Iterator[Finding]:
        """Yield what is found; ``progress`` hears how far it is."""
        return self.find(session, progress or (lambda done, total: None))


def stream(session: Session, statement: Select[*tuple[Any, ...]]) -> Iterator[Any]:
    """Yield the rows of ``statement`` without holding all of them.

    On PostgreSQL not by a cursor on the server: its planner would count on a reader who wants
    the first rows soon, and would use one core only.
    """
    connection = driver(session)
    if not isinstance(connection, psycopg.Connection):
        yield from session.execute(statement.execution_options(yield_per=1000))
        return
    compiled = statement.compile(
        dialect=session.get_bind().dialect, compile_kwargs={"literal_binds": True}
    )
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        yield from cursor.stream(str(compiled).encode(), ())
