"""The product as a stranger gets it: its own folder, its own process, reached over the network.

Nothing here calls the application's code to do something; the tests use the installed command,
HTTP and a browser. The application's map and database are read only to know what there is to try.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Flask

from ledger import config, create_app
from ledger.db import Database

COMMAND = Path(sys.executable).with_name("leerrekening")
DEMO_SECONDS = 240  # two busy cores; alone it takes a tenth
START_SECONDS = 60
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Login:
    """How somebody of the demonstration signs in."""

    name: str
    sign_in: str
    password: str
    api_key: str


@dataclass(frozen=True)
class Product:
    """A running installation with the demonstration in it."""

    folder: Path
    url: str
    demo: dict[str, Any]
    environment: Mapping[str, str]

    def login(self, role: str, number: int = 0) -> Login:
        """Return the nth login of a role: worker, provider, funder, auditor or operator."""
        return Login(**self.demo["users"][role][number])

    def login_of(self, sign_in: str) -> Login:
        """Return the login with this address."""
        found = [one for logins in self.demo["users"].values() for one in logins]
        return next(Login(**one) for one in found if one["sign_in"] == sign_in)

    @cached_property
    def app(self) -> Flask:
        """Return an application like the one that runs, to read its map."""
        return create_app(self.settings)

    @cached_property
    def settings(self) -> config.Config:
        """Return the settings of the one that runs."""
        return config.load(self.environment)

    def ask(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows that a question in SQL gives; nothing can be changed this way."""
        database = Database(self.settings.database_url)
        try:
            with database.reading() as session:
                rows = session.connection().exec_driver_sql(statement, tuple(values)).all()
        finally:
            database.dispose()
        return [tuple(row) for row in rows]

    def visitor(self, login: Login | None = None) -> Visitor:
        """Return somebody who reads the pages without a browser, signed in when told so."""
        visitor = Visitor(self.url)
        if login is not None:
            visitor.sign_in(login)
        return visitor


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said."""

    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        """Return the body as text."""
        return self.body.decode()

    @property
    def json(self) -> Any:
        """Return the body as the JSON that it must be."""
        return json.loads(self.body)


@dataclass
class Visitor:
    """A client that keeps cookies, follows nothing by itself and answers form tokens."""

    url: str
    cookies: dict[str, str] = field(default_factory=dict)
    token: str = ""

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request and return the answer."""
        sent = {"Accept-Language": "nl", **(headers or {})}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        with closing(HTTPConnection(urlsplit(self.url).netloc, timeout=60)) as connection:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        for cookie in answer.headers.get_all("Set-Cookie", []):
            name, _, rest = cookie.partition("=")
            self.cookies[name] = rest.partition(";")[0]
        return answer

    def get(self, path: str) -> Answer:
        """Open a page, and remember its form token."""
        answer = self.ask("GET", path)
        if answer.headers.get_content_type() == "text/html":
            found = _TOKEN.search(answer.text)
            self.token = found[1] if found else self.token
        return answer

    def post(self, path: str, **form: str) -> Answer:
        """Send a form with the token of the last page."""
        body = urlencode({"csrf_token": self.token, **form})
        return self.ask("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded"})

    def sign_in(self, login: Login) -> None:
        """Sign in as a person does."""
        self.get("/sign-in")
        answer = self.post("/sign-in", email=login.sign_in, password=login.password)
        assert answer.status == 303, answer.text
        self.get(answer.headers["Location"])

    def call(self, key: str, method: str, path: str, content: Any = None, **extra: str) -> Answer:
        """Call the API with a key; ``extra`` are headers, underscores for hyphens."""
        headers = {name.replace("_", "-"): value for name, value in extra.items()}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        body = None
        if content is not None:
            headers.setdefault("Content-Type", "application/json")
            body = content if isinstance(content, bytes | str) else json.dumps(content)
        return self.ask(method, f"/api/v1{path}", body, headers)


def environment_of(folder: Path, **more: str) -> dict[str, str]:
    """Return the environment of an installation in ``folder``, free of the caller's settings."""
    ours = {name: text for name, text in os.environ.items() if not name.startswith("LEERREKENING_")}
    return {**ours, "LEERREKENING_INSTANCE_PATH": str(folder), **more}


def command(
    environment: Mapping[str, str], *arguments: str, seconds: int = 120
) -> subprocess.CompletedProcess[str]:
    """Run ``leerrekening`` as an operator does, and return what it said."""
    return subprocess.run(
        [COMMAND, *arguments],
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
    )


def make_demo(environment: Mapping[str, str], *arguments: str) -> dict[str, Any]:
    """Make the demonstration and return the one JSON object that it prints."""
    made = command(environment, "demo", "--no-serve", "--json", *arguments, seconds=DEMO_SECONDS)
    assert made.returncode == 0, made.stderr
    summary: dict[str, Any] = json.loads(made.stdout)
    return summary


@contextmanager
def installed(folder: Path) -> Iterator[Product]:
    """Make the demonstration in ``folder``, serve it, and stop the server at the end."""
    with closing(socket.socket()) as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        environment = environment_of(folder, LEERREKENING_PUBLIC_URL=url)
        demo = make_demo(environment)
    log_path = folder / "server.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [COMMAND, "serve", "--port", str(port)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        wait_until_up(process, url, log_path)
        yield Product(folder, url, demo, environment)
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_up(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Wait until a server answers. Raises AssertionError with its log when it does not."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            if Visitor(url).ask("GET", "/healthz").status == 200:
                return
        except OSError:
            pass
        try:
            process.wait(timeout=0.05)
            break
        except subprocess.TimeoutExpired:
            continue
    raise AssertionError(f"the server did not come up:\n{log.read_text(errors='replace')}")
