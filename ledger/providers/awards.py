"""What a micro-credential says: the course, the provider and the learner as they are at the award.

Nothing of how it was paid goes in.
"""

from __future__ import annotations

from sqlalchemy import select

from ledger.accounts import people
from ledger.accounts.models import Organisation
from ledger.certificates import issuing
from ledger.certificates.content import CertificateContent
from ledger.certificates.models import Credential
from ledger.db import Work
from ledger.providers.models import Course, Enrolment, Programme, Skill


def award(work: Work, enrolment: Enrolment) -> Credential | None:
    """Issue the credential of a passed enrolment; None for a course that gives none.

    Raises Invalid when an Annex I element is missing or the name cannot be printed.
    """
    course = work.session.get_one(Course, enrolment.course_id)
    if not course.is_micro_credential:
        return None
    return issuing.issue(
        work,
        enrolment_id=enrolment.id,
        account_id=enrolment.account_id,
        provider_id=enrolment.provider_id,
        course_id=course.id,
        content=_content(work, enrolment, course),
    )


def _content(work: Work, enrolment: Enrolment, course: Course) -> CertificateContent:
    provider = work.session.get_one(Organisation, course.provider_id)
    programme = work.session.get(Programme, course.programme_id) if course.programme_id else None
    return CertificateContent(
        credential_id="",  # filled in when it is issued
        learner_name=people.holder(work.session, enrolment.account_id).name,
        title=course.title,
        issuer_country=provider.country,
        issuer_region=provider.region or "",
        awarding_body=provider.name,
        awarded_on=work.today,
        issued_on=work.today,
        learning_outcomes=tuple(course.outcomes),
        workload_hours=course.workload_hours,
        assessment_type="" if course.assessment == "none" else course.assessment,
        participation_form=course.form,
        quality_assurance=course.quality_assurance,
        description=course.description,
        ects=_tenths(course.ects_tenths),
        eqf_level=course.eqf_level,
        nlqf_reference=course.level_reference,
        quality_assurance_url=course.quality_assurance_url or "",
        prerequisites=course.prerequisites,
        supervision=course.supervision,
        grade=enrolment.grade or "",
        stackable_into=programme.title if programme else "",
        skills=_skills(work, course),
        course_language=course.language,
    )


def _tenths(tenths: int | None) -> str | None:
    if tenths is None:
        return None
    whole, rest = divmod(tenths, 10)
    return f"{whole}.{rest}" if rest else str(whole)


def _skills(work: Work, course: Course) -> tuple[tuple[str, str], ...]:
    rows = work.session.execute(select(Skill.uri, Skill.label).where(Skill.uri.in_(course.skills)))
    labels = dict(rows.all())
    return tuple((uri, labels[uri]) for uri in course.skills if uri in labels)
