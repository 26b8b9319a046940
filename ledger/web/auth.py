"""Who is asking, and whether they may: server-side sessions, API keys and the one role guard.

Pages know a visitor by a cookie with a random session id, the API by a bearer key; neither door
accepts the other's proof, so the API needs no CSRF protection and a page cannot be opened with a
key. Every endpoint declares its roles with ``@roles``; one that declares none answers nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast
from urllib.parse import urlsplit

from flask import Flask, Request, Response, current_app, g, redirect, request, session, url_for
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_login import LoginManager, current_user
from flask_wtf import CSRFProtect
from werkzeug.exceptions import Forbidden, InternalServerError, Unauthorized
from werkzeug.wrappers import Response as AnyResponse

from ledger.db import Actor

ROLES = ("holder", "provider", "funder", "auditor", "operator")
PUBLIC = "public"
_View = TypeVar("_View", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Membership:
    """One capacity in which a person may act; ``name`` is the organisation, None for a holder."""

    id: str
    role: str
    organisation_id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Principal:
    """A signed-in person in one capacity; ``language`` is ``nl``, ``en`` or None."""

    user_id: str
    name: str
    role: str
    organisation_id: str | None = None
    account_id: str | None = None
    memberships: tuple[Membership, ...] = ()
    membership_id: str | None = None
    language: str | None = None

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def get_id(self) -> str:
        """Return the id that Flask-Login asks for."""
        return self.user_id


class Backend(Protocol):
    """What the shell needs to know about people; given to ``init`` by create_app."""

    def sign_in(self, email: str, password: str, ip: str) -> str:
        """Return the token of a new session. Raises a DomainError that does not tell why."""

    def load_session(self, token: str) -> Principal | None:
        """Return who a living session belongs to; None for any other text."""

    def end_session(self, token: str) -> None:
        """End the session; unknown ones are no error."""

    def load_key(self, key: str) -> Principal | None:
        """Return who an API key belongs to; None for any other text."""

    def check_password(self, user_id: str, password: str) -> bool:
        """Tell whether this is the person's password."""

    def change_password(self, user_id: str, old: str, new: str) -> None:
        """Set the password and end all sessions of this person. Raises Invalid."""

    def switch_role(self, token: str, membership_id: str) -> str:
        """End the session and return the token of a new one in another capacity of the same person.

        Raises NotFound when the capacity is not theirs.
        """


csrf = CSRFProtect()


class _Manager(LoginManager):  # type: ignore[misc]
    """Flask-Login with one door: neither its own cookie nor remember-me, so it looks in none."""

    def _load_user(self) -> None:
        self._update_request_context_with_user(_load(request))


class PageSessions(SecureCookieSessionInterface):
    """Flask's signed cookie, that holds a form's token: for pages only, so not read for the API."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return what the cookie holds; None under /api/."""
        return None if request.path.startswith("/api/") else super().open_session(app, request)


def init(app: Flask, backend: Backend) -> None:
    """Set up sessions, CSRF protection and the guard on ``app``."""
    https = bool(app.config.get("HTTPS"))
    prefix = "__Host-" if https else ""
    app.config.update(
        SESSION_COOKIE_NAME=f"{prefix}leerrekening-form",
        SESSION_COOKIE_SECURE=https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        WTF_CSRF_CHECK_DEFAULT=False,  # checked below, everywhere but under /api/
        WTF_CSRF_TIME_LIMIT=None,  # lives as long as the visit: people are slow with forms
    )
    app.session_interface = PageSessions()
    app.extensions["ledger_backend"] = backend
    _Manager(app)
    csrf.init_app(app)
    app.before_request(_guard)
    app.before_request(_protect)


def roles(*names: str) -> Callable[[_View], _View]:
    """Declare who may call a view: names of ``ROLES``, or ``public`` for everybody.

    Goes directly on the function, or on a MethodView class or its methods.
    """
    unknown = set(names) - {*ROLES, PUBLIC}
    if unknown or not names:
        raise ValueError(f"not roles: {sorted(unknown)}")

    def mark(view: _View) -> _View:
        view.__roles__ = frozenset(names)  # type: ignore[attr-defined]
        return view

    return mark


signed_in = roles(*ROLES)
everyone = roles(PUBLIC)


def declared_roles(view: Callable[..., Any], method: str) -> frozenset[str] | None:
    """Return the roles declared for a view function and HTTP method; None when there are none."""
    found: frozenset[str] | None = None
    view_class = getattr(view, "view_class", None)
    if view_class is not None:
        name = "get" if method == "HEAD" else method.lower()
        found = getattr(getattr(view_class, name, None), "__roles__", None)
        found = found or getattr(view_class, "__roles__", None)
    return found or getattr(view, "__roles__", None)


def backend() -> Backend:
    """Return the people's side that create_app put in."""
    return cast(Backend, current_app.extensions["ledger_backend"])


def is_api() -> bool:
    """Tell whether this request came in by the API's door."""
    return request.path.startswith("/api/")


def principal() -> Principal | None:
    """Return who is signed in, None for a visitor."""
    user = current_user
    return cast(Principal, user._get_current_object()) if user.is_authenticated else None


def current_actor() -> Actor:
    """Return who acts in this request, for a unit of work; visitors act as ``public``."""
    person = principal()
    if person is None:
        return Actor(id=PUBLIC, role=PUBLIC)
    return Actor(
        id=person.user_id,
        role=person.role,
        user_id=person.user_id,
        organisation_id=person.organisation_id,
        account_id=person.account_id,
    )


def confirmed_by_password(password: str) -> bool:
    """Tell whether the signed-in person just gave their own password; for weighty steps."""
    person = principal()
    return person is not None and backend().check_password(person.user_id, password)


def safe_next(target: str | None, fallback: str) -> str:
    """Return ``target`` when it is a plain path on this site, ``fallback`` otherwise.

    Control characters, spaces and backslashes are refused because browsers and libraries drop or
    turn them, which makes another host out of a path.
    """
    if not target or not target.startswith("/") or "//" in target or "\\" in target:
        return fallback
    if any(ord(c) <= 0x20 or 0x7F <= ord(c) <= 0xA0 for c in target):
        return fallback
    parts = urlsplit(target)
    return fallback if parts.scheme or parts.netloc else target


def cookie_name() -> str:
    """Return the name of the session cookie."""
    return ("__Host-" if current_app.config["HTTPS"] else "") + "leerrekening-session"


def session_token() -> str | None:
    """Return the session id that the browser sent."""
    return request.cookies.get(cookie_name())


def begin(response: Response, token: str) -> Response:
    """Give the browser a new session; whatever was in the old one is forgotten."""
    old = session_token()
    if old and old.isascii():
        backend().end_session(old)
    session.clear()
    response.set_cookie(
        cookie_name(),
        token,
        secure=bool(current_app.config["HTTPS"]),
        httponly=True,
        samesite="Lax",
        path="/",
    )
    return response


def end(response: Response) -> Response:
    """End the session here and in the browser."""
    token = session_token()
    if token and token.isascii():
        backend().end_session(token)
    session.clear()
    response.delete_cookie(
        cookie_name(),
        path="/",
        secure=bool(current_app.config["HTTPS"]),
        httponly=True,
        samesite="Lax",
    )
    return response


def _load(incoming: Request) -> Principal | None:
    if incoming.path.startswith("/api/"):
        scheme, _, key = incoming.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.isascii() or not key:
            return None
        return backend().load_key(key.strip())
    if g.get("no_principal"):
        return None  # an error page: looking the person up may be what failed
    token = incoming.cookies.get(cookie_name(), "")
    return backend().load_session(token) if token and token.isascii() else None


def _guard() -> AnyResponse | None:
    if request.endpoint is None or request.endpoint == "static":
        return None  # unmatched addresses answer 404 by themselves
    view = current_app.view_functions[request.endpoint]
    declared = declared_roles(view, request.method)
    if declared is None:
        raise InternalServerError(f"{request.endpoint} declares no roles")
    if PUBLIC in declared:
        return None
    person = principal()
    if person is None:
        return _ask_to_sign_in()
    if person.role not in declared:
        raise Forbidden()
    return None


def _ask_to_sign_in() -> AnyResponse:
    if is_api():
        raise Unauthorized()
    if request.method in ("GET", "HEAD"):
        return redirect(url_for("web.sign_in", next=request.full_path.removesuffix("?")), 303)
    return redirect(url_for("web.sign_in"), 303)


def _protect() -> None:
    # The API takes no cookie, so nothing there can be forged on somebody's behalf.
    if not is_api():
        csrf.protect()
