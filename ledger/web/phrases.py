"""What marshmallow says about wrong input, in the words of this service.

Marshmallow's texts are English and some hold numbers; each is matched to a msgid of ours, so that
pages, API and files say the same thing in the reader's language. Texts that a schema of ours gives
are msgids already and pass through.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ledger.errors import Invalid
from ledger.messages import N_, Message

_FIXED = {
    "Missing data for required field.": N_("Fill this in."),
    "Field may not be null.": N_("Fill this in."),
    "Invalid value.": N_("This value is not right."),
    "Invalid input.": N_("This value is not right."),
    "Invalid type.": N_("This value is not right."),
    "Invalid input type.": N_("Send one JSON object."),
    "Unknown field.": N_("This field does not exist here."),
    "Not a valid string.": N_("Give a text."),
    "Not a valid utf-8 string.": N_("Give a text."),
    "Not a valid list.": N_("Give a list."),
    "Not a valid mapping type.": N_("Give an object."),
    "Not a valid UUID.": N_("This value is not right."),
    "Not a valid integer.": N_("Give a whole number."),
    "Not a valid number.": N_("Give a number."),
    "Number too large.": N_("This number is too large."),
    "Special numeric values (nan or infinity) are not permitted.": N_("Give a number."),
    "Not a valid boolean.": N_("Choose yes or no."),
    "Not a valid date.": N_("Give a date that exists, for example 2026-03-31."),
    "Not a valid datetime.": N_("Give a date and time, for example 2026-03-31T09:00:00+02:00."),
    "Not a valid aware datetime.": N_(
        "Give a date and time, for example 2026-03-31T09:00:00+02:00."
    ),
    "Not a valid naive datetime.": N_(
        "Give a date and time, for example 2026-03-31T09:00:00+02:00."
    ),
    "Not a valid time.": N_("Give a time, for example 09:30."),
    "Not a valid email address.": N_("Give an e-mail address such as name@example.org."),
    "Not a valid URL.": N_("Give a web address that begins with https://."),
    "String does not match expected pattern.": N_("This is not written in the right way."),
    "Shorter than minimum length 1.": N_("Fill this in."),
}
_NUMBER = r"(?P<{}>-?\d+(?:\.\d+)?)"
_PATTERNS = tuple(
    (re.compile(pattern), msgid)
    for pattern, msgid in (
        (
            f"Must be greater than or equal to {_NUMBER.format('low')} "
            f"and less than or equal to {_NUMBER.format('high')}\\.",
            N_("Give a number from %(low)s to %(high)s."),
        ),
        (
            f"Must be greater than or equal to {_NUMBER.format('low')}\\.",
            N_("Give a number of at least %(low)s."),
        ),
        (
            f"Must be less than or equal to {_NUMBER.format('high')}\\.",
            N_("Give a number of at most %(high)s."),
        ),
        (
            f"Must be greater than {_NUMBER.format('low')}\\.",
            N_("Give a number above %(low)s."),
        ),
        (
            f"Must be less than {_NUMBER.format('high')}\\.",
            N_("Give a number below %(high)s."),
        ),
        (
            f"Shorter than minimum length {_NUMBER.format('low')}\\.",
            N_("Use at least %(low)s characters."),
        ),
        (
            f"Longer than maximum length {_NUMBER.format('high')}\\.",
            N_("Use at most %(high)s characters."),
        ),
        (
            f"Length must be between {_NUMBER.format('low')} and {_NUMBER.format('high')}\\.",
            N_("Use %(low)s to %(high)s characters."),
        ),
        (f"Length must be {_NUMBER.format('low')}\\.", N_("Use exactly %(low)s characters.")),
        (r"Must be one of: (?P<choices>.*)\.", N_("Choose one of: %(choices)s.")),
        (
            r"One or more of the choices you made was not in: (?P<choices>.*)\.",
            N_("Choose one of: %(choices)s."),
        ),
    )
)


def phrase(text: str) -> Message:
    """Return our message for a text of marshmallow's; a text of our own as it is."""
    if text in _FIXED:
        return Message(_FIXED[text])
    for pattern, msgid in _PATTERNS:
        found = pattern.fullmatch(text)
        if found:
            return Message(msgid, {name: _value(part) for name, part in found.groupdict().items()})
    return Message(text)


def field_errors(messages: Any, prefix: str = "") -> dict[str, list[Message]]:
    """Flatten marshmallow's messages to field → messages.

    Parts of nested fields are joined by points (``modules.0.title``); what concerns the whole
    goes under the empty name.
    """
    if isinstance(messages, Mapping):
        flat: dict[str, list[Message]] = {}
        for name, inner in messages.items():
            path = prefix if name == "_schema" else f"{prefix}.{name}".lstrip(".")
            for field, found in field_errors(inner, path).items():
                flat.setdefault(field, []).extend(found)
        return flat
    texts = messages if isinstance(messages, list | tuple) else [messages]
    return {prefix: [text if isinstance(text, Message) else phrase(str(text)) for text in texts]}


def refusal(messages: Any) -> Invalid:
    """Return the refusal that names all wrong fields of marshmallow's ``messages``."""
    return Invalid(
        N_("Some answers need another look. Nothing was changed."),
        field_errors=field_errors(messages),
    )


def _value(text: str) -> int | str:
    return int(text) if text.lstrip("-").isdigit() else text
