"""Transfers between accounts as django-hordak's documentation shows them.

``setup`` makes the tables and accounts. ``serve`` reads numbers of seconds from its standard input
and answers each with how many transfers it did and in how many seconds.
"""

from __future__ import annotations

import os
import random
import sys
from time import perf_counter

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.hordak.settings")

import django

django.setup()

from django.core.management import call_command  # noqa: E402 (Django has to be set up first)
from hordak.models import Account  # noqa: E402 (Django has to be set up first)
from moneyed import Money  # noqa: E402 (Django has to be set up first)

ACCOUNTS = 1_000


def setup() -> None:
    """Make the tables and the accounts between which money goes."""
    call_command("migrate", verbosity=0)
    for number in range(ACCOUNTS):
        Account.objects.create(
            name=f"Account {number}", code=f"{number}", type="AS", currencies=["EUR"]
        )


def serve() -> None:
    """Do transfers between random accounts for as many seconds as each line says."""
    accounts = list(Account.objects.all())
    print("ready", flush=True)
    for line in sys.stdin:
        start, count = perf_counter(), 0
        end = start + float(line)
        while perf_counter() < end:
            giver, taker = random.sample(accounts, 2)
            giver.transfer_to(taker, Money(1, "EUR"))
            count += 1
        print(count, perf_counter() - start, flush=True)


if __name__ == "__main__":
    {"setup": setup, "serve": serve}[sys.argv[1]]()
