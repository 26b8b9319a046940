"""Serving the application until it is stopped."""

from __future__ import annotations

import click
from flask import Flask
from granian import Granian
from granian.constants import Interfaces

from ledger import create_app


def run(host: str, port: int, workers: int) -> None:
    """Serve until stopped."""
    server = Granian(
        "ledger.server:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=16,
        factory=True,
        log_access=False,
    )
    try:
        server.serve()
    except OSError as error:
        raise click.ClickException(f"Cannot listen on {host}:{port}: {error.strerror}") from error


def application() -> Flask:
    """Return the application for a server's worker."""
    return create_app()
