"""Serving the application until it is stopped."""

from __future__ import annotations

import logging
import socket
from multiprocessing.util import Finalize

import click
from flask import Flask
from granian import Granian
from granian.constants import Interfaces

from ledger import Ledger, create_app
from ledger.accounts.seals import keys
from ledger.accounts.seals.watch import Watch

# Per worker. Who waits for a unit of work to be kept holds a thread, and half of those who wait
# share the next one: with 16 threads that is 8, with 64 about 30, at half of the database's work
# for each. Beyond it requests wait in the server, which holds no connection to the database.
THREADS = 64


def run(host: str, port: int, workers: int) -> None:
    """Serve until stopped. Raises ClickException when the address cannot be had."""
    _require_free(host, port)
    server = Granian(
        "ledger.server:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=THREADS,
        factory=True,
        websockets=False,
        log_access=False,
    )
    # It takes threads for work of the processor; ours wait for the database, see above.
    logging.getLogger("_granian").addFilter(lambda record: "Python threads" not in record.msg)
    server.serve()


def _require_free(host: str, port: int) -> None:
    """Refuse a port that somebody has: the server would share it, and requests go astray."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As the server does: what just closed is free, what listens is not.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise click.ClickException(
                f"Cannot listen on {host}:{port}: {error.strerror}. Choose another with --port."
            ) from error


def application() -> Flask:
    """Return the application for a server's worker, which also seals the journal."""
    app = create_app()
    ledger: Ledger = app.extensions["ledger"]
    if ledger.config.seal_seconds:
        watch = Watch(ledger.database, keys.of(ledger.config), ledger.config.seal_seconds)
        watch.start()
        # Runs at the end of a worker's process, where atexit does not.
        Finalize(None, watch.stop, exitpriority=0)
    return app
