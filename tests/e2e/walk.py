"""Walking through the product along its own links, to know which pages there are for whom."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter

from tests.e2e.product import Answer, Login, Product

PER_ENDPOINT = 4  # enough to meet most of them in each of their states
# Released statements, with their payment files, lie behind those that wait for release.
MORE = {"statements.index": 12, "statements.show": 16}

WHO: dict[str, str | None] = {
    "visitor": None,
    "worker": "noor@demo.example",
    "provider": "techniekhuis@demo.example",
    "funder": "region1@demo.example",
    "auditor": "audit-state@demo.example",
    "operator": "beheer1@demo.example",
}


@dataclass(frozen=True, slots=True)
class Stop:
    """One page that was opened."""

    endpoint: str
    path: str
    answer: Answer


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        target = dict(attrs).get("href")
        if tag == "a" and target:
            self.found.append(target)


def links(page: str) -> list[str]:
    """Return the targets of the links on a page, in order."""
    parser = _Links()
    parser.feed(page)
    return parser.found


def adapter(product: Product) -> MapAdapter:
    """Return the map of the product, to tell which view answers a path."""
    return product.app.url_map.bind(urlsplit(product.url).netloc)


def walk(product: Product, login: Login | None) -> list[Stop]:
    """Open every kind of page that somebody can reach from the start page by links."""
    visitor = product.visitor(login)
    routes = adapter(product)
    opened: dict[str, int] = defaultdict(int)
    seen = {"/"}
    todo = deque(["/", "/sign-in"] if login is None else ["/"])
    stops: list[Stop] = []
    while todo:
        path = todo.popleft()
        endpoint = _endpoint(routes, path)
        if endpoint is None or opened[endpoint] >= MORE.get(endpoint, PER_ENDPOINT):
            continue
        opened[endpoint] += 1
        answer = visitor.get(path)
        stops.append(Stop(endpoint, path, answer))
        if answer.headers.get_content_type() != "text/html":
            continue
        for target in links(answer.text):
            found = _own(product, path, target)
            if found and found not in seen:
                seen.add(found)
                todo.append(found)
    return stops


def _endpoint(routes: MapAdapter, path: str) -> str | None:
    try:
        endpoint, _ = routes.match(urlsplit(path).path, method="GET")
    except HTTPException:
        return f"nowhere: {path}"
    return None if endpoint == "static" else str(endpoint)


def _own(product: Product, path: str, target: str) -> str | None:
    """Return a link as a path on this product, None when it leaves or only changes the language."""
    parts = urlsplit(urljoin(product.url + path, target))
    only_language = set(parse_qs(parts.query)) == {"lang"} and not parts.path.endswith(".pdf")
    if f"{parts.scheme}://{parts.netloc}" != product.url or only_language:
        return None
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def kinds(stops: list[Stop]) -> list[str]:
    """Return the first page of each kind."""
    first: dict[str, str] = {}
    for stop in stops:
        if stop.answer.headers.get_content_type() == "text/html" and stop.answer.status == 200:
            first.setdefault(stop.endpoint, stop.path)
    return list(first.values())
