"""`tyrian eval view` in Chromium: runs, filters, conversations; what models wrote runs nowhere."""

import json
import re
import socket
import subprocess
from collections.abc import Iterator
from email.message import Message
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from tests.integration.playground.xss import payloads
from tests.warm.program import tyrian as program

pytestmark = pytest.mark.browser
CHROMIUM = Path("/usr/bin/chromium")
HOSTILE = "\x1b[31mred\x1b]0;title\x07 \u202e"


def tyrian(*args: str) -> list[str]:
    return [*program(), *args]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One real run, and one whose every word is hostile."""
    root = tmp_path_factory.mktemp("runs")
    done = subprocess.run(
        tyrian("eval", "run", "prompt-injection", "--sample", "--output", str(root / "real")),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    source = next((root / "real").rglob("results.jsonl"))
    target = root / "hostile" / "x"
    target.mkdir(parents=True)
    manifest = json.loads(source.with_name("manifest.json").read_text())
    manifest["model"] = "<script>alert(1)</script>" + HOSTILE
    (target / "manifest.json").write_text(json.dumps(manifest))
    attacks = payloads()
    lines = []
    for number, start in enumerate(range(0, len(attacks), 8)):
        some = attacks[start : start + 8]
        talk: list[dict[str, Any]] = [
            {"part": one, "said": one, "reply": one + HOSTILE, "status": one, "reason": one}
            for one in some
        ]
        talk[0]["calls"] = [[some[0], some[-1]]]
        lines.append(
            {
                "id": f"{number:04d}-{some[0]}",
                "nth": 0,
                "digest": "",
                "slices": {some[1 % len(some)]: some[0]},
                "label": some[0],
                "why": some[-1],
                "answer": {some[0]: some},
                "exchanges": talk,
            }
        )
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (target / "results.jsonl").write_text(text)
    return root


@pytest.fixture(scope="module")
def url(runs: Path) -> Iterator[str]:
    """The viewer, served as a user serves it."""
    process = subprocess.Popen(
        tyrian("eval", "view", str(runs), "--port", "0"), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        found = re.search(r"2 runs at (http://127\.0\.0\.1:\d+)/", line)
        assert found, line
        yield found[1]
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


@pytest.fixture(scope="module")
def page(url: str) -> Iterator[Any]:
    if not CHROMIUM.exists():
        pytest.skip("no Chromium here: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(base_url=url)
        page.set_default_timeout(60_000)
        yield page
        browser.close()


def test_a_reader_finds_a_case_by_filters(page: Any) -> None:
    page.goto("/")
    page.get_by_role("link", name="prompt-injection (sample)").last.click()
    assert page.get_by_role("status").inner_text() == "13 cases"
    select = page.get_by_label("Slice")
    value = select.locator("optgroup option").first.get_attribute("value")
    select.select_option(value)
    page.get_by_role("button", name="Show").click()
    count = page.locator(".case").count()
    assert 0 < count < 13
    page.get_by_role("link", name="Show all").click()
    page.get_by_label("Text").fill("no such words anywhere")
    page.get_by_role("button", name="Show").click()
    assert page.get_by_text("No case is like that.").is_visible()
    page.get_by_role("link", name="Show all").last.click()
    page.locator(".case").first.click()
    assert page.locator(".talk .reply pre").first.inner_text().startswith("Sure, here is")
    page.get_by_role("link", name="Case").last.click()
    assert page.locator("h1").inner_text().startswith("Case ")


def test_what_models_wrote_runs_nowhere(page: Any, runs: Path) -> None:
    dialogs: list[str] = []
    wanted: list[str] = []

    def dismiss(dialog: Any) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismiss)
    page.on("request", lambda request: wanted.append(request.url))
    page.goto("/")
    page.get_by_role("link", name="prompt-injection (sample)").first.click()
    paths = [one.get_attribute("href") for one in page.locator(".case").all()]
    assert len(paths) > 20
    for path in paths:
        response = page.goto(path)
        assert response.status == 200
        text = page.content()
        assert "\x1b" not in text
        assert "\u202e" not in text
        loaded = page.evaluate("document.querySelectorAll('script,iframe,img,object,form').length")
        assert loaded == 0
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert dialogs == []
    assert {url for url in wanted if "evil" in url.split("/case?")[0]} == set()


def test_pages_fit_a_phone(page: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto("/")
    paths = [one.get_attribute("href") for one in page.locator(".card a").all()]
    for path in (*paths, "/nowhere"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("a.home").click()


def asked(url: str, path: str, **headers: str) -> tuple[int, Message]:
    """Status and headers of one answer, without a browser."""
    connection = HTTPConnection(url.removeprefix("http://"), timeout=60)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers
    finally:
        connection.close()


def test_only_this_machine_is_answered_and_no_script_may_run(url: str) -> None:
    status, headers = asked(url, "/")
    assert status == 200
    assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")
    assert "script-src" not in headers["content-security-policy"]
    assert asked(url, "/", Host="evil.example")[0] == 400
    for path in ("/run/000000000000", "/run/..%2f..%2fetc", "/x"):
        assert asked(url, path)[0] == 404


def test_a_port_in_use_and_an_empty_directory_are_told(runs: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            tyrian("eval", "view", str(runs), "--port", port),
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 2
    assert f"port {port}" in done.stderr
    done = subprocess.run(
        tyrian("eval", "view", str(tmp_path)), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 3
    assert "no finished run" in done.stderr
