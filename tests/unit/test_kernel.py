"""Identifiers, dates, cursors and settings."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import clock, config, ids, paging
from ledger.errors import DomainError, Invalid, NotAccredited


def test_ids_sort_by_time_and_do_not_repeat() -> None:
    made = [ids.new("txn") for _ in range(2000)]
    assert len(set(made)) == len(made)
    assert [one[:14] for one in made] == sorted(one[:14] for one in made)
    assert {len(one) for one in made} == {30}


def test_a_slip_in_an_account_number_is_noticed() -> None:
    number = ids.account_number()
    assert ids.is_account_number(number)
    for place in range(2, 16):
        slip = number[:place] + str((int(number[place]) + 1) % 10) + number[place + 1 :]
        assert not ids.is_account_number(slip)
    assert ids.normal_account_number(f"{number[:4]} {number[4:8]}-{number[8:]}") == number


def test_legal_dates_are_those_of_amsterdam() -> None:
    assert clock.today(datetime(2026, 12, 31, 23, 30, tzinfo=UTC)) == date(2027, 1, 1)
    assert clock.today(datetime(2026, 7, 1, 22, 30, tzinfo=UTC)) == date(2026, 7, 2)
    assert clock.local(date(2026, 3, 29), 9) == datetime(2026, 3, 29, 7, tzinfo=UTC)


def test_months_end_where_they_have_to() -> None:
    assert clock.add_months(date(2028, 2, 29), 12) == date(2029, 2, 28)
    assert clock.add_months(date(2026, 1, 31), 1) == date(2026, 2, 28)
    assert clock.add_months(date(2026, 3, 31), -13) == date(2025, 2, 28)
    assert clock.period_end("2028-02") == date(2028, 2, 29)
    assert clock.period_end("2026") == date(2026, 12, 31)


@given(st.lists(st.text() | st.integers(), min_size=1, max_size=3))
def test_cursors_come_back_as_they_were(key: list[str | int]) -> None:
    assert paging.decode(paging.encode(key), len(key)) == tuple(key)


@pytest.mark.parametrize("text", ["x", "W10", "e30", "[[[", "é", paging.encode(["a", "b"])])
def test_a_made_up_cursor_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        paging.decode(text, 1)


def test_errors_have_a_stable_code_and_carry_their_field() -> None:
    error: DomainError = NotAccredited("No %(what)s.", field="course", what="mark")
    assert error.code == "not-accredited"
    assert str(error) == "No mark."
    assert str(error.field_errors["course"][0]) == "No mark."


def test_settings_come_from_environment_then_file_then_default(tmp_path: Path) -> None:
    environment = {"LEERREKENING_INSTANCE_PATH": str(tmp_path)}
    found = config.load(environment)
    assert found.database_url == f"sqlite:///{tmp_path}/leerrekening.db"
    (tmp_path / "config.py").write_text("HTTPS = True\nPUBLIC_URL = 'https://a.example/'")
    found = config.load({**environment, "LEERREKENING_PUBLIC_URL": "https://b.example"})
    assert (found.https, found.public_url) == (True, "https://b.example")
    assert config.load(environment).secret_key == found.secret_key
    assert (tmp_path / "secret.key").stat().st_mode & 0o077 == 0
    url = {"LEERREKENING_DATABASE_URL": "postgres://u@h/d"}
    assert config.load(environment | url).database_url == "postgresql+psycopg://u@h/d"


@pytest.mark.parametrize(
    ("name", "value"), [("HTTPS", "maybe"), ("PROXIES", "-1"), ("DATABASE_URL", "mysql://x")]
)
def test_a_wrong_setting_is_named(tmp_path: Path, name: str, value: str) -> None:
    given_ = {"LEERREKENING_INSTANCE_PATH": str(tmp_path), f"LEERREKENING_{name}": value}
    with pytest.raises(config.ConfigurationError, match=name):
        config.load(given_)


def test_an_unknown_setting_in_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.py").write_text("PUBLIC_ULR = 'x'")
    with pytest.raises(config.ConfigurationError, match="PUBLIC_ULR"):
        config.load({"LEERREKENING_INSTANCE_PATH": str(tmp_path)})
