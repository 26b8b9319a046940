"""Payment files: valid by the schema, to the cent, and the same bytes every time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from xml.etree import ElementTree

import pytest
from sepaxml.validation import try_valid_xml

from ledger.errors import Conflict, Invalid
from ledger.providers.transfers import SCHEMA, Payer, Transfer, payment_file

PAYER = Payer("Stichting Leerrekening", "NL91 ABNA 0417 1643 00", "ABNANL2A")
ONE = Transfer(
    "BS-2026-03-0001", "Opleider Één & Zn. B.V.", "NL02ABNA0123456789", None, 1, date(2026, 4, 14)
)
AT = datetime(2026, 4, 3, 22, 30, tzinfo=UTC)
NS = f"{{urn:iso:std:iso:20022:tech:xsd:{SCHEMA}}}"


def build(*transfers: Transfer, payer: Payer = PAYER) -> bytes:
    return payment_file(payer, transfers, "LR-20260404-01", AT)


def texts(data: bytes, tag: str) -> list[str | None]:
    return [node.text for node in ElementTree.fromstring(data).iter(NS + tag)]  # noqa: S314


def test_the_file_is_valid_and_says_what_it_should() -> None:
    two = replace(
        ONE,
        statement_number="BS-2026-03-0002",
        amount_cents=123_456_789,
        bic="RABONL2U",
        pay_on=date(2026, 4, 13),
    )
    data = build(ONE, two, replace(ONE, statement_number="BS-2026-03-0003", amount_cents=100))
    try_valid_xml(data, SCHEMA)
    assert texts(data, "EndToEndId") == ["BS-2026-03-0002", "BS-2026-03-0001", "BS-2026-03-0003"]
    assert texts(data, "InstdAmt") == ["1234567.89", "0.01", "1.00"]
    assert texts(data, "CtrlSum") == ["1234568.90", "1234567.89", "1.01"]
    assert texts(data, "NbOfTxs") == ["3", "1", "2"]
    assert texts(data, "MsgId") == ["LR-20260404-01"]
    assert texts(data, "PmtInfId") == ["LR-20260404-01-1", "LR-20260404-01-2"]
    assert texts(data, "CreDtTm") == ["2026-04-04T00:30:00"]
    assert texts(data, "Dt") == ["2026-04-13", "2026-04-14"]
    assert texts(data, "Nm")[-1] == "Opleider Een + Zn. B.V."


def test_the_same_input_gives_the_same_bytes() -> None:
    other = replace(ONE, statement_number="BS-2026-03-0002")
    assert build(ONE, other) == build(other, ONE)


def test_without_any_bic_the_file_is_valid_too() -> None:
    data = build(ONE, payer=replace(PAYER, bic=None))
    try_valid_xml(data, SCHEMA)
    assert "NOTPROVIDED" in texts(data, "Id")


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Łódź “Kwaliteit” – Ærø", "Lodz Kwaliteit - AEro"),
        ("<script>alert(1)</script>", "script alert(1) /script"),
        ("- // Scholing", "Scholing"),
        ("Школа", "Shkola"),
        ("x" * 300, "x" * 70),
    ],
)
def test_names_are_written_in_the_sepa_set(name: str, written: str) -> None:
    data = build(replace(ONE, creditor_name=name))
    try_valid_xml(data, SCHEMA)
    assert texts(data, "Nm")[-1] == written


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"amount_cents": 0}, "no amount that can be paid"),
        ({"amount_cents": -1}, "no amount that can be paid"),
        ({"amount_cents": 100_000_000_000}, "no amount that can be paid"),
        ({"amount_cents": 1.5}, "no amount that can be paid"),
        ({"amount_cents": True}, "no amount that can be paid"),
        ({"iban": "NL91ABNA0417164301"}, "IBAN"),
        ({"iban": ""}, "IBAN"),
        ({"bic": "XX"}, "BIC"),
        ({"creditor_name": ""}, "account name"),
        ({"creditor_name": "\u200b"}, "account name"),
        ({"statement_number": "x" * 36}, "cannot be used"),
        ({"statement_number": "/x"}, "cannot be used"),
        ({"statement_number": "a//b"}, "cannot be used"),
        ({"statement_number": "a\n"}, "cannot be used"),
        ({"statement_number": ""}, "cannot be used"),
    ],
)
def test_what_a_bank_would_refuse_is_refused_before(change: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid) as caught:
        build(replace(ONE, **change))
    assert words in str(caught.value)


def test_nothing_to_pay_twice_to_pay_and_a_wrong_message_id() -> None:
    with pytest.raises(Invalid, match="nothing to pay"):
        build()
    with pytest.raises(Conflict, match="occurs twice"):
        build(ONE, ONE)
    with pytest.raises(Invalid, match="message id"):
        payment_file(PAYER, [ONE], "x" * 31, AT)
    with pytest.raises(Invalid, match="IBAN"):
        build(ONE, payer=replace(PAYER, iban="NL00"))
