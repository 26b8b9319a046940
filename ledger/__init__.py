"""Leerrekening: the open personal learning account. Read ``create_app`` to see the whole house."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.middleware.proxy_fix import ProxyFix

from ledger import config as configuration
from ledger import migrations, web
from ledger.accounts.views.sign_in import Backend
from ledger.config import Config
from ledger.db import Database

ROOMS = ("accounts", "certificates", "providers", "funders")


@dataclass(frozen=True, slots=True)
class Ledger:
    """What an application holds on to."""

    config: Config
    database: Database


def create_app(config: Config | None = None, database: Database | None = None) -> Flask:
    """Return the application: the shell, and the pages and API of every room."""
    settings = config or configuration.load()
    books = database or Database(settings.database_url)
    app = Flask(__name__, static_folder=None, instance_path=str(settings.instance_path))
    app.config.update(
        SECRET_KEY=settings.secret_key,
        HTTPS=settings.https,
        PUBLIC_URL=settings.public_url,
    )
    if settings.proxies:
        count = settings.proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count)  # type: ignore[method-assign]
    app.extensions["ledger"] = Ledger(settings, books)
    api = web.init(app, Backend(books), lambda: _ready(books))
    for room in ROOMS:
        for blueprint in import_module(f"ledger.{room}.views").blueprints:
            app.register_blueprint(blueprint)
        for blueprint in import_module(f"ledger.{room}.api").blueprints:
            api.register_blueprint(blueprint)
    return app


def _ready(database: Database) -> Mapping[str, bool]:
    try:
        return {
            "database": True,
            "migrations": migrations.current(database.engine) == migrations.head(),
        }
    except SQLAlchemyError:
        return {"database": False, "migrations": False}
