"""The large demonstration: a hundred thousand more accounts with grants, in set-based batches."""

from __future__ import annotations

import random
from collections.abc import Callable

from sqlalchemy import insert

from ledger import ids
from ledger.accounts import lots
from ledger.accounts.models import Account, Person
from ledger.db import SYSTEM, Database, Work
from ledger.demo import names
from ledger.demo.world import World, acting
from ledger.funders import budgets

ACCOUNTS = 100_000
BATCH = 5_000
_AMOUNT = 50_000  # cents


def fill(database: Database, world: World, tick: Callable[[int], None]) -> None:
    """Open the accounts and grant each of them a lot; ``tick`` gets the number done."""
    draw = random.Random(2027)  # noqa: S311 (no secret)
    with database.work(SYSTEM) as work:
        state = acting(work, world.funder_actor("state"))
        national = world.schemes["national"].id
        budgets.pay_in(state, national, ACCOUNTS * _AMOUNT, "Budget grote demonstratie", work.today)
    for start in range(0, ACCOUNTS, BATCH):
        with database.work(SYSTEM) as work:
            _batch(work, world, draw, start)
        tick(BATCH)


def _batch(work: Work, world: World, draw: random.Random, start: int) -> None:
    persons, accounts = [], []
    for _ in range(BATCH):
        invented = names.invent(draw)
        person_id = ids.new("per")
        persons.append({"id": person_id, "name": invented.name, **invented.facts})
        accounts.append(
            {
                "id": ids.new("acc"),
                "number": ids.account_number(),
                "person_id": person_id,
                "opened_at": work.now,
            }
        )
    connection = work.session.connection()
    connection.execute(insert(Person), persons)
    connection.execute(insert(Account), accounts)
    state = acting(work, world.funder_actor("state"))
    lots.credit(
        state,
        world.schemes["national"].id,
        [
            lots.Credit(str(account["id"]), _AMOUNT, "grant", f"demo:{start + number}")
            for number, account in enumerate(accounts)
        ],
    )
