"""Many rows in one statement, by the driver itself: asking about a list of keys, writing rows.

On PostgreSQL a list travels as one array per column, so that a statement stays the same whatever
its length and is planned once; SQLite takes its rows one by one from a prepared statement, which
costs next to nothing within one process. For hot paths only: there the time that an object
mapper takes per row is most of the time.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

import psycopg

from ledger.prepared import Prepared

Row = tuple[Any, ...]
Connection = psycopg.Connection[Any] | sqlite3.Connection


def moment(text: str) -> datetime:
    """Return a moment that an engine wrote in JSON or SQLite in a column: in UTC."""
    value = datetime.fromisoformat(text)
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value


# What SQLite keeps as text, by the name of PostgreSQL's type.
_FROM_TEXT: dict[str, Callable[[Any], Any]] = {
    "date": date.fromisoformat,
    "timestamptz": moment,
    "json": json.loads,
    "boolean": bool,
}


_POSTGRESQL = {
    "{among}": "= ANY(%(keys)s::text[])",
    "{keys}": "unnest(%(keys)s::text[]) AS k (key)",
    # Asked first and looked up by index, whatever the planner thinks of the sizes.
    "{within}": "= ANY(ARRAY(",
    "{end}": "))",
    "{list}": "json_agg",
    "{items}": "json_build_array",
}
_SQLITE = {
    "{among}": "IN (SELECT value FROM json_each(:keys))",
    "{keys}": "(SELECT value AS key FROM json_each(:keys)) AS k",
    "{within}": "IN (",
    "{end}": ")",
    "{list}": "json_group_array",
    "{items}": "json_array",
}


def _in_words_of(text: str, words: Mapping[str, str]) -> str:
    for placeholder, word in words.items():
        text = text.replace(placeholder, word)
    return text


class Question:
    """A SELECT about a list of text keys, in words that both engines understand.

    ``text`` has ``{among}`` where a column that begins an index is compared with the keys, or
    ``{keys}`` for a table of them with the column ``key``: a scalar subquery per key is looked up
    by any index, also by a plan that was made when the table was empty.
    ``{within} SELECT … {end}`` compares an indexed column with what another question gives.
    ``{list}`` and ``{items}`` stand for the functions that make a list of rows, each a list of
    values, in JSON (None when there are none). ``types`` names, per column that SQLite keeps as
    text or number, what it is: date, timestamptz, json or boolean.
    """

    def __init__(self, text: str, types: Mapping[int, str] | None = None) -> None:
        self.on_postgresql = _in_words_of(text, _POSTGRESQL)
        self.types = types or {}
        self._sqlite = _in_words_of(text, _SQLITE)
        self._converters = [(at, _FROM_TEXT[name]) for at, name in self.types.items()]

    def ask(self, connection: Connection, keys: Sequence[str]) -> list[Row]:
        """Return the rows about ``keys``."""
        if isinstance(connection, sqlite3.Connection):
            return self.on_sqlite(connection, json.dumps(keys))
        parameters = {"keys": columns([(key,) for key in keys], 1)[0]}
        text = self.on_postgresql.encode()
        return connection.execute(text, parameters, prepare=True).fetchall()

    def on_sqlite(self, connection: sqlite3.Connection, keys: str) -> list[Row]:
        """Return the rows about ``keys``, a list in JSON."""
        rows: list[Row] = connection.execute(self._sqlite, {"keys": keys}).fetchall()
        if not self._converters:
            return rows
        return [self._converted(row) for row in rows]

    def _converted(self, row: Row) -> Row:
        values = list(row)
        for at, convert in self._converters:
            if values[at] is not None:
                values[at] = convert(values[at])
        return tuple(values)


class Questions:
    """Several questions about the same keys: one statement on PostgreSQL, so also one snapshot.

    Given with how many columns each has. PostgreSQL answers all of them as one text in JSON, which
    is read faster than its rows are taken apart.
    """

    def __init__(self, *questions: tuple[Question, int]) -> None:
        self._questions = [question for question, _ in questions]
        self._statement = Prepared(
            f"SELECT json_build_array({', '.join(map(_as_json, questions))})"
        )
        self._converters = [
            [(at, _FROM_TEXT[name]) for at, name in question.types.items() if name in _TEXT_IN_JSON]
            for question in self._questions
        ]

    def ask(self, connection: Connection, keys: Sequence[str]) -> list[list[Sequence[Any]]]:
        """Return the rows of each question about ``keys``."""
        if isinstance(connection, sqlite3.Connection):
            text = json.dumps(keys)
            return [list(question.on_sqlite(connection, text)) for question in self._questions]
        (answer,) = self._statement.run(connection, [_array(keys) if keys else "{}"])
        found = json.loads(answer or b"[]")
        return [
            [_with_types(row, converters) for row in rows or ()]
            for rows, converters in zip(found, self._converters, strict=True)
        ]


_TEXT_IN_JSON = ("date", "timestamptz")  # what JSON has no form for; the rest comes as it is


def _as_json(asked: tuple[Question, int]) -> str:
    question, width = asked
    names = ", ".join(f"c{number}" for number in range(width))
    text = question.on_postgresql.replace("%(keys)s", "$1")
    return f"(SELECT json_agg(json_build_array({names})) FROM ({text}) AS q ({names}))"  # noqa: S608


def _with_types(
    row: list[Any], converters: Sequence[tuple[int, Callable[[Any], Any]]]
) -> Sequence[Any]:
    for at, convert in converters:
        if row[at] is not None:
            row[at] = convert(row[at])
    return row


@dataclass(frozen=True, slots=True)
class Change:
    """A change of many rows that goes along with another: within its statement on PostgreSQL.

    ``name`` is that of its part there, ``postgresql`` its text with one array per column of
    ``types``; ``sqlite`` is done for each row. With ``must_find`` each row must change one.
    """

    name: str
    types: Mapping[str, str]
    postgresql: str
    sqlite: str
    rows: Sequence[Row]
    must_find: bool = True

    def on_sqlite(self, connection: sqlite3.Connection) -> int:
        """Do it on SQLite; return how many rows changed."""
        rows = [tuple(map(stored, row)) for row in self.rows]
        return connection.executemany(self.sqlite, rows).rowcount


def addition(name: str, table: str, types: Mapping[str, str], rows: Sequence[Row]) -> Change:
    """Return the change that adds ``rows`` to ``table``."""
    names, marks = ", ".join(types), ", ".join("?" * len(types))
    return Change(
        name,
        types,
        f"INSERT INTO {table} ({names}) SELECT {names} FROM {unnest('r', types)}",  # noqa: S608
        f"INSERT INTO {table} ({names}) VALUES ({marks})",  # noqa: S608
        rows,
        must_find=False,
    )


def insert(
    connection: Connection, table: str, types: Mapping[str, str], rows: Sequence[Row]
) -> None:
    """Write ``rows`` to ``table``; ``types`` gives PostgreSQL's type of each column, in order.

    What breaks a constraint raises the driver's own error, which ``Database.perform`` understands.
    """
    if not rows:
        return
    names = ", ".join(types)
    if isinstance(connection, sqlite3.Connection):
        marks = ", ".join("?" * len(types))
        connection.executemany(
            f"INSERT INTO {table} ({names}) VALUES ({marks})",  # noqa: S608 (our own names)
            [tuple(map(stored, row)) for row in rows],
        )
        return
    _insertion(table, tuple(types.items())).run(connection, columns(rows, len(types)))


@lru_cache
def _insertion(table: str, types: tuple[tuple[str, str], ...]) -> Prepared:
    names = ", ".join(name for name, _ in types)
    source = unnest("r", dict(types))
    return Prepared(f"INSERT INTO {table} ({names}) SELECT {names} FROM {source}")  # noqa: S608


def stored(value: Any) -> Any:
    """Return a value as SQLite keeps it: moments in UTC without zone, dates as ISO text."""
    if type(value) is datetime:
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    if type(value) is date:
        return value.isoformat()
    return value


def unnest(alias: str, types: Mapping[str, str]) -> str:
    """Return PostgreSQL that turns one array parameter per column into rows named ``alias``."""
    arrays = ", ".join(f"%s::{name}[]" for name in types.values())
    return f"unnest({arrays}) AS {alias} ({', '.join(types)})"


def columns(rows: Sequence[Row], width: int) -> list[str]:
    """Return ``rows`` as one array in PostgreSQL's text form per column.

    Written here because the driver's own arrays look at every element's type, which takes longer
    than the database needs to store the row.
    """
    if not rows:
        return ["{}"] * width
    return [_array(column) for column in zip(*rows, strict=True)]


def _array(column: Sequence[Any]) -> str:
    kinds = set(map(type, column))
    if kinds == {str}:
        text = '","'.join(column)
        # Most columns are ids and codes: nothing in them has to be escaped.
        if "\\" not in text and text.count('"') == 2 * (len(column) - 1):
            return f'{{"{text}"}}'
    elif kinds == {int}:
        return f"{{{','.join(map(str, column))}}}"
    elif kinds == {bytes}:
        return '{"\\\\x' + '","\\\\x'.join(map(bytes.hex, column)) + '"}'
    elif kinds <= {date, type(None)}:
        # The same few days, or none, stand in row after row.
        texts = {value: _element(value) for value in set(column)}
        return f"{{{','.join(map(texts.__getitem__, column))}}}"
    return f"{{{','.join(map(_element, column))}}}"


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    if type(value) is bytes:
        return f'"\\\\x{value.hex()}"'
    # Quoted, so that neither NULL nor a comma means anything.
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
