"""Markup, wherever it comes from, is a text to read and nothing else."""

import html.parser
import json
import urllib.request
from typing import Any

import pytest
from tests.integration.playground.xss import payloads

from tyrian.gateway.console.playground.markdown import TAGS, render

PAYLOADS = payloads()
BATCH = 40


def test_there_are_enough_payloads() -> None:
    assert len(PAYLOADS) >= 200


class Inventory(html.parser.HTMLParser):
    """Every element and attribute of a document."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_the_server_renders_holds_nothing_that_acts(payload: str) -> None:
    for tag, attributes in Inventory(render(payload)).elements:
        assert tag in TAGS
        assert set(attributes) <= ({"href", "rel", "title"} if tag == "a" else {"start"})
        href = attributes.get("href")
        assert href is None or href.startswith("/leave?to=http")


@pytest.mark.browser
def test_answers_of_a_model_are_inert(visit: Any) -> None:
    visit.open("/playground?model=aurora")
    page = visit.page
    for start in range(0, len(PAYLOADS), BATCH):
        batch = PAYLOADS[start : start + BATCH]
        name = f"batch {start}"
        visit.gateway.upstream.script[name] = "\n\n".join(batch)
        visit.send(name)
    for button in page.locator("[data-view]:visible").all():
        button.click()  # both forms of each answer: with places marked, and formatted
    page.wait_for_timeout(500)
    assert page.locator(".turn[data-role=assistant]").count() == -(-len(PAYLOADS) // BATCH)
    assert visible_elements(page) <= {
        *(tag.upper() for tag in TAGS), "MARK", "SPAN",
    }  # fmt: skip
    links = page.locator(".said a").evaluate_all(
        "all => all.map((one) => one.getAttribute('href'))"
    )
    assert links
    assert all(link is None or link.startswith("/leave?to=http") for link in links)


def visible_elements(page: Any) -> set[str]:
    found: list[str] = page.evaluate(
        "[...document.querySelectorAll('.said *')].map((one) => one.tagName)"
    )
    return set(found)


@pytest.mark.browser
def test_streaming_text_is_inert_and_shows_what_hides(visit: Any) -> None:
    visit.open("/playground?model=aurora")
    visit.gateway.upstream.script["hidden"] = (
        "a\u202eb\u2066c\U000e0041d <img src=x onerror=alert(1)>"
    )
    visit.send("hidden")
    said = visit.page.locator(".turn[data-role=assistant] [data-said]").nth(0).inner_text()
    assert "a⟦U+202E⟧b⟦U+2066⟧c⟦U+E0041⟧d" in said
    assert "<img src=x onerror=alert(1)>" in said


@pytest.mark.browser
def test_prompts_tools_titles_and_names_are_inert(visit: Any) -> None:
    visit.open("/playground?model=aurora")
    page = visit.page
    payload = "<img src=x onerror=alert(1)><script>alert(1)</script>"
    visit.send(payload)
    first = page.locator(".column").nth(0)
    first.locator("summary").click()
    first.get_by_label("System prompt").fill(payload)
    first.get_by_label("Tools").fill(json.dumps([{"name": payload, "parameters": {}}]))
    first.locator("summary").click()
    visit.gateway.upstream.script["call it"] = payload
    page.click("#open-code")
    page.wait_for_timeout(500)
    page.select_option("#code-language", "langchain")
    assert payload in page.inner_text("#code-text")
    page.keyboard.press("Escape")
    page.click("#open-setups")
    page.fill("#setup-name", payload)
    page.click("#save-setup button")
    page.wait_for_selector("#setup-list button")
    assert payload in page.inner_text("#setup-list")
    page.keyboard.press("Escape")
    page.click("#open-share")
    page.fill("#share-name", payload)
    page.click("#share-form button")
    page.wait_for_selector("#share-made:not([hidden])")
    link = page.inner_text("#share-link")
    page.goto(link)
    assert payload in page.inner_text("h1")
    inner = page.frame_locator("iframe.shared")
    assert payload in (inner.locator(".text").nth(0).text_content() or "")
    assert page.locator("h1 img, h1 script").count() == 0


@pytest.mark.browser
def test_a_shared_snapshot_holds_every_payload_without_harm(visit: Any) -> None:
    visit.open("/playground?model=aurora")
    turns = [{"role": "assistant", "text": one} for one in PAYLOADS[:190]]
    column = {"model": PAYLOADS[0][:200], "system": PAYLOADS[1], "turns": turns}
    body = {"title": PAYLOADS[2], "days": 1, "conversation": {"columns": [column]}}
    request = urllib.request.Request(
        visit.gateway.url.replace("localhost", "127.0.0.1") + "/v1/playground/snapshots",
        json.dumps(body).encode(),
        {"authorization": f"Bearer {visit.gateway.key}", "content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        path = json.load(answer)["path"]
    visit.page.goto(visit.gateway.url + path)
    inner = visit.page.frame_locator("iframe.shared")
    assert inner.locator("article").count() == 190
    assert inner.locator("img, script, iframe, svg, math, a, form").count() == 0


@pytest.mark.browser
def test_markup_cannot_be_put_in_by_scripts(visit: Any) -> None:
    visit.open("/playground?model=aurora")
    caught = visit.page.evaluate(
        "() => { try { document.body.innerHTML = '<b>x</b>'; return 'let in'; }"
        " catch (error) { return error.name; } }"
    )
    assert caught == "TypeError"
    visit.page.evaluate("() => { window.violations.length = 0; }")
    visit.problems.clear()
