"""Every kind of page, for every role, in both languages, on a desk and on a phone.

Pages are found along the product's own links, so what no link leads to is missing here and fails
the last test, unless it is listed with a reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser import DESK_WIDTH, PHONE_WIDTH, violations
from tests.e2e.product import Product
from tests.e2e.visit import dutch, enter
from tests.e2e.walk import WHO, Stop, kinds, walk

# Pages that no link leads to, and why.
UNLINKED = {
    "health.healthz": "for whoever watches the service",
    "health.readyz": "for whoever watches the service",
    "web.problem": "the type of a problem in an answer of the API",
}
ALSO = {"visitor": ["/problems/not-found", "/problems/unknown", "/no-such-page"]}
LOOK = """() => {
  const texts = [document.title];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (!["SCRIPT", "STYLE"].includes(node.parentElement.tagName) &&
        !node.parentElement.closest("[lang]:not(html)")) texts.push(node.textContent);
  }
  for (const one of document.querySelectorAll("[aria-label], [alt], [placeholder], [title]"))
    for (const name of ["aria-label", "alt", "placeholder", "title"])
      if (one.getAttribute(name)) texts.push(one.getAttribute(name));
  return {texts, h1: document.querySelectorAll("h1").length, title: document.title,
          lang: document.documentElement.lang,
          ids: [...document.querySelectorAll("[id]")].map(one => one.id)};
}"""
WIDER = """() => {
  const wide = [...document.querySelectorAll("body *")].filter(one =>
    one.getBoundingClientRect().right > window.innerWidth + 1 &&
    !one.closest(".table-scroll, [tabindex='0']"));
  return document.documentElement.scrollWidth <= window.innerWidth ? [] :
    [`${document.documentElement.scrollWidth} wide`,
     ...wide.slice(-3).map(one => one.outerHTML.slice(0, 90))];
}"""


def explore(product: Product, role: str) -> list[Stop]:
    """Return one page of each kind that this role can reach by links."""
    address = WHO[role]
    return walk(product, product.login_of(address) if address else None)


@pytest.fixture(scope="module")
def stops(product: Product) -> dict[str, list[Stop]]:
    """Return what each role finds along the links."""
    return {role: explore(product, role) for role in WHO}


@pytest.mark.parametrize("role", WHO)
def test_every_link_leads_somewhere(role: str, stops: dict[str, list[Stop]]) -> None:
    assert not [f"{stop.answer.status} {stop.path}" for stop in stops[role] if broken(stop)]


@pytest.mark.parametrize("role", WHO)
def test_every_kind_of_page_is_sound(
    role: str, page: Page, product: Product, stops: dict[str, list[Stop]]
) -> None:
    address = WHO[role]
    if address:
        enter(page, product, product.login_of(address))
    wrong: list[str] = []
    for path in [*kinds(stops[role]), *ALSO.get(role, [])]:
        for language in ("nl", "en"):
            wrong += [
                f"{path} ({language}): {what}" for what in flaws(page, product, path, language)
            ]
    assert not wrong, "\n".join(wrong)


def test_every_page_can_be_reached(product: Product, stops: dict[str, list[Stop]]) -> None:
    pages = {
        rule.endpoint
        for rule in product.app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.rule.startswith(("/api/", "/static"))
    }
    visited = {stop.endpoint for role in WHO for stop in stops[role]}
    assert sorted(pages - visited) == sorted(UNLINKED)


def broken(stop: Stop) -> bool:
    """Tell whether a link leads to nothing; a sum that nets to nothing has no payment file."""
    return stop.answer.status not in (200, 303)


def flaws(page: Page, product: Product, path: str, language: str) -> Iterator[str]:
    """Open a page in a language and yield what is wrong with it, on a desk and on a phone."""
    page.set_viewport_size({"width": DESK_WIDTH, "height": 900})
    page.goto(f"{product.url}{path}{'&' if '?' in path else '?'}lang={language}")
    seen: dict[str, Any] = page.evaluate(LOOK)
    if seen["h1"] != 1:
        yield f"{seen['h1']} first headings"
    if seen["lang"] != language:
        yield f"says that its language is {seen['lang']}"
    if not seen["title"].removesuffix("Leerrekening").strip(" ·"):
        yield "has no title"
    if language == "nl":
        yield from (f"not in Dutch: {text!r}" for text in english(seen["texts"]))
    for width in (DESK_WIDTH, PHONE_WIDTH):
        page.set_viewport_size({"width": width, "height": 900})
        if report := violations(page):
            yield f"{width}: {report}"
        yield from (f"{width}: sticks out: {what}" for what in page.evaluate(WIDER))


def english(texts: list[str]) -> list[str]:
    """Return the texts of a Dutch page that are an English text of the product."""
    known = dutch()
    meant = set(known.values()) - {""}
    shown = {re.sub(r"\s+", " ", text).strip(" ·:()") for text in texts}
    return sorted(text for text in shown if text in known and text not in meant)
