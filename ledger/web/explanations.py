"""Each kind of problem in plain words: its title and what one can do about it."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.errors import DomainError
from ledger.messages import N_


@dataclass(frozen=True, slots=True)
class Explanation:
    """One kind of problem; ``title`` and ``advice`` are msgids, ``status`` is HTTP's."""

    code: str
    status: int
    title: str
    advice: str


_TEXTS: dict[str, tuple[int, str, str]] = {
    "bad-request": (
        400,
        N_("We could not read this request"),
        N_("Something in the request is not written in the right way. Nothing was changed."),
    ),
    "form-expired": (
        400,
        N_("This form is no longer valid"),
        N_(
            "You may have signed in or out in another tab. Go back, reload the page, and send "
            "the form again. Nothing was changed."
        ),
    ),
    "invalid": (
        400,
        N_("Some information is missing or not right"),
        N_(
            "Look at what is said about each field, correct it, and send it again. "
            "Nothing was changed."
        ),
    ),
    "idempotency-key-missing": (
        400,
        N_("The Idempotency-Key header is missing"),
        N_(
            "Calls that move money need this header, so that sending a call twice does not move "
            "money twice. Choose a new value for every change you intend."
        ),
    ),
    "unauthorized": (
        401,
        N_("You are not signed in"),
        N_("Sign in first. In the API: send a valid key as “Authorization: Bearer …”."),
    ),
    "forbidden": (
        403,
        N_("You may not do this"),
        N_(
            "You are signed in, but this page or action belongs to another role. If you have "
            "several roles, switch role and try again."
        ),
    ),
    "four-eyes": (
        403,
        N_("A second person has to do this"),
        N_("This step needs a colleague: nobody approves their own work."),
    ),
    "not-found": (
        404,
        N_("This page does not exist"),
        N_("The address may be wrong, or what it led to may be gone or not yours to see."),
    ),
    "method-not-allowed": (
        405,
        N_("This address cannot be used in this way"),
        N_(
            "Go to the start page and find your way from there. In the API: look up which methods "
            "this address knows."
        ),
    ),
    "conflict": (
        409,
        N_("This cannot be done now"),
        N_("It clashes with something that is there already. Nothing was changed."),
    ),
    "already-done": (
        409,
        N_("This was done before"),
        N_("Nothing was changed now. Look at the present state before you go on."),
    ),
    "insufficient-balance": (
        409,
        N_("There is not enough money for this"),
        N_(
            "The budget that may be spent on this falls short. Other budgets may have another "
            "purpose or may have expired."
        ),
    ),
    "not-accredited": (
        409,
        N_("Provider or course is not accredited"),
        N_(
            "Budgets can only be spent on providers and courses with an accreditation that is "
            "valid on the day itself."
        ),
    ),
    "run-full": (
        409,
        N_("This course is full"),
        N_("Choose another start date, or ask the provider for a place."),
    ),
    "round-spent": (
        409,
        N_("The budget of this round is spent"),
        N_("Others asked before you. The funder may open another round later."),
    ),
    "not-eligible": (
        409,
        N_("This is not meant for you"),
        N_("The rules of the scheme say who can ask. You do not meet one of them."),
    ),
    "wrong-state": (
        409,
        N_("This step cannot be taken now"),
        N_(
            "Something else has to happen first, or this was already settled. Look at the present "
            "state before you go on."
        ),
    ),
    "overlap": (
        409,
        N_("These hours overlap"),
        N_("There is another enrolment with sessions at the same hours."),
    ),
    "idempotency-key-reused": (
        409,
        N_("This Idempotency-Key was used before"),
        N_("The same key came earlier with another request. Use a new key for a new change."),
    ),
    "too-large": (
        413,
        N_("This is too large"),
        N_("The file or form is larger than we accept. Divide it into smaller parts."),
    ),
    "unsupported-media-type": (
        415,
        N_("We cannot read this kind of content"),
        N_("Send JSON with the header “Content-Type: application/json”."),
    ),
    "too-many-requests": (
        429,
        N_("Too many attempts"),
        N_("Wait a few minutes and try again."),
    ),
    "server-error": (
        500,
        N_("Something went wrong on our side"),
        N_("It is not your fault, and nothing was changed. Try again later."),
    ),
    "busy": (
        503,
        N_("The service is not available for a moment"),
        N_("Nothing was changed. Try again in a minute."),
    ),
    "outcome-unknown": (
        503,
        N_("We do not know yet whether this was done"),
        N_(
            "The connection to our records was lost while your change was being kept: it was done"
            " as a whole, or not at all. Look at what is there before you try again. In the API,"
            " repeat the call with the same Idempotency-Key: it is done once."
        ),
    ),
}

ALL = {code: Explanation(code, *texts) for code, texts in _TEXTS.items()}
_BY_STATUS = {
    400: "bad-request",
    401: "unauthorized",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    409: "conflict",
    413: "too-large",
    415: "unsupported-media-type",
    429: "too-many-requests",
    500: "server-error",
    503: "busy",
}


def for_status(status: int) -> Explanation:
    """Return the explanation of an HTTP status; of its class when we have none of its own."""
    if status in _BY_STATUS:
        return ALL[_BY_STATUS[status]]
    kind = ALL["server-error" if status >= 500 else "bad-request"]
    return Explanation(kind.code, status, kind.title, kind.advice)


def for_error(error: DomainError) -> Explanation:
    """Return the explanation of a refusal: of its own kind, or of the nearest kind above it."""
    return _of_kind(type(error))


def find(code: str) -> Explanation | None:
    """Return the explanation of ``code``; None when no problem has it."""
    if code in ALL:
        return ALL[code]
    todo: list[type[DomainError]] = [DomainError]
    while todo:
        kind = todo.pop()
        if _code(kind) == code:
            return _of_kind(kind)
        todo.extend(kind.__subclasses__())
    return None


def _of_kind(kind: type[DomainError]) -> Explanation:
    for ancestor in kind.__mro__:
        if issubclass(ancestor, DomainError) and _code(ancestor) in ALL:
            found = ALL[_code(ancestor)]
            return Explanation(_code(kind), kind.status, found.title, found.advice)
    found = for_status(kind.status)
    return Explanation(_code(kind), kind.status, found.title, found.advice)


def _code(kind: type[DomainError]) -> str:
    return kind.__new__(kind).code  # needs no message, so none is made up
