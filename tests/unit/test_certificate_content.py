"""The snapshot of a certificate: complete, lossless, and silent about money and privacy."""

from __future__ import annotations

import dataclasses
import json

import pytest

from ledger.certificates.content import ELEMENTS, CertificateContent, missing_annex1
from tests.unit.certificate_samples import sample


def test_json_gives_the_same_snapshot_back() -> None:
    content = sample()
    assert CertificateContent.from_json(json.loads(json.dumps(content.to_json()))) == content


def test_a_complete_snapshot_misses_nothing() -> None:
    assert missing_annex1(sample()) == []


@pytest.mark.parametrize(
    ("name", "empty"),
    [
        ("learner_name", "  "),
        ("title", ""),
        ("issuer_country", ""),
        ("awarding_body", "\n"),
        ("learning_outcomes", ()),
        ("learning_outcomes", ("", "  ")),
        ("workload_hours", 0),
        ("assessment_type", ""),
        ("assessment_type", "none"),
        ("participation_form", ""),
        ("quality_assurance", ""),
    ],
)
def test_every_empty_mandatory_element_is_named(name: str, empty: object) -> None:
    changed = dataclasses.replace(sample(), **{name: empty})  # type: ignore[arg-type]
    assert missing_annex1(changed) == [name]
    assert name in ELEMENTS


def test_a_level_counts_only_with_its_classification() -> None:
    assert sample().classified_level == 4
    assert dataclasses.replace(sample(), nlqf_reference=None).classified_level is None


def test_nothing_in_it_can_say_who_paid_or_where_the_learner_lives() -> None:
    names = {item.name for item in dataclasses.fields(CertificateContent)}
    for word in ("fund", "scheme", "price", "paid", "birth", "address", "mail", "account", "bsn"):
        assert not [name for name in names if word in name]
