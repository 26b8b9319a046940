"""Keyset paging: a page holds its items and the cursor of the next, never an offset."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ledger.errors import Invalid
from ledger.messages import N_

T = TypeVar("T")
SIZE = 25
MAXIMUM = 100


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of ``items`` and the cursor that asks for the next, None at the end."""

    items: tuple[T, ...]
    next_cursor: str | None


def size(asked: int | None) -> int:
    """Return a page size from 1 to 100; 25 when nothing was asked."""
    return max(1, min(asked or SIZE, MAXIMUM))


def page(rows: Sequence[T], limit: int, key: Callable[[T], Sequence[str | int]]) -> Page[T]:
    """Return a page from ``limit + 1`` rows; ``key`` gives the sort key of the last one shown."""
    items = tuple(rows[:limit])
    return Page(items, encode(key(items[-1])) if len(rows) > limit else None)


def encode(key: Sequence[str | int]) -> str:
    """Return the cursor for a sort key."""
    return base64.urlsafe_b64encode(json.dumps(list(key)).encode()).decode().rstrip("=")


def decode(cursor: str | None, length: int) -> tuple[str | int, ...] | None:
    """Return the sort key in ``cursor``, None for none. Raises Invalid when it is not ours."""
    if not cursor:
        return None
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        key = None
    if (
        not isinstance(key, list)
        or len(key) != length
        or not all(isinstance(part, str | int) and not isinstance(part, bool) for part in key)
    ):
        raise Invalid(N_("This page address is not right; start at the first page."))
    return tuple(key)
