"""The playground in Chromium: six columns that stream for a minute, and what the pages weigh.

Run it as `python benchmarks/playground.py`; `--seconds 15` is quicker. Chromium and playwright must
be there. A frame counts as dropped where more than one and a half of the screen's intervals passed
before the next; a long task is one that held the page for over 50 ms; `busy` is the share of time
in which the page's thread ran scripts, style or layout. The row `idle` is the same page at rest.
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


def _weight(page: Page, url: str) -> tuple[float, float]:
    """Kilobytes on the wire, and milliseconds until all is loaded; nothing comes from a cache."""
    sizes: list[int] = []
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    session.on("Network.loadingFinished", lambda done: sizes.append(int(done["encodedDataLength"])))
    page.goto(url, wait_until="load")
    loaded_ms: float = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    page.wait_for_timeout(300)
    session.detach()
    return sum(sizes) / 1_000, loaded_ms


def _open(page: Page, base: str) -> None:
    page.goto(f"{base}/playground")
    page.wait_for_selector("[data-model-choice] option[value=paced]", state="attached")
    for _ in range(COLUMNS - 2):
        page.click("#add-column")


def _idle(page: Page, base: str, seconds: float) -> dict[str, Any]:
    """The same page with nothing to do: what the machine itself drops."""
    _open(page, base)
    page.wait_for_timeout(1_500)
    return _watched(page, seconds)


def _stream(page: Page, base: str, seconds: float) -> dict[str, Any]:
    _open(page, base)
    page.fill("#prompt", "Tell me a long story.")
    page.click("#send")
    page.wait_for_timeout(1_500)
    return _watched(page, seconds - 3)


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
    parser.add_argument("--seconds", type=float, default=60.0)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory(prefix="bench-playground-") as folder:
        home = Path(folder)
        stack, output = home / "stack.yaml", home / "output"
        stack.write_text(STACK.format(port=Paced(seconds + 5).port))
        env = {**os.environ, "TYRIAN_HOME": str(home / "home"), "NO_COLOR": "1"}
        with output.open("w") as sink:
            command = [PROGRAM, "serve", "--port", "0", "--stack", str(stack)]
            server = subprocess.Popen(command, stdout=sink, stderr=subprocess.DEVNULL, env=env)
        try:
            with sync_playwright() as driver:
                browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
                page, base = _signed_in(browser, output)
                weights = {path: _weight(page, base + path) for path in ("/", "/playground")}
                seen = {"idle": _idle(page, base, seconds / 4)}
                seen["streaming"] = _stream(page, base, seconds)
                browser.close()
        finally:
            server.terminate()
            server.wait(30)
    _print(weights, seen)


def _print(weights: dict[str, tuple[float, float]], rows: dict[str, dict[str, Any]]) -> None:
    print("|page|kB in all|loaded after ms|\n|-|-|-|")
    for path, (size, loaded_ms) in weights.items():
        print(f"|`{path}`|{size:.0f}|{loaded_ms:.0f}|")
    heads = ("frames", "p50 ms", "p99 ms", "dropped", "long tasks", "busy", "characters", "heap MB")
    print(f"\n|{COLUMNS} columns|{'|'.join(heads)}|\n|{'-|' * (len(heads) + 1)}")
    for name, seen in rows.items():
        frames = seen["frames"]
        interval = median(frames)
        dropped = sum(frame > 1.5 * interval for frame in frames) / len(frames)
        p99 = quantiles(frames, n=100)[98]
        print(
            f"|{name}|{len(frames)}|{interval:.1f}|{p99:.1f}|{dropped:.1%}|{seen['long']}"
            f"|{seen['busy']:.1%}|{seen['characters']:,}|{seen['heap_mb']:.0f}|"
        )


if __name__ == "__main__":
    main()
