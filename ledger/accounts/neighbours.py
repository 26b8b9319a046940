"""What rooms above this one tell its pages, so that the books need not know them.

A journal transaction knows an enrolment by its id only. The room of enrolments registers how such
ids are called, which next steps it sees for a holder, and what its codes mean in words.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from ledger.messages import Message


@dataclass(frozen=True, slots=True)
class Named:
    """A thing as a holder knows it; ``endpoint`` and ``values`` lead to its page, if any."""

    title: str
    title_en: str | None = None
    detail: Message | None = None
    endpoint: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """Something a holder can do now; ``urgent`` ones come first."""

    title: Message
    detail: Message
    endpoint: str
    values: Mapping[str, Any] = field(default_factory=dict)
    urgent: bool = False


Describe = Callable[[Session, Collection[str]], Mapping[str, Named]]
Advise = Callable[[Session, str, datetime], Iterable[Step]]

_describers: dict[str, Describe] = {}
_advisers: dict[str, Advise] = {}
_codes: dict[str, str] = {}


def register_names(prefix: str, describe: Describe) -> None:
    """Let ``describe(session, ids)`` name the subjects whose ids begin with ``prefix_``."""
    _describers[prefix] = describe


def register_steps(room: str, advise: Advise) -> None:
    """Let ``advise(session, account_id, now)`` add next steps to a holder's account page."""
    _advisers[room] = advise


def register_codes(words: Mapping[str, str]) -> None:
    """Say which English msgid stands for each code, such as a sector's."""
    _codes.update(words)


def names(session: Session, subjects: Collection[str]) -> dict[str, Named]:
    """Return what is known about ``subjects``; ids that no room knows are left out."""
    found: dict[str, Named] = {}
    for prefix, describe in _describers.items():
        own = [subject for subject in subjects if subject.startswith(f"{prefix}_")]
        if own:
            found.update(describe(session, own))
    return found


def steps(session: Session, account_id: str, now: datetime) -> list[Step]:
    """Return the next steps that other rooms see for a holder, urgent ones first."""
    found = [step for advise in _advisers.values() for step in advise(session, account_id, now)]
    return sorted(found, key=lambda step: not step.urgent)


def in_words(code: str) -> Message:
    """Return a code's words; the code itself when nobody gave it any."""
    return Message(_codes.get(code, code))
