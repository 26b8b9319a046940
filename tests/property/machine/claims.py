"""The model's pay-outs: what providers are owed, on which statement, and what they give back."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta

from tests.property.machine.books import Scheme, apportioned
from tests.property.machine.journeys import Journey, Journeys, Line


@dataclass
class Claim:
    """What a provider is owed for one enrolment (settlement), or owes (clawback)."""

    id: str
    kind: str
    journey: Journey
    provider: str
    amount: int
    from_day: date
    status: str
    per_scheme: dict[str, int]
    stated: bool = False  # a settlement: it stands on a statement
    stated_cents: int = 0  # a clawback: so much of it stands on statements
    netted: dict[str, int] = field(default_factory=lambda: defaultdict(int))  # paid, per scheme


@dataclass
class Statement:
    """One provider's month."""

    id: str
    provider: str
    period: str
    owed: list[Claim]
    nets: list[tuple[Claim, int]]
    paid: bool = False

    @property
    def total(self) -> int:
        """Return what is transferred, in cents."""
        return sum(c.amount for c in self.owed) - sum(amount for _, amount in self.nets)


@dataclass
class Model(Journeys):
    """Everything that money can be in."""

    claims: list[Claim] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)

    def declare(self, claim_id: str, journey: Journey, amount: int, today: date) -> None:
        """Owe the provider for an enrolment, from a fortnight on."""
        shares: dict[str, int] = defaultdict(int)
        for line in journey.lines:
            if line.euros:
                shares[line.lot.scheme.id] += line.paid
        provider = journey.run.course.provider
        day = today + timedelta(days=14)
        self.claims.append(
            Claim(claim_id, "settlement", journey, provider, amount, day, "payable", dict(shares))
        )

    def settlement(self, journey: Journey) -> Claim | None:
        """Return what is owed for an enrolment."""
        return next(
            (c for c in self.claims if c.journey is journey and c.kind == "settlement"), None
        )

    def due(self, provider: str, until: date) -> list[Claim]:
        """Return what goes on a statement that ends on a day."""
        return [
            claim
            for claim in self.claims
            if claim.kind == "settlement"
            and claim.provider == provider
            and claim.status == "payable"
            and not claim.stated
            and claim.from_day <= until
        ]

    def prepare(self, statement_id: str, provider: str, period: str, until: date) -> int:
        """Freeze a statement and return its total: what is due less what can be netted."""
        owed = self.due(provider, until)
        room = sum(claim.amount for claim in owed)
        nets = []
        back = [c for c in self.claims if c.kind == "clawback" and c.provider == provider]
        for claim in sorted(back, key=lambda c: c.id):
            part = min(room, claim.amount - claim.stated_cents)
            if part > 0:
                nets.append((claim, part))
                claim.stated_cents += part
                room -= part
        for claim in owed:
            claim.stated = True
        statement = Statement(statement_id, provider, period, owed, nets)
        self.statements.append(statement)
        return statement.total

    def release(self, statement: Statement) -> None:
        """Pay it."""
        statement.paid = True
        for claim in statement.owed:
            claim.status = "paid"
            for scheme_id, amount in claim.per_scheme.items():
                self.move(self._scheme(scheme_id), "payable", "bank", amount)
        for claim, amount in statement.nets:
            for scheme_id in sorted(claim.per_scheme):
                part = min(amount, claim.per_scheme[scheme_id] - claim.netted[scheme_id])
                claim.netted[scheme_id] += part
                amount -= part
                self.move(self._scheme(scheme_id), "bank", "receivable", part)
            if sum(claim.netted.values()) == claim.amount:
                claim.status = "clawed_back"
                settled = self.settlement(claim.journey)
                assert settled is not None
                settled.status = "clawed_back"

    def claw_back(self, claim_id: str, settled: Claim, amount: int, today: date) -> None:
        """Let what was paid come back to the lots, or to the funder of one that expired."""
        euros = [line for line in settled.journey.lines if line.euros and line.paid]
        shares: dict[str, int] = defaultdict(int)
        for line, part in zip(euros, apportioned(amount, [ln.paid for ln in euros]), strict=True):
            self._undo("receivable", line, part, today)
            shares[line.lot.scheme.id] += part
        if amount == settled.amount:
            for line in settled.journey.lines:
                if not line.euros:
                    self._undo("bank", line, line.paid, today)
        settled.status = "awaiting_clawback"
        self.claims.append(
            Claim(
                claim_id,
                "clawback",
                settled.journey,
                settled.provider,
                amount,
                today,
                "awaiting_clawback",
                {key: part for key, part in shares.items() if part},
            )
        )

    def _undo(self, source: str, line: Line, part: int, today: date) -> None:
        lot = line.lot
        line.clawed = part
        lot.spent -= part
        if lot.expired(today):
            lot.returned += part
            self.move(lot.scheme, source, "returned", part)
        else:
            lot.available += part
            self.move(lot.scheme, source, "available", part)

    def _scheme(self, scheme_id: str) -> Scheme:
        return next(scheme for scheme in self.schemes if scheme.id == scheme_id)
