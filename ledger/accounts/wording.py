"""The books in plain words: what each kind of transaction is to a holder, and what a rule says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ledger.accounts.models import Rule
from ledger.accounts.neighbours import in_words
from ledger.messages import N_, Message
from ledger.money import MIN, Money


@dataclass(frozen=True, slots=True)
class Wording:
    """How a kind of transaction is told: a title, a word for its badge, and what it means."""

    title: str
    badge: str
    tone: str
    meaning: str


KINDS: Mapping[str, Wording] = {
    "pay_in": Wording(
        N_("Budget paid in"),
        N_("Paid in"),
        "good",
        N_("The funder put money into the fund of this scheme."),
    ),
    "grant": Wording(
        N_("Budget received"),
        N_("Received"),
        "good",
        N_("The funder granted you this budget. You can spend it from the fund of the scheme."),
    ),
    "accrual": Wording(
        N_("Budget built up"),
        N_("Received"),
        "good",
        N_("You build up this budget over time, as the rules of the scheme say."),
    ),
    "top_up": Wording(
        N_("Extra budget received"),
        N_("Received"),
        "good",
        N_("Somebody added this to your account on top of your other budgets."),
    ),
    "hold": Wording(
        N_("Reserved for a course"),
        N_("Reserved"),
        "warn",
        N_(
            "You confirmed an enrolment. This money is set aside and can no longer be spent on "
            "something else. The provider has not received it yet."
        ),
    ),
    "release": Wording(
        N_("Reservation ended"),
        N_("Returned"),
        "neutral",
        N_(
            "The enrolment ended without costs. The money went back to the budgets that it came "
            "from; what had expired meanwhile went back to the funder."
        ),
    ),
    "settle": Wording(
        N_("Course paid"),
        N_("Paid"),
        "neutral",
        N_(
            "The enrolment is settled. The provider gets this part of what was reserved; the rest "
            "went back to the budgets that it came from."
        ),
    ),
    "expire": Wording(
        N_("Budget expired"),
        N_("Expired"),
        "bad",
        N_(
            "The last day to spend this budget has passed. What was left went back to the fund of "
            "the scheme. You were told beforehand."
        ),
    ),
    "revoke": Wording(
        N_("Budget withdrawn"),
        N_("Withdrawn"),
        "bad",
        N_("The funder took this budget back."),
    ),
    "reallocate": Wording(
        N_("Returned money put to use again"),
        N_("Put to use"),
        "neutral",
        N_("Money that had expired was put back into the fund of the scheme."),
    ),
    "clawback": Wording(
        N_("Payment taken back from the provider"),
        N_("Returned"),
        "neutral",
        N_(
            "The provider has to pay this back. It is on your budget again, or with the funder if "
            "the budget has expired."
        ),
    ),
    "pay": Wording(
        N_("Provider paid"),
        N_("Paid out"),
        "neutral",
        N_("The provider received what it was owed for a period."),
    ),
    "reversal": Wording(
        N_("Correction"),
        N_("Corrected"),
        "neutral",
        N_("An earlier transaction was wrong and is undone by this one. Both stay visible."),
    ),
}

BUCKETS: Mapping[str, str] = {
    "bank": N_("Bank"),
    "fund": N_("Fund of the scheme"),
    "returned": N_("Returned to the funder"),
    "available": N_("Free to spend"),
    "held": N_("Reserved"),
    "payable": N_("Owed to the provider"),
    "receivable": N_("Owed by the provider"),
}

ORIGINS: Mapping[str, str] = {
    "grant": N_("granted by the funder"),
    "accrual": N_("built up over time"),
    "top_up": N_("an extra contribution"),
}


def terms(rule: Rule, unit: str) -> tuple[Message, ...]:
    """Return what a version of a scheme's rules says, one sentence per rule; money in ``unit``."""
    return (
        *_accrual(rule, unit),
        *_expiry(rule),
        *_eligibility(rule),
        *_spending(rule, unit),
        *_ending(rule, unit),
    )


def _accrual(rule: Rule, unit: str) -> Iterator[Message]:
    if rule.accrual_period == "none" or rule.accrual_minor == 0:
        return
    each = {
        "month": N_("You build up %(amount)s each month."),
        "year": N_("You build up %(amount)s each year."),
    }[rule.accrual_period]
    yield Message(each, {"amount": Money(rule.accrual_minor, unit)})
    if rule.accrual_low_minor:
        yield Message(
            N_("With a finished education up to level %(level)s it is %(amount)s."),
            {"level": rule.low_level_until, "amount": Money(rule.accrual_low_minor, unit)},
        )
    if rule.full_from_percent:
        yield Message(
            N_(
                "With a contract below %(percent)s%% of full time you build up less, in proportion."
            ),
            {"percent": rule.full_from_percent},
        )
    if rule.cap_minor:
        yield Message(
            N_("Building up stops when you have %(cap)s."), {"cap": Money(rule.cap_minor, unit)}
        )


def _expiry(rule: Rule) -> Iterator[Message]:
    if rule.expiry_months is None:
        yield Message(N_("This budget does not expire."))
    else:
        yield Message(
            N_(
                "Each amount can be spent for %(months)s months. We warn you 90, 30 and 7 days "
                "before it expires."
            ),
            {"months": rule.expiry_months},
        )


def _eligibility(rule: Rule) -> Iterator[Message]:
    if rule.regions:
        yield Message(
            N_("It is meant for people who live in: %(list)s."), {"list": _listed(rule.regions)}
        )
    if rule.holder_sectors:
        yield Message(
            N_("It is meant for people who work in: %(list)s."),
            {"list": _listed(rule.holder_sectors)},
        )
    if rule.employers:
        yield Message(N_("It is meant for people who work at an employer in this scheme."))
    if rule.age_from > 16 or rule.age_until < 120:
        yield Message(
            N_("It is meant for people from %(low)s to %(high)s years old."),
            {"low": rule.age_from, "high": rule.age_until},
        )


def _spending(rule: Rule, unit: str) -> Iterator[Message]:
    if rule.course_sectors:
        yield Message(
            N_("You can spend it on courses in: %(list)s."), {"list": _listed(rule.course_sectors)}
        )
    if rule.forms:
        yield Message(
            N_("You can spend it on courses of this form: %(list)s."), {"list": _listed(rule.forms)}
        )
    if rule.course_ids:
        yield Message(N_("You can spend it on a fixed list of courses."))
    if unit == MIN:
        return
    if rule.share_percent < 100:
        yield Message(
            N_("It pays at most %(percent)s%% of the price."), {"percent": rule.share_percent}
        )
    if rule.max_per_course_minor:
        yield Message(
            N_("It pays at most %(amount)s per course."),
            {"amount": Money(rule.max_per_course_minor, unit)},
        )


def _ending(rule: Rule, unit: str) -> Iterator[Message]:
    if rule.cooling_off_days:
        yield Message(
            N_(
                "You can withdraw for free within %(days)s days, as long as the course starts more "
                "than %(free)s days later."
            ),
            {"days": rule.cooling_off_days, "free": rule.free_until_days},
        )
    if unit == MIN:
        yield Message(N_("Hours that you did not use always come back."))
        return
    yield Message(
        N_("Cancelling late costs %(percent)s%% of the price."), {"percent": rule.late_percent}
    )
    lost = rule.rest_when_abandoned == "lost"
    yield Message(
        N_(
            "If you attend less than %(below)s%%, the provider gets %(percent)s%% and the rest is "
            "lost to you."
        )
        if lost
        else N_(
            "If you attend less than %(below)s%%, the provider gets %(percent)s%% and the rest "
            "comes back to you."
        ),
        {"below": rule.abandoned_below, "percent": rule.abandoned_percent},
    )
    yield Message(
        N_("From %(percent)s%% attendance the course counts as completed."),
        {"percent": rule.complete_from},
    )


def _listed(codes: Sequence[str]) -> Message:
    # A msgid of placeholders only, so that each code is shown in the reader's language.
    names = {f"n{index}": in_words(code) for index, code in enumerate(codes)}
    return Message(", ".join(f"%({name})s" for name in names), names)
