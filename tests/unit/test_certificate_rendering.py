"""The printed certificate: everything is on it, nothing leaves the page, any name is printed."""

from __future__ import annotations

from io import BytesIO

import pytest
from pypdf import PdfReader

from ledger.certificates import fonts, layout
from ledger.certificates.rendering import compose, render
from ledger.certificates.text import fit, line, wrap
from ledger.errors import Invalid
from tests.unit.certificate_samples import ADDRESS, sample

CODE = "crd_01KB0000000000000000000000"
NAMES = [
    "Samira de Vries-Łukasiewicz",
    "Ελένη Παπαδοπούλου",
    "Олександра Шевченко",
    "محمد عبد الله (الحسن) 123",
    "דוד בן־גוריון",
    "अनीता क्षत्रिय",
    "தமிழ்ச்செல்வி",
    "王小明 さくら",
    "Nguyễn Thị Hồng",
    "<b>Jan</b> <img src=x onerror=alert(1)> &amp; %(x)s {y}",
    "A\u200bn\u202en\ufeffe",
    "X" * 300,
    "van der " * 37,
]
HARD = {
    "title": "Een bijzonder lange titel " * 8,
    "learning_outcomes": ("Kan dit. " * 444, "W" * 4000),
    "prerequisites": "Ervaring " * 300,
    "awarding_body": "Q" * 200,
    "grade": "K" * 300,
}


def _words(pdf: bytes) -> str:
    return " ".join(" ".join(page.extract_text().split()) for page in PdfReader(BytesIO(pdf)).pages)


@pytest.mark.parametrize("locale", ["nl", "en"])
def test_every_element_is_printed_on_one_page(locale: str) -> None:
    pdf = render(sample(), ADDRESS, locale, CODE)
    reader = PdfReader(BytesIO(pdf))
    words = _words(pdf)
    assert len(reader.pages) == 1
    content = sample()
    for text in (
        content.learner_name,
        content.title,
        content.awarding_body,
        "Utrecht",
        *content.learning_outcomes,
        "84",
        "3,5" if locale == "nl" else "3.5",
        content.nlqf_reference,
        content.quality_assurance,
        content.quality_assurance_url,
        content.prerequisites,
        content.grade,
        content.stackable_into,
        "warmtepompen installeren",
        content.further_information,
        "12 mei 2026" if locale == "nl" else "12 May 2026",
        "13 mei 2026" if locale == "nl" else "13 May 2026",
        CODE,
        ADDRESS,
    ):
        assert text is not None
        # A value may go on in the next line or column.
        assert set(text.split()) <= set(words.split()) or text.replace(" ", "") in words.replace(
            " ", ""
        ), text


def test_the_file_says_what_it_is_and_in_which_language() -> None:
    reader = PdfReader(BytesIO(render(sample(), ADDRESS, "en", CODE)))
    assert reader.metadata is not None
    assert reader.metadata.title == sample().title
    assert reader.metadata.author == sample().awarding_body
    assert reader.trailer["/Root"]["/Lang"] == "en"  # type: ignore[index]
    (width, height) = reader.pages[0].mediabox[2:]
    assert (round(float(width)), round(float(height))) == (595, 842)


def test_all_fonts_are_embedded() -> None:
    reader = PdfReader(BytesIO(render(sample(learner_name=NAMES[3]), ADDRESS, "nl", CODE)))
    used = [font.get_object() for font in reader.pages[0]["/Resources"]["/Font"].values()]  # type: ignore[index]
    assert len(used) >= 4
    for font in used:
        assert "/FontFile2" in font["/FontDescriptor"], font["/BaseFont"]


def test_the_same_content_gives_the_same_bytes_whatever_was_printed_before() -> None:
    content = sample(learner_name=NAMES[5])
    first = render(content, ADDRESS, "nl", CODE)
    render(sample(learner_name=NAMES[3] + NAMES[6]), ADDRESS, "en", CODE)
    render(sample(learner_name="क्षमा " + NAMES[7]), ADDRESS, "en", CODE)
    assert render(content, ADDRESS, "nl", CODE) == first


@pytest.mark.parametrize("name", NAMES)
def test_no_name_leaves_the_page(name: str) -> None:
    fonts.check_coverage(name)
    for marks in compose(sample(learner_name=name, **HARD), ADDRESS, "nl", CODE):
        for mark in marks:
            left, bottom, right, top = mark.box
            assert left >= 0 and bottom >= 0 and top <= layout.HEIGHT + 0.1, mark
            inner = layout.WIDTH if left == 0 else layout.WIDTH - layout.MARGIN
            assert right <= inner + 0.5, mark


def test_text_never_runs_into_the_check_box_or_the_footer() -> None:
    pages = compose(sample(**HARD), ADDRESS, "nl", CODE)
    assert len(pages) > 1
    for number, marks in enumerate(pages):
        body = [m for m in marks if isinstance(m, layout.Words) and m.line.text.startswith("WWW")]
        floor = 140 if number == 0 else 60
        assert all(mark.box[1] > floor for mark in body)


def test_markup_is_printed_as_it_was_typed() -> None:
    assert "<b>Jan</b>" in _words(render(sample(learner_name=NAMES[9]), ADDRESS, "nl", CODE))


def test_an_unclassified_level_is_said_to_be_so() -> None:
    words = _words(render(sample(nlqf_reference=None), ADDRESS, "en", CODE))
    assert "not classified" in words


def test_a_name_outside_all_fonts_is_refused_with_its_characters() -> None:
    with pytest.raises(Invalid) as caught:
        fonts.check_coverage("Kim 김철수 😀", field="name")
    assert caught.value.params == {"characters": "김 철 수 😀"}
    assert "name" in caught.value.field_errors


def test_invisible_characters_are_taken_out_and_joiners_stay() -> None:
    assert fonts.clean("A\u200bn\u202ena\x00 \n b") == "Anna b"
    assert fonts.clean("می\u200cخواهم") == "می\u200cخواهم"


def test_wrapping_loses_no_character_and_keeps_to_the_width() -> None:
    text = "Allround monteur duurzame-installaties " * 9 + "U" * 90
    lines = wrap(text, "regular", 10, 120)
    assert "".join(item.text for item in lines) == fonts.clean(text)
    assert all(line(item.text.rstrip(), "regular", 10).width <= 120.01 for item in lines)


def test_a_long_title_is_set_smaller_before_it_takes_more_lines() -> None:
    short = fit("Kort", "bold", largest=30, smallest=12, width=300, lines=2)
    long = fit("Lang genoeg " * 8, "bold", largest=30, smallest=12, width=300, lines=2)
    assert short[0].size == 30
    assert 12 <= long[0].size < 30
    assert len(long) == 2


def test_right_to_left_text_is_drawn_from_the_right() -> None:
    mixed = line("عبد John الله", "regular", 10)
    assert mixed.right_to_left
    drawn = [piece.drawn.strip() for piece in mixed.pieces]
    assert "John" in drawn
    # In a right-to-left line the last word stands leftmost.
    assert len(drawn[0]) == len(line("الله", "regular", 10).pieces[0].drawn)
