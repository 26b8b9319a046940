"""Pictures of every kind of page, for whoever wants to see them all: ``make screenshots``.

They land in ``test-results/screenshots``, per role, on a desk and on a phone, in Dutch.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser

from tests.browser import DESK_WIDTH, PHONE_WIDTH, launched
from tests.e2e.product import Product, installed
from tests.e2e.visit import enter
from tests.e2e.walk import WHO, kinds, walk

TARGET = Path(__file__).resolve().parents[2] / "test-results" / "screenshots"


def take(product: Product, browser: Browser, role: str, address: str | None) -> int:
    """Take the pictures of one role and return how many."""
    login = product.login_of(address) if address else None
    stops = walk(product, login)
    names = {stop.path: stop.endpoint for stop in stops}
    context = browser.new_context(locale="nl-NL", timezone_id="Europe/Amsterdam")
    page = context.new_page()
    if login:
        enter(page, product, login)
    taken = 0
    for path in kinds(stops):
        page.goto(f"{product.url}{path}")
        for width in (DESK_WIDTH, PHONE_WIDTH):
            page.set_viewport_size({"width": width, "height": 900})
            page.screenshot(path=TARGET / role / f"{names[path]}-{width}.png", full_page=True)
            taken += 1
    context.close()
    return taken


def main() -> int:
    """Make the demonstration in a folder of its own and take all pictures."""
    shutil.rmtree(TARGET, ignore_errors=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        installed(Path(folder)) as product,
        launched() as browser,
    ):
        taken = sum(take(product, browser, role, address) for role, address in WHO.items())
    sys.stdout.write(f"{taken} pictures in {TARGET}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
