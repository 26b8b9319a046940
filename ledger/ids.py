"""Identifiers: prefixed, sortable by time of creation, made in Python."""

from __future__ import annotations

import os
import secrets
import time
from functools import lru_cache

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford base 32: no I, L, O, U


# All pairs of characters, so that an id costs a few look-ups: every row of the books has one.
_PAIRS = tuple(first + second for first in _ALPHABET for second in _ALPHABET)


@lru_cache(maxsize=8)
def _moment(milliseconds: int) -> str:
    return "".join(_PAIRS[milliseconds >> shift & 1023] for shift in (40, 30, 20, 10, 0))


def new(prefix: str) -> str:
    """Return ``prefix_`` followed by 26 characters: 48 bits of milliseconds, 80 random bits."""
    n = int.from_bytes(os.urandom(10), "big")
    p = _PAIRS
    return (
        f"{prefix}_{_moment(time.time_ns() // 1_000_000)}"
        f"{p[n >> 70]}{p[n >> 60 & 1023]}{p[n >> 50 & 1023]}{p[n >> 40 & 1023]}"
        f"{p[n >> 30 & 1023]}{p[n >> 20 & 1023]}{p[n >> 10 & 1023]}{p[n & 1023]}"
    )


def token() -> str:
    """Return an unguessable 128-bit secret of 22 characters that is safe in a URL."""
    return secrets.token_urlsafe(16)


def code(groups: int = 2, size: int = 4) -> str:
    """Return a secret that people type over: groups of unambiguous characters with hyphens."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(size)) for _ in range(groups))


def account_number() -> str:
    """Return an opaque account number: ``LR``, two check digits (mod 97) and 12 random digits."""
    body = f"{secrets.randbelow(10**12):012d}"
    return f"LR{_check_digits(body)}{body}"


def is_account_number(text: str) -> bool:
    """Tell whether the check digits of a number written by :func:`account_number` are right."""
    if len(text) != 16 or not text.startswith("LR"):
        return False
    digits = text[2:]
    return digits.isascii() and digits.isdigit() and digits[:2] == _check_digits(digits[2:])


_BETWEEN = str.maketrans("", "", " .-\u00a0")


def normal_account_number(text: str) -> str:
    """Return the number without the spaces, dots and hyphens people put between its groups."""
    return text.upper().translate(_BETWEEN)


def _check_digits(body: str) -> str:
    # ISO 7064 mod 97-10 with "LR" as 2127, as IBANs do.
    return f"{98 - int(body + '212700') % 97:02d}"
