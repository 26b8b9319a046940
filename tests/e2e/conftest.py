"""One running product for all end-to-end tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.product import Product, installed


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Make the demonstration once per worker, serve it, and stop it at the end of the session."""
    with installed(tmp_path_factory.mktemp("product")) as product:
        yield product
