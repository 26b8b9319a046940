"""Uploads: what is accepted, what is refused, and that the refusal says where."""

from __future__ import annotations

import csv
import io
import time
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import files
from ledger.errors import Invalid

COLUMNS = {
    "account": ("rekeningnummer", "account number"),
    "amount": ("bedrag",),
    "note": ("toelichting",),
}
REQUIRED = {"account", "amount"}


def read(data: bytes | str) -> files.Table:
    return files.read_table(data.encode() if isinstance(data, str) else data, COLUMNS, REQUIRED)


def refusal(data: bytes | str) -> str:
    with pytest.raises(Invalid) as caught:
        read(data)
    return " | ".join(
        str(message) for messages in caught.value.field_errors.values() for message in messages
    )


TEXT = "Rekeningnummer;Bedrag;Toelichting\r\nLR01;1.234,56;café € ok\r\n"


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("cp1252"),
        TEXT.encode("utf-16"),
        b"\xfe\xff" + TEXT.encode("utf-16-be"),
        TEXT.replace(";", "\t").encode(),
        TEXT.replace("1.234,56", '"1.234,56"').replace(";", ",").encode(),
        TEXT.replace("\r\n", "\n").encode(),
        TEXT.replace("\r\n", "\r").encode(),
        ("sep=;\r\n" + TEXT).encode(),
        (TEXT + ";;\r\n\r\n;;\r\n").encode(),
        TEXT.rstrip().encode(),
    ],
    ids=[
        "utf8",
        "bom",
        "cp1252",
        "utf16le",
        "utf16be",
        "tab",
        "comma",
        "lf",
        "cr",
        "sep",
        "empty-rows",
        "no-last-line-end",
    ],
)
def test_what_spreadsheets_write_is_read_alike(data: bytes) -> None:
    table = read(data)
    assert table.columns == ("account", "amount", "note")
    (row,) = table.rows
    assert row.cells == {"account": "LR01", "amount": "1.234,56", "note": "café € ok"}


def test_headers_are_recognised_in_any_order_and_spelling() -> None:
    table = read(" TOELICHTING ; Account_Number;bedrag\nx; LR01 ;1\n")
    assert table.columns == ("note", "account", "amount")
    assert table.rows[0].cells["account"] == "LR01"


def test_an_optional_column_may_be_absent_and_letters_are_composed() -> None:
    table = read("account,amount\nCafe\u0301,1\n")
    assert table.rows[0].cells == {"account": "Caf\u00e9", "amount": "1"}


def test_lines_are_counted_as_an_editor_does() -> None:
    table = read('account;amount;note\nA;1;"one\ntwo; ""three"""\n\nB;2;\n')
    assert [row.line for row in table.rows] == [2, 5]
    assert table.rows[0].cells["note"] == 'one\ntwo; "three"'
    assert read("sep=,\naccount,amount\nA,1\n").rows[0].line == 3


def test_rows_that_occur_twice_are_both_given() -> None:
    assert [row.line for row in read("account;amount\nA;1\nA;1\n").rows] == [2, 3]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "The file is empty"),
        (b"\xef\xbb\xbf \r\n", "The file is empty"),
        ("account;amount\n", "no rows"),
        ("account;amount\n;\n", "no rows"),
        ("account;amount;Kleur;maat\nA;1;x;y\n", "not known: Kleur, maat"),
        ("account;note\nA;x\n", "lacks these columns: amount"),
        ("hello\nworld\n", "lacks these columns: account, amount"),
        ("account;rekeningnummer;amount\nA;A;1\n", "more than once: account"),
        ("account;amount\nA;1;2\n", "Line 2 has 3 cells where the header has 2"),
        ("account;amount;note\nA;1;\nB\n", "Line 3 has 1 cells where the header has 3"),
        (b"account;amount\nA;1\nB\x00;2\n", "Line 3 holds a character that cannot be used (U+0"),
        ("account;amount\nA\x1b;1\n", "(U+001B)"),
        ("account;amount\nA\u0085;1\n", "(U+0085)"),
        (b"account;amount\n\nA\xed\xa0\x80;1\n", "Line 3 holds a character"),
        (b"\xff\xfe" + "account;amount\nA".encode("utf-16-le") + b"\x00\xd8", "(U+D800)"),
        (b"\xff\xfe" + "account;amount\nA;1".encode("utf-16-le") + b"\x00", "not readable text"),
        ("account;amount\nA;1\n".encode("utf-16-le"), "(U+0000)"),
        (b"account;amount\nA\x81;1\n", "not readable text"),
        (b"PK\x03\x04rest of an xlsx", "This is a spreadsheet"),
        ('account;amount\nA;1\n"B;2\nC;3\n', "Line 3 cannot be read"),
        ('account;amount\n"A"x;1\n', "Line 2 cannot be read"),
        ("account;amount\n" + "x" * 4001 + ";1\n", "longer than 4000 characters"),
        ("account;amount\n" + "x" * 140_000 + ";1\n", "Line 2 cannot be read"),
        (";".join(["account"] * 101) + "\nA\n", "too many columns"),
        ("account;amount\n" + "A;1\n" * 60_001, "too many rows"),
        (b"x" * (20 * 1024 * 1024 + 1), "too large"),
    ],
)
def test_a_refusal_says_what_and_where(data: bytes | str, words: str) -> None:
    assert words in refusal(data)


def test_all_that_is_wrong_is_said_at_once_and_not_endlessly() -> None:
    assert refusal("account;kleur\nA;x\n").count(" | ") == 1
    assert refusal("account;amount\n" + "A;1;2\n" * 500).count("Line ") == files.MAX_ERRORS


def test_fifty_thousand_rows_are_read_in_seconds() -> None:
    data = "account;amount;note\n" + "".join(
        f"LR{i:014d};1.234,56;jaarlijkse bijdrage\n" for i in range(50_000)
    )
    begun = time.perf_counter()
    assert len(read(data).rows) == 50_000
    assert time.perf_counter() - begun < 10


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    try:
        read(b"account;amount\n" + data)
    except Invalid as error:
        assert error.field_errors["file"]


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=40),
            st.text(st.characters(exclude_categories=["C"]), max_size=40),
        ),
        min_size=1,
    )
)
def test_what_we_write_we_read(rows: list[tuple[str, str]]) -> None:
    rows = [(f"A{account}", f"n{note}") for account, note in rows]
    data = files.write_csv([(a, 1, n) for a, n in rows], ("account", "amount", "note"))
    read_back = [(row.cells["account"], row.cells["note"]) for row in read(data).rows]
    again = files.write_csv([(a, 1, n) for a, n in read_back], ("account", "amount", "note"))
    assert len(read_back) == len(rows)
    assert [(r.cells["account"], r.cells["note"]) for r in read(again).rows] == read_back


@pytest.mark.parametrize("text", ["2026-03-31", "31-03-2026", " 31-3-2026 "])
def test_dates_are_read(text: str) -> None:
    assert files.parse_date(text) == date(2026, 3, 31)


@pytest.mark.parametrize("text", ["31-02-2026", "2026-02-30", "00-01-2026", "0000-01-01"])
def test_dates_that_do_not_exist_are_refused(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        files.parse_date(text, field="starts_on")
    assert "does not exist" in str(caught.value)
    assert list(caught.value.field_errors) == ["starts_on"]


@pytest.mark.parametrize(
    "text", ["", "morgen", "31/03/2026", "2026-3-1", "31-03-26", "٣١-٠٣-٢٠٢٦", "2026-03-31T00:00"]
)
def test_other_texts_are_no_dates(text: str) -> None:
    with pytest.raises(Invalid, match="day-month-year"):
        files.parse_date(text)


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+cmd", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1", "\u2003=1", "-"],
)
def test_formulas_are_written_as_text(text: str) -> None:
    out = files.write_csv([[text]], ["a"]).decode("utf-8-sig")
    (_, (cell,)) = csv.reader(io.StringIO(out, newline=""), delimiter=";")
    assert cell.startswith("'")
    assert cell.endswith(text)


def test_numbers_stay_numbers_and_dutch_writes_semicolon_and_comma() -> None:
    row = [-5, "-12,50", Decimal("-12.50"), date(2026, 3, 31), None, "a;b\nc"]
    dutch = files.write_csv([row], list("abcdef"))
    assert dutch.startswith(b"\xef\xbb\xbf")
    assert (
        dutch.decode("utf-8-sig")
        .splitlines()[1]
        .startswith('"-5";"-12,50";"-12,50";"2026-03-31";"";"a;b')
    )
    english = files.write_csv([row], list("abcdef"), "en").decode("utf-8-sig")
    assert '"-12.50","2026-03-31"' in english
