"""Grants: one by one, or thousands from a file; big ones need a second person.

A batch goes ``preview → awaiting → granting → committed``, or ``rejected``; without ``awaiting``
when the scheme asks no second person. Who decides on it promises its total from the scheme's fund;
the rows are granted in steps (see granting.py), the first of them with the decision, so that a
small batch is granted at once. A file counts once per scheme by its SHA-256, a reference once per
scheme by the subject of its transaction.

A second person is needed above the scheme's four-eyes amount. What one person granted alone on
that day in that scheme counts with it, or a large grant could be cut in small ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from ledger import clock, ids
from ledger.accounts import history, schemes
from ledger.accounts.models import Rule, Scheme
from ledger.db import Work, driver
from ledger.errors import AlreadyDone, FourEyes, Invalid, NotFound, WrongState
from ledger.funders import grant_rows, granting, promises, reach
from ledger.funders.grant_rows import GrantLine, RowError, Wish
from ledger.funders.granting import Outcome
from ledger.funders.models import GrantBatch, GrantRow
from ledger.messages import N_, Message
from ledger.money import checked
from ledger.sets import insert

FILE_NAME_LENGTH = 200
REASON_LENGTH = 1_000
_ROW = {
    "batch_id": "text",
    "line": "bigint",
    "account_id": "text",
    "amount": "bigint",
    "expires_on": "date",
    "reference": "text",
}


@dataclass(frozen=True, slots=True)
class Preview:
    """What a file would do; ``batch_id`` is None while it has errors or was only looked at."""

    file_name: str
    sha256: str
    unit: str
    rows: tuple[GrantLine, ...]
    errors: tuple[RowError, ...]
    total: int
    fund: int  # what the scheme's fund holds now and is not promised
    needs_second: bool
    batch_id: str | None = None


def preview(
    session: Session,
    scheme: Scheme,
    data: bytes,
    file_name: str,
    now: datetime,
    person: str | None = None,
) -> Preview:
    """Look at a file without keeping anything. Raises Invalid when it cannot be read at all.

    ``person`` is who would grant it, so that it is known whether a second one is needed.
    """
    today = clock.today(now)
    result = grant_rows.of_file(session, scheme.id, scheme.unit, data, today)
    rule = schemes.rule_on(session, scheme.id, today)
    return Preview(
        file_name=_file_name(file_name),
        sha256=hashlib.sha256(data).hexdigest(),
        unit=scheme.unit,
        rows=result.lines,
        errors=result.errors,
        total=result.total,
        fund=promises.free(session, scheme.id, now),
        needs_second=_needs_second(session, rule, result.total, person, today),
    )


def stage(work: Work, scheme_id: str, data: bytes, file_name: str) -> Preview:
    """Keep a file without errors for its maker to confirm; a file with errors is only shown.

    Raises AlreadyDone when the file was sent before, Invalid when it cannot be read.
    """
    scheme = reach.scheme_changed(work, scheme_id)
    found = preview(work.session, scheme, data, file_name, work.now, reach.person_of(work))
    _refuse_second_time(work, scheme.id, found.sha256)
    if found.errors:
        return found
    batch = _keep(work, scheme, found.rows, found.file_name, found.sha256)
    return replace(found, batch_id=batch.id)


def submit_file(work: Work, scheme_id: str, data: bytes, file_name: str) -> Outcome:
    """Grant the rows of a file, or put them before a second person.

    Raises Invalid with ``line N: column`` fields for rows that are wrong, AlreadyDone when the
    file was sent before.
    """
    staged = stage(work, scheme_id, data, file_name)
    if staged.batch_id is None:
        raise rows_refused(staged.errors)
    return submit(work, scheme_id, staged.batch_id)


def grant(
    work: Work,
    scheme_id: str,
    account_number: str,
    amount: int,
    expires_on: date | None = None,
    reference: str | None = None,
) -> Outcome:
    """Grant an amount (minor units) to one account, or put it before a second person."""
    wish = Wish(
        1, ids.normal_account_number(account_number), checked(amount), expires_on, reference
    )
    return grant_all(work, scheme_id, [wish])


def grant_all(work: Work, scheme_id: str, wishes: Sequence[Wish]) -> Outcome:
    """Grant several amounts together, as :func:`grant` does one. Raises Invalid."""
    scheme = reach.scheme_changed(work, scheme_id)
    for wish in wishes:
        checked(wish.amount)
    result = grant_rows.of_wishes(work.session, scheme.id, wishes, work.today)
    if result.errors and len(wishes) == 1:
        fields: dict[str, list[Message]] = {}
        for error in result.errors:
            fields.setdefault(error.field, []).append(error.message)
        raise Invalid(N_("This grant cannot be made."), field_errors=fields)
    if result.errors:
        raise rows_refused(result.errors)
    batch = _keep(work, scheme, result.lines, None, None)
    return submit(work, scheme.id, batch.id)


def submit(work: Work, scheme_id: str, batch_id: str) -> Outcome:
    """Confirm a previewed batch: it is granted now, or waits for a second person."""
    scheme, batch = _batch(work, scheme_id, batch_id)
    person = reach.person_of(work)
    if batch.made_by != person:
        raise WrongState(N_("Only the person who sent this file can confirm it."))
    if batch.status != "preview":
        raise AlreadyDone(N_("This was confirmed before."))
    rule = schemes.rule_on(work.session, scheme.id, work.today)
    # Once more: others may have been granted since it was looked at, or the rules have changed.
    batch.needs_second = _needs_second(work.session, rule, batch.total, person, work.today)
    if batch.needs_second:
        batch.status = "awaiting"
        history.record(
            work, batch.id, "grant_batch.submitted", scheme_id=scheme.id, total=batch.total
        )
        return granting.outcome(batch)
    return _begin(work, scheme, batch)


def approve(work: Work, scheme_id: str, batch_id: str) -> Outcome:
    """Grant what a colleague put forward. Raises FourEyes for the colleague's own self."""
    scheme, batch = _batch(work, scheme_id, batch_id)
    _must_wait(batch)
    if work.actor.role != "funder" or batch.made_by == reach.person_of(work):
        raise FourEyes(N_("Somebody else has to approve this: you made it yourself."))
    return _begin(work, scheme, batch)


def go_on(work: Work, scheme_id: str, batch_id: str) -> Outcome:
    """Grant the next rows of a batch that was decided on; nothing when all are done.

    Any colleague may: the decision was made. Raises WrongState before it was made, and what a
    step raises.
    """
    scheme = reach.scheme_granting(work, scheme_id)
    batch = _locked(work, scheme.id, batch_id)
    if batch.status == "committed":
        return granting.outcome(batch)
    if batch.status != "granting":
        raise WrongState(N_("This was not decided on yet."))
    return granting.step(work, scheme, batch)


def under_way(session: Session, scheme_id: str, data: bytes) -> str | None:
    """Return the batch of this very file when it is being granted, to go on with it."""
    return session.scalars(
        select(GrantBatch.id).where(
            GrantBatch.scheme_id == scheme_id,
            GrantBatch.file_sha256 == hashlib.sha256(data).hexdigest(),
            GrantBatch.status == "granting",
        )
    ).one_or_none()


def reject(work: Work, scheme_id: str, batch_id: str, reason: str) -> Outcome:
    """Turn down a batch, or take back one's own; nothing is granted and the file may come again."""
    scheme, batch = _batch(work, scheme_id, batch_id)
    reason = reason.strip()
    if not reason:
        raise Invalid(N_("Say why, so that your colleague knows."), field="reason")
    if len(reason) > REASON_LENGTH:
        raise Invalid(N_("Use at most %(limit)s characters."), field="reason", limit=REASON_LENGTH)
    _must_wait(batch)
    batch.status, batch.reason = "rejected", reason
    batch.decided_by, batch.decided_at = reach.person_of(work), work.now
    history.record(work, batch.id, "grant_batch.rejected", scheme_id=scheme.id)
    return granting.outcome(batch)


def discard(work: Work, scheme_id: str, batch_id: str) -> None:
    """Forget a previewed file that was never confirmed."""
    _, batch = _batch(work, scheme_id, batch_id)
    if batch.status != "preview":
        raise WrongState(N_("Only a file that was not confirmed yet can be taken away."))
    _forget(work, batch.id)


def rows_refused(errors: Sequence[RowError]) -> Invalid:
    """Return the refusal of a file with wrong rows: one field per line and column."""
    fields: dict[str, list[Message]] = {}
    for error in errors:
        fields.setdefault(f"line {error.line}: {error.field}", []).append(error.message)
    return Invalid(
        N_("The file has %(count)s errors. Nothing was granted."),
        field_errors=fields,
        count=len(errors),
    )


def _begin(work: Work, scheme: Scheme, batch: GrantBatch) -> Outcome:
    promises.require(work, scheme, batch.total)
    batch.status = "granting"
    batch.decided_by, batch.decided_at = reach.person_of(work), work.now
    batch.moved_at = work.now
    history.record(work, batch.id, "grant_batch.decided", scheme_id=scheme.id, total=batch.total)
    return granting.step(work, scheme, batch)


def _needs_second(
    session: Session, rule: Rule, total: int, person: str | None, today: date
) -> bool:
    """Tell whether ``total`` takes what this person grants alone on this day over the limit."""
    alone = session.scalar(
        select(func.coalesce(func.sum(GrantBatch.total), 0)).where(
            GrantBatch.scheme_id == rule.scheme_id,
            GrantBatch.made_by == (person or ""),
            GrantBatch.decided_at >= clock.local(today),
            GrantBatch.status.in_(("granting", "committed")),
            GrantBatch.needs_second.is_(False),
        )
    )
    return total + int(alone or 0) > rule.four_eyes_minor


def _keep(
    work: Work,
    scheme: Scheme,
    lines: Sequence[GrantLine],
    file_name: str | None,
    sha256: str | None,
) -> GrantBatch:
    if not lines:
        raise Invalid(N_("There is nothing to grant."), field="file")
    rule = schemes.rule_on(work.session, scheme.id, work.today)
    total = sum(line.amount for line in lines)
    batch = GrantBatch(
        id=ids.new("grb"),
        scheme_id=scheme.id,
        rule_id=rule.id,
        file_name=file_name,
        file_sha256=sha256,
        row_count=len(lines),
        total=total,
        needs_second=_needs_second(work.session, rule, total, reach.person_of(work), work.today),
        status="preview",
        made_by=reach.person_of(work),
        made_at=work.now,
        handled_line=0,
        granted_count=0,
        granted_total=0,
        refused_count=0,
    )
    work.session.add(batch)
    work.session.flush()
    insert(
        driver(work.session),
        "grant_row",
        _ROW,
        [
            (batch.id, one.line, one.account_id, one.amount, one.expires_on, one.reference)
            for one in lines
        ],
    )
    return batch


def _refuse_second_time(work: Work, scheme_id: str, sha256: str) -> None:
    earlier = work.session.scalars(
        select(GrantBatch).where(
            GrantBatch.scheme_id == scheme_id,
            GrantBatch.file_sha256 == sha256,
            GrantBatch.status != "rejected",
        )
    ).one_or_none()
    if earlier is None:
        return
    if earlier.status == "preview":
        # Accounts may have changed since; what counts is the file as it reads now.
        _forget(work, earlier.id)
        return
    raise AlreadyDone(
        N_("This file was sent before, on %(moment)s."), field="file", moment=earlier.made_at
    )


def _forget(work: Work, batch_id: str) -> None:
    work.session.execute(delete(GrantRow).where(GrantRow.batch_id == batch_id))
    work.session.execute(delete(GrantBatch).where(GrantBatch.id == batch_id))


def _batch(work: Work, scheme_id: str, batch_id: str) -> tuple[Scheme, GrantBatch]:
    scheme = reach.scheme_changed(work, scheme_id)
    return scheme, _locked(work, scheme.id, batch_id)


def _locked(work: Work, scheme_id: str, batch_id: str) -> GrantBatch:
    # The lock keeps two approvals apart, and two who go on with the same batch.
    batch = work.session.scalars(
        select(GrantBatch)
        .where(GrantBatch.id == batch_id, GrantBatch.scheme_id == scheme_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if batch is None:
        raise NotFound(N_("There is no such batch of grants."))
    return batch


def _must_wait(batch: GrantBatch) -> None:
    if batch.status == "preview":
        raise WrongState(N_("This file was not confirmed yet."))
    if batch.status != "awaiting":
        raise AlreadyDone(N_("This was decided before."))


def _file_name(text: str) -> str:
    # Browsers on Windows may send a whole path.
    return text.replace("\\", "/").rpartition("/")[2][-FILE_NAME_LENGTH:] or "—"
