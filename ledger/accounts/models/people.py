"""Who takes part: organisations, the people who sign in, and the holders of accounts.

Names and contact data live here only, apart from the journal, so that they can be erased.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ledger.db import Base

ROLES = ("holder", "provider", "funder", "auditor", "operator")


class Organisation(Base):
    """A funder, a provider or the operator; admitted with a date, suspended with a reason."""

    __tablename__ = "organisation"
    __table_args__ = (
        CheckConstraint("kind IN ('funder', 'provider', 'operator')", name="kind"),
        CheckConstraint("status IN ('admitted', 'suspended', 'closed')", name="status"),
        CheckConstraint(
            "(kind = 'funder') = (funder_kind IS NOT NULL)", name="funder_kind_for_funders"
        ),
        CheckConstraint(
            "funder_kind IN ('government', 'sector_fund', 'employer', 'region')",
            name="funder_kind",
        ),
        UniqueConstraint("kvk", "kind"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # org_…
    kind: Mapped[str]
    funder_kind: Mapped[str | None]
    name: Mapped[str]
    country: Mapped[str] = mapped_column(default="NL")  # ISO 3166-1 alpha-2
    region: Mapped[str | None]
    kvk: Mapped[str | None]  # number in the Dutch trade register, 8 digits
    iban: Mapped[str | None]
    email: Mapped[str | None]
    website: Mapped[str | None]
    status: Mapped[str] = mapped_column(default="admitted")
    admitted_at: Mapped[datetime]


class User(Base):
    """Somebody who signs in; ``epoch`` rises when every session of theirs must die."""

    __tablename__ = "user_account"
    __table_args__ = (CheckConstraint("failed_count >= 0", name="failed_count"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # usr_…
    email: Mapped[str] = mapped_column(unique=True)  # lower case
    name: Mapped[str]
    password_hash: Mapped[str]
    epoch: Mapped[int] = mapped_column(default=1)
    language: Mapped[str] = mapped_column(default="nl")
    failed_count: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class Membership(Base):
    """A role of a user, for the staff of an organisation together with that organisation."""

    __tablename__ = "membership"
    __table_args__ = (
        CheckConstraint(f"role IN {ROLES!r}", name="role"),
        CheckConstraint(
            "role = 'holder' OR organisation_id IS NOT NULL", name="staff_has_organisation"
        ),
        UniqueConstraint("user_id", "role", "organisation_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # mem_…
    user_id: Mapped[str] = mapped_column(ForeignKey("user_account.id"), index=True)
    role: Mapped[str]
    organisation_id: Mapped[str | None] = mapped_column(ForeignKey("organisation.id"), index=True)


class UserSession(Base):
    """One signed-in browser; only the hash of its secret is kept."""

    __tablename__ = "user_session"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("user_account.id"), index=True)
    membership_id: Mapped[str] = mapped_column(ForeignKey("membership.id"))
    epoch: Mapped[int]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class ApiKey(Base):
    """A key for one role of one user; shown once, kept as a hash."""

    __tablename__ = "api_key"

    id: Mapped[str] = mapped_column(primary_key=True)  # key_…
    key_hash: Mapped[str] = mapped_column(unique=True)
    membership_id: Mapped[str] = mapped_column(ForeignKey("membership.id"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class Person(Base):
    """The identity behind an account and the facts that schemes ask about; erasable."""

    __tablename__ = "person"
    __table_args__ = (
        CheckConstraint("contract_percent BETWEEN 0 AND 100", name="contract_percent"),
        CheckConstraint("prior_level BETWEEN 1 AND 8", name="prior_level"),
        CheckConstraint("birth_year BETWEEN 1900 AND 2100", name="birth_year"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # per_…
    user_id: Mapped[str | None] = mapped_column(ForeignKey("user_account.id"), unique=True)
    name: Mapped[str]
    region: Mapped[str | None]
    sector: Mapped[str | None]
    contract_percent: Mapped[int | None]  # of full time
    prior_level: Mapped[int | None]  # EQF level of the highest finished education
    birth_year: Mapped[int | None]
    employer_id: Mapped[str | None] = mapped_column(ForeignKey("organisation.id"))


class Account(Base):
    """A learning account: for life, with an opaque number that says nothing about the holder."""

    __tablename__ = "account"
    __table_args__ = ({"postgresql_with": {"fillfactor": 70}},)

    id: Mapped[str] = mapped_column(primary_key=True)  # acc_…
    number: Mapped[str] = mapped_column(unique=True)  # LR + 2 check digits + 12 digits
    person_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"), unique=True)
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    # Rises with each enrolment that the holder confirms: two at the same moment cannot both pass.
    version: Mapped[int] = mapped_column(default=0, server_default="0")

    person: Mapped[Person | None] = relationship(lazy="raise")


class ConsentCode(Base):
    """A code with which the holder lets one provider register one enrolment."""

    __tablename__ = "consent_code"
    __table_args__ = (
        CheckConstraint("used_at IS NULL OR withdrawn_at IS NULL", name="used_or_withdrawn"),
        Index("ix_consent_code_open", "account_id", "code_hash"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # con_…
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"))
    code_hash: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    used_for: Mapped[str | None]  # enrolment id
    withdrawn_at: Mapped[datetime | None]
