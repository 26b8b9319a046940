"""Settings: from the environment, else from ``instance/config.py``, else what is said here."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PREFIX = "LEERREKENING_"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its name after the prefix, what it is when not set, and what it does."""

    name: str
    default: str
    meaning: str


SETTINGS = (
    Setting(
        "INSTANCE_PATH",
        "instance in the working directory",
        "Folder with this installation's configuration, database and keys. Environment only.",
    ),
    Setting(
        "DATABASE_URL",
        "SQLite in the instance folder",
        "Where the books are kept, for example postgresql+psycopg://user@host/leerrekening.",
    ),
    Setting(
        "PUBLIC_URL",
        "http://127.0.0.1:5000",
        "Address under which people reach the service; printed in certificates.",
    ),
    Setting("HTTPS", "no", "Say yes behind TLS: secure cookies and strict transport security."),
    Setting("PROXIES", "0", "Number of trusted proxies in front, for the visitor's address."),
    Setting(
        "SEAL_SECONDS",
        "1",
        "Seconds between two seals over the journal while serving; 0 leaves it to the command.",
    ),
    Setting(
        "SEAL_PASSPHRASE",
        "none",
        "Enciphers the files with the keys that sign the seals. They are made with the first seal.",
    ),
)


class ConfigurationError(Exception):
    """A setting cannot be used; the message says which and what to write instead."""


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of a running installation."""

    instance_path: Path
    database_url: str
    public_url: str
    https: bool
    proxies: int
    seal_seconds: int
    seal_passphrase: str = field(repr=False)
    secret_key: str = field(repr=False)


def load(environment: Mapping[str, str] | None = None) -> Config:
    """Read the settings and make the instance folder and its secret key when they are not there.

    Raises ConfigurationError.
    """
    given = os.environ if environment is None else environment
    folder = Path(given.get(f"{PREFIX}INSTANCE_PATH") or "instance").absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    values = {setting.name: setting.default for setting in SETTINGS}
    values["DATABASE_URL"] = f"sqlite:///{folder / 'leerrekening.db'}"
    values["SEAL_PASSPHRASE"] = ""
    values |= _from_file(folder / "config.py")
    values |= {
        setting.name: given[PREFIX + setting.name]
        for setting in SETTINGS
        if given.get(PREFIX + setting.name)
    }
    return Config(
        instance_path=folder,
        database_url=_database_url(values["DATABASE_URL"]),
        public_url=values["PUBLIC_URL"].rstrip("/"),
        https=_yes("HTTPS", values["HTTPS"]),
        proxies=_whole("PROXIES", values["PROXIES"], 16),
        seal_seconds=_whole("SEAL_SECONDS", values["SEAL_SECONDS"], 86_400),
        seal_passphrase=values["SEAL_PASSPHRASE"],
        secret_key=_secret_key(folder / "secret.key"),
    )


def _from_file(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    names: dict[str, Any] = {}
    exec(compile(path.read_text("utf-8"), str(path), "exec"), names)  # noqa: S102 (the operator's)
    known = {setting.name for setting in SETTINGS} - {"INSTANCE_PATH"}
    unknown = sorted(name for name in names if name.isupper() and name not in known)
    if unknown:
        raise ConfigurationError(f"{path}: unknown setting {', '.join(unknown)}")
    return {name: str(value) for name, value in names.items() if name in known}


def _database_url(url: str) -> str:
    # What hosting parties hand out names no driver; psycopg 3 is the one we ship.
    for scheme in ("postgres://", "postgresql://"):
        if url.startswith(scheme):
            return "postgresql+psycopg://" + url.removeprefix(scheme)
    if not url.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise ConfigurationError(
            f"{PREFIX}DATABASE_URL must start with sqlite:/// or postgresql://"
        )
    return url


def _yes(name: str, text: str) -> bool:
    answers = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
    if text.lower() not in answers:
        raise ConfigurationError(f"{PREFIX}{name} must be yes or no, not {text!r}")
    return answers[text.lower()]


def _whole(name: str, text: str, most: int) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) > most:
        raise ConfigurationError(
            f"{PREFIX}{name} must be a whole number from 0 to {most}, not {text!r}"
        )
    return int(text)


def _secret_key(path: Path) -> str:
    """Return the key that signs forms; made once, readable by its owner only."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text("ascii").strip()
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(48))
    return path.read_text("ascii").strip()
