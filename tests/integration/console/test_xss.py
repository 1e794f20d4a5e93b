"""Line 34: no text that anybody can put in acts on a page, on any page of the console.

Without a browser: with texts that attack, a page is made of the same elements with the same
attributes as with plain words. In Chromium: no dialog, no report of the policy, no handler.
"""

import html.parser
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import select
from tests.integration.console.hostile import FIRST, fill, settings_with, stack_text
from tests.integration.playground.xss import payloads

from tyrian.gateway.catalogue import Catalogue
from tyrian.gateway.console.pages import Console
from tyrian.gateway.console.playground.views import routes as playground_routes
from tyrian.gateway.console.routes import console_routes
from tyrian.gateway.settings import Settings
from tyrian.gateway.store.models.organisations import User

PAYLOADS = payloads()
PLAIN = [f"plain words {i}" for i in range(16)]
"""Enough for a row of every kind: what pages are made of does not grow with their number."""
ELSEWHERE = {"/sign-in/oidc", "/sign-in/oidc/back"}
"""Addresses that only lead on."""
QUERIES = {
    "/decisions": ("rule", "stage", "key", "model", "id", "effect", "period", "before"),
    "/audit": ("event", "actor", "from", "to", "before"),
    "/models": ("q", "reads"),
    "/usage": ("by", "period", "days"),
    "/sign-in": ("next", "done", "error"),
    "/account": ("done",),
}
FORMS = {
    "/stack/check": ("text", "digest"),
    "/account/profile": ("name", "email"),
    "/account/secure": ("name", "email", "password", "code"),
    "/keys": ("name", "models", "networks", "budget", "expires"),
    "/members/invite": ("email", "role"),
    "/sign-in": ("email", "password", "next"),
}
WATCH = """
window.violations = [];
window.touched = [];
document.addEventListener("securitypolicyviolation",
  (event) => window.violations.push(event.violatedDirective + " " + event.blockedURI));
for (const name of ["alert", "confirm", "prompt", "print"]) {
  window[name] = () => { window.touched.push(name); };
}
"""
ACTING = """() => [...document.querySelectorAll("*")].flatMap((one) =>
  [...one.attributes]
    .filter((of) => of.name.startsWith("on")
      || ["href", "src", "action", "formaction", "xlink:href"].includes(of.name)
      && /^\\s*(javascript|data(?!:image\\/)|vbscript):/i.test(of.value))
    .map((of) => `${one.tagName} ${of.name}`))
  .concat([...document.querySelectorAll("script")]
    .filter((one) => !one.src.startsWith(location.origin + "/static/")).map((one) => one.outerHTML))
"""


class Shape(html.parser.HTMLParser):
    """What a page is made of, and what it says."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: set[tuple[str, frozenset[str]]] = set()
        self.addresses: set[str] = set()
        self.said: list[str] = []
        self.before_main = 0
        self.feed(text)

    @cached_property
    def shown(self) -> str:
        """What it says beside what every page says of its visitor, each text once, as `seen`."""
        return seen("".join(dict.fromkeys(self.said[self.before_main :])))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "main":
            self.before_main = len(self.said)
        self.elements.add((tag, frozenset(name for name, _ in attrs)))
        for name, value in attrs:
            if name in ("href", "src", "action", "formaction", "srcset", "poster"):
                self.addresses.add(value or "")
            else:
                self.said.append(value or "")

    def handle_data(self, data: str) -> None:
        self.said.append(data)


class Site:
    """A gateway full of texts, and its owner."""

    def __init__(self, kit: Any, folder: Path, texts: list[str]) -> None:
        self.texts = texts
        self.settings: Settings = settings_with(kit.build, folder, texts)
        self.running = kit.run(self.settings)
        self.visit = self.running.client().sign_in()
        shown = self.visit.post("/keys", {"name": "to look with"}).text
        self.token = shown.partition('id="key-value" tabindex="0">')[2].partition("<")[0]
        # One for the browser, before the address that a link would go to is another.
        self.browsing = self.running.client().sign_in()
        self.running.once(fill(self.running, texts, self.running.once(self._owner())))

    async def _owner(self) -> str:
        async with self.running.store.read() as session:
            return str(await session.scalar(select(User.id).order_by(User.created_at).limit(1)))

    def addresses(self) -> list[str]:
        """Every page that can be asked for, those about one thing for that which holds all."""
        console = Console(self.settings, self.running.store)
        found = console_routes(self.settings, console)
        found += playground_routes(console, Catalogue(self.settings.upstreams))
        paths = [
            route.path
            for route in found
            if "GET" in (route.methods or ()) and not route.path.startswith("/static/")
        ]
        return [
            *map(self._address, sorted(set(paths) - ELSEWHERE)),
            "/nothing-here",
            "/decisions/x",
        ]

    def _address(self, path: str) -> str:
        for prefix, name in FIRST.items():
            place = "/playground/shared/" if prefix == "shared" else f"/{prefix}s/"
            path = path.replace(f"{place}{{id}}", f"{place}{name}")
        if path == "/leave":
            path = "/leave?to=https%3A%2F%2Fexample.com"
        assert "{" not in path, f"say in FIRST what {path} is to be looked at for"
        return path

    def answers(self) -> Iterator[tuple[str, str]]:
        """Every page; those with a query, and those that answer a form, with texts in them."""
        for address in self.addresses():
            yield address, self.visit.get(address).text
        whole = "\n".join(self.texts)
        for part in (whole[i : i + 8_000] for i in range(0, len(whole), 8_000)):
            for path, names in QUERIES.items():
                for name in names:
                    address = f"{path}?{name}="
                    yield address, self.visit.get(address + quote(part)).text
            yield "/<path>", self.visit.get(f"/{quote(part[:500], safe='')}").text
        for path, names in FORMS.items():
            yield f"POST {path}", self.visit.post(path, dict.fromkeys(names, whole)).text
        for text in self.stacks():
            yield "POST /stack/check", self.visit.post("/stack/check", {"text": text}).text

    def stacks(self) -> list[str]:
        """Changed stacks with all texts in them, each as long as a form may be."""
        return [stack_text(self.texts[i : i + 80]) for i in range(0, len(self.texts), 80)]

    @cached_property
    def pages(self) -> list[tuple[str, Shape]]:
        """All that it answers, asked for once."""
        return [(address, Shape(text)) for address, text in self.answers()]


@pytest.fixture(scope="module")
def hostile(kit: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(kit, tmp_path_factory.mktemp("hostile"), PAYLOADS)
    yield site
    site.running.stop()


@pytest.fixture(scope="module")
def plain(kit: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(kit, tmp_path_factory.mktemp("plain"), PLAIN)
    yield site
    site.running.stop()


def seen(text: str) -> str:
    """As a page may show it: without space, and without what hides or is shown by its number."""
    hidden = {ord(c): None for c in set(text) if c.isspace() or not c.isprintable()}
    bare = text.translate({**hidden, 0xFFFD: None})
    return re.sub(r"\\u\{[0-9a-f]+\}|⟦U\+[0-9A-F]+⟧", "", bare)


def test_line_34_no_text_adds_an_element_or_an_attribute(hostile: Site, plain: Site) -> None:
    usual: set[tuple[str, frozenset[str]]] = set()
    for _, shape in plain.pages:
        usual |= shape.elements
    said: list[str] = []
    count = 0
    for address, shape in hostile.pages:
        # A choice that is made, or a page that begins elsewhere, brings no more than these.
        new = {
            (tag, names - {"selected", "aria-current", "data-theme"})
            for tag, names in shape.elements - usual
        } - {(tag, names - {"selected", "aria-current", "data-theme"}) for tag, names in usual}
        assert new == set(), address
        foreign = [
            one
            for one in shape.addresses
            if not one.startswith(("/", "#", "?", "data:image/"))
            or one.startswith(("//", "/\\"))
            or "\n" in one
        ]
        assert [one for one in foreign if one != "https://example.com"] == [], address
        assert not any(name.startswith("on") for _, names in shape.elements for name in names)
        said.append(shape.shown)
        count += 1
    assert count > 60
    shown = "".join(said)
    missing = [one for one in PAYLOADS if seen(one) not in shown]
    assert missing == []


def test_line_34_every_page_of_people_holds_payloads(hostile: Site) -> None:
    """The texts are really there: a list that nobody filled would prove nothing."""
    texts: dict[str, str] = defaultdict(str)
    for address, shape in hostile.pages:
        texts[address] += shape.shown
    for address in (
        "/", "/keys", "/keys/key_0", "/decisions", "/decisions/dec_0", "/reviews", "/usage",
        "/stack", "/members", "/audit", "/account", "/models", "/playground/shared/snap_0",
        "/playground/shared/snap_0/content", "POST /stack/check",
    ):  # fmt: skip
        held = sum(seen(one) in texts[address] for one in PAYLOADS)
        assert held > 200, f"{address}: {held}"


class Watched:
    """A tab of the owner's browser, and everything that must not happen in it."""

    def __init__(self, browser: Any, site: Site) -> None:
        self.site = site
        self.problems: list[str] = []
        self.context = browser.new_context(viewport={"width": 1440, "height": 900})
        self.context.set_default_timeout(60_000)
        cookies = [
            {"name": name, "value": value, "url": site.running.url.replace("http:", "https:"),
             "secure": True, "httpOnly": True}
            for name, value in site.browsing.cookies.items()
        ]  # fmt: skip
        self.context.add_cookies(cookies)
        self.page = self.context.new_page()
        self.page.add_init_script(
            WATCH + f"if (self.origin !== 'null') sessionStorage['tyrian-key'] = '{site.token}';"
        )
        self.page.on("dialog", self._dialog)
        self.page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        self.page.on("request", self._request)

    def _dialog(self, dialog: Any) -> None:
        self.problems.append("a dialog opened")
        dialog.dismiss()

    def _request(self, request: Any) -> None:
        if not request.url.startswith((self.site.running.url, "data:", "about:", "blob:")):
            self.problems.append(f"asked for {request.url}")

    def look(self, address: str) -> list[str]:
        """Open a page, touch what can be touched, and tell what happened."""
        self.problems.clear()
        self.page.goto(self.site.running.url + address)
        self.page.evaluate(
            "() => document.querySelectorAll('details').forEach((one) => { one.open = true; })"
        )
        self.page.wait_for_timeout(100)
        happened = self.page.evaluate("() => [...window.violations, ...window.touched]")
        return [*self.problems, *happened, *self.page.evaluate(ACTING)]


@pytest.mark.browser
def test_line_34_nothing_runs_on_any_page_in_a_browser(hostile: Site, browser: Any) -> None:
    watched = Watched(browser, hostile)
    happened = {address: watched.look(address) for address in hostile.addresses()}
    assert watched.page.url.startswith(hostile.running.url)
    watched.context.close()
    assert {address: found for address, found in happened.items() if found} == {}


@pytest.mark.browser
def test_line_34_nothing_runs_where_forms_answer(hostile: Site, browser: Any) -> None:
    watched = Watched(browser, hostile)
    page = watched.page
    for text in ("\n".join(PAYLOADS), *hostile.stacks()):
        assert watched.look("/stack/check") == []
        page.evaluate("(text) => { document.getElementById('text').value = text; }", text)
        page.click("button:has-text('Check it')")
        page.wait_for_selector("#faults, #changes")
        assert page.evaluate("() => [...window.violations, ...window.touched]") == []
        assert page.evaluate(ACTING) == []
    watched.context.close()


@pytest.mark.browser
def test_line_34_names_of_models_files_setups_and_shares_are_inert_in_the_playground(
    hostile: Site, browser: Any
) -> None:
    watched = Watched(browser, hostile)
    page = watched.page
    watched.look("/playground")
    page.wait_for_selector("[data-model-choice] option", state="attached")
    offered = page.locator("[data-model-choice]").nth(0).locator("option").all_text_contents()
    assert sum(one.strip() in {p.strip() for p in PAYLOADS} for one in offered) > 200
    names = [f"{p.replace('/', '')[:120]}.png" for p in PAYLOADS[:4]]
    dot = b"\x89PNG\r\n\x1a\n"
    page.set_input_files(
        "#images", files=[{"name": n, "mimeType": "image/png", "buffer": dot} for n in names]
    )
    page.click("#open-setups")
    page.wait_for_selector("#setup-list button")
    page.keyboard.press("Escape")
    page.click("#open-share")
    page.wait_for_selector("#shared-list li")
    page.keyboard.press("Escape")
    page.wait_for_timeout(300)
    happened = page.evaluate("() => [...window.violations, ...window.touched]")
    assert [*happened, *page.evaluate(ACTING), *watched.problems] == []
    watched.context.close()
