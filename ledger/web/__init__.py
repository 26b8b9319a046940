"""The shell that every page and API call passes through; knows the kernel and no room.

``init`` puts it together: input checks, sign-in and the role guard, CSRF, headers, languages,
problems, health, and the few pages that belong to nobody else. Call it before the rooms register
their blueprints.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flask import Flask
from flask_smorest import Api

from ledger.web import auth, headers, health, i18n, intake, navigation, openapi, pages, problems

_HERE = Path(__file__).parent


def init(
    app: Flask, backend: auth.Backend, ready: Callable[[], Mapping[str, bool]] | None = None
) -> Api:
    """Set up ``app`` and return the API that rooms register their API blueprints with.

    ``backend`` knows people and sessions; ``ready`` tells per part whether it works. With
    ``app.config["HTTPS"]`` cookies get Secure and the ``__Host-`` prefix.
    """
    app.config.setdefault("HTTPS", False)
    app.static_folder = str(_HERE / "static")
    if "static" not in app.view_functions:
        app.add_url_rule("/static/<path:filename>", "static", app.send_static_file)
    # No function here is async; to ask that of each one takes a tenth of a short call.
    app.ensure_sync = _as_it_is  # type: ignore[method-assign]
    intake.init(app)
    i18n.init(app)
    auth.init(app, backend)
    headers.init(app)
    problems.init(app)
    navigation.init(app)
    health.init(app, ready or dict)
    app.register_blueprint(pages.blueprint)
    return openapi.init(app)


def _as_it_is(func: Callable[..., Any]) -> Callable[..., Any]:
    return func
