"""Proofs from the books, on both engines: made here, checked with the public key alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from ledger.accounts.seals import offline, proof_cli, proofs
from ledger.db import Database
from ledger.errors import Conflict, DomainError, NotFound
from tests.integration.proving import UNKNOWN, Log, checked, four_seals


@pytest.fixture
def log(database: Database, tmp_path: Path) -> Log:
    return four_seals(database, tmp_path)


def test_every_transaction_is_proved_under_every_seal_that_covers_it(log: Log) -> None:
    log.seal(300)  # some of the hashes are read from complete stretches by now
    first, _ = log.verifiers()
    receipts = log.receipts()
    with log.database.reading() as session:
        places = {id_: proofs.sealed(session, id_) for id_, _ in receipts}
        sampled = [*receipts[:12], *receipts[12::29], receipts[-1]]
        for (id_, hashed), size in [(one, size) for one in sampled for size in log.sizes]:
            place = places[id_]
            assert place is not None
            if size <= place.position:
                with pytest.raises(proofs.NotSealed, match=str(place.size)):
                    proofs.inclusion(session, id_, hashed, size)
                continue
            shown = checked(proofs.inclusion(session, id_, hashed, size), first)
            assert isinstance(shown, offline.Included)
            assert (shown.id, shown.hash, shown.position) == (id_, hashed, place.position)
            assert shown.checkpoint.size == size
        found = {place.position for place in places.values() if place}
    assert found == set(range(log.sizes[-1]))


def test_the_first_seal_over_a_transaction_is_told(log: Log) -> None:
    with log.database.reading() as session:
        seals = {seal.size: seal.sealed_at for seal in proofs.seals(session, limit=100).items}
        for id_, _ in log.receipts():
            place = proofs.sealed(session, id_)
            assert place is not None
            assert place.size == min(size for size in log.sizes if size > place.position)
            assert place.sealed_at == seals[place.size]


def test_the_growth_between_any_two_seals_is_proved(log: Log) -> None:
    first, _ = log.verifiers()
    with log.database.reading() as session:
        for old in log.sizes:
            for new in log.sizes:
                if old > new:
                    with pytest.raises(Conflict, match="smaller"):
                        proofs.consistency(session, old, new)
                    continue
                shown = checked(proofs.consistency(session, old, new), first)
                assert isinstance(shown, offline.Grown)
                assert (shown.old.size, shown.new.size) == (old, new)
        newest = checked(proofs.consistency(session, log.sizes[0]), first)
        assert isinstance(newest, offline.Grown)
        assert newest.new.size == log.sizes[-1]


def test_a_proof_as_of_an_old_seal_stays_the_same(log: Log) -> None:
    id_, hashed = log.receipts()[0]
    with log.database.reading() as session:
        before = proofs.inclusion(session, id_, hashed, log.sizes[1])
    log.rotate()
    log.seal(3)
    with log.database.reading() as session:
        assert proofs.inclusion(session, id_, hashed, log.sizes[1]) == before
    assert before["rotations"] == []


def test_what_waits_is_not_proved_yet(log: Log) -> None:
    [id_] = log.posted.post()
    hashed = dict(log.receipts())[id_]
    with log.database.reading() as session:
        assert proofs.by_receipt(session, id_, hashed) is None
        with pytest.raises(proofs.NotSealed, match="not sealed yet"):
            proofs.inclusion(session, id_, hashed)
    log.seal()
    with log.database.reading() as session:
        assert proofs.by_receipt(session, id_, hashed)
        assert proofs.inclusion(session, id_, hashed)["size"] == log.sizes[-1]


@pytest.mark.parametrize("size", [0, 4, 2**63 - 1, 2**63, 10**30, -1])
def test_there_are_no_seals_but_those_that_were_made(log: Log, size: int) -> None:
    id_, hashed = log.receipts()[0]
    with log.database.reading() as session:
        for ask in (
            lambda: proofs.seal(session, size),
            lambda: proofs.inclusion(session, id_, hashed, size),
            lambda: proofs.consistency(session, size),
            lambda: proofs.consistency(session, log.sizes[0], size),
        ):
            with pytest.raises(NotFound, match="no seal of this size"):
                ask()


def test_before_the_first_seal_there_is_nothing(database: Database) -> None:
    with database.reading() as session:
        assert proofs.seals(session).items == ()
        assert proofs.keys(session) == []
        with pytest.raises(NotFound, match="no seal yet"):
            proofs.seal(session)


def test_the_commands_hand_over_to_each_other(log: Log, tmp_path: Path) -> None:
    id_, _ = log.receipts()[3]
    runner = CliRunner()
    key = tmp_path / "keys.txt"
    key.write_text(log.verifiers()[0].line, "utf-8")
    for arguments in ([id_], [id_, "--size", str(log.sizes[1])], ["--since", str(log.sizes[0])]):
        made = runner.invoke(proof_cli.proof, arguments, obj=log.database)
        assert made.exit_code == 0, made.output
        done = runner.invoke(
            proof_cli.verify_proof, ["-", "--key", str(key), "--json"], input=made.output
        )
        assert done.exit_code == 0, done.output
        assert json.loads(done.output)["valid"]
    for wrong in ([], [id_, "--since", "2"]):
        assert runner.invoke(proof_cli.proof, wrong, obj=log.database).exit_code == 2
    refused = runner.invoke(proof_cli.proof, [UNKNOWN], obj=log.database)
    assert isinstance(refused.exception, DomainError)
