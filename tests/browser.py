"""A real browser for the tests: the system's Chromium, driven by Playwright, judged by axe.

``LEERREKENING_CHROMIUM`` names another Chromium. Where there is none, ``make test`` installs
Debian's as root and otherwise says how to get it; the tests never skip for want of a browser.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, sync_playwright

# The browser is the system's own; Playwright must not fetch one.
os.environ["PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD"] = "1"

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESK_WIDTH = 1280
PHONE_WIDTH = 360
HOW_TO_GET_IT = (
    "The tests need Chromium. On Debian: sudo apt-get install chromium. Elsewhere install "
    "Chromium or Chrome and, if it is not on the PATH, put its place in LEERREKENING_CHROMIUM."
)


class Unavailable(Exception):
    """There is no browser; the message says how to get one."""


def find_chromium() -> Path:
    """Return the Chromium to drive. Raises Unavailable."""
    if chosen := os.environ.get("LEERREKENING_CHROMIUM"):
        if not os.access(chosen, os.X_OK):
            raise Unavailable(f"LEERREKENING_CHROMIUM names {chosen}, which cannot be run.")
        return Path(chosen)
    found = next((path for path in map(shutil.which, NAMES) if path), None)
    if found is None:
        raise Unavailable(HOW_TO_GET_IT)
    return Path(found)


def install() -> None:
    """Install Debian's Chromium; only root on a Debian can. Raises Unavailable."""
    apt_get = shutil.which("apt-get")
    if os.geteuid() != 0 or apt_get is None:
        raise Unavailable(HOW_TO_GET_IT)
    print("Installing Chromium for the browser tests …", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--yes", "chromium"]):
        done = subprocess.run(
            [apt_get, "-qq", *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise Unavailable(f"{done.stdout}{done.stderr}\n{HOW_TO_GET_IT}")


@contextmanager
def launched() -> Iterator[Browser]:
    """Start the browser and close it at the end of the block."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), headless=True, args=ARGUMENTS
        )
        try:
            yield browser
        finally:
            browser.close()


def violations(page: Page) -> str:
    """Return axe's report on the page as it is now, empty when it finds nothing wrong."""
    # Counting what is right as well takes most of the time.
    results = Axe().run(page, options={"resultTypes": ["violations"]})
    return results.generate_report() if results.violations_count else ""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start one browser for the session."""
    try:
        find_chromium()
    except Unavailable as problem:
        pytest.fail(str(problem), pytrace=False)
    with launched() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Open a page as wide as a desk's screen, in Dutch; script and policy errors fail the test."""
    with _opened(browser, width=DESK_WIDTH, height=900, mobile=False) as page:
        yield page


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """Open a page as narrow as a small phone, in Dutch; else as ``page``."""
    with _opened(browser, width=PHONE_WIDTH, height=780, mobile=True) as page:
        yield page


@pytest.fixture
def axe() -> Callable[[Page], None]:
    """Return a judge: it fails the test when axe finds a violation on the page."""

    def judge(page: Page) -> None:
        report = violations(page)
        if report:
            pytest.fail(f"{page.url}\n{report}", pytrace=False)

    return judge


@contextmanager
def _opened(browser: Browser, *, width: int, height: int, mobile: bool) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": width, "height": height},
        is_mobile=mobile,
        has_touch=mobile,
        locale="nl-NL",
        timezone_id="Europe/Amsterdam",
    )
    context.set_default_timeout(15_000)
    page = context.new_page()
    wrong: list[str] = []

    def on_error(error: Error) -> None:
        wrong.append(str(error))

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error" and "Content Security Policy" in message.text:
            wrong.append(message.text)

    page.on("pageerror", on_error)
    page.on("console", on_console)
    try:
        yield page
    finally:
        context.close()
    assert not wrong, "the page broke in the browser:\n" + "\n".join(wrong)


def main() -> int:
    """See to a browser for the tests: find it, else install it, and draw a page with it."""
    try:
        try:
            place = find_chromium()
        except Unavailable:
            if os.environ.get("LEERREKENING_CHROMIUM"):
                raise
            install()
            place = find_chromium()
        with launched() as browser:
            version = browser.version
            page = browser.new_page()
            page.set_content("<!doctype html><title>Leerrekening</title>")
            if page.title() != "Leerrekening":
                raise Unavailable(f"{place} started but draws no page.")
    except (Unavailable, Error) as problem:
        print(problem, file=sys.stderr)
        return 1
    print(f"Browser for the tests: {place} ({version})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
