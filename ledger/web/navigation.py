"""The main menu: rooms add what they have for each role, pages show what exists."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, current_app, request, url_for

from ledger.messages import N_
from ledger.web import auth

ROLE_NAMES = {
    "holder": N_("Account holder"),
    "provider": N_("Provider"),
    "funder": N_("Funder"),
    "auditor": N_("Auditor"),
    "operator": N_("Operator"),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One menu item: an English msgid and the endpoint it leads to."""

    label: str
    endpoint: str


@dataclass(frozen=True, slots=True)
class Item:
    """A menu item on a page; ``current`` for the part of the site the reader is in."""

    label: str
    url: str
    current: bool


_entries: dict[str, list[Entry]] = {}


def init(app: Flask) -> None:
    """Make the menu available to the templates of ``app``."""
    app.jinja_env.globals.update(
        menu=menu, principal=auth.principal, start_url=start_url, ROLE_NAMES=ROLE_NAMES
    )


def add(role: str, label: str, endpoint: str, *, first: bool = False) -> None:
    """Add a menu item for ``role``, at the end or ``first``: where signing in leads.

    ``label`` is an English msgid marked with ``N_``. Adding the same endpoint again changes
    nothing, so that several applications can live in one process.
    """
    if role not in (*auth.ROLES, auth.PUBLIC):
        raise ValueError(f"not a role: {role}")
    entries = _entries.setdefault(role, [])
    if all(entry.endpoint != endpoint for entry in entries):
        entries.insert(0 if first else len(entries), Entry(label, endpoint))


def menu() -> list[Item]:
    """Return the menu of whoever is asking; the item nearest above this page is current."""
    person = auth.principal()
    entries = [
        (entry.label, url_for(entry.endpoint))
        for entry in _entries.get(person.role if person else auth.PUBLIC, [])
        if entry.endpoint in current_app.view_functions
    ]
    above = [url for _, url in entries if _is_above(url, request.path)]
    nearest = max(above, key=len, default=None)
    return [Item(label, url, url == nearest) for label, url in entries]


def start_url(role: str) -> str:
    """Return where a person with ``role`` begins."""
    for entry in _entries.get(role, []):
        if entry.endpoint in current_app.view_functions:
            return url_for(entry.endpoint)
    return url_for("web.home")


def _is_above(url: str, path: str) -> bool:
    return path == url or path.startswith(url.rstrip("/") + "/")
