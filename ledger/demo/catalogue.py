"""What the invented providers of the demonstration teach: eight providers, forty-four modules."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class Module:
    """A course of the demonstration; euros, hours, and the words that find its ESCO skills."""

    title: str
    title_en: str
    hours: int
    euros: int
    form: str
    outcomes: tuple[str, ...]
    assessment: str = "testing"
    skills: tuple[str, ...] = ()
    ects_tenths: int | None = None
    micro: bool = True
    language: str = "nl"


@dataclass(frozen=True, slots=True)
class House:
    """A provider of the demonstration with its programme and modules."""

    name: str
    kvk: str
    iban: str
    sector: str
    region: str
    quality_mark: str
    programme: str
    programme_en: str
    modules: tuple[Module, ...]


def _read() -> tuple[House, ...]:
    text = files("ledger.demo").joinpath("catalogue.toml").read_text("utf-8")
    return tuple(
        House(**{**house, "modules": tuple(_module(module) for module in house["modules"])})
        for house in tomllib.loads(text)["house"]
    )


def _module(values: dict[str, Any]) -> Module:
    lists = {name: tuple(values.get(name, ())) for name in ("outcomes", "skills")}
    return Module(**{**values, **lists})


HOUSES = _read()
