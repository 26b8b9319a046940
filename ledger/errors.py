"""What can go wrong, free of HTTP.

DomainError
├── Invalid              the input is wrong; says where and what to do
├── NotFound             absent, or somebody else's (answered the same)
├── Forbidden            known, but not allowed
│   └── FourEyes         a second person has to do this
├── Conflict             right in itself, but not now
│   ├── AlreadyDone      it was done before
│   ├── InsufficientBalance
│   ├── NotAccredited
│   ├── RunFull
│   ├── WrongState       the step does not follow from the present state
│   └── Overlap          sessions at the same hours
└── Busy                 try again later
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ledger.messages import Message

FieldErrors = Mapping[str, Sequence[Message]]


class DomainError(Exception):
    """A refusal: a message, and per field what is wrong with it.

    ``message`` is an English msgid; ``params`` fill its placeholders; ``field`` names the input
    that the message belongs to; ``field_errors`` gives several at once.
    """

    status = 400

    def __init__(
        self,
        message: str,
        /,
        *,
        field: str | None = None,
        field_errors: FieldErrors | None = None,
        **params: object,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.params = params
        self.field_errors: dict[str, list[Message]] = {
            name: list(messages) for name, messages in (field_errors or {}).items()
        }
        if field is not None:
            self.field_errors.setdefault(field, []).append(Message(message, params))

    @property
    def code(self) -> str:
        """Return the stable name of this kind of refusal, such as ``insufficient-balance``."""
        return re.sub(r"(?<!^)(?=[A-Z])", "-", type(self).__name__).lower()

    @property
    def as_message(self) -> Message:
        """Return the message with its values, to be rendered in the reader's language."""
        return Message(self.message, self.params)

    def __str__(self) -> str:
        return str(self.as_message)


class Invalid(DomainError):
    """The input is wrong."""

    status = 400


class NotFound(DomainError):
    """There is no such thing, or it belongs to somebody else."""

    status = 404


class Forbidden(DomainError):
    """The actor may not do this."""

    status = 403


class FourEyes(Forbidden):
    """A second person has to do this step."""


class Conflict(DomainError):
    """Right in itself, but it clashes with what is there."""

    status = 409


class AlreadyDone(Conflict):
    """It was done before; nothing was changed now."""


class InsufficientBalance(Conflict):
    """The money that may be spent on this falls short."""


class NotAccredited(Conflict):
    """Provider or course has no valid accreditation on the date that counts."""


class RunFull(Conflict):
    """The course run has no place left."""


class WrongState(Conflict):
    """The step does not follow from the present state."""


class Overlap(Conflict):
    """Sessions lie at the same hours as another enrolment's."""


class Busy(DomainError):
    """The service cannot take this now; try again later."""

    status = 503
