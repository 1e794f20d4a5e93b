"""The playground in Chromium: columns that stream for a minute, and what the pages weigh.

Run it as `python benchmarks/playground.py`; `--seconds 15` is quicker. Chromium and playwright
must be there. Where more than one and a half of the screen's intervals passed before the next
frame, each interval that passed without one counts as a dropped frame; a long task is one that held
the page for over 50 ms; `busy` is the share of time in which the page's thread ran scripts, style
or layout. `animation` is an empty page that only moves a square, in the same browser, before and
after: what it drops is the machine's doing. `idle` is the playground at rest.
"""

import argparse
import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from aiohttp import web
from playwright.sync_api import Browser, Page, sync_playwright

COLUMNS = 6
LOADS = 7
TARGET_KB, TARGET_MS = 100, 300
EMPTY = "/static/mark.svg"
"""A static file of the same server, which asks for nothing further: what a page costs at least."""
PAGES = ("/", "/sign-in", "/playground", EMPTY)
TOKENS_PER_S = 40
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking")
PROGRAM = str(Path(sys.executable).parent / "tyrian")
STACK = """\
agent:
  preflight_guards: [{{name: prompt_guard, block_classes: [injection]}}]
  postflight_guards: [{{name: secrets, redact_classes: ["*"]}}, {{name: pii, flag_classes: ["*"]}}]
models:
  paced: {{base_url: "http://127.0.0.1:{port}/v1"}}
"""
WATCH = """() => {
  const seen = { frames: [], long: 0 };
  window.seen = seen;
  let last = performance.now();
  const count = (now) => {
    seen.frames.push(now - last);
    last = now;
    requestAnimationFrame(count);
  };
  requestAnimationFrame(count);
  const tasks = new PerformanceObserver((list) => (seen.long += list.getEntries().length));
  tasks.observe({ type: "longtask" });
}"""
ANIMATE = """() => {
  const square = document.body.appendChild(document.createElement("div"));
  square.style.cssText = "position: fixed; width: 50px; height: 50px; background: purple";
  const move = (now) => {
    square.style.transform = `translateX(${(now / 5) % 800}px)`;
    requestAnimationFrame(move);
  };
  requestAnimationFrame(move);
}"""


class Paced:
    """A model that says words at a steady pace."""

    def __init__(self, seconds: float) -> None:
        self.port = 0
        self._count = int(seconds * TOKENS_PER_S)
        self._started = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True).start()
        self._started.wait(20)

    async def _run(self) -> None:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._chat)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.port = runner.addresses[0][1]
        self._started.set()
        await asyncio.Event().wait()

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        out = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await out.prepare(request)
        with contextlib.suppress(ConnectionError):
            await self._say(out)
        return out

    async def _say(self, out: web.StreamResponse) -> None:
        begun = time.monotonic()
        for i in range(self._count):
            end = "\n" if i % 40 == 39 else " "
            await out.write(_event({"content": "abcdefghijkl"[: 2 + i % 9] + end}))
            await asyncio.sleep(max(0.0, begun + (i + 1) / TOKENS_PER_S - time.monotonic()))
        await out.write(_event({}, "stop") + b"data: [DONE]\n\n")


def _event(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "paced"}
    return b"data: " + json.dumps({**head, "choices": [choice]}).encode() + b"\n\n"


def _wait_for(path: Path, pattern: str) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if found := re.search(pattern, path.read_text()):
            return found[0]
        time.sleep(0.05)
    raise TimeoutError(path.read_text()[-2_000:])


def _signed_in(browser: Browser, output: Path) -> tuple[Page, str]:
    link = _wait_for(output, r"http://\S+/setup#\S+")
    key = _wait_for(output, r"tyr_live_\w{49}")
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(link)
    page.wait_for_url(lambda url: "/setup" not in url)
    page.add_init_script(f"sessionStorage.setItem('tyrian-key', '{key}')")
    return page, link.partition("/setup")[0]


def _weights(browser: Browser, state: Any, base: str) -> dict[str, tuple[float, float, float]]:
    """Of each page the median kilobytes and milliseconds, and the least; the pages take turns."""
    seen: dict[str, list[tuple[float, float]]] = {path: [] for path in PAGES}
    for _ in range(LOADS):
        for path, loads in seen.items():
            loads.append(_weight(browser, None if path == "/sign-in" else state, base + path))
    return {
        path: (
            median(size for size, _ in loads),
            median(took for _, took in loads),
            min(took for _, took in loads),
        )
        for path, loads in seen.items()
    }


def _weight(browser: Browser, state: Any, url: str) -> tuple[float, float]:
    """Kilobytes on the wire, and milliseconds until all is loaded, for one who comes anew."""
    context = browser.new_context(storage_state=state, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    sizes: list[int] = []
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    session.on("Network.loadingFinished", lambda done: sizes.append(int(done["encodedDataLength"])))
    answer = page.goto(url, wait_until="load")
    if answer is None or not answer.ok or page.url != url:
        raise RuntimeError(f"{url} led to {page.url}")
    loaded_ms: float = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    page.wait_for_timeout(300)
    context.close()
    return sum(sizes) / 1_000, loaded_ms


def _animation(page: Page, seconds: float) -> dict[str, Any]:
    """An empty page that moves a square."""
    page.goto("about:blank")
    page.evaluate(ANIMATE)
    page.wait_for_timeout(500)
    return _watched(page, seconds)


def _open(page: Page, base: str, columns: int) -> None:
    page.goto(f"{base}/playground")
    page.wait_for_selector("[data-model-choice] option[value=paced]", state="attached")
    for _ in range(columns - 2):
        page.click("#add-column")
    for _ in range(2 - columns):
        page.locator("[data-remove]").last.click()


def _idle(page: Page, base: str, seconds: float, columns: int) -> dict[str, Any]:
    """The playground with nothing to do."""
    _open(page, base, columns)
    page.wait_for_timeout(1_500)
    return _watched(page, seconds)


def _stream(page: Page, base: str, seconds: float, columns: int) -> dict[str, Any]:
    _open(page, base, columns)
    page.fill("#prompt", "Tell me a long story.")
    page.click("#send")
    page.wait_for_timeout(1_500)
    return _watched(page, seconds)


def _watched(page: Page, seconds: float) -> dict[str, Any]:
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    before = _busy_s(session.send("Performance.getMetrics"))
    page.evaluate(WATCH)
    page.wait_for_timeout(seconds * 1_000)
    seen: dict[str, Any] = page.evaluate("() => window.seen")
    seen["busy"] = (_busy_s(session.send("Performance.getMetrics")) - before) / seconds
    session.detach()
    seen["characters"] = page.evaluate(
        "() => [...document.querySelectorAll('[data-role=assistant] [data-said]')]"
        ".reduce((sum, one) => sum + one.textContent.length, 0)"
    )
    seen["heap_mb"] = page.evaluate("() => performance.memory.usedJSHeapSize / 1e6")
    return seen


def _busy_s(metrics: dict[str, Any]) -> float:
    """Seconds that the page's thread worked so far: scripts, style and layout."""
    names = ("ScriptDuration", "LayoutDuration", "RecalcStyleDuration")
    return sum(float(one["value"]) for one in metrics["metrics"] if one["name"] in names)


def main() -> None:
    """Measure, and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the columns stream")
    parser.add_argument("--columns", type=int, default=COLUMNS, choices=range(1, COLUMNS + 1))
    options = parser.parse_args()
    seconds, columns = options.seconds, options.columns
    with tempfile.TemporaryDirectory(prefix="bench-playground-") as folder:
        home = Path(folder)
        stack, output = home / "stack.yaml", home / "output"
        stack.write_text(STACK.format(port=Paced(seconds + 10).port))
        env = {**os.environ, "TYRIAN_HOME": str(home / "home"), "NO_COLOR": "1"}
        with output.open("w") as sink:
            command = [PROGRAM, "serve", "--port", "0", "--stack", str(stack)]
            server = subprocess.Popen(command, stdout=sink, stderr=subprocess.DEVNULL, env=env)
        try:
            with sync_playwright() as driver:
                browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
                page, base = _signed_in(browser, output)
                weights = _weights(browser, page.context.storage_state(), base)
                seen = {"animation": _animation(page, seconds / 2)}
                seen["idle"] = _idle(page, base, seconds / 4, columns)
                seen["streaming"] = _stream(page, base, seconds, columns)
                seen["animation again"] = _animation(page, seconds / 2)
                browser.close()
        finally:
            server.terminate()
            server.wait(30)
    _print(weights, seen, columns)


def _print(
    weights: dict[str, tuple[float, float, float]], rows: dict[str, dict[str, Any]], columns: int
) -> None:
    print("|page|kB in all|loaded after ms|least ms|within targets|\n|-|-|-|-|-|")
    for path, (size, loaded_ms, least_ms) in weights.items():
        is_well = "yes" if size < TARGET_KB and loaded_ms < TARGET_MS else "no"
        print(f"|`{path}`|{size:.1f}|{loaded_ms:.0f}|{least_ms:.0f}|{is_well}|")
    heads = ("s", "frames", "p50 ms", "p99 ms", "dropped", "of all", "long tasks", "busy")
    print(f"\n|{columns} columns|{'|'.join((*heads, 'characters', 'heap MB'))}|")
    print(f"|{'-|' * (len(heads) + 3)}")
    interval = median(rows["animation"]["frames"])
    for name, seen in rows.items():
        frames = seen["frames"]
        dropped = sum(round(one / interval) - 1 for one in frames if one > 1.5 * interval)
        print(
            f"|{name}|{sum(frames) / 1_000:.0f}|{len(frames)}|{median(frames):.1f}"
            f"|{quantiles(frames, n=100)[98]:.1f}|{dropped}|{dropped / (len(frames) + dropped):.2%}"
            f"|{seen['long']}|{seen['busy']:.1%}|{seen['characters']:,}|{seen['heap_mb']:.0f}|"
        )


if __name__ == "__main__":
    main()
