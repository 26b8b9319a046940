"""Money: whole minor units (euro cents, or minutes of learning time), never fractions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ledger.errors import Invalid
from ledger.messages import N_

EUR = "EUR"
MIN = "MIN"
UNITS = (EUR, MIN)
LIMIT = 2**53 - 1  # the largest whole number that every JSON reader keeps exact

_AMOUNT = re.compile(
    r"""(?: (?P<whole>\d{1,3}(?:\.\d{3})+|\d+)(?:,(?P<cents>\d{1,2}))?    # 1.234,56  1234,5
          | (?P<whole_en>\d{1,3}(?:,\d{3})+|\d+)(?:\.(?P<cents_en>\d{1,2}))?  # 1,234.56  1234.5
        )""",
    re.VERBOSE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units with its unit, for showing; sums use plain integers."""

    minor: int
    unit: str = EUR


def checked(minor: object, field: str = "amount") -> int:
    """Return ``minor`` when it is a whole number from 1 up to 2^53-1.

    Raises Invalid for booleans, fractions, text and amounts out of bounds.
    """
    if isinstance(minor, bool) or not isinstance(minor, int):
        raise Invalid(N_("Give a whole number of cents or minutes."), field=field)
    if minor < 1:
        raise Invalid(N_("The amount must be more than zero."), field=field)
    if minor > LIMIT:
        raise Invalid(N_("The amount is too large."), field=field)
    return minor


def parse_amount(text: str, field: str = "amount") -> int:
    """Return the cents in ``1.234,56``, ``1234.56``, ``€ 12`` or ``12,5``; more than zero.

    A lone separator before three digits (``1.234``) is read as thousands when it is a point and
    refused when it is a comma, since that would be ambiguous. Raises Invalid.
    """
    plain = text.strip().removeprefix("€").removeprefix("EUR").strip()
    plain = plain.replace("\u00a0", "").replace(" ", "")
    match = _AMOUNT.fullmatch(plain)
    if match is None or len(plain) > 24 or re.fullmatch(r"\d+,\d{3}", plain):
        raise Invalid(
            N_("Write the amount in euros without a sign, for example 1234,56."), field=field
        )
    whole = re.sub(r"[.,]", "", match["whole"] or match["whole_en"])
    cents = (match["cents"] or match["cents_en"] or "0").ljust(2, "0")
    return checked(int(whole) * 100 + int(cents), field)


def share(minor: int, part: int, whole: int) -> int:
    """Return ``minor × part / whole`` rounded half up; the remainder stays with the other side."""
    return (2 * minor * part + whole) // (2 * whole)


def split(total: int, weights: Sequence[int]) -> list[int]:
    """Divide ``total`` over ``weights`` so that the parts sum to ``total`` exactly.

    Largest remainders get the left-over units; ties go to the earlier part.
    """
    whole = sum(weights)
    if whole == 0:
        return [0 for _ in weights]
    parts = [total * weight // whole for weight in weights]
    order = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % whole), i))
    for index in order[: total - sum(parts)]:
        parts[index] += 1
    return parts
