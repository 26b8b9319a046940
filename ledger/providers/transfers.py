"""Transfers to providers as an ISO 20022 ``pain.001.001.09`` file, for the payer's bank.

The same transfers, message id and moment give the same bytes, so that a file can be made again
and compared with the one that was sent. Source: EPC132-08 (SEPA customer-to-bank guidelines).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from xml.etree.ElementTree import SubElement

from sepaxml import SepaTransfer
from stdnum import bic as stdnum_bic
from stdnum import iban as stdnum_iban
from stdnum.exceptions import ValidationError
from text_unidecode import unidecode  # type: ignore[import-untyped]

from ledger.clock import AMSTERDAM
from ledger.errors import Conflict, Invalid
from ledger.messages import N_

SCHEMA = "pain.001.001.09"
MAX_CENTS = 99_999_999_999  # SEPA: 999 999 999,99 euros in one transfer
NAME_LENGTH = 70

# EPC217-08: what every bank in SEPA must accept.
_OUTSIDE = re.compile(r"[^A-Za-z0-9/\-?:().,'+ ]+")
_REFERENCE = re.compile(r"(?!/)(?!.*//)[A-Za-z0-9/\-?:().,'+ ]{1,35}(?<!/)", re.ASCII)
_MESSAGE = re.compile(r"[A-Za-z0-9-]{1,30}", re.ASCII)  # room for the batch number behind it


@dataclass(frozen=True, slots=True)
class Payer:
    """Whose bank account pays."""

    name: str
    iban: str
    bic: str | None = None


@dataclass(frozen=True, slots=True)
class Transfer:
    """One payment; ``statement_number`` becomes its end-to-end id."""

    statement_number: str
    creditor_name: str
    iban: str
    bic: str | None
    amount_cents: int
    pay_on: date


def payment_file(
    payer: Payer, transfers: Sequence[Transfer], message_id: str, created_at: datetime
) -> bytes:
    """Return the payment file in UTF-8, one batch per pay date, amounts in euros.

    Names are written in the SEPA character set, at most 70 characters. Raises Invalid for no
    transfers, amounts below a cent, wrong IBAN or BIC and unusable references, and Conflict when
    a statement occurs twice.
    """
    if not transfers:
        raise Invalid(N_("There is nothing to pay."), field="transfers")
    if not _MESSAGE.fullmatch(message_id):
        raise Invalid(
            N_("A message id has at most 30 letters, digits and hyphens."), field="message_id"
        )
    ordered = sorted(transfers, key=lambda transfer: (transfer.pay_on, transfer.statement_number))
    for before, after in pairwise(ordered):
        if before.statement_number == after.statement_number:
            raise Conflict(N_("Statement %(number)s occurs twice."), number=after.statement_number)
    document = _Document(payer, message_id, created_at)
    for transfer in ordered:
        document.add_payment(_payment(transfer))
    return bytes(document.export(validate=False))


class _Document(SepaTransfer):  # type: ignore[misc]
    """A SepaTransfer that takes its ids and its moment from us instead of chance and clock."""

    def __init__(self, payer: Payer, message_id: str, created_at: datetime) -> None:
        config = {
            "name": sepa_name(payer.name, "payer"),
            "IBAN": checked_iban(payer.iban, "payer"),
            "batch": True,
            "currency": "EUR",
        }
        if payer.bic:
            config["BIC"] = checked_bic(payer.bic, "payer")
        self._message_id = message_id
        # Banks read this field as local time.
        self._created = created_at.astimezone(AMSTERDAM).strftime("%Y-%m-%dT%H:%M:%S")
        super().__init__(config, SCHEMA, clean=False)

    def _finalize_batch(self) -> None:
        super()._finalize_batch()
        for node in self._xml.iter("MsgId"):
            node.text = self._message_id
        for node in self._xml.iter("CreDtTm"):
            node.text = self._created
        for number, node in enumerate(self._xml.iter("PmtInfId"), start=1):
            node.text = f"{self._message_id}-{number}"
        for node in self._xml.iter("FinInstnId"):
            if len(node) == 0:  # the payer gave no BIC; the guidelines want it said
                SubElement(SubElement(node, "Othr"), "Id").text = "NOTPROVIDED"


def _payment(transfer: Transfer) -> dict[str, object]:
    number = transfer.statement_number
    if not _REFERENCE.fullmatch(number):
        raise Invalid(
            N_("Statement number %(number)s cannot be used in a payment."),
            field="statement_number",
            number=number,
        )
    cents = transfer.amount_cents
    if isinstance(cents, bool) or not isinstance(cents, int) or not 0 < cents <= MAX_CENTS:
        raise Invalid(
            N_("Statement %(number)s has no amount that can be paid."),
            field="amount_cents",
            number=number,
        )
    payment: dict[str, object] = {
        "name": sepa_name(transfer.creditor_name, number),
        "IBAN": checked_iban(transfer.iban, number),
        "amount": cents,
        "execution_date": transfer.pay_on,
        "description": number,
        "endtoend_id": number,
    }
    if transfer.bic:
        payment["BIC"] = checked_bic(transfer.bic, number)
    return payment


def sepa_name(name: str, whose: str) -> str:
    """Return ``name`` in the SEPA character set, at most 70 characters. Raises Invalid when empty.

    ``whose`` says in the message whom it is about: a statement number, or the payer.
    """
    # An ampersand is outside the set, yet part of many company names.
    latin = unidecode(name.replace("&", "+"))
    plain = " ".join(_OUTSIDE.sub(" ", latin).split())[:NAME_LENGTH].strip()
    # A name may not begin with a slash or hyphen: old formats read those as codes.
    plain = plain.lstrip("/- ")
    if not plain:
        raise Invalid(N_("The account name for %(whose)s is missing."), field="name", whose=whose)
    return plain


def checked_iban(text: str, whose: str) -> str:
    """Return an IBAN without spaces. Raises Invalid when country, length or check digits fail."""
    try:
        return str(stdnum_iban.validate(text))
    except ValidationError as error:
        raise Invalid(
            N_("The bank account number (IBAN) for %(whose)s is not right."),
            field="iban",
            whose=whose,
        ) from error


def checked_bic(text: str, whose: str) -> str:
    """Return a BIC of 8 or 11 characters. Raises Invalid when it is none."""
    try:
        return str(stdnum_bic.validate(text))
    except ValidationError as error:
        raise Invalid(
            N_("The bank code (BIC) for %(whose)s is not right."), field="bic", whose=whose
        ) from error
