"""The keys that seals are signed with: private ones in files, public ones in the database.

A private key is ``seal-<id>.pem`` in the folder ``keys`` of the instance: Ed25519, PKCS#8 in PEM,
readable by its owner only, enciphered when a passphrase is set. The first one is made when it is
first needed. The log has the name that it got then for good, whatever the service's address
becomes: who checks a proof knows the log by it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ledger.accounts.models import Seal, SealKey
from ledger.accounts.seals import rotations, turn
from ledger.accounts.seals.notes import Signer
from ledger.accounts.seals.rotations import LONGEST_REASON, KeyRecord
from ledger.config import Config
from ledger.db import Work
from ledger.errors import Conflict, Invalid
from ledger.messages import N_

_TICK = timedelta(microseconds=1)


class Keys:
    """The private keys of this installation; each file is read once."""

    def __init__(self, folder: Path, name: str, passphrase: str = "") -> None:
        """Look for keys in ``folder``; a log that has no key yet gets ``name``."""
        self.folder = folder
        self._name = name
        self._passphrase = passphrase.encode() or None
        self._read: dict[str, Signer] = {}

    @property
    def were_used(self) -> bool:
        """Tell whether a key was read by this object, so that there is one for sure."""
        return bool(self._read)

    def signer(self, work: Work) -> Signer:
        """Return the key that signs now, and make the first one when there is none.

        Raises Conflict when its file cannot be used.
        """
        newest = current(work.session)
        if newest is not None:
            return self._signer(newest)
        turn.take(work.session, wait=True)  # two who begin at once would make one each
        newest = current(work.session)
        if newest is not None:
            return self._signer(newest)
        made = self._make(self._name)
        return self._signer(_register(work, KeyRecord(made.verifier, work.now, 0), [made]))

    def rotate(self, work: Work, reason: str | None = None, *, lost: bool = False) -> SealKey:
        """Let a new key sign from now on, and record it signed by the old key and by the new one.

        With ``lost`` by the new one only: then nobody is led to it who trusts the old one, and
        the new public key has to be published as the first one was. Raises Invalid, Conflict.
        """
        if reason is not None and not _is_reason(reason):
            raise Invalid(
                N_("Write the reason on one line of at most %(most)s characters."),
                field="reason",
                most=LONGEST_REASON,
            )
        turn.take(work.session, wait=True)
        old = current(work.session)
        if old is None:
            raise Conflict(N_("There is no key to replace yet: the first seal makes one."))
        signers = [] if lost else [self._signer(old)]
        name = rotations.read(old.note).key.name
        signer = self._make(name)
        record = KeyRecord(
            signer.verifier,
            max(work.now, old.since + _TICK),
            work.session.scalar(select(func.max(Seal.size))) or 0,
            old.id,
            reason,
        )
        return _register(work, record, [*signers, signer])

    def path(self, key_id: str) -> Path:
        """Return where the private key is kept."""
        return self.folder / f"seal-{key_id}.pem"

    def _signer(self, key: SealKey) -> Signer:
        if key.id not in self._read:
            signer = Signer(rotations.read(key.note).key.name, self._load(key.id))
            if signer.verifier.public_key != key.public_key:
                raise Conflict(
                    N_(
                        "%(file)s holds another key than the one that signs the seals. Put back"
                        " the right file from a backup, or, if it is lost, run: leerrekening"
                        " seal-key rotate --lost"
                    ),
                    file=self.path(key.id),
                )
            self._read[key.id] = signer
        return self._read[key.id]

    def _load(self, key_id: str) -> Ed25519PrivateKey:
        path = self.path(key_id)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise Conflict(
                N_(
                    "The key that signs the seals cannot be read: %(file)s. Put it back from a"
                    " backup, or, if it is lost, run: leerrekening seal-key rotate --lost"
                ),
                file=path,
            ) from error
        try:
            private = _opened(data, self._passphrase)
        except (TypeError, ValueError) as error:
            raise Conflict(
                N_(
                    "%(file)s cannot be opened: it is damaged, or the passphrase in the setting"
                    " LEERREKENING_SEAL_PASSPHRASE is not the one that it was made with. If it is"
                    " lost, run: leerrekening seal-key rotate --lost"
                ),
                file=path,
            ) from error
        if not isinstance(private, Ed25519PrivateKey):
            raise Conflict(N_("%(file)s holds a key of another kind than Ed25519."), file=path)
        return private

    def _make(self, name: str) -> Signer:
        signer = Signer(name, Ed25519PrivateKey.generate())
        cipher = BestAvailableEncryption(self._passphrase) if self._passphrase else NoEncryption()
        data = signer.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, cipher)
        path = self.path(signer.verifier.id)
        try:
            _write(path, data)
        except OSError as error:
            raise Conflict(
                N_("The key that signs the seals cannot be kept in %(file)s: %(why)s"),
                file=path,
                why=error.strerror,
            ) from error
        return signer


def of(settings: Config) -> Keys:
    """Return the keys of the installation with these settings."""
    host = urlsplit(settings.public_url).hostname or "leerrekening"
    return Keys(settings.instance_path / "keys", f"{host}/journal", settings.seal_passphrase)


def current(session: Session) -> SealKey | None:
    """Return the public key that signs now, None before the first seal."""
    return session.scalar(select(SealKey).order_by(SealKey.since.desc()).limit(1))


def all_keys(session: Session) -> Sequence[SealKey]:
    """Return every public key, oldest first."""
    return session.scalars(select(SealKey).order_by(SealKey.since)).all()


def _register(work: Work, record: KeyRecord, signers: Sequence[Signer]) -> SealKey:
    key = SealKey(
        id=record.key.id,
        public_key=record.key.public_key,
        since=record.since,
        note=rotations.make(record, signers),
    )
    work.session.add(key)
    work.session.flush()
    return key


def _opened(data: bytes, passphrase: bytes | None) -> object:
    try:
        return load_pem_private_key(data, passphrase)
    except TypeError:
        # A file from before a passphrase was set is plain; it is still needed to change the key.
        return load_pem_private_key(data, None)


def _write(path: Path, data: bytes) -> None:
    """Write a key for its owner only, and to disk: what is registered must not be lost."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _is_reason(text: str) -> bool:
    return bool(text.strip()) and len(text) <= LONGEST_REASON and text.isprintable()
