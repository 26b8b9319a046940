"""A process that is killed halfway through a file: the same command goes on where it stopped."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from ledger.accounts import lots, users
from ledger.accounts.models import User
from ledger.db import SYSTEM, Database, Work
from ledger.funders import verification
from ledger.funders.cli import import_grants
from tests.integration.funding import TODAY, accounts, funding

# Kills itself after the second step, while it does the third: what a pulled plug leaves.
KILLED = """
import os, signal, sys
from ledger.db import Actor, Database
from ledger.funders import granting, grants, steps
url, scheme_id, user_id, funder_id, path = sys.argv[1:]
granting.STEP = 2
database = Database(url)
actor = Actor(user_id, "funder", user_id=user_id, organisation_id=funder_id)
with open(path, "rb") as file:
    begun = database.perform(actor, grants.submit_file, scheme_id, file.read(), "a.csv")
database.perform(actor, grants.go_on, scheme_id, begun.batch_id)
granting.outcome = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
database.perform(actor, grants.go_on, scheme_id, begun.batch_id)
"""


def test_same_command_goes_on(database: Database, tmp_path: Path) -> None:
    money = funding(database, four_eyes_minor=2**40)
    holders = accounts(database, 7)

    def employ(work: Work) -> User:
        return users.add_user(
            work, "anna@fonds.example", "Anna", "een lang wachtwoord", "funder", money.funder_id
        )

    anna = database.perform(SYSTEM, employ).id
    rows = [f"{one.number};10" for one in holders]
    file = tmp_path / "list.csv"
    file.write_text("\n".join(["account_number;amount", *rows]))
    args = [database.url, money.scheme_id, anna, money.funder_id, str(file)]
    killed = subprocess.run([sys.executable, "-c", KILLED, *args], check=False)
    assert killed.returncode == -signal.SIGKILL

    def granted() -> list[int]:
        with database.reading() as session:
            return [lots.balance(session, one.id, TODAY)[0].available for one in holders]

    assert granted() == [1_000] * 4 + [0] * 3  # the third step left nothing
    command = [str(file), "--scheme", money.scheme_id, "--as", "anna@fonds.example"]
    done = CliRunner().invoke(import_grants, command, obj=database, catch_exceptions=False)
    assert done.exit_code == 0 and "it goes on" in done.output and "7 grants" in done.output
    assert granted() == [1_000] * 7
    with database.reading() as session:
        assert [one for check in verification.CHECKS for one in check.run(session)] == []
