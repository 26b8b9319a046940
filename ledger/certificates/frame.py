"""What every certificate page has around its text: masthead, check box, footer."""

from __future__ import annotations

from collections.abc import Callable

from ledger.certificates import layout
from ledger.certificates.content import CertificateContent
from ledger.certificates.layout import (
    HEIGHT,
    INNER,
    MARGIN,
    WIDTH,
    Block,
    Code,
    Flow,
    Rosette,
    Words,
)
from ledger.certificates.text import Line, fit, line, wrap

_CHECK_BOTTOM = 56.0
_CHECK_HEIGHT = 92.0
CHECK_TOP = _CHECK_BOTTOM + _CHECK_HEIGHT
_FOOT = 34.0


def open_first_page(flow: Flow, verify_url: str, _: Callable[[str], str]) -> None:
    """Place masthead, rosette and check box; the text begins below the masthead."""
    _put_bands(flow)
    _put_masthead(flow, HEIGHT - 62, _)
    flow.put(Rosette(WIDTH - MARGIN - 42, HEIGHT - 128, 42))
    _put_check(flow, verify_url, _)
    flow.y = HEIGHT - 96


def close_pages(
    flow: Flow, content: CertificateContent, issued_code: str, _: Callable[[str], str]
) -> None:
    """Place the running head of later pages and the footer of all, now that they are counted."""
    total = len(flow.pages)
    for number, page in enumerate(flow.pages, start=1):
        if number > 1:
            page.extend(_running_head(content))
        page.extend(_footer(issued_code, number, total, _))


def _put_bands(flow: Flow) -> None:
    flow.put(
        Block(0, HEIGHT - 16, WIDTH, 16, layout.INK),
        Block(MARGIN, HEIGHT - 20, 74, 4, layout.AMBER),
    )


def _put_masthead(flow: Flow, y: float, _: Callable[[str], str]) -> None:
    flow.put(
        Block(MARGIN, y, 26, 26, layout.ACCENT, radius=4.55),
        Block(MARGIN + 7.15, y + 6.5, 3.25, 13, layout.WHITE),
        Block(MARGIN + 7.15, y + 6.5, 7.8, 3.25, layout.WHITE),
        Block(MARGIN + 16.25, y + 12.35, 3.25, 7.15, layout.AMBER),
        Block(MARGIN + 16.25, y + 6.5, 3.25, 3.9, layout.WHITE),
        Words(line("Leerrekening", "semibold", 13), MARGIN + 35, y + 8.6, layout.INK),
    )
    mark = line(_("Micro-credential").upper(), "semibold", 9.5)
    tracking = 1.9
    x = WIDTH - MARGIN - mark.width - tracking * (len(mark.text) - 1)
    flow.put(Words(mark, x, y + 9.4, layout.ACCENT, tracking))


def _put_check(flow: Flow, verify_url: str, _: Callable[[str], str]) -> None:
    size = _CHECK_HEIGHT - 8
    flow.put(
        Block(MARGIN, _CHECK_BOTTOM, INNER, _CHECK_HEIGHT, layout.WHITE, layout.RULE, 4),
        Code(verify_url, MARGIN + 5, _CHECK_BOTTOM + 4, size),
    )
    x = MARGIN + size + 17
    width = WIDTH - MARGIN - 14 - x
    y = CHECK_TOP - 22
    flow.put(Words(line(_("Check this certificate"), "semibold", 11), x, y, layout.INK))
    y -= 16
    advice = _(
        "Scan the code or open the address below. The page says whether this certificate is valid"
        " or was withdrawn. A paper or a file alone proves nothing."
    )
    for item in wrap(advice, "regular", 8.8, width):
        flow.put(Words(item, x, y, layout.MUTED))
        y -= 11.8
    y -= 2.5
    for item in _address(verify_url, width):
        flow.put(Words(item, x, y, layout.ACCENT))
        y -= 1.2 * item.size


def _address(verify_url: str, width: float) -> list[Line]:
    return fit(verify_url, "semibold", largest=9.5, smallest=5.5, width=width, lines=1)


def _running_head(content: CertificateContent) -> list[layout.Mark]:
    # One line each: on later pages the name and title only say what the page belongs to.
    name = wrap(content.learner_name, "semibold", 10, INNER)[:1]
    title = wrap(content.title, "regular", 9, INNER)[:1]
    marks: list[layout.Mark] = [
        Block(0, HEIGHT - 16, WIDTH, 16, layout.INK),
        Block(MARGIN, HEIGHT - 20, 74, 4, layout.AMBER),
        Block(MARGIN, HEIGHT - 74, INNER, 0.75, layout.RULE),
    ]
    marks.extend(Words(item, MARGIN, HEIGHT - 50, layout.INK) for item in name)
    marks.extend(Words(item, MARGIN, HEIGHT - 64, layout.MUTED) for item in title)
    return marks


def _footer(
    issued_code: str, number: int, total: int, _: Callable[[str], str]
) -> list[layout.Mark]:
    code = line(_("Certificate code: %(code)s") % {"code": issued_code}, "regular", 8)
    pages = line(
        _("Page %(number)s of %(total)s") % {"number": number, "total": total}, "regular", 8
    )
    return [
        Words(code, MARGIN, _FOOT, layout.MUTED),
        Words(pages, WIDTH - MARGIN - pages.width, _FOOT, layout.MUTED),
    ]
