"""The browser fixtures see what a person or a screen reader would stumble over."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

SOUND = """<!doctype html><html lang="nl"><title>Leerrekening</title>
<meta name="viewport" content="width=device-width"><main><h1>Leerrekening</h1></main></html>"""


def test_a_sound_page_passes_on_a_desk_and_a_phone(
    page: Page, phone: Page, axe: Callable[[Page], None]
) -> None:
    for screen, width in ((page, 1280), (phone, 360)):
        screen.set_content(SOUND)
        axe(screen)
        assert screen.evaluate("window.innerWidth") == width


def test_axe_fails_a_picture_without_words(page: Page, axe: Callable[[Page], None]) -> None:
    page.set_content(SOUND.replace("</main>", '<img src="data:,"></main>'))
    with pytest.raises(pytest.fail.Exception, match="image-alt"):
        axe(page)
