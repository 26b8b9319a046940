"""What a proof of the books is made of: checks that yield findings, read as a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select
from sqlalchemy.orm import Session

from ledger.messages import Message


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
    run: Callable[[Session], Iterator[Finding]]


def stream(session: Session, statement: Select[*tuple[Any, ...]]) -> Iterator[Any]:
    """Yield the rows of ``statement`` without holding all of them."""
    yield from session.execute(statement.execution_options(yield_per=1000))
