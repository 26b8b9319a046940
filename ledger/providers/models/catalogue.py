"""What providers offer, and the accreditation that lets them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from ledger.certificates.content import (
    ASSESSMENT_TYPES,
    PARTICIPATION_FORMS,
    SUPERVISION_TYPES,
)
from ledger.db import Base

# One set of codes from catalogue to certificate, so that nothing is translated on the way.
FORMS = tuple(PARTICIPATION_FORMS)
ASSESSMENTS = (*ASSESSMENT_TYPES, "none")
SUPERVISIONS = tuple(SUPERVISION_TYPES)


class Accreditation(Base):
    """A dated permission for a provider, or for one course of it, with scope and evidence."""

    __tablename__ = "accreditation"
    __table_args__ = (
        CheckConstraint("valid_until >= valid_from", name="dates"),
        CheckConstraint("status IN ('granted', 'suspended', 'withdrawn')", name="status"),
        CheckConstraint(
            "status <> 'suspended' OR (suspension_reason IS NOT NULL AND reply_until IS NOT NULL)",
            name="suspension_has_reason_and_deadline",
        ),
        CheckConstraint("lower(quality_mark) <> 'crkbo'", name="not_a_vat_register"),
        Index("ix_accreditation_provider", "provider_id", "course_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # acn_…
    provider_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"))
    course_id: Mapped[str | None] = mapped_column(ForeignKey("course.id"))  # None: the provider
    quality_mark: Mapped[str]  # such as NRTO, Cedeo, NVAO
    evidence_url: Mapped[str]
    sectors: Mapped[list[str]] = mapped_column(default=list)  # scope; empty: all
    valid_from: Mapped[date]
    valid_until: Mapped[date]
    status: Mapped[str] = mapped_column(default="granted")
    suspension_reason: Mapped[str | None]
    suspended_at: Mapped[datetime | None]
    reply_until: Mapped[date | None]


class Skill(Base):
    """A concept of ESCO, the European Commission's classification of skills."""

    __tablename__ = "skill"
    __table_args__ = (CheckConstraint("kind IN ('skill', 'knowledge', 'group')", name="kind"),)

    uri: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    label: Mapped[str]
    alt_labels: Mapped[list[str]] = mapped_column(default=list)
    description: Mapped[str] = mapped_column(default="")
    broader_uris: Mapped[list[str]] = mapped_column(default=list)
    reuse_level: Mapped[str | None]
    status: Mapped[str] = mapped_column(default="released")
    language: Mapped[str] = mapped_column(default="en")
    search_text: Mapped[str] = mapped_column(default="")  # labels without case and accents


class Programme(Base):
    """A larger qualification that modules stack into (doorlopende leerroute)."""

    __tablename__ = "programme"

    id: Mapped[str] = mapped_column(primary_key=True)  # prg_…
    provider_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"), index=True)
    title: Mapped[str]
    title_en: Mapped[str | None]
    description: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]


class Course(Base):
    """A module: everything that a learner and Annex I of 2022/C 243/02 ask about it."""

    __tablename__ = "course"
    __table_args__ = (
        CheckConstraint("status IN ('draft', 'published', 'withdrawn')", name="status"),
        CheckConstraint("price_cents >= 0", name="price"),
        CheckConstraint("workload_hours > 0", name="workload"),
        CheckConstraint("ects_tenths > 0", name="ects"),
        CheckConstraint("eqf_level BETWEEN 1 AND 8", name="eqf_level"),
        CheckConstraint(
            "eqf_level IS NULL OR level_reference IS NOT NULL", name="level_is_classified"
        ),
        CheckConstraint(f"form IN {FORMS!r}", name="form"),
        CheckConstraint(f"assessment IN {ASSESSMENTS!r}", name="assessment"),
        CheckConstraint(f"supervision IN {SUPERVISIONS!r}", name="supervision"),
        CheckConstraint(
            "status <> 'published' OR published_at IS NOT NULL", name="published_has_moment"
        ),
        CheckConstraint(
            "status <> 'published' OR NOT is_micro_credential OR"
            " (assessment <> 'none' AND quality_assurance <> '')",
            name="micro_credential_is_assessed",
        ),
        UniqueConstraint("provider_id", "code"),
        Index("ix_course_published", "status", "title", "id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # crs_…
    provider_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"))
    programme_id: Mapped[str | None] = mapped_column(ForeignKey("programme.id"), index=True)
    code: Mapped[str]
    title: Mapped[str]
    title_en: Mapped[str | None]
    description: Mapped[str] = mapped_column(default="")
    outcomes: Mapped[list[str]] = mapped_column(default=list)
    skills: Mapped[list[str]] = mapped_column(default=list)  # ESCO URIs
    sector: Mapped[str]
    region: Mapped[str | None]  # None: anywhere
    language: Mapped[str] = mapped_column(default="nl")
    form: Mapped[str]
    workload_hours: Mapped[int]
    ects_tenths: Mapped[int | None]
    eqf_level: Mapped[int | None]
    level_reference: Mapped[str | None]  # classification by NCP NLQF; without it no level
    assessment: Mapped[str] = mapped_column(default="none")
    supervision: Mapped[str] = mapped_column(default="none")
    quality_assurance: Mapped[str] = mapped_column(default="")
    quality_assurance_url: Mapped[str | None]
    prerequisites: Mapped[str] = mapped_column(default="")
    is_micro_credential: Mapped[bool] = mapped_column(default=False)
    price_cents: Mapped[int]
    status: Mapped[str] = mapped_column(default="draft")
    created_at: Mapped[datetime]
    published_at: Mapped[datetime | None]
    search_text: Mapped[str] = mapped_column(default="")  # what people search, see catalogue.py


class CoursePrice(Base):
    """The price of a course from a date on; the newest is also in the course."""

    __tablename__ = "course_price"
    __table_args__ = (CheckConstraint("price_cents >= 0", name="price"),)

    course_id: Mapped[str] = mapped_column(ForeignKey("course.id"), primary_key=True)
    changed_at: Mapped[datetime] = mapped_column(primary_key=True)
    price_cents: Mapped[int]


class Run(Base):
    """A course run (uitvoering): dates and places; its price is the course's."""

    __tablename__ = "course_run"
    __table_args__ = (
        CheckConstraint("ends_on >= starts_on", name="dates"),
        CheckConstraint("capacity > 0", name="capacity"),
        CheckConstraint("taken BETWEEN 0 AND capacity", name="taken"),
        CheckConstraint("status IN ('planned', 'cancelled')", name="status"),
        Index("ix_course_run_course", "course_id", "starts_on"),
        {"postgresql_with": {"fillfactor": 50}},  # its places are counted in place
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # run_…
    course_id: Mapped[str] = mapped_column(ForeignKey("course.id"))
    provider_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"), index=True)
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    location: Mapped[str] = mapped_column(default="")
    capacity: Mapped[int]
    taken: Mapped[int] = mapped_column(default=0)  # confirmed places, guarded by the CHECK
    status: Mapped[str] = mapped_column(default="planned")


class RunSession(Base):
    """One meeting of a run, or one stretch of online work."""

    __tablename__ = "run_session"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="times"),
        UniqueConstraint("run_id", "starts_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # ses_…
    run_id: Mapped[str] = mapped_column(ForeignKey("course_run.id"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]


class Case(Base):
    """Something a person has to look into: a dispute, a missing declaration, an objection."""

    __tablename__ = "review_case"
    __table_args__ = (
        CheckConstraint("status IN ('open', 'closed')", name="status"),
        CheckConstraint("kind IN ('dispute', 'missing_declaration', 'objection')", name="kind"),
        Index("ix_review_case_status", "status", "due_on"),
        UniqueConstraint("kind", "subject"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # cas_…
    kind: Mapped[str]
    subject: Mapped[str]  # enrolment id (dispute: enrolment/session)
    provider_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"), index=True)
    status: Mapped[str] = mapped_column(default="open")
    opened_at: Mapped[datetime]
    due_on: Mapped[date]
    closed_at: Mapped[datetime | None]
    data: Mapped[dict[str, Any]] = mapped_column(default=dict)
