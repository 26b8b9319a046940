"""How a person uses the pages in a browser: by the words on them, in Dutch."""

from __future__ import annotations

import re
from functools import cache

from babel.messages.pofile import read_po
from playwright.sync_api import Page, expect

from ledger.translations import po_path
from tests.e2e.product import Login, Product

_AMOUNT = re.compile(r"([-−]?)\s*€\s*([-−]?)([\d.]+),(\d\d)")


@cache
def dutch() -> dict[str, str]:
    """Return every English text of the product with its Dutch one, empty where there is none."""
    with po_path("nl").open("rb") as file:
        return {str(one.id): str(one.string) for one in read_po(file) if one.id}


def words(english: str) -> str:
    """Return the Dutch of a text that the product has; KeyError when it has no such text."""
    return dutch()[english] or english


def sign_in(page: Page, product: Product, login: Login) -> None:
    """Leave whoever was signed in, and sign in by the form."""
    page.goto(product.url)
    leave = page.get_by_role("button", name=words("Sign out"))
    if leave.count():
        leave.click()
    page.goto(f"{product.url}/sign-in")
    page.get_by_label(words("E-mail address")).fill(login.sign_in)
    page.get_by_label(words("Password"), exact=True).fill(login.password)
    press(page, "Sign in")
    expect(page.locator(".who")).to_contain_text(login.name)


def enter(page: Page, product: Product, login: Login) -> None:
    """Sign in without the form, which the journey has walked already."""
    visitor = product.visitor(login)
    page.context.add_cookies(
        [
            {"name": name, "value": text, "url": product.url}
            for name, text in visitor.cookies.items()
        ]
    )


def press(page: Page, label: str) -> None:
    """Press the first button in the page's content with this English label."""
    page.locator("main").get_by_role("button", name=words(label)).first.click()


def follow(page: Page, label: str) -> None:
    """Follow the first link with this English label."""
    page.get_by_role("link", name=words(label), exact=True).first.click()


def fill(page: Page, label: str, text: str) -> None:
    """Fill in the field with this English label."""
    page.locator("main").get_by_label(re.compile(f"^{re.escape(words(label))}")).fill(text)


def says(page: Page, text: str) -> None:
    """Check that the page's content says this, in English here and in Dutch there."""
    expect(page.locator("main")).to_contain_text(words(text))


def cents(text: str) -> int:
    """Return the first amount in euros in a text, as cents."""
    found = _AMOUNT.search(text.replace("\xa0", " "))
    assert found, f"no amount in {text!r}"
    minor = int(found[3].replace(".", "")) * 100 + int(found[4])
    return -minor if found[1] or found[2] else minor
