"""The rows of a grant: from the cells of a file to accounts, amounts and dates that can be right.

All rows are checked before anything is done, so that one look shows everything to correct. The
accounts and references of a whole file are looked up together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import chain

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger import ids
from ledger.db import driver
from ledger.errors import DomainError, Invalid
from ledger.files import Row, parse_date, read_table
from ledger.funders import granting
from ledger.funders.models import GrantBatch, GrantRow
from ledger.messages import N_, Message
from ledger.money import EUR, LIMIT, checked, parse_amount
from ledger.sets import Question

COLUMNS = {
    "account_number": ("rekeningnummer", "leerrekening", "account"),
    "amount": ("bedrag", "minuten", "minutes"),
    "expires_on": ("vervalt op", "vervaldatum"),
    "reference": ("kenmerk", "referentie"),
}
REQUIRED = frozenset({"account_number", "amount"})
REFERENCE_LENGTH = 140
_TOO_FAR = date(2201, 1, 1)  # from here on a date is a slip of the keyboard
_NUMBER_LENGTH = 16
_CHUNK = 5_000  # values in one question to the database
_ACCOUNTS = Question("SELECT number, id, closed_at IS NOT NULL FROM account WHERE number {among}")


@dataclass(frozen=True, slots=True)
class Wish:
    """A grant as asked for: ``amount`` in minor units, ``expires_on`` None for the rule's own."""

    line: int
    account_number: str
    amount: int
    expires_on: date | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class GrantLine:
    """A grant that can be made."""

    line: int
    account_id: str
    account_number: str
    amount: int
    expires_on: date | None
    reference: str | None


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong on a line of a file, and in which column."""

    line: int
    field: str
    message: Message


@dataclass(frozen=True, slots=True)
class Checked:
    """The rows that can be granted, and everything that is wrong with the others, by line."""

    lines: tuple[GrantLine, ...]
    errors: tuple[RowError, ...]

    @property
    def total(self) -> int:
        """Return the sum of the good rows in minor units."""
        return sum(line.amount for line in self.lines)


def of_file(session: Session, scheme_id: str, unit: str, data: bytes, today: date) -> Checked:
    """Check the rows of a CSV file. Raises Invalid when the file itself cannot be read."""
    wishes: list[Wish] = []
    unreadable: list[RowError] = []
    for row in read_table(data, COLUMNS, REQUIRED).rows:
        wish, errors = _wish(row, unit)
        wishes.append(wish)
        unreadable.extend(errors)
    return _checked(session, scheme_id, wishes, today, unreadable)


def of_wishes(session: Session, scheme_id: str, wishes: Sequence[Wish], today: date) -> Checked:
    """Check grants asked for one by one or by a program."""
    return _checked(session, scheme_id, wishes, today, ())


def _checked(
    session: Session,
    scheme_id: str,
    wishes: Sequence[Wish],
    today: date,
    unreadable: Sequence[RowError],
) -> Checked:
    accounts = _accounts(session, (wish.account_number for wish in wishes))
    used: set[str] = set()
    if any(wish.reference for wish in wishes):
        used = _used_references(session, scheme_id, (wish.reference for wish in wishes))
    repeats = _Repeats()
    errors = list(unreadable)
    for wish in wishes:
        wrong = repeats.of(wish)
        # Nearly every row is right; those are looked at no further.
        if wrong or not _is_right(wish, accounts, used, today):
            wrong = [*_wrong(wish, accounts, used, today), *wrong]
            errors.extend(RowError(wish.line, field, message) for field, message in wrong)
    bad = {error.line for error in errors}
    lines = tuple(
        _line(wish, accounts[wish.account_number][0]) for wish in wishes if wish.line not in bad
    )
    if sum(line.amount for line in lines) > LIMIT:
        raise Invalid(N_("The amounts together are too large."), field="file")
    return Checked(lines, tuple(sorted(errors, key=lambda error: error.line)))


def _line(wish: Wish, account_id: str) -> GrantLine:
    return GrantLine(
        wish.line, account_id, wish.account_number, wish.amount, wish.expires_on, wish.reference
    )


def _wish(row: Row, unit: str) -> tuple[Wish, list[RowError]]:
    """Return what a row asks for; what cannot be read is empty in it and named beside it."""
    cells = row.cells
    errors: list[RowError] = []
    amount, expires_on = 0, None
    try:
        amount = _unit_read(cells["amount"], unit)
    except DomainError as error:
        errors.append(RowError(row.line, "amount", error.as_message))
    day = cells.get("expires_on")
    if day:
        try:
            expires_on = _date_read(day)
        except DomainError as error:
            errors.append(RowError(row.line, "expires_on", error.as_message))
    number = ids.normal_account_number(cells["account_number"])
    return Wish(row.line, number, amount, expires_on, cells.get("reference") or None), errors


@lru_cache(maxsize=4096)
def _date_read(text: str) -> date:
    # The same few days and amounts stand on line after line.
    return parse_date(text, "expires_on")


def parse_unit(text: str, unit: str, field: str = "amount") -> int:
    """Return the cents, or the whole minutes, that somebody wrote. Raises Invalid."""
    if unit == EUR:
        return parse_amount(text, field)
    if not (text.isascii() and text.isdigit() and len(text) <= 16):
        raise Invalid(N_("Write the time in whole minutes, for example 480."), field=field)
    return checked(int(text), field)


_unit_read = lru_cache(maxsize=4096)(parse_unit)


def _is_right(
    wish: Wish, accounts: dict[str, tuple[str, bool]], used: set[str], today: date
) -> bool:
    """Tell, quickly, whether :func:`_wrong` would find nothing."""
    found = accounts.get(wish.account_number)
    return (
        found is not None
        and not found[1]
        and (wish.expires_on is None or today <= wish.expires_on < _TOO_FAR)
        and (
            wish.reference is None
            or (len(wish.reference) <= REFERENCE_LENGTH and wish.reference not in used)
        )
    )


def _wrong(
    wish: Wish,
    accounts: dict[str, tuple[str, bool]],
    used: set[str],
    today: date,
) -> Iterator[tuple[str, Message]]:
    if not wish.account_number:
        yield "account_number", Message(N_("Fill in the account number."))
    elif not ids.is_account_number(wish.account_number):
        yield "account_number", Message(N_("This is not an account number; check the digits."))
    elif wish.account_number not in accounts:
        yield "account_number", Message(N_("There is no account with this number."))
    elif accounts[wish.account_number][1]:
        yield "account_number", Message(N_("This account is closed."))
    if wish.expires_on is not None and wish.expires_on < today:
        yield "expires_on", Message(N_("This date lies in the past."))
    elif wish.expires_on is not None and wish.expires_on >= _TOO_FAR:
        yield "expires_on", Message(N_("This date lies too far in the future."))
    if wish.reference and len(wish.reference) > REFERENCE_LENGTH:
        yield (
            "reference",
            Message(N_("Use at most %(limit)s characters."), {"limit": REFERENCE_LENGTH}),
        )
    elif wish.reference in used:
        yield "reference", Message(N_("A grant with this reference was made before."))


class _Repeats:
    """Sees the same account or reference twice.

    Two grants to one account are meant when each has a reference; otherwise it is a slip.
    """

    def __init__(self) -> None:
        self._accounts: dict[str, int] = {}
        self._references: dict[str, int] = {}
        self._unreferenced: set[str] = set()

    def of(self, wish: Wish) -> list[tuple[str, Message]]:
        """Return what this wish repeats of those before it."""
        wrong: list[tuple[str, Message]] = []
        if wish.reference:
            first = self._references.setdefault(wish.reference, wish.line)
            if first != wish.line:
                message = Message(N_("This reference is also on line %(line)s."), {"line": first})
                wrong.append(("reference", message))
        else:
            self._unreferenced.add(wish.account_number)
        first = self._accounts.setdefault(wish.account_number, wish.line)
        if first != wish.line and wish.account_number and wish.account_number in self._unreferenced:
            text = N_(
                "This account is also on line %(line)s. If both grants are meant, give each a"
                " reference of its own."
            )
            wrong.append(("account_number", Message(text, {"line": first})))
        return wrong


def _accounts(session: Session, numbers: Iterable[str]) -> dict[str, tuple[str, bool]]:
    """Return by account number its id and whether it is closed, for the numbers that exist."""
    wanted = list({number for number in numbers if len(number) == _NUMBER_LENGTH})
    connection = driver(session)
    found = chain.from_iterable(_ACCOUNTS.ask(connection, part) for part in _parts(wanted))
    return {number: (account_id, bool(closed)) for number, account_id, closed in found}


def _parts(values: Sequence[str]) -> Iterator[Sequence[str]]:
    return (values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK))


def _used_references(
    session: Session, scheme_id: str, references: Iterable[str | None]
) -> set[str]:
    """Return which of ``references`` were granted in this scheme before, or are waiting for it."""
    wanted = {
        granting.subject(scheme_id, "", 0, reference): reference
        for reference in references
        if reference
    }
    found: set[str] = set()
    for part in _parts(list(wanted)):
        found |= {wanted[one] for one in granting.granted_subjects(session, part)}
    waiting = session.scalars(
        select(GrantRow.reference)
        .join(GrantBatch, GrantBatch.id == GrantRow.batch_id)
        .where(
            GrantBatch.scheme_id == scheme_id,
            GrantBatch.status.in_(("awaiting", "granting")),
            GrantRow.reference.is_not(None),
        )
    )
    return found | {reference for reference in waiting if reference is not None}
