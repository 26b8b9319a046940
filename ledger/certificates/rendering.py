"""The certificate as an A4 PDF: the same content, address and language give the same bytes.

Every Annex I element of Council Recommendation 2022/C 243/02 has a place. What the learner, the
provider or the course wrote is printed as it is, never read as markup.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from io import BytesIO
from threading import Lock

from babel import Locale
from babel.numbers import format_decimal
from reportlab.pdfgen.canvas import Canvas

from ledger.certificates import fonts, frame, layout
from ledger.certificates.content import (
    ASSESSMENT_TYPES,
    ELEMENTS,
    PARTICIPATION_FORMS,
    SUPERVISION_TYPES,
    CertificateContent,
)
from ledger.certificates.layout import INNER, MARGIN, Block, Flow, Tick, Words
from ledger.certificates.text import Line, fit, line, wrap
from ledger.i18n import N_, format_date, translator

# reportlab's registered fonts are shared by the whole process.
_drawing = Lock()
_COLUMNS = 3
_GAP = 18.0
_COLUMN = (INNER - (_COLUMNS - 1) * _GAP) / _COLUMNS
_CLOSE = 0.88
_ROW_LINES = 4  # what needs more lines than this gets the whole width
_SHORT = 18  # characters; a longer result stands among the details
_PLACE = N_("Country and region of the issuer")


@dataclass(frozen=True, slots=True)
class _Fact:
    label: str
    value: str


def render(content: CertificateContent, verify_url: str, locale: str, issued_code: str) -> bytes:
    """Return the PDF in ``nl`` or ``en``; ``issued_code`` is printed for people to read aloud."""
    _ = translator(locale)
    with _drawing:
        pages = compose(content, verify_url, locale, issued_code)
        file = BytesIO()
        canvas = Canvas(
            file,
            pagesize=(layout.WIDTH, layout.HEIGHT),
            invariant=1,
            pageCompression=1,
            initialFontName=fonts.initial_font(),  # type: ignore[arg-type]  # stub says float
            lang=locale,
        )
        canvas.setTitle(fonts.clean(content.title))
        canvas.setAuthor(fonts.clean(content.awarding_body))
        canvas.setSubject(_("Micro-credential"))
        canvas.setCreator("Leerrekening")
        canvas.setViewerPreference("DisplayDocTitle", "true")
        for page in pages:
            for mark in page:
                mark.draw(canvas)
            canvas.showPage()
        canvas.save()
        return file.getvalue()


def compose(
    content: CertificateContent, verify_url: str, locale: str, issued_code: str
) -> list[list[layout.Mark]]:
    """Return the marks of every page; nothing is drawn yet.

    What nearly fits on one page is set a little closer, so that it hangs in one frame.
    """
    roomy = _compose(content, verify_url, locale, issued_code, squeeze=1.0)
    if len(roomy) == 1:
        return roomy
    close = _compose(content, verify_url, locale, issued_code, squeeze=_CLOSE)
    return close if len(close) == 1 else roomy


def _compose(
    content: CertificateContent, verify_url: str, locale: str, issued_code: str, *, squeeze: float
) -> list[list[layout.Mark]]:
    _ = translator(locale)
    flow = Flow(first_floor=frame.CHECK_TOP + 6, squeeze=squeeze)
    frame.open_first_page(flow, verify_url, _)
    _put_award(flow, content, locale, _)
    _put_key_facts(flow, _key_facts(content, locale, _))
    _put_outcomes(flow, content, _)
    _put_details(flow, _details(content, locale, _), _)
    frame.close_pages(flow, content, issued_code, _)
    return flow.pages


def _put_award(
    flow: Flow, content: CertificateContent, locale: str, _: Callable[[str], str]
) -> None:
    flow.lines([line(_("This certifies that"), "regular", 11)], colour=layout.MUTED)
    flow.skip(5)
    # The first lines stand beside the rosette.
    name = fit(content.learner_name, "bold", largest=33, smallest=15, width=INNER - 104, lines=2)
    flow.lines(name, colour=layout.INK, leading=1.16)
    flow.skip(11)
    flow.put(Block(MARGIN, flow.y, 58, 2.6, layout.GREEN))
    flow.skip(11)
    flow.lines([line(_("has earned the micro-credential"), "regular", 11)], colour=layout.MUTED)
    flow.skip(3)
    title = fit(content.title, "semibold", largest=22, smallest=13, width=INNER, lines=2)
    flow.lines(title, colour=layout.ACCENT, leading=1.2)
    flow.skip(4)
    award = _("Awarded by %(body)s on %(date)s") % {
        "body": content.awarding_body,
        "date": format_date(content.awarded_on, locale),
    }
    flow.lines(wrap(award, "regular", 10.5, INNER), colour=layout.TEXT)
    if content.description.strip():
        flow.skip(6)
        flow.lines(_paragraphs(content.description, 9.5, INNER), colour=layout.MUTED)
    flow.skip(12)


def _put_key_facts(flow: Flow, facts: list[_Fact]) -> None:
    cell = INNER / len(facts)
    values = [wrap(fact.value, "semibold", 13, cell - 22) for fact in facts]
    labels = [wrap(fact.label, "regular", 8.2, cell - 22) for fact in facts]
    label_height = max(len(lines) for lines in labels) * 11
    height = 19 + label_height + max(len(lines) for lines in values) * 16.5
    flow.need(height)
    bottom = flow.y - height
    flow.put(
        Block(MARGIN, bottom, INNER, height, layout.PAPER, layout.RULE, 4),
        Block(MARGIN, flow.y - 3, INNER, 3, layout.GREEN),
    )
    for index, (label, value) in enumerate(zip(labels, values, strict=True)):
        x = MARGIN + index * cell + 13
        if index:
            flow.put(Block(x - 13, bottom + 10, 0.75, height - 23, layout.RULE))
        y = flow.y - 19
        for item in label:
            flow.put(Words(item, x, y, layout.MUTED))
            y -= 11
        y = flow.y - 19 - label_height - 4
        for item in value:
            flow.put(Words(item, x, y, layout.INK))
            y -= 16.5
    flow.y = bottom - 15


def _put_outcomes(flow: Flow, content: CertificateContent, _: Callable[[str], str]) -> None:
    _put_heading(flow, _("What the learner knows and can do"))
    for outcome in content.learning_outcomes:
        lines = _paragraphs(outcome, 10, INNER - 18)
        if not lines:
            continue
        flow.need(lines[0].size * 1.35)
        flow.put(Tick(MARGIN + 1, flow.y - 10.4, 8))
        flow.lines(lines, x=MARGIN + 18)
        flow.skip(3)
    flow.skip(7)


def _put_details(flow: Flow, facts: list[_Fact], _: Callable[[str], str]) -> None:
    _put_heading(flow, _("About this micro-credential"))
    row: list[_Fact] = []
    wide: list[_Fact] = []
    for fact in facts:
        if len(_paragraphs(fact.value, 9.5, _COLUMN)) > _ROW_LINES:
            wide.append(fact)
            continue
        row.append(fact)
        if len(row) == _COLUMNS:
            _put_row(flow, row)
            row = []
    if row:
        _put_row(flow, row)
    for fact in wide:
        _put_wide(flow, fact)


def _put_row(flow: Flow, facts: list[_Fact]) -> None:
    texts = [_paragraphs(fact.value, 9.5, _COLUMN) for fact in facts]
    leading = 12.6 * flow.squeeze
    height = 11.5 + max(len(lines) for lines in texts) * leading + 6.5 * flow.squeeze
    flow.need(height)
    for index, (fact, lines) in enumerate(zip(facts, texts, strict=True)):
        x = MARGIN + index * (_COLUMN + _GAP)
        flow.put(Words(line(fact.label, "regular", 8.2), x, flow.y - 8, layout.MUTED))
        y = flow.y - 20
        for item in lines:
            flow.put(Words(item, x, y, layout.TEXT))
            y -= leading
    flow.y -= height


def _put_wide(flow: Flow, fact: _Fact) -> None:
    flow.need(26)
    flow.put(Words(line(fact.label, "regular", 8.2), MARGIN, flow.y - 8, layout.MUTED))
    flow.skip(10)
    flow.lines(_paragraphs(fact.value, 9.5, INNER), leading=1.33)
    flow.skip(6.5)


def _put_heading(flow: Flow, text: str) -> None:
    # A heading never stands alone at the foot of a page.
    flow.need(54)
    flow.put(Words(line(text, "semibold", 12), MARGIN, flow.y - 11, layout.INK))
    flow.put(Block(MARGIN, flow.y - 18, INNER, 0.75, layout.RULE))
    flow.skip(26)


def _paragraphs(text: str, size: float, width: float) -> list[Line]:
    return [item for part in text.splitlines() for item in wrap(part, "regular", size, width)]


def _key_facts(content: CertificateContent, locale: str, _: Callable[[str], str]) -> list[_Fact]:
    hours = _("%(hours)s hours") % {"hours": format_decimal(content.workload_hours, locale=locale)}
    level = content.classified_level
    facts = [_Fact(_("Workload"), hours)]
    if content.ects:
        points = format_decimal(Decimal(content.ects), locale=locale)
        facts.append(_fact("ects", points, _))
    shown = _("not classified") if level is None else str(level)
    facts.append(_fact("eqf_level", shown, _))
    if 0 < len(content.grade.strip()) <= _SHORT:
        facts.append(_fact("grade", content.grade, _))
    return facts


def _details(content: CertificateContent, locale: str, _: Callable[[str], str]) -> list[_Fact]:
    names = Locale.parse(locale)
    country = names.territories.get(content.issuer_country, content.issuer_country)
    language = names.languages.get(content.course_language, content.course_language)
    place = ", ".join(part for part in (content.issuer_region, country) if part.strip())
    assurance = "\n".join(
        part for part in (content.quality_assurance, content.quality_assurance_url) if part.strip()
    )
    values = {
        "issuer_country": place,
        "assessment_type": _word(ASSESSMENT_TYPES, content.assessment_type, _),
        "grade": content.grade if len(content.grade.strip()) > _SHORT else "",
        "participation_form": _word(PARTICIPATION_FORMS, content.participation_form, _),
        "supervision": _word(SUPERVISION_TYPES, content.supervision, _),
        "quality_assurance": assurance,
        "nlqf_reference": content.nlqf_reference or "",
        "course_language": language[:1].upper() + language[1:],
        "issued_on": format_date(content.issued_on, locale),
        "stackable_into": content.stackable_into,
        "prerequisites": content.prerequisites,
        "skills": " · ".join(label for _uri, label in content.skills),
        "further_information": content.further_information,
    }
    return [_fact(name, value, _) for name, value in values.items() if value.strip()]


def _word(words: Mapping[str, str], code: str, _: Callable[[str], str]) -> str:
    return _(words[code]) if code in words else code


def _fact(name: str, value: str, _: Callable[[str], str]) -> _Fact:
    label = _PLACE if name == "issuer_country" else ELEMENTS[name]
    return _Fact(_(label), value)
