"""One at a time: who seals or changes the key, whatever the number of threads and processes."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

# Any number will do that nothing else in this database locks.
_LOCK = 6_219_104_731


def take(session: Session, *, wait: bool = False) -> bool:
    """Take the turn until the end of this unit of work; False when another has it.

    With ``wait`` until it is free. Taking it twice does no harm.
    """
    if session.get_bind().dialect.name != "postgresql":
        return True  # SQLite's write lock is held since the work began
    if wait:
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        return True
    taken = text("SELECT pg_try_advisory_xact_lock(:lock)")
    return bool(session.scalar(taken, {"lock": _LOCK}))
