"""What funders do: pay in, grant to one and to many, accrue, top up, change rules, let expire."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from ledger.accounts import expiry, lots
from ledger.db import SYSTEM, Actor
from ledger.funders import accruals, budgets, grants, rounds, rules
from tests.factories import funder_actor
from tests.property.machine.books import Batch, Holder, Round, Scheme
from tests.property.machine.stage import Stage

INDEX = st.integers(0, 1000)
AMOUNT = st.one_of(st.integers(1, 40_000), st.sampled_from([1, 59_999, 60_001, 100_000]))
REFERENCE = st.one_of(st.none(), st.integers(0, 12).map(lambda n: f"kenmerk {n}"))
LAST_DAY = st.one_of(st.none(), st.integers(-1, 150))
TERMS = st.fixed_dictionaries(
    {},
    optional={
        "share_percent": st.integers(1, 100),
        "max_per_course_minor": st.one_of(st.none(), st.integers(1, 100_000)),
        "cooling_off_days": st.integers(0, 20),
        "free_until_days": st.integers(0, 10),
        "late_percent": st.integers(0, 100),
        "rest_when_late": st.sampled_from(["back", "lost"]),
        "abandoned_below": st.integers(0, 50),
        "abandoned_percent": st.integers(0, 100),
        "rest_when_abandoned": st.sampled_from(["back", "lost"]),
        "complete_from": st.integers(51, 100),
        "expiry_months": st.one_of(st.none(), st.integers(1, 14)),
        "course_sectors": st.sampled_from([[], ["technology"], ["care"]]),
        "four_eyes_minor": st.sampled_from([0, 20_000, 2**40]),
        "cap_minor": st.sampled_from([0, 60_000]),
    },
)
Row = tuple[str, int, date | None, str | None]


class Funding(Stage):
    """The funders' steps."""

    def funder(self, scheme: Scheme, person: int = 0) -> Actor:
        """Return one of two colleagues at a scheme's funder."""
        return funder_actor(scheme.funder_id, f"usr_funder_{person}")

    def scheme(self, index: int) -> Scheme:
        """Return a scheme, mostly one that is open."""
        return self.choose(self.model.schemes, index, lambda scheme: scheme.open)

    def closed(self, scheme: Scheme) -> list[str]:
        """Return why nothing is paid in or granted any more."""
        return [] if scheme.open else ["WrongState"]

    def short(self, scheme: Scheme, amount: int) -> list[str]:
        """Return why a fund cannot give so much."""
        return ["InsufficientBalance"] if amount > self.model.holds(scheme, "fund") else []

    def promised(self, scheme: Scheme, amount: int) -> list[str]:
        """Return why so much cannot be decided on besides what is promised."""
        free = self.model.free(scheme, self.world.now)
        return ["InsufficientBalance"] if amount > free else []

    def waits(self, scheme: Scheme, total: int) -> bool:
        """Tell whether a second person has to look: what one grants alone in a day counts."""
        alone = scheme.alone[self.funder(scheme).id, self.today]
        return bool(total + alone > scheme.terms(self.today)["four_eyes_minor"])

    def account(self, index: int) -> Holder:
        """Return somebody."""
        return list(self.model.holders.values())[index % len(self.model.holders)]

    @rule(index=INDEX, amount=st.integers(1, 600_000), reference=st.integers(0, 20))
    def pay_in(self, index: int, amount: int, reference: int) -> None:
        scheme = self.scheme(index)
        why = self.closed(scheme)
        if f"r{reference}" in scheme.transfers:
            why.append("AlreadyDone")
        actor, day = self.funder(scheme), self.today
        if self.attempt(why, actor, budgets.pay_in, scheme.id, amount, f"r{reference}", day):
            self.model.pay_in(scheme, amount, f"r{reference}")

    @rule(index=INDEX, who=INDEX, amount=AMOUNT, reference=REFERENCE, days=LAST_DAY)
    def grant_one(
        self, index: int, who: int, amount: int, reference: str | None, days: int | None
    ) -> None:
        scheme, holder = self.scheme(index), self.account(who)
        last = None if days is None else self.today + timedelta(days=days)
        rows = [(holder.account, amount, last, reference)]
        why = self._why_not(scheme, rows)
        actor = self.funder(scheme)
        made = self.attempt(
            why, actor, grants.grant, scheme.id, holder.number, amount, last, reference
        )
        if made is not None:
            self._granted(scheme, made, rows, None)
        if reference is None:
            self.last = None  # without a reference a second grant is meant

    @rule(
        index=INDEX,
        amounts=st.lists(st.integers(1, 30_000), min_size=1, max_size=3),
        reference=st.integers(0, 12),
        days=LAST_DAY,
    )
    def grant_file(self, index: int, amounts: list[int], reference: int, days: int | None) -> None:
        scheme = self.scheme(index)
        last = None if days is None else self.today + timedelta(days=days)
        rows: list[Row] = []
        for n, (holder, amount) in enumerate(zip(self.model.holders.values(), amounts)):  # noqa: B905 (the shorter counts)
            rows.append((holder.account, amount, last, f"kenmerk {reference + n}"))
        data = self._sheet(scheme, rows)
        why = self._why_not(scheme, rows)
        if data in scheme.files:
            why.append("AlreadyDone")
        actor = self.funder(scheme)
        made = self.attempt(why, actor, grants.submit_file, scheme.id, data, "a.csv")
        if made is not None:
            scheme.files.add(data)
            self._granted(scheme, made, rows, data)

    def _sheet(self, scheme: Scheme, rows: Sequence[Row]) -> bytes:
        lines = ["rekeningnummer;bedrag;vervalt op;kenmerk"]
        for account, amount, last, reference in rows:
            written = f"{amount // 100},{amount % 100:02d}" if scheme.unit == "EUR" else amount
            day = last.isoformat() if last else ""
            lines.append(f"{self.model.holders[account].number};{written};{day};{reference}")
        return "\n".join(lines).encode()

    def _why_not(self, scheme: Scheme, rows: Sequence[Row]) -> list[str]:
        why = self.closed(scheme)
        for _, _, last, reference in rows:
            if (reference in scheme.references) or (last is not None and last < self.today):
                why.append("Invalid")
        total = sum(row[1] for row in rows)
        if not self.waits(scheme, total):
            why += self.promised(scheme, total)
        return why

    def _granted(self, scheme: Scheme, made: Any, rows: list[Row], data: bytes | None) -> None:
        scheme.references |= {row[3] for row in rows if row[3]}
        total = sum(row[1] for row in rows)
        waits = self.waits(scheme, total)
        assert made.status == ("awaiting" if waits else "committed")
        if waits:
            maker = self.funder(scheme).id
            self.model.batches.append(Batch(made.batch_id, scheme, maker, rows, data))
        else:
            scheme.alone[self.funder(scheme).id, self.today] += total
            self._credited(scheme, rows, [receipt.id for receipt in made.receipts])

    def _credited(self, scheme: Scheme, rows: Sequence[Row], transactions: Sequence[str]) -> None:
        for (account, amount, last, _), transaction in zip(rows, transactions, strict=True):
            self.model.credit(self._lot_of(transaction), scheme, account, amount, self.today, last)

    def _lot_of(self, transaction: str) -> str:
        return self.one(
            "SELECT DISTINCT lot_id FROM journal_posting WHERE lot_id IS NOT NULL"
            " AND transaction_id = :it",
            it=transaction,
        )

    @precondition(lambda self: self.model.batches)
    @rule(index=INDEX, person=st.integers(0, 1), approve=st.booleans())
    def decide(self, index: int, person: int, approve: bool) -> None:
        batch = self.choose(self.model.batches, index, lambda b: b.open and b.scheme.open)
        scheme, actor = batch.scheme, self.funder(batch.scheme, person)
        why = self.closed(scheme) + ([] if batch.open else ["AlreadyDone"])
        if not approve:
            if self.attempt(why, actor, grants.reject, scheme.id, batch.id, "Nee"):
                batch.open = False
                scheme.references -= {row[3] for row in batch.rows if row[3]}
                scheme.files -= {batch.file} if batch.file else set()
            return
        if actor.id == batch.maker:
            why.append("FourEyes")
        if any(last is not None and last < self.today for _, _, last, _ in batch.rows):
            why.append("Conflict")
        why += self.promised(scheme, sum(row[1] for row in batch.rows))
        made = self.attempt(why, actor, grants.approve, scheme.id, batch.id)
        if made is not None:
            batch.open = False
            self._credited(scheme, batch.rows, [receipt.id for receipt in made.receipts])

    @rule(index=INDEX, back=st.integers(0, 2), yearly=st.booleans())
    def accrue(self, index: int, back: int, yearly: bool) -> None:
        scheme = self.choose(
            self.model.schemes,
            index,
            lambda s: s.open and s.terms(self.today)["accrual_period"] != "none",
        )
        first = self.today.replace(day=1)
        for _ in range(back):
            first = (first - timedelta(days=1)).replace(day=1)
        period = f"{first.year}" if yearly else f"{first.year}-{first.month:02d}"
        end = date(first.year, 12, 31) if yearly else _month_end(first)
        day = min(end, self.today)
        why = self.closed(scheme)
        wanted = scheme.terms(day)["accrual_period"]
        if wanted == "none":
            why.append("WrongState")
        elif wanted != ("year" if yearly else "month"):
            why.append("Invalid")
        owed = self.model.accrual(scheme, period, day) if not why else {}
        why += self.promised(scheme, sum(owed.values()))
        actor = self.funder(scheme)
        done = self.attempt(why, actor, accruals.run, scheme.id, period)
        if done is None:
            return
        assert (done.credited, done.total) == (len(owed), sum(owed.values()))
        for account, amount in owed.items():
            lot = self.one(
                "SELECT id FROM lot WHERE origin = 'accrual' AND subject = :it",
                it=f"{scheme.id}:{account}:{period}",
            )
            self.model.credit(lot, scheme, account, amount, self.today)
            scheme.accrued.add((account, period))

    @rule(
        index=INDEX,
        amount=st.integers(1, 20_000),
        places=st.integers(0, 3),
        begins=st.integers(0, 3),
        lasts=st.integers(0, 40),
    )
    def open_a_round(self, index: int, amount: int, places: int, begins: int, lasts: int) -> None:
        scheme = self.scheme(index)
        opens = self.world.now + timedelta(days=begins)
        closes = opens + timedelta(days=lasts)
        budget = amount * places + amount // 2
        why = self.closed(scheme) + self.promised(scheme, budget)
        if budget < amount or lasts == 0:
            why.append("Invalid")
        made = self.attempt(
            why,
            self.funder(scheme),
            rounds.open_round,
            scheme.id,
            amount,
            budget,
            opens,
            closes,
        )
        if made is not None:
            self.model.rounds.append(Round(made.id, scheme, amount, budget, opens, closes))
        self.last = None  # a second round is meant

    @precondition(lambda self: self.model.rounds)
    @rule(index=INDEX, who=INDEX)
    def ask_in_a_round(self, index: int, who: int) -> None:
        now, holder = self.world.now, self.account(who)
        one = self.choose(self.model.rounds, index, lambda r: r.open and r.opens <= now < r.closes)
        scheme, entitled = one.scheme, one.scheme.terms(self.today)["holder_sectors"]
        why = []
        if not (one.open and scheme.open and one.opens <= now < one.closes):
            why.append("WrongState")
        if one.budget - one.granted < one.amount:
            why.append("RoundSpent")
        if holder.account in one.asked:
            why.append("AlreadyDone")
        if entitled and holder.sector not in entitled:
            why.append("NotEligible")
        why += self.short(scheme, one.amount)
        actor = Actor("usr_holder", "holder", account_id=holder.account)
        made = self.attempt(why, actor, rounds.request, one.id)
        if made is not None:
            one.asked.add(holder.account)
            lot = self._lot_of(made.receipt.id)
            self.model.credit(lot, scheme, holder.account, one.amount, self.today)

    @precondition(lambda self: any(one.open for one in self.model.rounds))
    @rule(index=INDEX)
    def close_a_round(self, index: int) -> None:
        one = self.choose(self.model.rounds, index, lambda r: r.open)
        why = self.closed(one.scheme) + ([] if one.open else ["WrongState"])
        self.attempt(why, self.funder(one.scheme), rounds.close, one.scheme.id, one.id)
        one.open = one.open and bool(why)

    @rule(index=INDEX, who=INDEX, amount=AMOUNT, days=st.one_of(st.none(), st.integers(0, 150)))
    def top_up(self, index: int, who: int, amount: int, days: int | None) -> None:
        scheme = self.scheme(index)
        waiting = [j for j in self.model.journeys.values() if j.status in ("requested", "offered")]
        tied = waiting[who % len(waiting)] if waiting and who % 2 else None
        account = tied.account if tied else self.account(who).account
        last = None if days is None else self.today + timedelta(days=days)
        credit = lots.Credit(
            account, amount, "top_up", f"top{self.next()}", last, tied.id if tied else None
        )
        why = self.closed(scheme) + self.short(scheme, amount)
        receipts = self.attempt(why, SYSTEM, lots.credit, scheme.id, [credit])
        if receipts:
            lot = self._lot_of(receipts[0].id)
            self.model.credit(
                lot, scheme, account, amount, self.today, last, tied.id if tied else None
            )

    @rule(index=INDEX, amount=st.one_of(st.none(), st.integers(1, 50_000)))
    def reallocate(self, index: int, amount: int | None) -> None:
        scheme = self.choose(
            self.model.schemes, index, lambda s: s.open and self.model.holds(s, "returned") > 0
        )
        there = self.model.holds(scheme, "returned")
        why = self.closed(scheme)
        if there == 0 or (amount or 0) > there:
            why.append("Conflict")
        if self.attempt(why, self.funder(scheme), budgets.reallocate, scheme.id, amount):
            self.model.move(scheme, "returned", "fund", there if amount is None else amount)
        self.last = None  # the same amount once more is meant

    @rule(index=INDEX, days=st.integers(0, 20), terms=TERMS)
    def change_the_rules(self, index: int, days: int, terms: dict[str, Any]) -> None:
        scheme = self.scheme(index)
        since = self.today + timedelta(days=days)
        before = scheme.versions[-1]
        kept = {key: value for key, value in before[1].items() if key not in terms}
        why = self.closed(scheme)
        if since <= before[0]:
            why.append("Invalid")
        actor, new = self.funder(scheme), kept | terms
        if self.attempt(why, actor, rules.add_version, scheme.id, since, new):
            scheme.versions.append((since, new))

    @rule(index=st.integers(0, 60))
    def close_a_scheme(self, index: int) -> None:
        if index >= len(self.model.schemes):
            return  # seldom, for little happens with it afterwards
        scheme = self.model.schemes[index]
        self.attempt(self.closed(scheme), self.funder(scheme), rules.close_scheme, scheme.id)
        scheme.open = False

    @rule()
    def expire(self) -> None:
        told = self.attempt([], SYSTEM, expiry.notify, self.today)
        assert told == self.model.notify(self.today)
        gone = self.attempt([], SYSTEM, expiry.expire, self.today)
        assert gone is not None
        assert gone.totals == self.model.expire(self.today)


def _month_end(first: date) -> date:
    return first.replace(day=calendar.monthrange(first.year, first.month)[1])
