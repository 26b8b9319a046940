"""What the account pages are told about enrolments: names, next steps, and words for codes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.accounts import neighbours
from ledger.accounts.models import Organisation
from ledger.accounts.neighbours import Named, Step
from ledger.messages import N_, Message
from ledger.providers import vocabulary
from ledger.providers.models import Course, Enrolment, Run

PAGE = "enrolments.show"  # of one enrolment, by enrolment_id


def register() -> None:
    """Let the account pages know this room; calling it again changes nothing."""
    neighbours.register_names("enr", named)
    neighbours.register_steps("providers", steps)
    neighbours.register_codes(vocabulary.SECTORS)
    neighbours.register_codes(vocabulary.FORMS)


def named(session: Session, enrolment_ids: Collection[str]) -> Mapping[str, Named]:
    """Return course, provider and start of each enrolment."""
    rows = session.execute(
        select(Enrolment.id, Course.title, Course.title_en, Organisation.name, Run.starts_on)
        .join(Course, Course.id == Enrolment.course_id)
        .join(Organisation, Organisation.id == Enrolment.provider_id)
        .join(Run, Run.id == Enrolment.run_id)
        .where(Enrolment.id.in_(enrolment_ids))
    )
    return {
        id_: Named(
            title,
            title_en,
            Message(
                N_("%(provider)s, starts on %(day)s"), {"provider": provider, "day": starts_on}
            ),
            PAGE,
            {"enrolment_id": id_},
        )
        for id_, title, title_en, provider, starts_on in rows
    }


def steps(session: Session, account_id: str, now: datetime) -> Iterator[Step]:
    """Yield the enrolments that wait for the holder to confirm them, soonest first."""
    rows = session.execute(
        select(Enrolment.id, Enrolment.confirm_until, Course.title)
        .join(Course, Course.id == Enrolment.course_id)
        .where(
            Enrolment.account_id == account_id,
            Enrolment.status.in_(("requested", "offered")),
            Enrolment.confirm_until > now,
        )
        .order_by(Enrolment.confirm_until)
    )
    for id_, until, title in rows:
        yield Step(
            Message(N_("Confirm your enrolment in %(course)s"), {"course": title}),
            Message(N_("Before %(moment)s; after that it lapses."), {"moment": until}),
            PAGE,
            {"enrolment_id": id_},
            urgent=True,
        )
