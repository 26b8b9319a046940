"""One story through a real browser: from a balance to a place, a pay-out, an audit, a proof."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files

from lxml import etree
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from ledger.clock import AMSTERDAM
from tests.e2e.product import Login, Product
from tests.e2e.visit import cents, fill, follow, press, says, sign_in, words

DUE = """
    SELECT e.id, e.run_id, r.provider_id, a.number FROM enrolment e
    JOIN course_run r ON r.id = e.run_id JOIN account a ON a.id = e.account_id
    WHERE e.status = 'confirmed' AND r.ends_on < ? ORDER BY r.ends_on DESC, e.id
"""
COMING = """
    SELECT r.id, r.course_id, c.title FROM course_run r JOIN course c ON c.id = r.course_id
    WHERE r.starts_on > ? AND r.status = 'planned' ORDER BY r.starts_on, r.id
"""
HELD = """
    SELECT c.id, c.token, u.email FROM credential c JOIN account a ON a.id = c.account_id
    JOIN person p ON p.id = a.person_id JOIN user_account u ON u.id = p.user_id
    WHERE c.status = 'issued' ORDER BY c.id
"""


@dataclass(frozen=True, slots=True)
class Choice:
    """A run that the worker can pay in full."""

    run_id: str
    title: str
    price_cents: int


def test_the_whole_journey(page: Page, product: Product) -> None:
    worker, other = product.login("worker", 1), product.login("worker", 2)
    choice = choose(product, worker)
    sign_in(page, product, worker)
    look_at_the_money(page, product, worker)
    enrol(page, product, worker, choice)
    sign_in(page, product, other)
    number, code = make_a_code(page)
    sign_in(page, product, provider_of(product, choice.run_id))
    register(page, product, worker, choice, number, code)
    state_attendance_and_complete(page, product)
    release_a_statement(page, product)
    audit(page, product)
    show_the_certificate(page, product)


def today() -> str:
    return datetime.now(AMSTERDAM).date().isoformat()


def balance(product: Product, worker: Login) -> dict[str, int]:
    answer = product.visitor().call(worker.api_key, "GET", "/account")
    return next(one for one in answer.json["balances"] if one["unit"] == "EUR")


def choose(product: Product, worker: Login) -> Choice:
    visitor = product.visitor()
    for run_id, _, title in product.ask(COMING, today()):
        answer = visitor.call(worker.api_key, "GET", f"/runs/{run_id}/quote")
        quote = answer.json
        if answer.status == 200 and quote["price_cents"] and not quote["shortfall_cents"]:
            return Choice(run_id, title, quote["price_cents"])
    raise AssertionError("the demonstration has no coming run that this worker can pay")


def provider_of(product: Product, run_id: str) -> Login:
    ((email,),) = product.ask(
        "SELECT u.email FROM course_run r JOIN membership m ON m.organisation_id = r.provider_id"
        " JOIN user_account u ON u.id = m.user_id WHERE r.id = ? LIMIT 1",
        run_id,
    )
    return product.login_of(email)


def look_at_the_money(page: Page, product: Product, worker: Login) -> None:
    have = balance(product, worker)
    expect(page.get_by_role("heading", level=1)).to_have_text(words("Your learning account"))
    assert cents(page.locator(".big").first.inner_text()) == have["available"]
    parts = page.locator("figure.bar").first.locator("figcaption").inner_text()
    shown = [cents(part) for part in re.findall(r"€\s?[\d.]+,\d\d", parts)]
    assert shown[:3] == [have["available"], have["held"], have["spent"]]
    page.goto(f"{product.url}/account/lots")
    rows = page.locator("tbody tr")
    heads = page.locator("thead th").all_inner_texts()
    free = rows.locator(f":nth-child({heads.index(words('Free to spend')) + 1})").all_inner_texts()
    assert sum(cents(text) for text in free if "€" in text) == have["available"]
    assert re.search(r"\b20\d\d\b", rows.first.inner_text()), "each amount has its last day"
    rows.first.get_by_role("link").click()
    if "scheme=" in page.url:  # several that were built up share a row
        rows.first.get_by_role("link").click()
    says(page, "Where it comes from")
    says(page, "The rules of this budget")
    page.goto(f"{product.url}/account/transactions")
    page.locator("tbody a").first.click()
    expect(page.locator("main")).to_contain_text("€")


def enrol(page: Page, product: Product, worker: Login, choice: Choice) -> None:
    before = balance(product, worker)
    page.goto(f"{product.url}/courses")
    page.locator("main input[name=q]").fill(choice.title)
    page.locator("main input[name=q]").press("Enter")
    page.get_by_role("link", name=choice.title, exact=True).first.click()
    page.locator(f"a[href$='/runs/{choice.run_id}']").first.click()
    follow(page, "Ask for a place")
    paying = page.get_by_role("table", name=words("Who pays"))
    amounts = paying.locator("tbody td:last-child").all_inner_texts()
    assert sum(cents(text) for text in amounts if "€" in text) == choice.price_cents
    assert paying.locator("tbody td:first-child").all_inner_texts() == [
        str(number) for number in range(1, len(amounts) + 1)
    ]
    press(page, "Ask for a place")
    fill(page, "Your password", "niet mijn wachtwoord")
    press(page, "Confirm and set the money aside")
    says(page, "This is not your password.")
    assert balance(product, worker) == before
    fill(page, "Your password", worker.password)
    press(page, "Confirm and set the money aside")
    says(page, "You are enrolled. The money for it is set aside.")
    after = balance(product, worker)
    assert before["available"] - after["available"] == choice.price_cents
    assert after["held"] - before["held"] == choice.price_cents


def make_a_code(page: Page) -> tuple[str, str]:
    follow(page, "Consent codes")
    page.locator("form[action$='/consent-codes'] button").click()
    shown = page.locator(".notice code").all_inner_texts()
    return shown[1], shown[0]


def register(
    page: Page, product: Product, worker: Login, choice: Choice, number: str, code: str
) -> None:
    follow(page, "Enrolments")
    learner = page.get_by_role("link", name=worker.name)
    expect(learner.first).to_be_visible()
    follow(page, "Register a learner")
    page.locator("#run_id").select_option(choice.run_id)
    fill(page, "Account number", number)
    fill(page, "Consent code", "AAAA-BBBB-CCCC")
    press(page, "Register")
    expect(page.locator("#consent_code-error, .error-summary").first).to_be_visible()
    fill(page, "Consent code", code)
    press(page, "Register")
    expect(page.locator("h1")).to_contain_text(product.login("worker", 2).name)
    says(page, "Offered")


def state_attendance_and_complete(page: Page, product: Product) -> None:
    due = product.ask(DUE, today())
    assert due, "the demonstration has no enrolment that still has to be declared"
    enrolment_id, run_id, _, _ = due[0]
    sign_in(page, product, provider_of(product, run_id))
    page.goto(f"{product.url}/provider/runs/{run_id}/attendance")
    for there in page.locator(f"input[name^='{enrolment_id}'][value=yes]").all():
        there.check()
    press(page, "Save the attendance")
    page.goto(f"{product.url}/provider/enrolments/{enrolment_id}")
    page.locator("input[name=result][value=passed]").check()
    press(page, "Record the result")
    says(page, "Completed")
    says(page, "Pay-out to the provider declared")
    ((status,),) = product.ask("SELECT status FROM enrolment WHERE id = ?", enrolment_id)
    assert status == "completed"


def release_a_statement(page: Page, product: Product) -> None:
    first, second = product.login("operator"), product.login("operator", 1)
    sign_in(page, product, first)
    page.goto(f"{product.url}/operator/statements?period={today()[:7]}")
    press(page, "Prepare")
    says(page, "You prepared this statement. Someone else has to release it.")
    address = page.url
    sign_in(page, product, second)
    page.goto(address)
    fill(page, "Your password", "raden maar")
    press(page, "Release and pay")
    says(page, "This is not your password.")
    fill(page, "Your password", second.password)
    press(page, "Release and pay")
    says(page, "The statement is released. Send the payment file to the bank.")
    with page.expect_download() as waiting:
        follow(page, "Payment file for the bank")
    document = etree.parse(waiting.value.path())
    schema = files("sepaxml") / "schemas" / "pain.001.001.09.xsd"
    etree.XMLSchema(etree.fromstring(schema.read_bytes())).assertValid(document)
    statement_id = address.rpartition("/")[2]
    ((total, number),) = product.ask(
        "SELECT total_cents, number FROM statement WHERE id = ?", statement_id
    )
    assert document.findtext(".//{*}GrpHdr/{*}CtrlSum") == f"{total // 100}.{total % 100:02}"
    assert document.findtext(".//{*}EndToEndId") == number


def audit(page: Page, product: Product) -> None:
    sign_in(page, product, product.login("auditor"))
    page.locator("tbody a").first.click()
    figures = page.get_by_role("table", name=words("The sum"), exact=True)
    rows = {
        row.locator("th").inner_text(): cents(row.locator("td").inner_text())
        for row in figures.locator("tbody tr").all()
    }
    parts = list(rows.values())
    assert rows[words("Together")] == sum(parts[:6]) == rows[words("Paid in")] > 0
    assert rows[words("Difference")] == 0
    follow(page, "Owed to providers")
    page.locator("tbody a").first.click()
    lines = page.locator("tbody tr td.num").all_inner_texts()
    assert sum(cents(line) for line in lines if "€" in line) == 0
    page.go_back()
    with page.expect_download() as waiting:
        follow(page, "Download as CSV")
    text = waiting.value.path().read_text("utf-8-sig")
    table = list(csv.reader(io.StringIO(text), delimiter=";"))
    assert len(table) > 1 and len({len(row) for row in table}) == 1
    names = [name for (name,) in product.ask("SELECT name FROM person")]
    assert not [name for name in names if name in text], "the export tells who somebody is"


def show_the_certificate(page: Page, product: Product) -> None:
    credential_id, token, email = product.ask(HELD)[0]
    holder = product.login_of(email)
    sign_in(page, product, holder)
    follow(page, "My certificates")
    place = page.locator(f"a[href*='{credential_id}.pdf']").first.get_attribute("href")
    answer = page.request.get(f"{product.url}{place}")
    assert answer.headers["content-type"] == "application/pdf"
    reader = PdfReader(io.BytesIO(answer.body()))
    printed = " ".join("".join(sheet.extract_text() for sheet in reader.pages).split())
    press_out = page.get_by_role("button", name=words("Sign out"))
    press_out.click()
    page.goto(f"{product.url}/v/{token}")
    says(page, "This certificate is valid")
    title = page.locator("section.card h2").inner_text()
    outcomes = page.locator("section.card ul li").all_inner_texts()
    assert outcomes
    for text in (title, holder.name, *outcomes):
        assert " ".join(text.split()) in printed
    page.goto(product.demo["credential"]["verify_url"])
    says(page, "This certificate is valid")
