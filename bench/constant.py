"""The yardstick of ``hold_http``: the same kind of server, which always says the same."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

from granian import Granian
from granian.constants import Interfaces

from ledger.server import THREADS

ANSWER = b'{"status": "confirmed"}\n'
HEADERS = [("Content-Type", "application/json"), ("Content-Length", str(len(ANSWER)))]


def application(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """Answer constant JSON, once the body was read."""
    environ["wsgi.input"].read()
    start_response("200 OK", HEADERS)
    return [ANSWER]


def main() -> None:
    """Serve on the port that is given, with as many workers as are given."""
    # Everything as ledger/server.py has it.
    Granian(
        "bench.constant:application",
        address="127.0.0.1",
        port=int(sys.argv[1]),
        interface=Interfaces.WSGI,
        workers=int(sys.argv[2]),
        blocking_threads=THREADS,
        websockets=False,
        log_access=False,
    ).serve()


if __name__ == "__main__":
    main()
