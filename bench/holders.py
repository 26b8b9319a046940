"""Holders by the thousand, written by the server itself: accounts, lots, enrolments, history.

Holder ``n`` has one account, two lots (one of each fund) and one requested enrolment, whose ids
follow from ``n``. :func:`add` gives them the lots only, which is all that a hold looks at;
:func:`add_history` also what put the money there and one confirmed enrolment each, eight postings
per holder, with the hashes that our own code would give.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

import psycopg

from bench.offer import LAST_DAYS, LOT, PRICE, Offer
from ledger import clock
from ledger.db import Actor

POSTINGS = 8  # per holder with a history
_STRETCH = 50_000  # holders per statement


@dataclass(frozen=True, slots=True)
class Holder:
    """The ids of holder ``n``."""

    actor: Actor
    account_id: str
    lot_ids: tuple[str, str]
    enrolment_id: str
    key: str  # for the API


def holder(n: int) -> Holder:
    """Return the ids that holder ``n`` has in the database."""
    account_id = f"acc_{stem(n)}"
    user_id = f"usr_{stem(n)}"
    return Holder(
        Actor(user_id, "holder", user_id=user_id, account_id=account_id),
        account_id,
        (f"lot_{stem(2 * n)}", f"lot_{stem(2 * n + 1)}"),
        f"enr_{stem(n)}",
        f"bench-{n}",
    )


def stem(n: int) -> str:
    """Return 26 characters that sort by ``n``, before those of any id made today."""
    return f"{n:010X}{hashlib.md5(str(n).encode()).hexdigest()[:16].upper()}"  # noqa: S324


# The functions vanish with the connection. They are such that the planner puts their bodies in
# the place of a call: convert_to() would do for any text and is not, decode() does for ids.
_FUNCTIONS = """
    CREATE FUNCTION pg_temp.stem(n bigint) RETURNS text IMMUTABLE LANGUAGE sql AS $$
        SELECT lpad(upper(to_hex(n)), 10, '0') || upper(left(md5(n::text), 16)) $$;
    CREATE FUNCTION pg_temp.number(n bigint) RETURNS text IMMUTABLE LANGUAGE sql AS $$
        SELECT 'LR' || lpad((98 - (lpad(n::text, 12, '0') || '212700')::numeric % 97)::text, 2, '0')
            || lpad(n::text, 12, '0') $$;
    CREATE FUNCTION pg_temp.f(t text) RETURNS bytea IMMUTABLE LANGUAGE sql AS $$
        SELECT coalesce(int4send(octet_length(t)) || decode(t, 'escape'), '\\xffffffff') $$;
    CREATE FUNCTION pg_temp.line(
        bucket text, amount text, scheme text, rule text, account text, lot text
    ) RETURNS bytea IMMUTABLE LANGUAGE sql AS $$
        SELECT pg_temp.f(bucket) || pg_temp.f('EUR') || pg_temp.f(amount)
            || pg_temp.f(scheme) || pg_temp.f(rule) || pg_temp.f(account) || pg_temp.f(lot)
            || '\\xffffffff' $$;
    CREATE FUNCTION pg_temp.head(
        id text, kind text, subject text, day text, at text, lot text, last text, lines text
    ) RETURNS bytea IMMUTABLE LANGUAGE sql AS $$
        SELECT pg_temp.f('leerrekening/1') || pg_temp.f(id) || pg_temp.f(kind)
            || pg_temp.f(subject) || pg_temp.f('bench') || pg_temp.f(day) || pg_temp.f(at)
            || '\\xffffffffffffffff' || pg_temp.f(lot) || pg_temp.f(last)
            || '\\xffffffff' || pg_temp.f(lines) $$;
"""

# Everything about one holder that the statements below share, one row each.
_FACTS = """
    CREATE TEMPORARY TABLE facts ON COMMIT DROP AS
    SELECT n, 'acc_' || pg_temp.stem(n) AS account, 'per_' || pg_temp.stem(n) AS person,
        'enr_' || pg_temp.stem(n) AS enrolment, 'txn_' || pg_temp.stem(4 * n + 2) AS hold,
        (%(runs)s::text[])[1 + n %% %(run_count)s] AS run,
        (%(courses)s::text[])[1 + n %% %(run_count)s] AS course
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n;
"""
_LOTS = """
    CREATE TEMPORARY TABLE lots ON COMMIT DROP AS
    SELECT n, side, account, 'lot_' || pg_temp.stem(2 * n + side) AS lot,
        'txn_' || pg_temp.stem(4 * n + side) AS credit, 'bench:' || 2 * n + side AS subject,
        (%(schemes)s::text[])[1 + side] AS scheme, (%(rules)s::text[])[1 + side] AS rule,
        (%(last_days)s::date[])[1 + side] AS last_day,
        (%(last_days)s::date[])[1 + side]::text AS last_text,
        CASE side WHEN 0 THEN %(lot)s::bigint ELSE %(price)s - %(lot)s END AS held,
        CASE side WHEN 0 THEN %(lot)s ELSE %(price)s - %(lot)s END::text AS held_text
    FROM facts, generate_series(0, 1) AS side;
"""
_PEOPLE = """
    INSERT INTO person (id, name, contract_percent) SELECT person, 'N. Bakker', 100 FROM facts;
    INSERT INTO account (id, number, person_id, opened_at, version)
    SELECT account, pg_temp.number(n), person, %(at)s, %(confirmed)s::int FROM facts;
    INSERT INTO lot (id, account_id, scheme_id, rule_id, unit, origin, subject, granted_on,
        expires_on, credited, available, held, spent, returned)
    SELECT lot, account, scheme, rule, 'EUR', 'grant', subject, %(day)s, last_day, %(lot)s,
        %(lot)s - %(confirmed)s::int * held, %(confirmed)s::int * held, 0, 0 FROM lots;
    INSERT INTO enrolment (id, account_id, course_id, run_id, provider_id, status, begun_by,
        begun_at, price_cents, own_share_cents, confirm_until, confirmed_at, hold_id,
        cooling_off_until)
    SELECT enrolment, account, course, run, %(provider)s,
        CASE WHEN %(confirmed)s THEN 'confirmed' ELSE 'requested' END, 'holder', %(at)s,
        %(price)s, 0, %(until)s, CASE WHEN %(confirmed)s THEN %(at)s::timestamptz END,
        CASE WHEN %(confirmed)s THEN hold END, CASE WHEN %(confirmed)s THEN %(day)s::date END
    FROM facts;
    INSERT INTO event (id, subject, kind, actor_id, at, data)
    SELECT 'evt_' || pg_temp.stem(2 * n), enrolment, 'requested', 'bench', %(at)s,
        json_build_object('run_id', run, 'price_cents', %(price)s) FROM facts;
"""
_KEYS = """
    INSERT INTO user_account (id, email, name, password_hash, epoch, language, failed_count,
        created_at)
    SELECT 'usr_' || pg_temp.stem(n), n || '@example.nl', 'N. Bakker', '-', 1, 'nl', 0, %(at)s
    FROM facts;
    INSERT INTO membership (id, user_id, role)
    SELECT 'mem_' || pg_temp.stem(n), 'usr_' || pg_temp.stem(n), 'holder' FROM facts;
    INSERT INTO api_key (id, key_hash, membership_id, created_at)
    SELECT 'key_' || pg_temp.stem(n), encode(sha256(convert_to('bench-' || n, 'UTF8')), 'hex'),
        'mem_' || pg_temp.stem(n), %(at)s FROM facts;
    UPDATE person SET user_id = 'usr_' || pg_temp.stem(n) FROM facts WHERE person.id = person;
"""
_CREDITS = """
    INSERT INTO journal_transaction (id, kind, subject, actor_id, occurred_on, recorded_at, hash)
    SELECT credit, 'grant', subject, 'bench', %(day)s, %(at)s, sha256(
        pg_temp.head(credit, 'grant', subject, %(day_text)s, %(at_text)s, lot, last_text, '2')
        || pg_temp.line('fund', '-%(lot)s', scheme, rule, account, lot)
        || pg_temp.line('available', '%(lot)s', scheme, rule, account, lot))
    FROM lots;
    INSERT INTO journal_posting (transaction_id, line, bucket, unit, amount, scheme_id, rule_id,
        account_id, lot_id)
    SELECT credit, line, bucket, 'EUR', sign * %(lot)s, scheme, rule, account, lot
    FROM lots, (VALUES (1, 'fund', -1), (2, 'available', 1)) AS of (line, bucket, sign);
"""
_HOLDS = """
    INSERT INTO journal_transaction (id, kind, subject, actor_id, occurred_on, recorded_at, hash)
    SELECT hold, 'hold', enrolment, 'bench', %(day)s, %(at)s, sha256(
        pg_temp.head(hold, 'hold', enrolment, %(day_text)s, %(at_text)s, NULL, NULL, '4')
        || pg_temp.line('available', '-' || a.held_text, a.scheme, a.rule, facts.account, a.lot)
        || pg_temp.line('held', a.held_text, a.scheme, a.rule, facts.account, a.lot)
        || pg_temp.line('available', '-' || b.held_text, b.scheme, b.rule, facts.account, b.lot)
        || pg_temp.line('held', b.held_text, b.scheme, b.rule, facts.account, b.lot))
    FROM facts JOIN lots a ON a.n = facts.n AND a.side = 0
    JOIN lots b ON b.n = facts.n AND b.side = 1;
    INSERT INTO journal_posting (transaction_id, line, bucket, unit, amount, scheme_id, rule_id,
        account_id, lot_id)
    SELECT hold, 2 * side + line, bucket, 'EUR', sign * held, scheme, rule, facts.account, lot
    FROM lots JOIN facts USING (n),
        (VALUES (1, 'available', -1), (2, 'held', 1)) AS of (line, bucket, sign);
    INSERT INTO enrolment_line (enrolment_id, lot_id, position, scheme_id, rule_id, unit, held,
        paid, released, clawed_back)
    SELECT enrolment, lot, side + 1, scheme, rule, 'EUR', held, 0, 0, 0
    FROM lots JOIN facts USING (n);
    INSERT INTO event (id, subject, kind, actor_id, at, data)
    SELECT 'evt_' || pg_temp.stem(2 * n + 1), enrolment, 'confirmed', 'bench', %(at)s,
        json_build_object('own_share_cents', 0, 'funded_cents', %(price)s,
            'transaction_id', hold) FROM facts;
"""
_WAITING = """
    INSERT INTO journal_unsealed (transaction_id) SELECT credit FROM lots;
    INSERT INTO journal_unsealed (transaction_id) SELECT hold FROM facts;
"""

# What all holders share is moved once, so that several connections can add at the same time.
_TOTALS = """
    UPDATE journal_fund SET balance = balance - %(count)s * %(lot)s::bigint
    WHERE scheme_id = ANY (%(schemes)s);
    UPDATE course_run SET taken = taken + places FROM (
        SELECT (%(runs)s::text[])[1 + n %% %(run_count)s] AS run, count(*) AS places
        FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n GROUP BY 1
    ) AS sums WHERE course_run.id = run;
"""


def add(
    connection: psycopg.Connection,
    offer: Offer,
    first: int,
    count: int,
    *,
    keys: bool = False,
    lot: int = LOT,
) -> None:
    """Add holders ``first`` to ``first + count`` who may confirm; with ``keys`` for the API.

    ``lot`` is what each of their two lots holds, in cents.
    """
    script = _PEOPLE + (_KEYS if keys else "")
    values = {**_values(offer), "lot": lot, "confirmed": False}
    _write(connection, script, values, _stretches(first, count))


def add_history(connect: Callable[[], psycopg.Connection], offer: Offer, count: int) -> None:
    """Add the first ``count`` holders, confirmed already, with all that the books say about it.

    ``connect`` opens a connection as superuser; two work at the same time.
    """
    script = _PEOPLE + _CREDITS + _HOLDS + _WAITING
    values = {**_values(offer), "lot": LOT, "confirmed": True}

    def write(stretches: Sequence[tuple[int, int]]) -> None:
        with connect() as connection:
            _write(connection, script, values, stretches)

    stretches = _stretches(0, count)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, (stretches[::2], stretches[1::2])))
    with connect() as connection, psycopg.ClientCursor(connection) as cursor:
        cursor.execute(_TOTALS, {**values, "first": 0, "last": count - 1, "count": count})


def _stretches(first: int, count: int) -> list[tuple[int, int]]:
    end = first + count
    return [(start, min(start + _STRETCH, end) - 1) for start in range(first, end, _STRETCH)]


def _write(
    connection: psycopg.Connection,
    script: str,
    values: dict[str, object],
    stretches: Sequence[tuple[int, int]],
) -> None:
    # Literals, since several statements travel at once.
    with psycopg.ClientCursor(connection) as cursor:
        cursor.execute("SET search_path = public, pg_temp")
        if cursor.execute("SELECT to_regproc('pg_temp.stem')").fetchone() == (None,):
            cursor.execute(_FUNCTIONS)
        # Rows that refer to each other are written together here: nothing to be looked up.
        cursor.execute("SET session_replication_role = replica")
        for first, last in stretches:
            with connection.transaction():
                cursor.execute(
                    _FACTS + _LOTS + "ANALYZE facts; ANALYZE lots;" + script,
                    {**values, "first": first, "last": last},
                )
        cursor.execute("SET session_replication_role = DEFAULT")


def _values(offer: Offer) -> dict[str, object]:
    now = clock.now()
    today = clock.today(now)
    return {
        "runs": [run for run, _ in offer.runs],
        "courses": [course for _, course in offer.runs],
        "run_count": len(offer.runs),
        "provider": offer.provider_id,
        "schemes": [fund.scheme_id for fund in offer.funds],
        "rules": [fund.rule_id for fund in offer.funds],
        "price": PRICE,
        "day": today,
        "last_days": [today + span for span in LAST_DAYS],
        "at": now,
        "day_text": today.isoformat(),
        "at_text": now.isoformat(timespec="microseconds"),
        "until": now + timedelta(days=7),
    }
