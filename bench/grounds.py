"""The grounds on which figures are measured: one server, databases made ready, and the means."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property

import psycopg
import sqlalchemy

from bench import offer as offers
from bench import server as servers
from bench.hordak_transfers import hordak_version
from bench.offer import Offer
from bench.server import Server
from ledger import migrations
from ledger.db import Database


@dataclass
class Grounds:
    """What the figures of one run share; what nobody asks for is never made.

    ``seconds`` and ``repeats`` are those of one turn; ``small`` makes the large database a tenth.
    """

    seconds: float = 3.0
    repeats: int = 5
    small: bool = False
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Grounds:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    @cached_property
    def server(self) -> Server:
        """Return the server on which ours and the yardstick are measured."""
        return self._stack.enter_context(servers.running())

    @cached_property
    def ready(self) -> Ready:
        """Return the databases of the server, ready for use."""
        return Ready(self.server)

    def versions(self) -> dict[str, str]:
        """Return the versions of what the figures depend on."""
        with self.server.cluster.connect() as connection:
            row = connection.execute("SHOW server_version").fetchone()
        return {
            "postgresql": str(row[0]) if row else "",
            "python": platform.python_version(),
            "psycopg": psycopg.__version__,
            "sqlalchemy": sqlalchemy.__version__,
            "sqlite": sqlite3.sqlite_version,
            "django-hordak": hordak_version(),
            "cpus": str(os.cpu_count()),
        }


class Ready:
    """Databases of one server: an empty ledger with its offer to copy, and pgbench's own."""

    def __init__(self, server: Server) -> None:
        self._server = server

    @cached_property
    def pgbench(self) -> str:
        """Return the name of the database with pgbench's tables."""
        return self._server.pgbench_database()

    @cached_property
    def _template(self) -> tuple[str, Offer]:
        return make_ledger(self._server)

    @property
    def offer(self) -> Offer:
        """Return what there is to enrol in, in every ledger."""
        return self._template[1]

    @contextmanager
    def ledger(self) -> Iterator[str]:
        """Lend a ledger with an offer and nobody in it; its name."""
        name = self._server.cluster.create_database(self._template[0])
        try:
            yield name
        finally:
            self._server.cluster.drop_database(name)


def make_ledger(server: Server) -> tuple[str, Offer]:
    """Make a database with our tables and an offer; return its name and the offer."""
    name = server.cluster.create_database()
    migrations.upgrade(server.url(name))
    database = Database(server.url(name))
    try:
        return name, offers.make(database)
    finally:
        database.dispose()
