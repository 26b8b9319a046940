"""Money that moves in tests of the books alone: two funders, a holder, and what is spent."""

from __future__ import annotations

from ledger.accounts import journal, lots
from ledger.accounts.journal import Entry, Line
from ledger.accounts.models import Account
from ledger.db import SYSTEM, Database, Work
from tests.integration.funding import NOW, Funding, accounts, funding

PROVIDER = "org_school"


def two_funders(database: Database) -> tuple[Funding, Funding, Account]:
    """Return two funders with 10 000 and 5 000 each, and a holder of 1 000 of either."""
    money = funding(database, budget=10_000), funding(database, name="Regio", budget=5_000)
    holder, other = accounts(database, 2)
    for each in money:
        items = [
            lots.Credit(account.id, amount, "grant", f"{each.scheme_id} {account.id}")
            for account, amount in ((holder, 1_000), (other, 500))
        ]
        with database.work(SYSTEM, NOW) as work:
            lots.credit(work, each.scheme_id, items)
    return *money, holder


def hold(work: Work, account: Account, subject: str) -> journal.Receipt:
    """Hold 300 of every lot of an account."""
    moved = [
        Line(bucket, amount, lot.scheme_id, account_id=account.id, lot_id=lot.id)
        for lot in lots.of_account(work.session, account.id)
        for bucket, amount in (("available", -300), ("held", 300))
    ]
    return journal.post(work, Entry("hold", subject, tuple(moved)))


def settle(work: Work, account: Account, subject: str, held: journal.Receipt) -> journal.Receipt:
    """Pay a provider 200 of every lot, give 40 back to the holder and 60 to the funder."""
    parts = {"held": -300, "payable": 200, "available": 40, "returned": 60}
    moved = [
        Line(
            bucket,
            amount,
            lot.scheme_id,
            account_id=account.id,
            lot_id=lot.id,
            provider_id=PROVIDER if bucket == "payable" else None,
        )
        for lot in lots.of_account(work.session, account.id)
        for bucket, amount in parts.items()
    ]
    return journal.post(work, Entry("settle", subject, tuple(moved), resolves_id=held.id))


def claw_back(
    work: Work, account: Account, subject: str, settled: journal.Receipt
) -> journal.Receipt:
    """Take back from the provider what was settled; the holder has it again."""
    moved = [
        Line(
            bucket,
            amount,
            lot.scheme_id,
            account_id=account.id,
            lot_id=lot.id,
            provider_id=PROVIDER if bucket == "receivable" else None,
        )
        for lot in lots.of_account(work.session, account.id)
        for bucket, amount in (("receivable", -200), ("available", 200))
    ]
    return journal.post(work, Entry("clawback", subject, tuple(moved), reverses_id=settled.id))
