"""A person checks whether something may be used."""

import pytest
from playwright.sync_api import expect

PLACE = "https://studio.example/film/scene-1.mp4"


@pytest.fixture
def start(browser_page, live_server):
    complaints = []
    browser_page.on("console", lambda message: complaints.append(message.text))
    browser_page.on("pageerror", lambda error: complaints.append(str(error)))
    browser_page.goto(live_server.url)
    yield browser_page
    # A style or script that the policy refuses would be told here.
    assert complaints == []


def test_a_person_checks_a_url_says_what_is_missing_and_sees_yes(start, running):
    start.get_by_label("File, address or work").fill(PLACE)
    start.get_by_role("button", name="Check").click()
    answer = start.get_by_role("status")
    expect(answer).to_contain_text("Not answered yet")
    expect(answer).to_contain_text("needs_vendor")
    for label in ("For whom", "Name of the model", "Kind of data that goes in", "How the model is offered", "Country"):
        expect(start.get_by_label(label)).to_have_attribute("aria-invalid", "true")
    assert PLACE not in start.url

    start.get_by_label("For whom").fill(running.vendor.party)
    start.get_by_label("Name of the model").fill("A-Video")
    start.get_by_label("Kind of data that goes in").select_option("video")
    start.get_by_label("How the model is offered").select_option("internal")
    start.get_by_label("Country").fill("JP")
    start.get_by_role("button", name="Check").click()
    expect(answer).to_contain_text("Yes: permitted")
    expect(answer).to_contain_text("Film")
    expect(answer).to_contain_text("Moving images")


def test_a_title_leads_to_the_work_that_is_meant(start):
    start.get_by_label("File, address or work").fill("fil")
    start.get_by_role("button", name="Check").click()
    start.get_by_role("button", name="Film").click()

    expect(start.get_by_role("status")).to_contain_text("Enter the SHA-256 of the file, or its address.")


def test_the_page_can_be_read_in_japanese(start):
    start.get_by_role("link", name="日本語").click()

    expect(start.locator("html")).to_have_attribute("lang", "ja")
    expect(start.get_by_role("button", name="確認する")).to_be_visible()


def test_the_page_fits_a_telephone(start):
    start.set_viewport_size({"width": 360, "height": 740})

    assert start.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_japanese_heading_breaks_between_phrases(start):
    start.get_by_role("link", name="日本語").click()
    start.set_viewport_size({"width": 390, "height": 740})
    lines = start.evaluate(
        """() => {
            const text = document.querySelector("h1").firstChild, range = document.createRange(), lines = [];
            for (let at = 0, last = null; at < text.length; at++) {
                range.setStart(text, at);
                range.setEnd(text, at + 1);
                const top = range.getBoundingClientRect().top;
                if (top !== last) lines.push("");
                lines[lines.length - 1] += text.data[at];
                last = top;
            }
            return lines;
        }"""
    )

    assert len(lines) == 2
    assert lines[0][-1] in "。、"


def test_everything_can_be_reached_by_keyboard(start):
    reached = set()
    for _ in range(20):
        start.keyboard.press("Tab")
        reached.add(start.evaluate("document.activeElement.id || document.activeElement.tagName"))

    assert {"key", "use", "SUMMARY", "BUTTON", "A"} <= reached
