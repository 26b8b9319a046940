"""What operators do: hold back, prepare and release statements, claw back; and what time does."""

from __future__ import annotations

import calendar
from contextlib import suppress
from datetime import date, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from ledger.errors import DomainError
from ledger.providers import clawbacks, holds, payouts, releases
from tests.property.machine.claims import Claim, Statement
from tests.property.machine.funding import INDEX
from tests.property.machine.learning import LATER, Learning
from tests.property.machine.stage import FIRST, SECOND

RESULTS = ("passed", "failed", "attended")


class Journey(Learning):
    """All steps together."""

    def claim(self, index: int, *statuses: str) -> Claim:
        """Return what a provider is owed, mostly in one of these statuses."""
        settlements = [claim for claim in self.model.claims if claim.kind == "settlement"]
        return self.choose(settlements, index, lambda claim: claim.status in statuses)

    @precondition(lambda self: self.model.claims)
    @rule(index=INDEX, days=st.integers(0, 95))
    def hold_back(self, index: int, days: int) -> None:
        claim = self.claim(index, "payable")
        why = [] if claim.status == "payable" else ["WrongState"]
        if not 0 < days <= 90:
            why.append("Invalid")
        until = self.today + timedelta(days=days)
        if self.attempt(why, FIRST, holds.hold, claim.id, "Steekproef", until):
            claim.status = "on_hold"

    @precondition(lambda self: self.model.claims)
    @rule(index=INDEX)
    def lift(self, index: int) -> None:
        claim = self.claim(index, "on_hold")
        why = [] if claim.status == "on_hold" else ["WrongState"]
        if self.attempt(why, FIRST, holds.lift, claim.id, "In orde"):
            claim.status = "payable"

    @rule(which=st.integers(0, 1), back=st.integers(0, 3))
    def prepare(self, which: int, back: int) -> None:
        provider = self.courses[2 * which].provider
        first = self.today.replace(day=1)
        for _ in range(back):
            first = (first - timedelta(days=1)).replace(day=1)
        self._prepare(provider, first)

    def _prepare(self, provider: str, first: date) -> Statement | None:
        period = f"{first.year}-{first.month:02d}"
        until = first.replace(day=calendar.monthrange(first.year, first.month)[1])
        why = [] if self.model.due(provider, until) else ["Conflict"]
        if any((s.provider, s.period) == (provider, period) for s in self.model.statements):
            why.append("AlreadyDone")
        made = self.attempt(why, FIRST, payouts.prepare, provider, period)
        if made is None:
            return None
        total = self.model.prepare(made.id, provider, period, until)
        assert made.total_cents == total
        return self.model.statements[-1]

    @precondition(lambda self: self.model.statements)
    @rule(index=INDEX, second=st.integers(0, 5))
    def release(self, index: int, second: int) -> None:
        statement = self.choose(self.model.statements, index, lambda s: not s.paid)
        self._release(statement, second > 0)

    def _release(self, statement: Statement, by_another: bool) -> None:
        why = ["AlreadyDone"] if statement.paid else []
        if not by_another:
            why.append("FourEyes")
        if any(claim.status == "on_hold" for claim in statement.owed):
            why.append("WrongState")
        actor = SECOND if by_another else FIRST
        if self.attempt(why, actor, releases.release, statement.id):
            self.model.release(statement)

    @precondition(lambda self: self.model.claims)
    @rule(index=INDEX, percent=st.one_of(st.just(100), st.integers(0, 110)), later=LATER)
    def claw_back(self, index: int, percent: int, later: int) -> None:
        self.world.later(days=later)
        claim = self.claim(index, "paid")
        amount = claim.amount * percent // 100
        why = []
        if claim.status in ("awaiting_clawback", "clawed_back"):
            why.append("AlreadyDone")
        elif claim.status != "paid":
            why.append("WrongState")
        if not 0 < amount <= claim.amount:
            why.append("Invalid")
        made = self.attempt(why, FIRST, clawbacks.clawback, claim.journey.id, amount, "Fraude")
        if made is not None:
            self.model.claw_back(made.id, claim, amount, self.today)

    @precondition(lambda self: any(c.status == "payable" for c in self.model.claims))
    @rule(index=INDEX)
    def pay_what_is_due(self, index: int) -> None:
        """Let time pass until something is due, and two people pay it."""
        self._pay(self.claim(index, "payable"))

    def _pay(self, claim: Claim) -> None:
        self.world.now += max(claim.from_day - self.today, timedelta())
        statement = self._prepare(claim.provider, self.today.replace(day=1))
        if statement is not None:
            self._release(statement, True)

    @rule(index=INDEX, who=INDEX, bits=st.integers(0, 7), result=st.sampled_from(RESULTS))
    def go_the_whole_way(self, index: int, who: int, bits: int, result: str) -> None:
        """Enrol somebody, see it through and pay for it."""
        self.enrol(index, who, 5, 9)
        journey = list(self.model.journeys.values())[-1]
        self._see_through(journey, bits, result)
        claim = self.model.settlement(journey)
        if claim is not None and claim.status == "payable":
            self._pay(claim)

    @rule()
    def seal_what_waits(self) -> None:
        self.seal()
        self.last = None

    @rule(index=INDEX, hours=st.integers(0, 400))
    def ask_as_of(self, index: int, hours: int) -> None:
        """Remember what is said of a moment between two seals: it may never be said otherwise."""
        before = self.sealed[index % len(self.sealed)].moment
        moment = before + timedelta(hours=hours)
        if moment <= max(one.moment for one in self.sealed):
            self.sealed.append(self.as_of(moment))
            self.last = None

    @rule(hours=st.integers(1, 60))
    def hours_pass(self, hours: int) -> None:
        self.world.later(hours=hours)
        self.last = None

    @rule(days=st.integers(1, 60))
    def days_pass(self, days: int) -> None:
        self.world.later(days=days)
        self.last = None

    @precondition(lambda self: self.last is not None)
    @rule()
    def the_same_again(self) -> None:
        """The last call once more, at the same moment: refused or not, it changes nothing."""
        assert self.last is not None
        before = self.tables()
        with suppress(DomainError):
            self.last()
        assert self.tables() == before
