"""What learners and providers do with enrolments, from request to the end of the hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from ledger import clock
from ledger.accounts import people
from ledger.db import SYSTEM
from ledger.providers import attendance, cancellations, completions, confirmations, enrolments, runs
from ledger.providers.settlement import Event
from tests.factories import OPERATOR, provider_actor
from tests.property.machine.funding import INDEX, Funding
from tests.property.machine.ground import CERTIFIED
from tests.property.machine.journeys import RUNNING, WAITING, Journey, Run

# Mostly at once; else so much later that money has expired meanwhile, held or paid.
LATER = st.sampled_from([0, 0, 0, 110])
CODE_LIFE = timedelta(days=7)


@dataclass
class Code:
    """A consent code that a holder made."""

    account: str
    code: str
    made_at: datetime
    spent: bool = False


class Learning(Funding):
    """The steps of enrolments."""

    def __init__(self) -> None:
        super().__init__()
        self.codes: list[Code] = []

    def begin(self) -> None:
        for index in range(len(self.courses)):
            self.plan(
                index=index, days=20, sessions=2, hour=9 + 4 * (index % 2), hours=3, capacity=2
            )

    @rule(
        index=INDEX,
        days=st.integers(1, 40),
        sessions=st.integers(1, 4),
        hour=st.sampled_from([9, 10, 13]),
        hours=st.sampled_from([2, 3, 4]),
        capacity=st.integers(1, 3),
    )
    def plan(
        self, index: int, days: int, sessions: int, hour: int, hours: int, capacity: int
    ) -> None:
        course = self.courses[index % len(self.courses)]
        first = self.today + timedelta(days=days)
        times = []
        for n in range(sessions):
            begin = clock.local(first + timedelta(days=n), hour)
            # The first one is longer, so that shares of hours are not shares of sessions.
            times.append(runs.Times(begin, begin + timedelta(hours=hours + (n == 0))))
        facts = runs.RunFacts(
            starts_on=first,
            ends_on=first + timedelta(days=sessions - 1),
            capacity=capacity,
            sessions=times,
        )
        made = self.attempt([], provider_actor(course.provider), runs.create, course.id, facts)
        assert made is not None
        with self.database.reading() as session:
            meetings = attendance.sessions_of(session, made.id)
        spans = {one.id: (one.starts_at, one.ends_at) for one in meetings}
        self.model.runs.append(Run(made.id, course, spans, capacity))
        self.last = None

    def run(self, index: int) -> Run:
        """Return a course run, mostly one that still takes people."""
        return self.choose(
            self.model.runs, index, lambda run: not self.model.closed_to(run, self.world.now)
        )

    def _why_not_begin(self, account: str, run: Run) -> list[str]:
        why = self.model.closed_to(run, self.world.now)
        active = self.model.of(account, *WAITING, *RUNNING)
        if any(journey.run.course is run.course for journey in active):
            why.append("Conflict")
        return why

    def _begin(self, enrolment_id: str, account: str, run: Run, status: str) -> None:
        until = min(self.world.now + timedelta(days=14), run.begins)
        self.model.journeys[enrolment_id] = Journey(
            enrolment_id, account, run, status, run.course.price, until
        )

    @rule(index=INDEX, who=INDEX, days=st.integers(3, 25), hour=st.sampled_from([9, 14, 19]))
    def enrol(self, index: int, who: int, days: int, hour: int) -> None:
        """Plan a run, and let somebody ask for a place in it and confirm."""
        self.plan(index=index, days=days, sessions=1 + who % 3, hour=hour, hours=2, capacity=2)
        before = set(self.model.journeys)
        self._request(self.account(who).account, self.model.runs[-1])
        for key in set(self.model.journeys) - before:
            self._confirm(self.model.journeys[key], 50 if index % 3 == 0 else 0)

    @precondition(lambda self: self.model.runs)
    @rule(index=INDEX, who=INDEX)
    def request(self, index: int, who: int) -> None:
        self._request(self.account(who).account, self.run(index))

    def _request(self, account: str, run: Run) -> None:
        why = self._why_not_begin(account, run)
        if self.model.overlaps(account, run):
            why.append("Overlap")
        made = self.attempt(why, self.holder(account), enrolments.request, run.id)
        if made is not None:
            self._begin(made.id, account, run, "requested")

    @precondition(lambda self: self.model.runs)
    @rule(index=INDEX, who=INDEX, kind=st.sampled_from(["fresh", "fresh", "old", "wrong"]))
    def register(self, index: int, who: int, kind: str) -> None:
        """Let a provider register somebody with a code: a new one, an earlier one, or a guess."""
        if kind == "fresh" or not self.codes:
            account = self.account(who).account
            code = self.attempt([], self.holder(account), people.make_consent_code, account)
            self.codes.append(Code(account, str(code), self.world.now))
            self.last = None
        used = self.codes[-1 if kind == "fresh" else who % len(self.codes)]
        run = self.run(index)
        why = self._why_not_begin(used.account, run)
        if used.spent or kind == "wrong" or used.made_at + CODE_LIFE <= self.world.now:
            why.append("Invalid")
        number = self.model.holders[used.account].number
        told = "0000-0000" if kind == "wrong" else used.code
        actor = provider_actor(run.course.provider)
        made = self.attempt(why, actor, enrolments.register, run.id, number, told)
        if made is not None:
            self._begin(made.id, used.account, run, "offered")
            used.spent = True

    @precondition(lambda self: self.model.journeys)
    @rule(index=INDEX, share=st.one_of(st.just(0), st.integers(0, 110)))
    def confirm(self, index: int, share: int) -> None:
        self._confirm(self.journey(index, *WAITING), share)

    def _confirm(self, journey: Journey, share: int) -> None:
        own = journey.price * share // 100
        why = []
        if journey.status not in WAITING or journey.confirm_until < self.world.now:
            why.append("WrongState")
        why += self.model.closed_to(journey.run, self.world.now)
        if self.model.overlaps(journey.account, journey.run):
            why.append("Overlap")
        if own > journey.price:
            why.append("Invalid")
        lines, short = self.model.spending(
            journey.account, journey.run, journey.price, own, self.today, journey.id
        )
        if short > 0:
            why.append("InsufficientBalance")
        actor = self.holder(journey.account)
        done = self.attempt(why, actor, confirmations.confirm, journey.id, own)
        if done is not None:
            assert (done.receipt is not None) == bool(lines)
            self.model.confirm(journey, lines, own, self.today)

    @precondition(lambda self: self.model.journeys)
    @rule(index=INDEX)
    def decline(self, index: int) -> None:
        journey = self.journey(index, *WAITING)
        why = [] if journey.status in WAITING else ["WrongState"]
        if self.attempt(why, self.holder(journey.account), enrolments.decline, journey.id):
            journey.status = "declined"

    @rule()
    def lapse(self) -> None:
        late = [
            journey
            for journey in self.model.journeys.values()
            if journey.status in WAITING and journey.confirm_until < self.world.now
        ]
        ended = self.attempt([], SYSTEM, enrolments.lapse)
        assert sorted(ended or []) == sorted(journey.id for journey in late)
        for journey in late:
            journey.status = "lapsed"

    @precondition(lambda self: self.model.journeys)
    @rule(index=INDEX)
    def leave(self, index: int) -> None:
        journey, now = self.journey(index, *RUNNING), self.world.now
        why = []
        if journey.status not in (*WAITING, *RUNNING) or journey.stopped:
            why.append("WrongState")
        if not self.attempt(why, self.holder(journey.account), cancellations.cancel, journey.id):
            return
        if journey.status in WAITING:
            journey.status = "declined"
            return
        event = journey.leaving(now)
        if event == "attended" and (journey.unstated(now) or journey.disputed):
            journey.stopped = now
            return
        self._ends(journey, event, journey.percent if event == "attended" else 0)

    @precondition(lambda self: self.model.journeys)
    @rule(index=INDEX)
    def provider_cancels(self, index: int) -> None:
        journey = self.journey(index, *RUNNING)
        why = [] if journey.status in (*WAITING, *RUNNING) else ["WrongState"]
        if self.attempt(why, self.staff(journey), cancellations.cancel, journey.id):
            self._cancelled_by_provider(journey)

    def _cancelled_by_provider(self, journey: Journey) -> None:
        if journey.status in WAITING:
            journey.status = "cancelled_by_provider"
        else:
            self._ends(journey, "cancelled_by_provider", 0)

    @precondition(lambda self: self.model.runs)
    @rule(index=INDEX, seldom=st.integers(0, 3))
    def cancel_run(self, index: int, seldom: int) -> None:
        run = self.choose(self.model.runs, index, lambda run: run.planned)
        if seldom:
            return
        why = [] if run.planned else ["WrongState"]
        actor = provider_actor(run.course.provider)
        if self.attempt(why, actor, cancellations.cancel_run, run.id) is None:
            return
        for journey in self.model.journeys.values():
            if journey.run is run and journey.status in (*WAITING, *RUNNING):
                self._cancelled_by_provider(journey)
        run.planned = False

    @precondition(lambda self: self.model.journeys)
    @rule(index=INDEX)
    def force_majeure(self, index: int) -> None:
        journey = self.journey(index, *RUNNING)
        why = [] if journey.status in RUNNING else ["WrongState"]
        why += self._why_not_settle(journey)
        actor = self.staff(journey)
        if self.attempt(why, actor, cancellations.force_majeure, journey.id, "illness"):
            self._ends(journey, "force_majeure", journey.percent)

    def _why_not_settle(self, journey: Journey) -> list[str]:
        why = ["WrongState"] if journey.disputed else []
        return [*why, "Invalid"] if journey.unstated(self.world.now) else why

    def _ends(self, journey: Journey, event: Event, percent: int, status: str = "") -> None:
        status = status or self.model.ended_as(journey, event, percent)
        owed = self.model.settle(journey, event, percent, self.today)
        journey.status = status
        if journey.run.begins > self.world.now and event not in ("completed",):
            journey.run.taken -= 1
        journey.silent_open = False
        if owed:
            declared = self.one(
                "SELECT id FROM declaration WHERE kind = 'settlement' AND enrolment_id = :it",
                it=journey.id,
            )
            self.model.declare(declared, journey, owed, self.today)

    @precondition(lambda self: self.model.journeys)
    @rule(index=INDEX, result=st.sampled_from(["passed", "failed", "attended"]))
    def complete(self, index: int, result: str) -> None:
        now = self.world.now
        everything = list(self.model.journeys.values())
        journey = self.choose(
            everything,
            index,
            lambda j: j.status in RUNNING and (j.run.ends <= now or j.stopped is not None),
        )
        self._complete(journey, result)

    def _complete(self, journey: Journey, result: str) -> None:
        why = [] if journey.status in RUNNING else ["WrongState"]
        if journey.stopped is None and journey.run.ends > self.world.now:
            why.append("WrongState")
        if journey.stopped is not None and result != "attended":
            why.append("WrongState")
        why += self._why_not_settle(journey)
        done = self.attempt(why, self.staff(journey), completions.complete, journey.id, result)
        if done is None:
            return
        event: Event = "attended" if result == "attended" else "completed"
        status = "failed" if result == "failed" else ""
        assert (done.credential is not None) == (
            result == "passed" and journey.run.course.price == CERTIFIED
        )
        self._ends(journey, event, journey.percent, status)

    @precondition(lambda self: self.model.journeys)
    @rule(index=INDEX, bits=st.integers(0, 15), early=st.integers(0, 9))
    def state(self, index: int, bits: int, early: int) -> None:
        now = self.world.now
        everything = list(self.model.journeys.values())
        journey = self.choose(
            everything, index, lambda j: j.status in RUNNING and j.run.begins <= now
        )
        self._state(journey, bits, early == 9)

    def _state(self, journey: Journey, bits: int, early: bool) -> None:
        begun = {
            key: bool(bits >> n & 1)
            for n, (key, (begin, _)) in enumerate(journey.run.sessions.items())
            if early or begin <= self.world.now
        }
        why = [] if journey.status in RUNNING else ["WrongState"]
        if any(journey.run.sessions[key][0] > self.world.now for key in begun):
            why.append("Invalid")
        if any(key in journey.said and journey.stated[key] != was for key, was in begun.items()):
            why.append("WrongState")
        if self.attempt(why, self.staff(journey), attendance.record, journey.id, begun):
            journey.stated |= begun
            journey.status = "started" if begun else journey.status

    @precondition(lambda self: any(j.stated for j in self.model.journeys.values()))
    @rule(index=INDEX, which=st.integers(0, 3), says=st.sampled_from(["confirmed", "disputed"]))
    def react(self, index: int, which: int, says: str) -> None:
        stated = [journey for journey in self.model.journeys.values() if journey.stated]
        journey = self.choose(stated, index, lambda j: j.status in RUNNING)
        session = list(journey.run.sessions)[which % len(journey.run.sessions)]
        why = [] if journey.status in RUNNING else ["WrongState"]
        if session not in journey.stated:
            why.append("NotFound")
        if session in journey.said:
            why.append("AlreadyDone")
        actor = self.holder(journey.account)
        self.attempt(why, actor, attendance.react, journey.id, session, says)
        if why:
            return
        journey.said[session] = says
        if says == "disputed":
            journey.disputed[session] = self.one(
                "SELECT id FROM review_case WHERE subject = :it", it=f"{journey.id}/{session}"
            )

    @precondition(lambda self: any(j.disputed for j in self.model.journeys.values()))
    @rule(index=INDEX, there=st.booleans())
    def decide_a_dispute(self, index: int, there: bool) -> None:
        open_ = [journey for journey in self.model.journeys.values() if journey.disputed]
        journey = open_[index % len(open_)]
        session, case = next(iter(journey.disputed.items()))
        if self.attempt([], OPERATOR, attendance.close_case, case, "Besluit", there):
            journey.stated[session] = there
            del journey.disputed[session]

    @precondition(lambda self: self.model.journeys)
    @rule(index=INDEX, there=st.sampled_from([None, True, False]))
    def look_into_silence(self, index: int, there: bool | None) -> None:
        now, today = self.world.now, self.today
        silent = [
            journey
            for journey in self.model.journeys.values()
            if journey.status in RUNNING
            and journey.silent is None
            and (
                clock.today(journey.run.ends) < today - timedelta(days=14)
                or (journey.stopped is not None and journey.stopped < now - timedelta(days=14))
            )
        ]
        opened = self.attempt([], SYSTEM, attendance.missing) or []
        assert len(opened) == len(silent)
        for journey in silent:
            journey.silent = self.one(
                "SELECT id FROM review_case WHERE subject = :it AND kind = 'missing_declaration'",
                it=journey.id,
            )
            journey.silent_open = True
        waiting = [journey for journey in self.model.journeys.values() if journey.silent_open]
        if waiting:
            journey = waiting[index % len(waiting)]
            case_id = str(journey.silent)
            if self.attempt([], OPERATOR, attendance.close_case, case_id, "Besluit", there):
                journey.silent_open = False
                if there is not None:
                    journey.stated |= dict.fromkeys(journey.unstated(now), there)

    @precondition(lambda self: any(j.status in RUNNING for j in self.model.journeys.values()))
    @rule(
        index=INDEX,
        bits=st.integers(0, 15),
        result=st.sampled_from(["passed", "attended"]),
        later=LATER,
    )
    def see_it_through(self, index: int, bits: int, result: str, later: int) -> None:
        """Let time pass until a run is over, and the provider state and declare."""
        self.world.later(days=later)
        self._see_through(self.journey(index, *RUNNING), bits, result)

    def _see_through(self, journey: Journey, bits: int, result: str) -> None:
        self.world.now = max(self.world.now, journey.run.ends + timedelta(minutes=5))
        self._state(journey, bits, False)
        self._complete(journey, result if journey.stopped is None else "attended")
