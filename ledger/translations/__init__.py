"""The catalogues: every text of pages, problems, commands and certificates in two languages.

Msgids are English. ``python -m ledger.translations`` brings the catalogues in line with the source
and compiles them; ``python -m ledger.translations check`` tells what is missing and changes
nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

HERE = Path(__file__).parent
SOURCE = HERE.parent
LANGUAGES = ("nl", "en")
SOURCE_LANGUAGE = "en"

_METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2.ext:babel_extract")]
_KEYWORDS = {
    "_": None,
    "N_": None,
    "gettext": None,
    "lazy_gettext": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
}
_PLACEHOLDER = re.compile(r"%\((\w+)\)[a-z]")


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing wrong with a catalogue."""

    language: str
    msgid: str
    what: str

    def __str__(self) -> str:
        return f"{self.language}: {self.what}: {self.msgid}"


def po_path(language: str) -> Path:
    """Return where the catalogue of ``language`` lies."""
    return HERE / language / "LC_MESSAGES" / "messages.po"


def extract() -> Catalog:
    """Return all msgids that the source holds now."""
    template = Catalog()
    found = extract_from_dir(SOURCE, _METHODS, keywords=_KEYWORDS)
    for filename, line, msgid, comments, context in found:
        if msgid:
            template.add(msgid, None, [(filename, line)], auto_comments=comments, context=context)
    return template


def load(language: str) -> Catalog:
    """Return the catalogue of ``language``; an empty one when there is none yet."""
    path = po_path(language)
    if path.exists():
        with path.open("rb") as file:
            catalogue = read_po(file, locale=language)
    else:
        catalogue = Catalog(locale=language)
    catalogue.project, catalogue.version, catalogue.charset = "Leerrekening", "", "utf-8"
    catalogue.header_comment = f"# Leerrekening, texts in {catalogue.locale.english_name}."
    catalogue.last_translator = catalogue.language_team = "Leerrekening"
    catalogue.msgid_bugs_address = ""
    catalogue.fuzzy = False
    return catalogue


def update(language: str) -> None:
    """Give the catalogue of ``language`` the msgids of the source, and drop those gone."""
    old, catalogue = load(language), load(language)
    catalogue.update(extract(), no_fuzzy_matching=True, update_creation_date=False)
    catalogue.obsolete.clear()
    if language == SOURCE_LANGUAGE:
        for message in catalogue:
            if message.id and not _is_translated(message):
                message.string = message.id
    if _texts(old) == _texts(catalogue) and po_path(language).exists():
        return  # else every run would change the file's dates
    po_path(language).parent.mkdir(parents=True, exist_ok=True)
    with po_path(language).open("wb") as file:
        write_po(file, catalogue, sort_output=True, include_lineno=False, width=100)


def compile_all() -> None:
    """Write the compiled catalogues that the program reads."""
    for language in LANGUAGES:
        with po_path(language).with_suffix(".mo").open("wb") as file:
            write_mo(file, load(language))


def flaws() -> list[Flaw]:
    """Return what is missing or wrong, per language, in the order of the source."""
    template = extract()
    return [
        flaw
        for language in LANGUAGES
        for catalogue in [load(language)]
        for message in template
        if message.id
        for flaw in _flaws(language, message, catalogue.get(message.id, message.context))
    ]


def _flaws(language: str, wanted: Message, given: Message | None) -> list[Flaw]:
    msgid = wanted.id if isinstance(wanted.id, str) else wanted.id[0]
    if given is None or not _is_translated(given):
        return [Flaw(language, msgid, "not translated")]
    if given.fuzzy:
        return [Flaw(language, msgid, "translation not confirmed")]
    needed = set(_PLACEHOLDER.findall(msgid))
    for text in _strings(given):
        if set(_PLACEHOLDER.findall(text)) - needed or (
            isinstance(wanted.id, str) and set(_PLACEHOLDER.findall(text)) != needed
        ):
            return [Flaw(language, msgid, "other placeholders than the source")]
    return []


def _is_translated(message: Message) -> bool:
    return all(_strings(message))


def _strings(message: Message) -> list[str]:
    if isinstance(message.string, str):
        return [message.string]
    return list(message.string or [""])


def _texts(catalogue: Catalog) -> list[tuple[object, object, object, bool]]:
    return [
        (message.id, message.context, message.string, message.fuzzy)
        for message in catalogue
        if message.id
    ]
