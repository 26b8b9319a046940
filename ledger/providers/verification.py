"""Proof of the providers' side: enrolments, declarations and statements against the journal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select, union_all
from sqlalchemy.orm import Session, aliased

from ledger.accounts.models import Event, Posting, Transaction
from ledger.accounts.verification.finding import Check, Finding, stream
from ledger.certificates.models import Credential
from ledger.messages import N_, Message
from ledger.money import EUR, Money
from ledger.providers.models import (
    Course,
    Declaration,
    Enrolment,
    EnrolmentLine,
    Run,
    Statement,
    StatementLine,
)

_UNCONFIRMED = ("requested", "offered")
_RUNNING = ("confirmed", "started")
_NEVER_CONFIRMED = ("declined", "lapsed")
_UNPAID = ("payable", "on_hold")


def reservations(session: Session) -> Iterator[Finding]:
    """A running enrolment has its money reserved, an ended one has not, and no hold is astray."""
    resolver = aliased(Transaction)
    hold = aliased(Transaction)
    fault = _reservation_fault(hold, resolver)
    for row in stream(
        session,
        select(Enrolment.id, fault.label("fault"))
        .outerjoin(hold, hold.id == Enrolment.hold_id)
        .outerjoin(resolver, resolver.resolves_id == Enrolment.hold_id)
        .where(fault.is_not(None)),
    ):
        yield Finding("enrolment", row.id, Message(row.fault))
    astray = ~select(Enrolment.id).where(Enrolment.hold_id == Transaction.id).exists()
    for (transaction_id,) in stream(
        session, select(Transaction.id).where(Transaction.kind == "hold", astray)
    ):
        yield Finding(
            "journal_transaction",
            transaction_id,
            Message(N_("it reserves money for no enrolment")),
        )


def _reservation_fault(hold: Any, resolver: Any) -> ColumnElement[str | None]:
    """Return what is wrong with the reservation of an enrolment, NULL when nothing is."""
    costs = Enrolment.price_cents > Enrolment.own_share_cents
    running = Enrolment.status.in_(_RUNNING)
    own = and_(hold.kind == "hold", hold.subject == Enrolment.id)
    fine = literal(None, Enrolment.status.type)
    return case(
        (
            and_(Enrolment.hold_id.is_(None), running, costs),
            N_("it is confirmed, but no money is reserved for it"),
        ),
        (Enrolment.hold_id.is_(None), fine),
        (or_(hold.id.is_(None), ~own), N_("its reservation is not its own")),
        (
            Enrolment.status.in_((*_UNCONFIRMED, *_NEVER_CONFIRMED)),
            N_("it was not confirmed, but money was reserved for it"),
        ),
        (
            and_(running, resolver.id.is_not(None)),
            N_("its reservation ended while it goes on"),
        ),
        (
            and_(~running, resolver.id.is_(None)),
            N_("it ended, but its money is still reserved"),
        ),
        else_=fine,
    )


def confirmations(session: Session) -> Iterator[Finding]:
    """An enrolment that was confirmed has that in its history."""
    told = select(Event.id).where(Event.subject == Enrolment.id, Event.kind == "confirmed").exists()
    for (enrolment_id,) in stream(
        session, select(Enrolment.id).where(Enrolment.confirmed_at.is_not(None), ~told)
    ):
        text = Message(N_("it was confirmed, but its history does not say so"))
        yield Finding("enrolment", enrolment_id, text)


def lines(session: Session) -> Iterator[Finding]:
    """What each lot contributes to an enrolment is what the journal moved from that lot.

    Under the same scheme, rule and unit, so that these names are proved as well.
    """
    resolver = aliased(Transaction)
    stated = (EnrolmentLine.held, EnrolmentLine.paid, EnrolmentLine.clawed_back)
    every = union_all(
        select(*_moved(Enrolment.id, 0))
        .join(Posting, Posting.transaction_id == Enrolment.hold_id)
        .where(Posting.bucket == "held"),
        select(*_moved(Enrolment.id, 1))
        .join(resolver, resolver.resolves_id == Enrolment.hold_id)
        .join(Posting, Posting.transaction_id == resolver.id)
        .where(Posting.bucket.in_(("payable", "bank"))),
        select(*_moved(Transaction.subject, 2, -1))
        .join(Posting, Posting.transaction_id == Transaction.id)
        .where(
            Transaction.kind == "clawback",
            Posting.bucket.in_(("receivable", "payable", "bank")),
        ),
        select(
            EnrolmentLine.enrolment_id,
            EnrolmentLine.lot_id,
            EnrolmentLine.scheme_id,
            EnrolmentLine.rule_id,
            EnrolmentLine.unit,
            *(-amount for amount in stated),
        ),
    ).subquery()
    subject, lot, scheme, rule, unit, *amounts = every.c
    differences = [func.sum(amount) for amount in amounts]
    for row in stream(
        session,
        select(subject, lot, *differences)
        .group_by(subject, lot, scheme, rule, unit)
        .having(or_(*(difference != 0 for difference in differences))),
    ):
        for column, difference in zip(stated, row[2:], strict=True):
            if int(difference):
                yield Finding(
                    "enrolment_line",
                    f"{row[0]}/{row[1]}",
                    Message(
                        N_("“%(counter)s” and the journal differ by %(minor)s"),
                        {"counter": column.key, "minor": int(difference)},
                    ),
                )


def _moved(subject: Any, at: int, sign: int = 1) -> tuple[Any, ...]:
    """Return the columns of :func:`lines`, with a posting's amount as the one numbered ``at``."""
    amounts = [literal(0, Posting.amount.type).label(f"amount_{n}") for n in range(3)]
    amounts[at] = (sign * Posting.amount).label(f"amount_{at}")
    names = (Posting.lot_id, Posting.scheme_id, Posting.rule_id, Posting.unit)
    return (subject, *names, *amounts)


def _unequal(session: Session, posted: Any, stated: Any) -> Iterator[Any]:
    """Yield (subject, lot, difference) where the sums of two selects differ."""
    both = union_all(posted, stated).subquery()
    subject, lot, amount = both.c
    difference = func.sum(amount)
    yield from stream(
        session,
        select(subject, lot, difference).group_by(subject, lot).having(difference != 0),
    )


def declarations(session: Session) -> Iterator[Finding]:
    """Each declaration is what its transaction owes the provider, and nothing is owed without."""
    owed = func.coalesce(
        func.sum(
            case(
                (and_(Declaration.kind == "settlement", _of("payable")), Posting.amount),
                (and_(Declaration.kind == "clawback", _of("receivable")), -Posting.amount),
                else_=0,
            )
        ),
        0,
    )
    for row in stream(
        session,
        select(Declaration.id, Declaration.amount_cents, owed.label("owed"))
        .outerjoin(
            Posting,
            and_(
                Posting.transaction_id == Declaration.transaction_id,
                Posting.provider_id == Declaration.provider_id,
            ),
        )
        .group_by(Declaration.id)
        .having(owed != Declaration.amount_cents),
    ):
        yield _differs("declaration", row.id, row.amount_cents, row.owed)
    undeclared = (
        ~select(Declaration.id).where(Declaration.transaction_id == Transaction.id).exists()
    )
    for (transaction_id,) in stream(
        session,
        select(Transaction.id)
        .join(Posting, Posting.transaction_id == Transaction.id)
        .where(
            Transaction.kind.in_(("settle", "clawback")),
            or_(_of("payable"), _of("receivable")),
            undeclared,
        )
        .distinct(),
    ):
        yield Finding(
            "journal_transaction",
            transaction_id,
            Message(N_("a provider is owed this, but it was not declared")),
        )


def _of(bucket: str) -> ColumnElement[bool]:
    return and_(Posting.bucket == bucket, Posting.unit == EUR)


def statements(session: Session) -> Iterator[Finding]:
    """Totals are the sums of their lines, and a paid statement is what the bank transferred."""
    gross = func.coalesce(
        func.sum(case((StatementLine.amount_cents > 0, StatementLine.amount_cents), else_=0)), 0
    )
    net = func.coalesce(func.sum(StatementLine.amount_cents), 0)
    for row in stream(
        session,
        select(Statement.id, Statement.total_cents, net.label("net"))
        .outerjoin(StatementLine, StatementLine.statement_id == Statement.id)
        .group_by(Statement.id)
        .having(or_(gross != Statement.gross_cents, net != Statement.total_cents)),
    ):
        yield Finding(
            "statement",
            row.id,
            Message(
                N_("its total is %(stored)s, its lines sum to %(lines)s"),
                {"stored": Money(row.total_cents), "lines": Money(int(row.net))},
            ),
        )
    for row in stream(session, _transferred()):
        if row.status != "paid" or int(row.paid) != row.total_cents:
            yield _differs("statement", row.id, row.total_cents, row.paid)
    unpaid = ~select(Transaction.id).where(*_pays()).exists()
    for (statement_id,) in stream(
        session, select(Statement.id).where(Statement.status == "paid", unpaid)
    ):
        yield Finding("statement", statement_id, Message(N_("it counts as paid without a payment")))


def _transferred() -> Select[*tuple[Any, ...]]:
    bank = func.sum(case((Posting.bucket == "bank", Posting.amount), else_=0))
    return (
        select(Statement.id, Statement.status, Statement.total_cents, bank.label("paid"))
        .join(Transaction, and_(*_pays()))
        .join(Posting, Posting.transaction_id == Transaction.id)
        .group_by(Statement.id)
    )


def _pays() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return Transaction.kind == "pay", Transaction.subject == Statement.id


def statement_lines(session: Session) -> Iterator[Finding]:
    """A settlement stands on one statement for its whole amount, a clawback for no more."""
    netted = func.sum(StatementLine.amount_cents)
    for row in stream(
        session,
        select(Declaration.id, Declaration.amount_cents, netted.label("netted"))
        .join(StatementLine, StatementLine.declaration_id == Declaration.id)
        .group_by(Declaration.id)
        .having(
            or_(
                and_(Declaration.kind == "settlement", netted != Declaration.amount_cents),
                and_(Declaration.kind == "clawback", -netted > Declaration.amount_cents),
            )
        ),
    ):
        yield Finding(
            "declaration",
            row.id,
            Message(
                N_("it is %(stored)s, on statements %(lines)s"),
                {"stored": Money(row.amount_cents), "lines": Money(int(row.netted))},
            ),
        )
    paid = (
        select(StatementLine.declaration_id)
        .join(Statement, Statement.id == StatementLine.statement_id)
        .where(StatementLine.declaration_id == Declaration.id, Statement.status == "paid")
        .exists()
    )
    unpaid = Declaration.status.in_(_UNPAID)
    for (declaration_id,) in stream(
        session,
        select(Declaration.id).where(
            Declaration.kind == "settlement",
            Declaration.status != "voided",
            or_(and_(unpaid, paid), and_(~unpaid, ~paid)),
        ),
    ):
        yield Finding(
            "declaration", declaration_id, Message(N_("its status and its statement disagree"))
        )


def payables(session: Session) -> Iterator[Finding]:
    """What is owed to each provider in the books is the sum of its unpaid declarations."""
    posted = select(Posting.provider_id, Posting.bucket, Posting.amount).where(_of("payable"))
    stated = select(Declaration.provider_id, literal("payable"), -Declaration.amount_cents).where(
        Declaration.kind == "settlement", Declaration.status.in_(_UNPAID)
    )
    for row in _unequal(session, posted, stated):
        yield Finding(
            "organisation",
            str(row[0]),
            Message(
                N_("what the books owe this provider and its declarations differ by %(amount)s"),
                {"amount": Money(int(row[2]))},
            ),
        )


def credentials(session: Session) -> Iterator[Finding]:
    """Who passed a course that gives a micro-credential has it, and nobody else."""
    passed = Enrolment.result == "passed"
    has = select(Credential.id).where(Credential.enrolment_id == Enrolment.id).exists()
    for (enrolment_id,) in stream(
        session,
        select(Enrolment.id)
        .join(Course, Course.id == Enrolment.course_id)
        .where(passed, Course.is_micro_credential, ~has),
    ):
        yield Finding(
            "enrolment", enrolment_id, Message(N_("it was passed, but the credential is missing"))
        )
    earned = select(Enrolment.id).where(Enrolment.id == Credential.enrolment_id, passed).exists()
    for (credential_id,) in stream(session, select(Credential.id).where(~earned)):
        yield Finding(
            "credential", credential_id, Message(N_("it belongs to no enrolment that was passed"))
        )


def places(session: Session) -> Iterator[Finding]:
    """A run has at least as many places taken as there are running enrolments in it."""
    running = func.sum(case((Enrolment.status.in_(_RUNNING), 1), else_=0))
    confirmed = func.sum(case((Enrolment.confirmed_at.is_not(None), 1), else_=0))
    for row in stream(
        session,
        select(Run.id, Run.taken)
        .join(Enrolment, Enrolment.run_id == Run.id)
        .group_by(Run.id)
        .having(or_(Run.taken < running, Run.taken > confirmed)),
    ):
        yield Finding(
            "course_run",
            row.id,
            Message(
                N_("%(number)s places are taken, its enrolments say otherwise"),
                {"number": row.taken},
            ),
        )


def _differs(table: str, id_: str, stored: int, posted: int) -> Finding:
    return Finding(
        table,
        id_,
        Message(
            N_("it is %(stored)s, its transaction says %(posted)s"),
            {"stored": Money(stored), "posted": Money(int(posted))},
        ),
    )


CHECKS = (
    Check(N_("enrolments and their reservations"), reservations),
    Check(N_("enrolments and their history"), confirmations),
    Check(N_("shares of lots in enrolments"), lines),
    Check(N_("declarations of providers"), declarations),
    Check(N_("totals of statements"), statements),
    Check(N_("declarations on statements"), statement_lines),
    Check(N_("what is owed to providers"), payables),
    Check(N_("micro-credentials"), credentials),
    Check(N_("places in course runs"), places),
)
