"""The console of a gateway on a real port, and a real browser before it."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import httpx2
import pytest

from tyrian.firewall.firewall import Firewall
from tyrian.gateway.accounts.keys import Keys
from tyrian.gateway.app import create_app
from tyrian.gateway.console.options import ConsoleOptions
from tyrian.gateway.console.sign_in.links import Links
from tyrian.gateway.decisions import DecisionLog
from tyrian.gateway.reviews import Reviews
from tyrian.gateway.server import Server, server
from tyrian.gateway.settings import Settings
from tyrian.gateway.store.engine import Store
from tyrian.models.scripted import ScriptedModel
from tyrian.stack.load import parse_stack

CHROMIUM = Path("/usr/bin/chromium")
STACK = """\
agent:
  preflight_guards:
    - {name: prompt_guard, block_classes: [jailbreak, injection]}
    - {name: secrets, redact_classes: ["*"]}
  postflight_guards:
    - {name: secrets, redact_classes: ["*"]}
"""
T = TypeVar("T")


@dataclass
class Running:
    """A gateway with a console, in a thread of its own."""

    store: Store
    settings: Settings
    port: int = 0
    server: Server | None = None
    thread: threading.Thread | None = None
    started: threading.Event = field(default_factory=threading.Event)
    visits: "list[Visit]" = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def link(self, email: str = "") -> str:
        """A link that signs in."""
        return f"{self.url}/setup#{once(Links(self.store).make(email))}"

    def client(self) -> "Visit":
        """A visitor without a browser."""
        self.visits.append(Visit(self))
        return self.visits[-1]

    def once(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run on a loop of its own."""
        return once(coroutine)

    def note_port(self, port: int) -> None:
        self.port = port
        self.started.set()

    def stop(self) -> None:
        assert self.server is not None
        assert self.thread is not None
        for visit in self.visits:
            visit.http.close()
        self.server.should_exit = True
        self.thread.join(30)
        assert self.settings.decisions is not None
        once(self.store.close())


def once(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run on a loop of its own, in a thread of its own: a browser's driver has one here already."""
    result: list[Any] = []

    def run() -> None:
        try:
            result.append(asyncio.run(coroutine))
        except BaseException as error:  # noqa: BLE001 - raised again below
            result.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if isinstance(result[0], BaseException):
        raise result[0]
    return result[0]  # type: ignore[no-any-return]


class Visit:
    """A client that keeps cookies and sends what a browser would; Secure cookies too."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.cookies: dict[str, str] = {}
        self.http = httpx2.Client(base_url=running.url, timeout=60, follow_redirects=False)

    def _send(self, method: str, path: str, **options: Any) -> httpx2.Response:
        headers = {
            "accept": "text/html",
            "sec-fetch-site": "same-origin",
            "cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items()),
            **options.pop("headers", {}),
        }
        kept = {name: value for name, value in headers.items() if value}
        answer = self.http.request(method, path, headers=kept, **options)
        for line in answer.headers.get_list("set-cookie"):
            name, _, rest = line.partition("=")
            value = rest.partition(";")[0].strip('"')
            if value:
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)
        return answer

    def get(self, path: str, **options: Any) -> httpx2.Response:
        return self._send("GET", path, **options)

    def post(self, path: str, fields: Any = None, **options: Any) -> httpx2.Response:
        """Send a form, with the token of a page if there is a session."""
        data = {"token": self.token(), **(fields or {})}
        return self._send("POST", path, data=data, **options)

    def token(self) -> str:
        page = self._send("GET", "/account").text
        return page.partition('name="tyrian-token" content="')[2].partition('"')[0]

    def sign_in(self, email: str = "") -> "Visit":
        """Come by a link from the terminal."""
        secret = self.running.link(email).partition("#")[2]
        assert self._send("POST", "/setup", data={"secret": secret}).status_code == 303
        return self


def build(folder: Path, database: str = "", **console: Any) -> Settings:
    """A gateway's settings with everything that the console shows."""
    store = Store.open(database or folder / "tyrian.db")
    stack = parse_stack(STACK, base=folder, file="stack.yaml")
    firewall = Firewall.from_stack(stack)
    options: dict[str, Any] = {
        "is_loopback": True,
        "home": folder,
        "stack": stack,
        "stack_text": STACK,
        **console,
    }
    return Settings(
        firewall=firewall,
        upstreams=[ScriptedModel()],
        keys=Keys(store),
        audit=firewall.audit,
        reviews=Reviews(store),
        store=store,
        decisions=DecisionLog(store),
        console=ConsoleOptions(**options),
    )


def run(settings: Settings) -> Running:
    """Start it; stop it with `stop`."""
    assert settings.store is not None
    running = Running(settings.store, settings)
    running.server = server(create_app(settings), port=0, on_started=running.note_port)
    running.thread = threading.Thread(target=running.server.run, daemon=True)
    running.thread.start()
    assert running.started.wait(60)
    return running


@pytest.fixture
def gateway(tmp_path: Path, database_url: str) -> Iterator[Running]:
    """A gateway of one test, on each kind of database."""
    running = run(build(tmp_path, database_url))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A gateway of a whole module."""
    running = run(build(tmp_path_factory.mktemp("console")))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip("Debian's chromium is not installed")
    with playwright.sync_playwright() as driver:
        launched = driver.chromium.launch(
            executable_path=str(CHROMIUM),
            args=["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"],
        )
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def kit() -> SimpleNamespace:
    """What tests build gateways of their own with."""
    return SimpleNamespace(build=build, run=run, once=once, Visit=Visit)
