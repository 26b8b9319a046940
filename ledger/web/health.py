"""Is it up, and can it work: two addresses for whoever watches the service."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import Blueprint, Flask, Response, current_app, jsonify

from ledger.web.auth import everyone

blueprint = Blueprint("health", __name__)


def init(app: Flask, ready: Callable[[], Mapping[str, bool]]) -> None:
    """Serve both addresses; ``ready`` tells per part (database, migrations, …) if it works."""
    app.extensions["ledger_ready"] = ready
    app.register_blueprint(blueprint)


@blueprint.get("/healthz")
@everyone
def healthz() -> Response:
    """Answer that the process runs, without touching anything else."""
    return _plain({"status": "up"})


@blueprint.get("/readyz")
@everyone
def readyz() -> Response:
    """Answer 200 when every part works, else 503, with each part's state."""
    try:
        parts = dict(current_app.extensions["ledger_ready"]())
    except Exception:
        current_app.logger.exception("readiness check failed")
        parts = {"checks": False}
    well = all(parts.values())
    response = _plain({"status": "ready" if well else "not ready", "parts": parts})
    response.status_code = 200 if well else 503
    return response


def _plain(content: Mapping[str, object]) -> Response:
    response = jsonify(content)
    response.headers["Cache-Control"] = "no-store"
    return response
