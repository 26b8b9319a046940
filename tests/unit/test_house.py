"""The rules of the house, enforced on the source: one-way imports, thin faces, small pieces.

Each rule is a function from a module to the complaints about it. The tests below the rules feed
them small bad examples too, so that a rule that has gone blind fails.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# each may use the former ones
ROOMS = ("accounts", "certificates", "providers", "guidance", "funders")
# with ledger/__init__.py these may import all
WHOLE_HOUSE = ("cli", "demo", "migrations", "server")
KERNEL_FOLDERS = ("translations",)
FACES = ("__init__", "views", "api", "cli", "schemas")
FACE_LIBRARIES = ("flask", "werkzeug", "marshmallow", "webargs", "wtforms")
VAGUE = ("utils", "util", "helpers", "helper", "common", "manager", "managers", "services")
LONGEST_MODULE = 400
LONGEST_FUNCTION = 60
JOURNAL_TABLES = ("Transaction", "Posting")
JOURNAL_SQL = re.compile(
    r"\b(insert\s+into|update|delete\s+from)\s+\W?journal_(transaction|posting)\b", re.I
)
MACHINE_PATH = re.compile(r"(?<![\w.])/(work|farm|root|home/\w+|Users/\w+)/[\w.]")
BARE_IGNORE = re.compile(r"#\s*(type:\s*ignore(?!\[)|noqa(?!:))")
TEXT_FILES = ("*.py", "*.md", "*.cfg", "*.toml", "*.html", "*.css", "*.js", "Makefile", ".ci/run")


@dataclass(frozen=True)
class Module:
    """One source file: ``path`` from the project's root, as in 'ledger/accounts/journal.py'."""

    path: str
    text: str

    @cached_property
    def parts(self) -> tuple[str, ...]:
        return tuple(self.path.removesuffix(".py").split("/"))

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def is_migration(self) -> bool:
        return self.parts[:3] == ("ledger", "migrations", "versions")

    @property
    def room(self) -> str:
        """Return 'kernel', 'house', 'web' or the room's name."""
        first = self.parts[1]
        if first in WHOLE_HOUSE or self.parts == ("ledger", "__init__"):
            return "house"
        return "kernel" if len(self.parts) == 2 or first in KERNEL_FOLDERS else first

    @property
    def is_face(self) -> bool:
        if self.room in ("web", "house"):
            return True
        # A face that filled up is a folder of the same name. No kernel module is a face.
        return self.room != "kernel" and any(part in FACES for part in self.parts[2:])

    def imports(self) -> Iterator[tuple[int, str]]:
        """Give line and absolute dotted name of everything imported, wherever it stands."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = self.parts[: -node.level] if node.level else ()
                name = ".".join((*base, *((node.module,) if node.module else ())))
                yield from ((node.lineno, f"{name}.{alias.name}") for alias in node.names)


Rule = Callable[[Module], Iterator[str]]


def one_way_imports(module: Module) -> Iterator[str]:
    """Imports run kernel ← accounts ← … ← funders; web knows no room; faces alone know web."""
    own = module.room
    if own not in ("kernel", "house", "web", *ROOMS):
        yield f"{module.path}: no such room; name it in ROOMS where its imports belong"
        return
    if own == "house":
        return
    reach = ROOMS[: ROOMS.index(own) + 1] if own in ROOMS else ()
    for line, name in module.imports():
        parts = name.split(".")
        if parts[0] != "ledger" or len(parts) < 2:
            continue
        target = parts[1]
        if target in WHOLE_HOUSE:
            yield f"{module.path}:{line}: {own} imports {target}, which stands above it"
        elif target == "web" and own != "web" and not module.is_face:
            yield f"{module.path}:{line}: only faces import web"
        elif target in ROOMS and target not in reach:
            yield f"{module.path}:{line}: {own} may not import {target}"


def thin_faces(module: Module) -> Iterator[str]:
    """Verbs, models and queries know neither Flask nor marshmallow."""
    if module.is_face:
        return
    for line, name in module.imports():
        library = name.split(".")[0].lower()
        if library in FACE_LIBRARIES or library.startswith("flask_"):
            yield f"{module.path}:{line}: {library} belongs in a face"


def one_journal(module: Module) -> Iterator[str]:
    """Only the folder accounts/journal writes transactions and postings."""
    if module.is_migration or module.parts[1:3] == ("accounts", "journal"):
        return
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.expr):
            continue
        wrong = False
        if isinstance(node, ast.Call):
            called = _last_name(node.func)
            of_journal = bool(node.args) and _last_name(node.args[0]) in JOURNAL_TABLES
            wrong = called in JOURNAL_TABLES or (
                called in ("insert", "update", "delete") and of_journal
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            wrong = JOURNAL_SQL.search(node.value) is not None
        if wrong:
            yield f"{module.path}:{node.lineno}: only accounts/journal writes the journal"


def one_commit(module: Module) -> Iterator[str]:
    """Only db.py commits."""
    if module.parts == ("ledger", "db"):
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and node.attr == "commit":
            yield f"{module.path}:{node.lineno}: only db.py commits"


def small_pieces(module: Module) -> Iterator[str]:
    """Modules and functions stay short; a migration is as long as its schema."""
    if module.is_migration:
        return
    lines = len(module.text.splitlines())
    if lines > LONGEST_MODULE:
        yield f"{module.path}: {lines} lines, at most {LONGEST_MODULE}"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > LONGEST_FUNCTION:
                yield (
                    f"{module.path}:{node.lineno}: {node.name} has {length} lines, "
                    f"at most {LONGEST_FUNCTION}"
                )


def telling_names(module: Module) -> Iterator[str]:
    """A module is named for what it holds."""
    for part in module.parts:
        if part in VAGUE:
            yield f"{module.path}: '{part}' says nothing about what is in it"


def no_bare_ignores(module: Module) -> Iterator[str]:
    """A silenced checker is told which complaint it must not make."""
    for token in tokenize.generate_tokens(io.StringIO(module.text).readline):
        if token.type == tokenize.COMMENT and BARE_IGNORE.search(token.string):
            yield f"{module.path}:{token.start[0]}: name the code that is ignored"


def no_sleep(module: Module) -> Iterator[str]:
    """Tests wait for what they wait for, never for a while."""
    slept = {"time.sleep", "asyncio.sleep"}
    for line, name in module.imports():
        if name in slept:
            yield f"{module.path}:{line}: wait for the event instead of sleeping"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in slept:
            yield f"{module.path}:{node.lineno}: wait for the event instead of sleeping"


def no_machine_paths(path: str, text: str) -> Iterator[str]:
    """Nothing names a folder of one particular machine."""
    for number, line in enumerate(text.splitlines(), 1):
        if MACHINE_PATH.search(line):
            yield f"{path}:{number}: a path of one machine"


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        # Transaction.__table__ is the table of Transaction.
        return _last_name(node.value) if node.attr == "__table__" else node.attr
    return node.id if isinstance(node, ast.Name) else ""


LEDGER_RULES: tuple[Rule, ...] = (
    one_way_imports,
    thin_faces,
    one_journal,
    one_commit,
    small_pieces,
    telling_names,
    no_bare_ignores,
)
TEST_RULES: tuple[Rule, ...] = (small_pieces, telling_names, no_bare_ignores, no_sleep)


def modules(folder: str) -> list[Module]:
    """Return all source modules below ``folder`` of the project."""
    paths = sorted((ROOT / folder).rglob("*.py"))
    return [
        Module(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
        for path in paths
    ]


@pytest.mark.parametrize("rule", LEDGER_RULES)
def test_ledger_keeps_the_rule(rule: Rule) -> None:
    found = modules("ledger")
    assert found
    assert "\n".join(complaint for module in found for complaint in rule(module)) == ""


@pytest.mark.parametrize("rule", TEST_RULES)
def test_tests_keep_the_rule(rule: Rule) -> None:
    found = modules("tests")
    assert found
    assert "\n".join(complaint for module in found for complaint in rule(module)) == ""


def test_nothing_names_a_machine() -> None:
    tops = [ROOT / name for name in ("ledger", "tests", "docs", "bench", "frontend")]
    paths = {path for pattern in TEXT_FILES for path in ROOT.glob(pattern)}
    paths |= {path for top in tops for pattern in TEXT_FILES for path in top.rglob(pattern)}
    foreign = {"node_modules", ".cache"}
    ours = [path for path in paths if path.is_file() and foreign.isdisjoint(path.parts)]
    assert ours
    complaints = [
        complaint
        for path in sorted(ours)
        for complaint in no_machine_paths(
            path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
        )
    ]
    assert complaints == []


LONG_FUNCTION = "def f():\n" + "    x = 1\n" * LONGEST_FUNCTION


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (one_way_imports, "ledger/money.py", "from ledger.accounts import lots"),
        (one_way_imports, "ledger/accounts/lots.py", "from ledger.funders import grants"),
        (one_way_imports, "ledger/accounts/views.py", "import ledger.providers.courses"),
        (one_way_imports, "ledger/accounts/lots.py", "from ..providers import courses"),
        (one_way_imports, "ledger/accounts/lots.py", "def f():\n    from ledger import funders"),
        (one_way_imports, "ledger/web/auth.py", "from ledger.accounts.users import User"),
        (one_way_imports, "ledger/accounts/lots.py", "from ledger.web import auth"),
        (one_way_imports, "ledger/accounts/lots.py", "from ledger import cli"),
        (one_way_imports, "ledger/bank/lots.py", ""),
        (thin_faces, "ledger/accounts/lots.py", "from flask import g"),
        (thin_faces, "ledger/accounts/queries.py", "import marshmallow"),
        (thin_faces, "ledger/i18n.py", "from flask_babel import gettext"),
        (one_journal, "ledger/accounts/lots.py", "session.add(Transaction(kind='grant'))"),
        (one_journal, "ledger/accounts/lots.py", "session.execute(insert(models.Posting))"),
        (one_journal, "ledger/funders/grants.py", "delete(Posting.__table__)"),
        (
            one_journal,
            "ledger/funders/grants.py",
            "text('INSERT INTO \"journal_transaction\" (id)')",
        ),
        (one_journal, "ledger/funders/grants.py", "text('update journal_posting set amount = 0')"),
        (one_commit, "ledger/accounts/lots.py", "work.session.commit()"),
        (small_pieces, "ledger/money.py", "x = 1\n" * (LONGEST_MODULE + 1)),
        (small_pieces, "ledger/money.py", LONG_FUNCTION),
        (telling_names, "ledger/utils.py", ""),
        (telling_names, "ledger/accounts/services/lots.py", ""),
        (no_bare_ignores, "ledger/money.py", "x: int = ''  # type: " + "ignore"),
        (no_bare_ignores, "ledger/money.py", "import os  # " + "noqa"),
        (no_sleep, "tests/unit/test_x.py", "import time\ntime.sleep(1)"),
        (no_sleep, "tests/unit/test_x.py", "from time import sleep"),
    ],
)
def test_rule_sees_what_is_wrong(rule: Rule, path: str, text: str) -> None:
    assert list(rule(Module(path, text))) != []


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (one_way_imports, "ledger/funders/audits.py", "from ledger.accounts import journal"),
        (one_way_imports, "ledger/accounts/views.py", "from ledger.web import auth"),
        (one_way_imports, "ledger/web/auth.py", "from ledger import errors"),
        (one_way_imports, "ledger/__init__.py", "from ledger.funders import views"),
        (one_way_imports, "ledger/accounts/lots.py", "from . import journal"),
        (thin_faces, "ledger/accounts/views.py", "from flask import request"),
        (thin_faces, "ledger/funders/api/grants.py", "from flask import request"),
        (one_journal, "ledger/accounts/journal/batch.py", "session.add(Posting())"),
        (one_journal, "ledger/accounts/queries.py", "select(Posting, Transaction)"),
        (one_commit, "ledger/db.py", "connection.commit()"),
        (small_pieces, "ledger/migrations/versions/0001_first.py", LONG_FUNCTION),
        (small_pieces, "ledger/money.py", "x = 1\n" * LONGEST_MODULE),
        (no_bare_ignores, "ledger/money.py", "import os  # noqa: F401"),
        (no_sleep, "tests/unit/test_x.py", "event.wait(timeout=1)"),
    ],
)
def test_rule_leaves_good_code_alone(rule: Rule, path: str, text: str) -> None:
    assert list(rule(Module(path, text))) == []


def test_machine_paths_are_seen() -> None:
    assert list(no_machine_paths("docs/x.md", "see /" + "root/notes.txt")) != []
    assert list(no_machine_paths("docs/x.md", "see /" + "home/jan/notes.txt")) != []
    assert list(no_machine_paths("docs/x.md", "GET /api/v1/runs and tests/work/x")) == []
