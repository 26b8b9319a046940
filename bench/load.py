"""A load generator for HTTP/1.1: many keep-alive connections in one thread, as cheap as can be.

Ours and the yardstick are driven by the same one. It sends ready-made bytes and looks at no more
of an answer than its status and its length, so that it takes little of the processors that it
shares with the server.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Iterator
from time import perf_counter

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length: "
_READ = 65_536


class BadAnswer(Exception):
    """The server answered something else than 200."""


class _Connection:
    """One keep-alive connection with the answer that is coming in on it."""

    __slots__ = ("received", "socket")

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_connection((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""

    def answered(self) -> bool:
        """Read what has come; tell whether the answer is complete. Raises BadAnswer."""
        got = self.socket.recv(_READ)
        if not got:
            raise BadAnswer("the server closed the connection")
        self.received += got
        end = self.received.find(_HEAD_END)
        if end < 0:
            return False
        head = self.received[:end].lower()
        at = head.index(_LENGTH) + len(_LENGTH)
        stop = head.find(b"\r\n", at)
        length = int(head[at : stop if stop >= 0 else None])
        if len(self.received) < end + len(_HEAD_END) + length:
            return False
        if not head.startswith(b"http/1.1 200 "):
            raise BadAnswer(self.received.decode("utf-8", "replace"))
        self.received = b""
        return True


def rate(
    host: str, port: int, connections: int, requests: Iterator[bytes], seconds: float
) -> float:
    """Return answers per second with ``connections`` requests under way all the time.

    Ends early when ``requests`` does. Raises BadAnswer.
    """
    opened = {}
    poll = select.epoll() if hasattr(select, "epoll") else None
    waiting = _Poll(poll)
    try:
        for _ in range(connections):
            one = _Connection(host, port)
            opened[one.socket.fileno()] = one
            waiting.add(one.socket.fileno())
        return _drive(opened, waiting.ready, requests, seconds)
    finally:
        waiting.close()
        for one in opened.values():
            one.socket.close()


class _Poll:
    """epoll where the system has it, poll elsewhere."""

    def __init__(self, poll: select.epoll | None) -> None:
        self._poll = poll or select.poll()
        self._unit = 1 if poll else 1000
        self._reading = select.EPOLLIN if poll else select.POLLIN
        self.close = poll.close if poll else lambda: None

    def add(self, number: int) -> None:
        self._poll.register(number, self._reading)

    def ready(self) -> list[tuple[int, int]]:
        """Wait for answers, at most ten seconds."""
        found = self._poll.poll(10 * self._unit)
        if not found:
            raise BadAnswer("the server did not answer for ten seconds")
        return found


def _drive(
    opened: dict[int, _Connection],
    ready: Callable[[], list[tuple[int, int]]],
    requests: Iterator[bytes],
    seconds: float,
) -> float:
    count = under_way = 0
    start = perf_counter()
    end = start + seconds
    for one, request in zip(opened.values(), requests, strict=False):
        one.socket.sendall(request)
        under_way += 1
    over = False
    while under_way:
        for number, _ in ready():
            one = opened[number]
            if not one.answered():
                continue
            count += 1
            under_way -= 1
            over = over or perf_counter() >= end
            request = b"" if over else next(requests, b"")
            if request:
                one.socket.sendall(request)
                under_way += 1
    return count / (perf_counter() - start)
