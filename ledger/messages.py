"""Texts before they have a language: the marker for the catalogues, and a msgid with its values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


def N_(msgid: str) -> str:
    """Mark ``msgid`` for the catalogues; it is translated where it is shown."""
    return msgid


@dataclass(frozen=True, slots=True)
class Message:
    """An English msgid with the values of its ``%(name)s`` placeholders."""

    msgid: str
    params: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.msgid % dict(self.params) if self.params else self.msgid
