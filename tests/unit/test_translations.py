"""The catalogues hold every text of the source, with the same placeholders."""

from __future__ import annotations

import pytest

from ledger import translations


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_the_catalogue_is_complete(language: str) -> None:
    flaws = [str(flaw) for flaw in translations.flaws() if flaw.language == language]
    assert flaws == [], "run: python -m ledger.translations"


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_the_catalogue_holds_nothing_that_is_gone(language: str) -> None:
    known = {message.id for message in translations.extract()}
    gone = [message.id for message in translations.load(language) if message.id not in known]
    assert [msgid for msgid in gone if msgid] == [], "run: python -m ledger.translations"
