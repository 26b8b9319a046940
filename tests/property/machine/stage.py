"""The stage of the state machine: a small world, how a step is tried, and what must hold after it.

Every step is judged before it is tried: the model says with which refusals it may end, or that it
must pass. What it moved is then compared with the model, row by row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar, Concatenate, ParamSpec, TypeVar

from hypothesis.stateful import RuleBasedStateMachine, invariant
from sqlalchemy import Table, inspect, text

from ledger.accounts import (
    balances,
    moments,
    verification,
)
from ledger.accounts.journal.batch import COUNTERS
from ledger.accounts.models import BUCKETS
from ledger.accounts.seals import sealer
from ledger.accounts.seals.keys import Keys
from ledger.db import SYSTEM, Actor, Base, Database, Work
from ledger.errors import DomainError
from ledger.funders import verification as funders_verification
from ledger.providers import verification as providers_verification
from tests.factories import NOW, World, provider_actor
from tests.property.machine import books
from tests.property.machine.claims import Model
from tests.property.machine.ground import Ground
from tests.property.machine.journeys import Course, Journey

P = ParamSpec("P")
T = TypeVar("T")

CHECKS = (
    *verification.CHECKS,
    *providers_verification.CHECKS,
    *funders_verification.CHECKS,
)
FIRST = Actor("usr_first", "operator", user_id="usr_first")
SECOND = Actor("usr_second", "operator", user_id="usr_second")
PROOF_EVERY = 15  # steps: it takes ten times as long as a step


@dataclass(frozen=True)
class Sealed:
    """What the books said at a moment that is sealed, and so must always say of it."""

    moment: datetime
    buckets: dict[str, dict[str, int]]
    lots: dict[str, dict[str, int]]


@dataclass(frozen=True)
class Beginning:
    """The rows of the small world, and the model of them."""

    rows: dict[Table, list[dict[str, Any]]]
    made: tuple[Model, list[Course]]
    sealed: tuple[Sealed, ...]


class Stage(RuleBasedStateMachine):
    """A world in an empty database, and the model of it."""

    lend: ClassVar[Callable[[], str]]
    take_back: ClassVar[Callable[[str], None]]
    keys: ClassVar[Keys]
    beginning: ClassVar[Beginning | None] = None
    tried: ClassVar[Counter[str]] = Counter()  # how often each verb passed, or was refused and why

    def __init__(self) -> None:
        super().__init__()
        self.url = type(self).lend()
        self.database = Database(self.url)
        self.world = World(self.database, NOW)
        self.model = Model()
        self.courses: list[Course] = []
        self.sealed: list[Sealed] = []
        self.last: Callable[[], object] | None = None
        self.number = self.steps = 0
        self.make_the_world()

    def make_the_world(self) -> None:
        """Make the small world; once for all examples, the others begin with a copy of its rows."""
        beginning = type(self).beginning
        if beginning is None:
            Ground(self.world, self.model, self.courses).set()
            self.begin()
            self.seal()
            with self.database.reading() as session:
                rows = {
                    table: [dict(row) for row in session.execute(table.select()).mappings()]
                    for table in Base.metadata.sorted_tables
                }
            made = (self.model, self.courses)
            beginning = Beginning(rows, made, tuple(self.sealed))
            type(self).beginning = beginning
        else:
            with self.database.work(SYSTEM) as work:
                for table, filled in beginning.rows.items():
                    if filled:
                        work.session.execute(table.insert(), filled)
        self.sealed = list(beginning.sealed)
        self.model, self.courses = deepcopy(beginning.made)

    def begin(self) -> None:
        """Add what the beginning of all examples needs besides."""

    def teardown(self) -> None:
        """Prove the books, and give the database back."""
        try:
            self.prove()
        finally:
            self.database.dispose()
            type(self).take_back(self.url)

    @property
    def today(self) -> date:
        """Return the date on the model's own calendar."""
        return books.day_of(self.world.now)

    def next(self) -> int:
        """Return a number that was not used before."""
        self.number += 1
        return self.number

    def attempt(
        self,
        why_not: Sequence[str],
        actor: Actor,
        verb: Callable[Concatenate[Work, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T | None:
        """Try a step; it must be refused for one of these reasons, or pass when there is none."""

        def call() -> T:
            return self.world.do(actor, verb, *args, **kwargs)

        self.last = None
        try:
            answer = call()
        except DomainError as refusal:
            name = type(refusal).__name__
            assert name in why_not, f"{verb.__name__}: {name} ({refusal}), expected {why_not}"
            type(self).tried[f"{verb.__name__}: {name}"] += 1
            return None
        assert not why_not, f"{verb.__name__} passed, expected {why_not}"
        self.last = call
        type(self).tried[verb.__name__] += 1
        return answer

    @staticmethod
    def choose(items: Sequence[T], index: int, good: Callable[[T], bool]) -> T:
        """Return one of the items: mostly one with which the step makes sense."""
        sensible = [item for item in items if good(item)]
        wanted = items if index % 8 == 7 or not sensible else sensible
        return wanted[index // 8 % len(wanted)]

    def journey(self, index: int, *statuses: str) -> Journey:
        """Return an enrolment, mostly one in these statuses."""
        everything = list(self.model.journeys.values())
        return self.choose(everything, index, lambda j: j.status in statuses)

    def staff(self, journey: Journey) -> Actor:
        """Return who works for the provider of an enrolment."""
        return provider_actor(journey.run.course.provider)

    def holder(self, account: str) -> Actor:
        """Return the holder of an account."""
        return Actor(f"usr_{account}", "holder", user_id=f"usr_{account}", account_id=account)

    def rows(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        """Return what the database says."""
        with self.database.reading() as session:
            return [tuple(row) for row in session.execute(text(statement), values)]

    def one(self, statement: str, **values: object) -> str:
        """Return the only value that there is."""
        ((value,),) = self.rows(statement, **values)
        return str(value)

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return all that is kept, but for the history and how the last pass of accrual went."""
        names = inspect(self.database.engine).get_table_names()
        return {
            name: sorted(self.rows(f"SELECT * FROM {name}"), key=str)  # noqa: S608 (our tables)
            for name in names
            if name not in ("event", "accrual_run")
        }

    @invariant()
    def the_books_are_as_the_model_says(self) -> None:
        """Paid in = fund + available + held + paid + returned; each row as it must be."""
        assert self.model.faults() == []
        self.steps += 1
        with self.database.reading() as session:
            for statement, expected in self._expected().items():
                rows = [tuple(row) for row in session.execute(text(statement))]
                assert {row[0]: row[1:] for row in rows} == expected
                assert len(rows) == len(expected)
        if self.steps % PROOF_EVERY == 0:
            self.prove()

    def _expected(self) -> dict[str, dict[str, tuple[Any, ...]]]:
        model = self.model
        return {
            "SELECT id, credited, available, held, spent, returned FROM lot": {
                lot.id: lot.counters() for lot in model.lots.values()
            },
            "SELECT scheme_id || bucket, CAST(sum(amount) AS bigint) FROM journal_posting"
            " GROUP BY scheme_id, bucket HAVING sum(amount) <> 0": {
                scheme + bucket: (amount,)
                for (scheme, bucket), amount in model.buckets.items()
                if amount
            },
            "SELECT scheme_id, balance FROM journal_fund": {
                scheme.id: (model.holds(scheme, "fund"),) for scheme in model.schemes
            },
            "SELECT id, status, own_share_cents FROM enrolment": {
                one.id: (one.status, one.own) for one in model.journeys.values()
            },
            "SELECT id, taken FROM course_run": {run.id: (run.taken,) for run in model.runs},
            "SELECT id, kind, amount_cents, status FROM declaration": {
                claim.id: (claim.kind, claim.amount, claim.status) for claim in model.claims
            },
            "SELECT id, total_cents, status FROM statement": {
                one.id: (one.total, "paid" if one.paid else "payable") for one in model.statements
            },
            # A hold ends once, whatever ends it.
            "SELECT resolves_id, count(*) FROM journal_transaction"
            " WHERE resolves_id IS NOT NULL GROUP BY resolves_id HAVING count(*) > 1": {},
        }

    def seal(self) -> None:
        """Seal what is not sealed yet; as of this moment the books must say what they say now."""
        signer = self.world.do(SYSTEM, self.keys.signer)
        head = self.world.do(SYSTEM, sealer.seal, signer)
        assert self.rows("SELECT transaction_id FROM journal_unsealed") == []
        if head is not None:
            now = self.as_of(head.sealed_at)
            lots = {
                key: dict(zip(COUNTERS, lot.counters(), strict=True))
                for key, lot in self.model.lots.items()
            }
            buckets = {
                scheme.id: {name: self.model.holds(scheme, name) for name in BUCKETS}
                for scheme in self.model.schemes
            }
            assert now == Sealed(head.sealed_at, buckets, lots)
            self.sealed.append(now)

    def as_of(self, moment: datetime) -> Sealed:
        """Return what the product says of a moment."""
        with self.database.reading() as session:
            then = moments.as_of(session, moment)
            return Sealed(
                moment,
                balances.of_schemes(session, [scheme.id for scheme in self.model.schemes], then),
                {
                    key: counters
                    for account in self.model.holders
                    for key, counters in balances.lots_then(session, account, then).items()
                },
            )

    def prove(self) -> None:
        """Let the product's own proof look: it must find nothing; what is sealed never changes."""
        assert [self.as_of(one.moment) for one in self.sealed] == self.sealed
        with self.database.reading() as session:
            findings = [
                f"{finding.table} {finding.id}: {finding.message}"
                for check in CHECKS
                for finding in check.run(session)
            ]
        assert findings == []
