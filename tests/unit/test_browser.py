"""Finding the browser of the tests, and saying how to get one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import browser


def test_the_environment_chooses_the_browser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = tmp_path / "chrome"
    chosen.touch(mode=0o755)
    monkeypatch.setenv("LEERREKENING_CHROMIUM", str(chosen))
    assert browser.find_chromium() == chosen


def test_a_chosen_browser_that_cannot_run_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEERREKENING_CHROMIUM", str(tmp_path / "absent"))
    with pytest.raises(browser.Unavailable, match="absent, which cannot be run"):
        browser.find_chromium()


def test_an_absent_browser_is_reported_with_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LEERREKENING_CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(browser.Unavailable, match="apt-get install chromium"):
        browser.find_chromium()
    with pytest.raises(browser.Unavailable, match="apt-get install chromium"):
        browser.install()
