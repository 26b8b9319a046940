"""A journal that was cut off, reordered or written anew is told from what was kept elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from ledger.accounts import verification
from ledger.accounts.models import (
    LogEntry,
    Seal,
)
from ledger.accounts.seals import keys, rotations, sealer
from ledger.db import SYSTEM, Database, Work
from tests.integration.sealing import keys_in
from tests.integration.tampering import Books, all_rights, found, make_books


@pytest.fixture
def books(database: Database, tmp_path: Path) -> Books:
    return make_books(database, tmp_path)


def remove_newest(session: Session, size: int) -> None:
    """Take the log back to ``size`` with all that came later, as if it had never been."""
    later = f"SELECT transaction_id FROM journal_log WHERE position >= {size}"  # noqa: S608
    gone = f"{later} UNION SELECT transaction_id FROM journal_unsealed"  # noqa: S608
    for statement in (
        f"DELETE FROM journal_posting WHERE transaction_id IN ({gone})",  # noqa: S608
        f"DELETE FROM journal_transaction WHERE id IN ({gone})",  # noqa: S608
        f"DELETE FROM journal_log WHERE position >= {size}",  # noqa: S608
        f"DELETE FROM journal_seal WHERE size > {size}",  # noqa: S608
        "DELETE FROM journal_unsealed",
    ):
        session.execute(text(statement))


def make_agree(session: Session) -> None:
    """Let lots, funds, roll-ups and notices say what is left of the postings."""
    total = "SELECT coalesce(sum(amount), 0) FROM journal_posting p WHERE"
    drawers = {
        "credited": f"-({total} p.lot_id = lot.id AND bucket = 'fund')",
        "available": f"({total} p.lot_id = lot.id AND bucket = 'available')",
        "held": f"({total} p.lot_id = lot.id AND bucket = 'held')",
        "spent": f"({total} p.lot_id = lot.id AND bucket IN ('payable', 'receivable', 'bank'))",
        "returned": f"({total} p.lot_id = lot.id AND bucket = 'returned')",
    }
    counters = ", ".join(f"{name} = {value}" for name, value in drawers.items())
    for statement in (
        "DELETE FROM expiry_notice",
        "DELETE FROM lot WHERE id NOT IN (SELECT lot_id FROM journal_posting"
        " WHERE lot_id IS NOT NULL)",
        f"UPDATE lot SET {counters}",  # noqa: S608
        f"UPDATE journal_fund SET balance = ({total} p.scheme_id = journal_fund.scheme_id"  # noqa: S608
        " AND bucket = 'fund')",
        "DELETE FROM journal_rollup",
        "INSERT INTO journal_rollup (scheme_id, bucket, provider_id, amount) SELECT scheme_id,"
        " bucket, coalesce(provider_id, ''), sum(amount) FROM journal_posting"
        " WHERE transaction_id NOT IN (SELECT transaction_id FROM journal_unsealed)"
        " GROUP BY 1, 2, 3",
        "DELETE FROM seal_key WHERE NOT EXISTS"
        " (SELECT 1 FROM journal_seal WHERE key_id = seal_key.id)",
    ):
        session.execute(text(statement))


def test_removed_newest_rows_are_found_with_what_was_kept_elsewhere(books: Books) -> None:
    with all_rights(books) as session:
        first = session.scalars(select(Seal.size).order_by(Seal.size)).first()
        assert first is not None
        remove_newest(session, first)
        assert found(session)  # lots and roll-ups tell, as long as they were forgotten
        make_agree(session)
        assert found(session) == {}  # nothing here can tell any more
        findings = found(session, books.anchors)
        # The first still stands; what the others signed is gone.
        assert set(findings) == {("anchor", "kept.jsonl:2"), ("anchor", "kept.jsonl:3")}
        assert all(f"the log has {first}" in said for said in findings.values())


def test_swapped_places_are_named(books: Books) -> None:
    with all_rights(books) as session:
        one, other = (
            session.execute(select(LogEntry).where(LogEntry.position == n)).scalar_one()
            for n in (3, 4)
        )
        rows = [(one.transaction_id, one.leaf), (other.transaction_id, other.leaf)]
        session.execute(update(LogEntry).where(LogEntry.position == 3).values(transaction_id="x"))
        for position, (transaction_id, leaf) in ((4, rows[0]), (3, rows[1])):
            session.execute(
                update(LogEntry)
                .where(LogEntry.position == position)
                .values(transaction_id=transaction_id, leaf=leaf)
            )
        findings = found(session)
    assert "out of order" in findings["journal_log", "4"]
    assert any(table == "journal_seal" for table, _ in findings)


def test_a_history_that_was_written_and_sealed_anew_is_found_by_its_anchor(
    books: Books, tmp_path: Path
) -> None:
    with all_rights(books) as session:
        for table in ("journal_log", "journal_tile", "journal_seal", "journal_rollup", "seal_key"):
            session.execute(text(f"DELETE FROM {table}"))  # noqa: S608
        session.execute(
            text(
                "INSERT INTO journal_unsealed SELECT id FROM journal_transaction"
                " WHERE id NOT IN (SELECT transaction_id FROM journal_unsealed)"
            )
        )
        other = keys_in(tmp_path / "other")
        work = Work(session, SYSTEM, books.world.now)
        sealer.seal(work, other.signer(work))
        session.flush()
        assert found(session) == {}
        findings = found(session, books.anchors)
    assert set(findings) == {("anchor", f"kept.jsonl:{line}") for line in (1, 2, 3)}


def test_a_key_that_no_trusted_key_leads_to_is_named(books: Books, tmp_path: Path) -> None:
    other = keys_in(tmp_path / "other")
    with books.database.reading() as session:
        ours = [rotations.read(key.note).key for key in keys.all_keys(session)]
        first_of_ours, last_of_ours = ours

        def named(*trusted: Any) -> set[str]:
            checks = verification.checks([], trusted)
            findings = [finding for check in checks for finding in check.run(session)]
            return {finding.id for finding in findings if finding.table == "seal_key"}

        assert named(first_of_ours) == set()  # it leads to the next
        assert named(last_of_ours) == {first_of_ours.id}
        assert named(other._make("another/journal").verifier) == {key.id for key in ours}
