"""Invented persons: names drawn with a fixed seed; none of them exists."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

_FIRST = (
    "Samira",
    "Noor",
    "Daan",
    "Fatima",
    "Jesse",
    "Emine",
    "Lotte",
    "Mohammed",
    "Sanne",
    "Ruben",
    "Ilse",
    "Kwame",
    "Anouk",
    "Piotr",
    "Mila",
    "Youssef",
    "Femke",
    "Sem",
    "Aylin",
    "Joris",
    "Naomi",
    "Thijs",
    "Zeynep",
    "Bram",
    "Chloé",
    "Wouter",
    "Priya",
    "Koen",
    "Amina",
    "Lars",
    "Marit",
    "Hamza",
    "Eva",
    "Olek",
    "Tess",
    "Rayan",
    "Iris",
    "Mees",
    "Soraya",
    "Jurre",
    "Nienke",
    "Tomasz",
    "Roos",
    "Bilal",
    "Hanneke",
    "Guus",
)
_LAST = (
    "de Vries",
    "Jansen",
    "van den Berg",
    "Bakker",
    "Yılmaz",
    "Visser",
    "Smit",
    "el Amrani",
    "Meijer",
    "de Boer",
    "Mulder",
    "Kowalska",
    "Bos",
    "Vos",
    "Peters",
    "Hendriks",
    "van Dijk",
    "Achterberg",
    "Dekker",
    "Boateng",
    "Brouwer",
    "de Wit",
    "Dijkstra",
    "Kaya",
    "van Loon",
    "Schouten",
    "Nowak",
    "van der Heijden",
    "Willems",
    "Özdemir",
    "Verhoeven",
    "Koster",
    "Sørensen",
    "Maas",
    "Aerts",
    "van Gestel",
    "Snoeren",
    "Kerkhofs",
    "Timmermans",
    "Oomen",
)
_REGIONS = ("West-Brabant", "Midden-Brabant", "Noordoost-Brabant", "Zuidoost-Brabant")
_SECTORS = ("technology", "care", "logistics", "agrifood", "ict", "energy", "business", "general")


@dataclass(frozen=True, slots=True)
class Invented:
    """A name and the facts that schemes ask about."""

    name: str
    facts: dict[str, Any]


def invent(draw: random.Random) -> Invented:
    """Return one invented person."""
    sector = draw.choices(_SECTORS, weights=(26, 18, 14, 10, 8, 10, 8, 6))[0]
    return Invented(
        name=f"{draw.choice(_FIRST)} {draw.choice(_LAST)}",
        facts={
            "region": draw.choices(_REGIONS, weights=(5, 2, 2, 2))[0],
            "sector": sector,
            "contract_percent": draw.choice((100, 100, 100, 80, 80, 60, 50, 40, 20)),
            "prior_level": draw.choice((1, 2, 2, 3, 3, 4, 4, 4, 5, 6, 7)),
            "birth_year": draw.randint(1959, 2006),
        },
    )
