"""Account numbers as a funder's auditors see them: stable within one funder, nowhere else.

The number is an HMAC-SHA-256 of the account's id under a key of the funder's own, so that two
funders cannot lay their lists side by side, and nobody without the key can find the account.
"""

from __future__ import annotations

import hashlib
import hmac

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 12  # 60 bits: a million accounts share one with a chance of 1 in 2 million


class Pseudonyms:
    """Makes pseudonymous account numbers from the application's secret."""

    def __init__(self, secret: str | bytes) -> None:
        self._secret = secret.encode() if isinstance(secret, str) else secret
        self._keys: dict[str, bytes] = {}

    def of(self, funder_id: str, account_id: str) -> str:
        """Return the number under which ``funder_id`` sees an account, such as P-7K2M-91QD-XW04."""
        key = self._keys.get(funder_id)
        if key is None:
            key = hmac.digest(self._secret, f"pseudonym:{funder_id}".encode(), hashlib.sha256)
            self._keys[funder_id] = key
        digest = hmac.digest(key, account_id.encode(), hashlib.sha256)
        number = int.from_bytes(digest[:8])
        letters = [_ALPHABET[(number >> (5 * place)) & 31] for place in range(_LENGTH)]
        return "P-" + "-".join("".join(letters[i : i + 4]) for i in range(0, _LENGTH, 4))
