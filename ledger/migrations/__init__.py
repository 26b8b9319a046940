"""The schema's versions, shipped in the package and run by ``leerrekening db upgrade``.

Migrations are written out in full and never import the models, so that an old one keeps meaning
what it meant. Each runs in one transaction on both engines: interrupted half-way, it is undone.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData, text

from ledger.db import Database
from ledger.errors import Conflict
from ledger.messages import N_


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


def head() -> str:
    """Return the newest version that this package knows."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def known() -> tuple[str, ...]:
    """Return the versions that this package can upgrade from, and the newest."""
    found = ScriptDirectory.from_config(_config()).walk_revisions()
    return tuple(script.revision for script in found)


def current(engine: Engine) -> str | None:
    """Return the version of a database, None for an empty one."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(url: str) -> None:
    """Bring the database at ``url`` to the newest version; a current one is left alone.

    Raises Conflict for a version that this package does not know, newer or from before the first
    release: the hashes in its books were made of other bytes.
    """
    database = Database(url)
    try:
        found = current(database.engine)
        if found not in (None, *known()):
            raise Conflict(
                N_(
                    "This database is at version %(found)s, which this release does not know."
                    " Nothing was changed. For a demonstration, begin anew with: leerrekening"
                    " demo --reset"
                ),
                found=found,
            )
        with database.engine.begin() as connection:
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        database.dispose()


def remove_all(database: Database) -> None:
    """Remove every table with its data; only for a demonstration that starts anew."""
    with database.engine.begin() as connection:
        tables = MetaData()
        tables.reflect(connection)
        tables.drop_all(connection)
        if connection.dialect.name == "postgresql":
            connection.execute(text("DROP FUNCTION IF EXISTS refuse_change"))
