"""What a funder sees of grants and accrual that are under way, and of those that stopped."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from ledger import clock
from ledger.accounts.models import Account
from ledger.db import SYSTEM, Actor, Database
from ledger.funders import accruals, granting, grants
from tests.integration.test_funder_pages import Site, follow, paid_in, send, site, upload

__all__ = ["site"]


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(granting, "STEP", 2)
    monkeypatch.setattr(accruals, "STEP", 2)


def anna(database: Database, scheme_id: str) -> Actor:
    with database.reading() as session:
        (funder,) = session.execute(
            text("SELECT funder_id FROM scheme WHERE id = :id"), {"id": scheme_id}
        ).one()
    return Actor("usr_anna", "funder", user_id="usr_anna", organisation_id=funder)


def sheet(site: Site) -> bytes:
    rows = [f"{one.number};20,00" for one in site.accounts]
    return "\n".join(["rekeningnummer;bedrag", *rows]).encode()


def long_ago(database: Database, table: str, column: str) -> None:
    with database.work(SYSTEM) as work:
        work.session.execute(
            text(f"UPDATE {table} SET {column} = :at"),  # noqa: S608
            {"at": (clock.now() - timedelta(hours=1)).replace(tzinfo=None).isoformat(" ")},
        )


def test_batch_under_way_is_watched_and_goes_on(site: Site, database: Database) -> None:
    browser = paid_in(site)
    actor = anna(database, site.scheme_id)
    begun = database.perform(actor, grants.submit_file, site.scheme_id, sheet(site), "a.csv")
    page = f"{site.base}/grants/{begun.batch_id}"
    shown = browser.get(page)
    assert "2 of 3 rows are done" in shown.text and "goes on by itself" in shown.text
    assert shown.headers["Refresh"] == "2"
    long_ago(database, "grant_batch", "moved_at")
    stopped = browser.get(page)
    assert "Refresh" not in stopped.headers and "Go on where it stopped" in stopped.text
    assert "Being granted" in browser.get(f"{site.base}/grants").text
    # Sending the file again leads to what became of it.
    again = upload(browser, site, sheet(site))
    assert again.status_code == 303 and again.headers["Location"].endswith(page)
    assert "Granted" in follow(browser, send(browser, f"{page}/go-on"))
    assert "Refresh" not in browser.get(page).headers
    assert upload(browser, site, sheet(site)).status_code == 409


def test_page_grants_a_whole_file_and_names_what_could_not_be(
    site: Site, database: Database
) -> None:
    browser = paid_in(site)
    page = upload(browser, site, sheet(site)).headers["Location"]
    with database.work(SYSTEM) as work:
        work.session.get_one(Account, site.accounts[2].id).closed_at = work.now
    shown = follow(browser, send(browser, f"{page}/submit"))
    assert "Granted" in shown and "1 row was not granted" in shown
    assert site.accounts[2].number in shown and "closed meanwhile" in shown


def test_accrual_under_way_is_watched_and_goes_on(site: Site, database: Database) -> None:
    browser = paid_in(site, "2000")
    actor = anna(database, site.scheme_id)
    today = clock.today(clock.now())
    year = str(today.year)
    with database.reading() as session:
        looked = accruals.look(session, actor, site.scheme_id, year, today)
    database.perform(actor, accruals.begin, site.scheme_id, year, looked)
    database.perform(actor, accruals.go_on, site.scheme_id, year)
    shown = browser.get(f"{site.base}/accrual")
    assert "2 of 3 accounts are visited" in shown.text and shown.headers["Refresh"] == "2"
    long_ago(database, "accrual_run", "last_run_at")
    stopped = browser.get(f"{site.base}/accrual")
    assert "Refresh" not in stopped.headers and "Go on where it stopped" in stopped.text
    assert send(browser, f"{site.base}/accrual/go-on", period="2020").status_code == 404
    text_ = follow(browser, send(browser, f"{site.base}/accrual/go-on", period=year))
    assert "3 accounts were credited" in text_


def test_strangers_cannot_go_on(site: Site) -> None:
    stranger = site.client("dora")
    for page in ("/grants/grb_x/go-on", "/rounds", "/rounds/rnd_x/close"):
        assert send(stranger, site.base + page, period="2026").status_code == 404, page
    assert send(stranger, f"{site.base}/accrual/go-on", period="2026").status_code == 404
    assert stranger.get(f"{site.base}/rounds").status_code == 404
