"""Headers that keep pages from being framed, scripted, sniffed or kept by a shared computer."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, g, request
from flask_talisman import Talisman

# No script at all: the pages work without. What is not listed is refused by default-src.
POLICY = {
    "default-src": "'none'",
    "style-src": "'self'",
    "img-src": "'self'",
    "font-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
_YEAR = 365 * 24 * 60 * 60


class _Headers(Talisman):  # type: ignore[misc]
    """Talisman's headers, composed once: they depend on nothing but whether TLS is in front."""

    def init_app(self, app: Flask, **options: Any) -> None:
        super().init_app(app, **options)
        self._composed: dict[bool, list[tuple[str, str]]] = {}

    def _set_response_headers(self, response: Response) -> Response:
        behind_tls = self._behind_tls()
        if behind_tls not in self._composed:
            blank: Response = super()._set_response_headers(Response())
            del blank.headers["Content-Type"], blank.headers["Content-Length"]
            self._composed[behind_tls] = list(blank.headers)
        response.headers.update(self._composed[behind_tls])
        return response

    def _force_https(self) -> None:
        """Redirect nothing: the server before us does, and health checks come in plain."""

    def _make_nonce(self) -> None:
        """Make none: there is no script to allow."""

    @staticmethod
    def _behind_tls() -> bool:
        return request.is_secure or request.headers.get("X-Forwarded-Proto") == "https"


def init(app: Flask) -> None:
    """Add the headers to every answer of ``app``."""
    https = bool(app.config.get("HTTPS"))
    app.after_request(_own_referrer_policy)  # registered first, so it has the last word
    _Headers(
        app,
        content_security_policy=POLICY,
        frame_options="DENY",
        referrer_policy="same-origin",
        strict_transport_security=https,
        strict_transport_security_max_age=_YEAR,
        session_cookie_secure=https,
        session_cookie_samesite="Lax",
        permissions_policy={"camera": "()", "geolocation": "()", "microphone": "()"},
        x_xss_protection=False,
    )
    app.after_request(_keep_private)


def _own_referrer_policy(response: Response) -> Response:
    # A page with a secret in its address sets g.referrer_policy to no-referrer.
    if "referrer_policy" in g:
        response.headers["Referrer-Policy"] = g.referrer_policy
    return response


def _keep_private(response: Response) -> Response:
    # Every page can hold a name or a form's token, so none is kept unless it says otherwise.
    if request.endpoint != "static" and "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    return response
