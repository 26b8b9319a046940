"""The worked examples of docs/accounting.md are what the journal really says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from ledger.accounts import expiry
from ledger.accounts.models import Organisation, Posting, Transaction
from ledger.db import SYSTEM, Actor, Database
from ledger.funders import budgets
from ledger.money import parse_amount
from ledger.providers import cancellations, clawbacks, completions, payouts, releases
from tests.factories import OPERATOR, World, funder_actor, provider_actor

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "accounting.md"
SECOND = Actor("usr_second", "operator", user_id="usr_second")

Line = tuple[str, str, str, int]  # bucket, scheme, lot, cents


def documented() -> dict[str, list[Line]]:
    """Return the lines of every example under the kind in its heading."""
    examples = {}
    for part in DOCUMENT.read_text("utf-8").split("\n### ")[1:]:
        kind = re.match(r"\d\. .*?`(\w+)`", part)
        if kind is not None:
            examples[kind[1]] = list(_rows(part))
    return examples


def _rows(part: str) -> Iterator[Line]:
    for row in re.finditer(r"^\| (\w+) \| (\w) \| (\w?) ?\| (-?)([\d,]+) \|$", part, re.MULTILINE):
        cents = parse_amount(row[5])
        yield row[1], row[2], row[3], -cents if row[4] else cents


def test_the_story_is_posted_as_documented(database: Database) -> None:
    world = World(database)
    national = world.scheme(0, name="Nationaal")
    sector = world.scheme(0, name="Sector")
    for scheme in (national, sector):
        funder = funder_actor(scheme.funder_id)
        world.do(funder, budgets.pay_in, scheme.id, 500_000, f"Budget {scheme.id}", world.today)
    noor = world.holder()
    course = world.course(price_cents=100_000)
    with database.work(SYSTEM) as work:
        work.session.get_one(Organisation, course.provider_id).iban = "NL91ABNA0417164300"
    ends = world.today + timedelta(days=200)
    n = world.lot(noor, 90_000, national, expires_on=ends + timedelta(days=900))
    s = world.lot(noor, 30_000, sector, expires_on=ends)

    first = world.confirmed(noor, world.run(course, in_days=60))
    world.do(noor.actor, cancellations.cancel, first.id)
    second = world.confirmed(noor, world.run(course, in_days=30))
    world.attended(second, [True, True, False, False])
    provider = provider_actor(course.provider_id)
    world.do(provider, completions.complete, second.id, "attended")
    world.later(days=60)
    period = world.today.strftime("%Y-%m")
    statement = world.do(OPERATOR, payouts.prepare, course.provider_id, period)
    world.do(SECOND, releases.release, statement.id)
    world.do(OPERATOR, clawbacks.clawback, second.id, 10_000, "Les verviel")
    for days in (90, 30, 7):
        world.now += (ends - timedelta(days=days)) - world.today
        world.do(SYSTEM, expiry.notify, world.today)
    world.later(days=8)
    world.do(SYSTEM, expiry.expire, world.today)
    world.do(funder_actor(sector.funder_id), budgets.reallocate, sector.id)

    names = {national.id: "N", sector.id: "S", n: "n", s: "s", None: ""}
    for kind, lines in documented().items():
        posted = _posted(database, kind, names)
        assert sorted(lines) in [sorted(each) for each in posted], (kind, lines, posted)
    assert set(documented()) == {
        "pay_in", "grant", "hold", "release", "settle", "pay", "clawback", "expire", "reallocate",
    }  # fmt: skip


def _posted(database: Database, kind: str, names: dict[str | None, str]) -> list[list[Line]]:
    with database.reading() as session:
        rows = session.execute(
            select(Posting)
            .join(Transaction, Transaction.id == Posting.transaction_id)
            .where(Transaction.kind == kind)
            .order_by(Posting.transaction_id, Posting.line)
        ).scalars()
        found: dict[str, list[Line]] = {}
        for row in rows:
            line = (row.bucket, names[row.scheme_id], names[row.lot_id], row.amount)
            found.setdefault(row.transaction_id, []).append(line)
    return list(found.values())
