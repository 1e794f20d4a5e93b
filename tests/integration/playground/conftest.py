"""The playground as people meet it: `tyrian serve`, model servers behind it, Chromium before it."""

import asyncio
import json
import os
import queue
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tests.warm.program import tyrian

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START_LIMIT_S = 60.0
MODELS = ("aurora", "birch", "cedar", "delta", "ember", "fjord")

STACK = """\
agent:
  preflight_guards:
    - {{name: hidden_text, flag_classes: ["*"]}}
    - {{name: prompt_guard, block_classes: [jailbreak, injection]}}
    - name: content_guard
      block_classes: [S4]
      flag_classes: ["*"]
      threshold: {{"*": 0.8, S4: 0.9}}
    - {{name: pii, flag_classes: ["*"]}}
  tool_output_guards:
    - {{name: prompt_guard, block_classes: [jailbreak, injection]}}
  postflight_guards:
    - {{name: secrets, redact_classes: ["*"]}}
    - {{name: pii, flag_classes: ["*"]}}
models:
{models}
"""
MODEL = """\
  {name}:
    base_url: http://127.0.0.1:{port}/v1
    modalities: [text, image]
    context_length: 131072
    licence: Llama 4 Community License
    revision: 92f3b1597a195b523d8d9e5700e57e4fbb8f20d3
    price: {{input_usd: 0.2, output_usd: 0.6}}
"""


class FakeModels:
    """An OpenAI-compatible server in a thread: it says what the last message tells it to.

    `say: TEXT` repeats TEXT, `tokens: N` streams N words `pause_s` apart, anything else a sentence.
    """

    def __init__(self) -> None:
        self.pause_s = 0.0
        self.requests: list[dict[str, Any]] = []
        self.script: dict[str, str] = {}
        """Answers by the message that asks for them."""
        self.cancelled = 0
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._started.wait(20)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._start())
        self._loop.run_forever()
        self._loop.run_until_complete(self._runner.cleanup())
        self._loop.close()

    async def _start(self) -> None:
        app = web.Application(client_max_size=64 << 20)
        app.router.add_post("/v1/chat/completions", self._chat)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self._started.set()

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.requests.append(body)
        calls = _calls(body)
        scripted = self.script.get(_last(body))
        words = [] if calls else [scripted] if scripted is not None else _words(body)
        if not body.get("stream"):
            return web.json_response(_whole(body, words, calls))
        try:
            return await self._stream(request, body, words, calls)
        except (asyncio.CancelledError, ConnectionError):
            self.cancelled += 1
            raise

    async def _stream(
        self,
        request: web.Request,
        body: dict[str, Any],
        words: list[str],
        calls: list[dict[str, Any]],
    ) -> web.StreamResponse:
        out = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await out.prepare(request)

        async def send(delta: dict[str, Any], finish: str | None = None) -> None:
            choice = {"index": 0, "delta": delta, "finish_reason": finish}
            await out.write(_event({**_head(body, "chat.completion.chunk"), "choices": [choice]}))

        await send({"role": "assistant", "content": ""})
        for word in words:
            await send({"content": word})
            if self.pause_s:
                await asyncio.sleep(self.pause_s)
        for i, call in enumerate(calls):
            await send({"tool_calls": [{"index": i, **call}]})
        await send({}, "tool_calls" if calls else "stop")
        if (body.get("stream_options") or {}).get("include_usage"):
            usage = _usage(words)
            await out.write(
                _event({**_head(body, "chat.completion.chunk"), "choices": [], "usage": usage})
            )
        await out.write(b"data: [DONE]\n\n")
        await out.write_eof()
        return out

    def stop(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def _head(body: dict[str, Any], kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": kind, "created": 1, "model": body["model"]}


def _usage(words: list[str]) -> dict[str, int]:
    return {"prompt_tokens": 12, "completion_tokens": len(words), "total_tokens": 12 + len(words)}


def _last(body: dict[str, Any]) -> str:
    content = body["messages"][-1].get("content") or ""
    if isinstance(content, list):
        return " ".join(part.get("text", "[image]") for part in content)
    return str(content)


def _words(body: dict[str, Any]) -> list[str]:
    text = _last(body)
    if text.startswith("say: "):
        return re.findall(r"\S+\s*|\s+", text[5:])
    if found := re.fullmatch(r"tokens: (\d+)", text):
        return [f"word {i} of the answer. " for i in range(int(found[1]))]
    if body.get("response_format"):
        return ['{"colour": ', '"purple"}']
    if body["messages"][-1]["role"] == "tool":
        return [f"The tool says: {text}"]
    model = body["model"]
    return re.findall(
        r"\S+\s*",
        f"I am **{model}**. Murex snails gave the *purple* of Tyre:\n\n"
        "1. The snails were gathered by night.\n2. Their glands gave a few drops each.\n"
        "3. Wool dyed with it never faded.\n\n| Snail | Hue |\n|-|-|\n| Bolinus | violet |\n"
        "| Hexaplex | blue |\n",
    )


def _calls(body: dict[str, Any]) -> list[dict[str, Any]]:
    if not body.get("tools") or body["messages"][-1]["role"] == "tool":
        return []
    name = body["tools"][0]["function"]["name"]
    return [
        {
            "id": "call_1",
            "type": "function",
            "function": {"name": name, "arguments": '{"city": "Tyre"}'},
        }
    ]


def _whole(body: dict[str, Any], words: list[str], calls: list[dict[str, Any]]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": "".join(words) or None}
    if calls:
        message["tool_calls"] = calls
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if calls else "stop"}
    return {**_head(body, "chat.completion"), "choices": [choice], "usage": _usage(words)}


@dataclass
class Served:
    """A running gateway, its model servers, and what it has said so far."""

    process: subprocess.Popen[str]
    upstream: FakeModels
    home: Path
    output_file: Path
    log: list[str] = field(default_factory=list)

    def _line(self, sign: str) -> str:
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline:
            for line in self.output_file.read_text().splitlines():
                if sign in line:
                    return line.strip()
            time.sleep(0.05)
        raise AssertionError("\n".join(self.log))

    @property
    def link(self) -> str:
        """The link that signs the first person in."""
        return self._line("/setup#")

    @property
    def url(self) -> str:
        """Where the console is for a browser."""
        return self.link.partition("/setup#")[0]

    @property
    def key(self) -> str:
        """The key of the first start."""
        return self._line("tyr_live_").split()[0]

    def command(self, *arguments: str) -> str:
        """What a `tyrian` command prints for this home."""
        env = {**os.environ, "TYRIAN_HOME": str(self.home), "NO_COLOR": "1", "COLUMNS": "200"}
        done = subprocess.run(
            [*tyrian(), *arguments], check=True, capture_output=True, text=True, env=env
        )
        return done.stdout


def serve(folder: Path) -> Served:
    """A gateway with six models, in a home of its own."""
    upstream = FakeModels()
    stack = folder / "stack.yaml"
    models = "".join(MODEL.format(name=name, port=upstream.port) for name in MODELS)
    stack.write_text(STACK.format(models=models))
    home = folder / "home"
    plain = {key: value for key, value in os.environ.items() if not key.startswith("TYRIAN_")}
    output_file = folder / "output"
    with output_file.open("w") as output:
        process = subprocess.Popen(
            [*tyrian(), "serve", "--port", "0", "--stack", str(stack)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            env={**plain, "TYRIAN_HOME": str(home), "NO_COLOR": "1"},
        )
    served = Served(process, upstream, home, output_file)
    is_ready: queue.Queue[bool] = queue.Queue()

    def read_log() -> None:
        assert process.stderr is not None
        for line in process.stderr:
            served.log.append(line.rstrip("\n"))
            if '"event": "ready"' in line:
                is_ready.put(True)
        is_ready.put(False)
        process.stderr.close()

    threading.Thread(target=read_log, daemon=True).start()
    try:
        assert is_ready.get(timeout=START_LIMIT_S), "\n".join(served.log)
    except BaseException:
        process.kill()
        process.wait(30)
        upstream.stop()
        raise
    return served


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One gateway for all tests of a module."""
    served = serve(tmp_path_factory.mktemp("playground"))
    yield served
    served.process.send_signal(signal.SIGTERM)
    served.process.wait(30)
    served.upstream.stop()


WATCH = """
window.violations = [];
window.touched = [];
document.addEventListener("securitypolicyviolation",
  (event) => window.violations.push(event.violatedDirective + " " + event.blockedURI));
for (const name of ["alert", "confirm", "prompt", "print"]) {
  window[name] = () => { window.touched.push(name); };
}
"""


class Visit:
    """A signed-in page, and everything about it that should never happen."""

    def __init__(self, page: Any, gateway: Served) -> None:
        self.page = page
        self.gateway = gateway
        self.problems: list[str] = []
        self.requests: list[str] = []
        page.add_init_script(WATCH)
        page.on("dialog", self._dialog)
        page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        page.on(
            "console",
            lambda said: self.problems.append(said.text) if said.type == "error" else None,
        )
        page.on("request", lambda request: self.requests.append(request.url))

    def _dialog(self, dialog: Any) -> None:
        self.problems.append("a dialog opened")
        dialog.dismiss()

    def open(self, path: str = "/playground", *, with_key: bool = True) -> None:
        """Open a page, with the first key in the tab."""
        if with_key:
            self.page.add_init_script(
                f"if (self.origin !== 'null' && !sessionStorage.getItem('tyrian-key')) "
                f"sessionStorage.setItem('tyrian-key', '{self.gateway.key}');"
            )
        self.page.goto(self.gateway.url + path)
        if with_key and path.startswith("/playground"):
            self.page.wait_for_selector(
                "[data-model-choice] option[value=aurora]", state="attached"
            )

    def send(self, text: str) -> None:
        """Send to all columns, and wait until all have answered."""
        self.page.fill("#prompt", text)
        self.page.click("#send")
        self.settle()

    def settle(self) -> None:
        """Wait until no column is busy and every decision is shown."""
        self.page.wait_for_selector(".column:not(.busy) .turn[data-role=assistant]")
        self.until("!document.querySelector('.column.busy, .turn.running')")
        self.until(
            "[...document.querySelectorAll('.column')].every((one) => {"
            " const asked = [...one.querySelectorAll('.turn[data-role=user]')].at(-1);"
            " return !asked || asked.querySelector('.chips li'); })"
        )

    def until(self, expression: str) -> None:
        """Wait for a condition; the driver's own way needs `eval`, which the page forbids."""
        deadline = time.monotonic() + 20
        while not self._is(expression):
            assert time.monotonic() < deadline, expression
            self.page.wait_for_timeout(30)

    def _is(self, expression: str) -> bool:
        try:
            return bool(self.page.evaluate(f"() => {{ return Boolean({expression}); }}"))
        except Exception as error:
            if "context was destroyed" not in str(error):
                raise
            return False  # the page is on its way to another one

    def happened(self) -> list[str]:
        """Dialogs, scripts, reports of the policy: what must not be."""
        seen = self.page.evaluate("[...window.violations, ...window.touched]")
        return [*self.problems, *seen]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip("Debian's chromium is not installed")
    with playwright.sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def signed_in(browser: Any, gateway: Served) -> dict[str, Any]:
    """The cookies of whoever came by the link of the first start."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(gateway.link)
    page.wait_for_url(lambda url: "/setup" not in url, timeout=15_000)
    state: dict[str, Any] = context.storage_state()
    context.close()
    return state


@pytest.fixture
def visit(browser: Any, gateway: Served, signed_in: dict[str, Any]) -> Iterator[Visit]:
    """A page in a tab of its own; at its end nothing may have happened that must not."""
    context = browser.new_context(
        storage_state=signed_in,
        viewport={"width": 1440, "height": 900},
        permissions=["clipboard-read", "clipboard-write"],
    )
    context.set_default_timeout(15_000)
    made = Visit(context.new_page(), gateway)
    yield made
    assert made.happened() == []
    assert all(url.startswith((gateway.url, "data:", "about:")) for url in made.requests)
    context.close()
