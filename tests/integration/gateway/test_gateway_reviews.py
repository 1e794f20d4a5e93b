"""A call that needs a person, from the model to the client: parked, decided, resumed, once."""

import asyncio
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tyrian.firewall.audit import MemoryAudit
from tyrian.firewall.firewall import Firewall
from tyrian.gateway.accounts.record import KeyRecord
from tyrian.gateway.reviews import Reviews
from tyrian.gateway.store.engine import Store
from tyrian.gateway.tokens import KeyKind
from tyrian.gateway.webhook import SIGNATURE, Webhook
from tyrian.policy.guard import GuardPolicy
from tyrian.policy.tool import policy_of

AGENT, OTHER, ADMIN = "tyr_test_agent", "tyr_test_other", "tyr_adm_person"
PAGE = "The figures of the north rose by a twelfth in the second quarter of this year."
MAIL = json.dumps({"to": "a@CORP.com", "body": f"They say: {PAGE}"})
SAID: list[dict[str, Any]] = [
    {"role": "user", "content": "go"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "f1", "type": "function", "function": {"name": "fetch", "arguments": "{}"}}
        ],
    },
    {"role": "tool", "tool_call_id": "f1", "content": PAGE},
]


class ThreeKeys:
    """Two agents and a person."""

    async def verify(self, token: str) -> KeyRecord | None:
        kind, scopes = KeyKind.TEST, frozenset({"chat"})
        if token == ADMIN:
            kind, scopes = KeyKind.ADMIN, frozenset({"admin"})
        if token not in (AGENT, OTHER, ADMIN):
            return None
        return KeyRecord(f"key_{token.rpartition('_')[2]}", "test", kind, scopes, 0)


def guarded() -> Any:
    policy = policy_of(
        {
            "tools": {"fetch": {}, "mail": {"to": "email", "body": "opaque"}},
            "email": {"domains": ["corp.com"]},
            "flow": [{"id": "careful", "if_untrusted_output_from": "fetch", "then_ask": "mail"}],
        }
    )
    return Firewall([], GuardPolicy([], may_be_empty=True), tool_policy=policy, audit=MemoryAudit())


class Client:
    """Plain HTTP to one gateway."""

    def __init__(self, port: int, model: str) -> None:
        self.http = httpx2.Client(base_url=f"http://127.0.0.1:{port}/v1", timeout=20)
        self.model = model

    def chat(self, said: list[dict[str, Any]], **options: Any) -> Any:
        body = {"model": self.model, "messages": said, **options}
        reply = self.http.post("/chat/completions", json=body, headers=bearer(AGENT))
        assert reply.status_code == 200, reply.text
        return reply if options.get("stream") else reply.json()

    def get(self, path: str, token: str = ADMIN) -> httpx2.Response:
        return self.http.get(path, headers=bearer(token))

    def post(self, path: str, body: Any = None, token: str = ADMIN) -> httpx2.Response:
        return self.http.post(path, json=body or {}, headers=bearer(token))

    def pending(self) -> list[Any]:
        return list(self.get("/reviews?status=pending").json()["data"])


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@pytest.fixture
def start(kit: Any, tmp_path: Path, new_file: Callable[[Path], Path]) -> Iterator[Any]:
    database = new_file(tmp_path / "tyrian.db")
    clients: list[Client] = []
    stores: list[Store] = []

    def started(**options: Any) -> Client:
        stores.append(Store.open(database))
        reviews = Reviews(stores[-1], **options)
        port = kit.start(guarded(), keys=ThreeKeys(), reviews=reviews)
        clients.append(Client(port, kit.model))
        return clients[-1]

    kit.upstream.call(("mail", MAIL))
    yield started
    for client in clients:
        client.http.close()
    for store in stores:
        asyncio.run(store.close())


def test_a_held_call_is_parked_listed_approved_and_resumed_once(start: Any) -> None:
    client = start()
    answer = client.chat(SAID)
    choice = answer["choices"][0]
    assert choice["finish_reason"] == "content_filter"
    review_id = answer["tyrian"]["review"]
    assert review_id in choice["message"]["refusal"]
    (review,) = client.pending()
    assert review["id"] == review_id
    assert review["key_id"] == "key_agent"
    assert review["calls"][0]["canonical"]["to"] == "a@corp.com"
    assert review["calls"][0]["sources"] == ["fetch"]
    assert review["calls"][0]["rule"] == "careful"
    assert client.post(f"/reviews/{review_id}/resume", token=AGENT).status_code == 409
    approved = client.post(f"/reviews/{review_id}", {"decision": "approve", "note": "fine"})
    assert approved.json()["status"] == "approved"
    assert approved.json()["decided_by"] == "key_person"
    assert client.get(f"/reviews/{review_id}", AGENT).json()["status"] == "approved"
    resumed = client.post(f"/reviews/{review_id}/resume", token=AGENT).json()
    call = resumed["choices"][0]["message"]["tool_calls"][0]
    assert json.loads(call["function"]["arguments"])["to"] == "a@corp.com"
    assert client.post(f"/reviews/{review_id}/resume", token=AGENT).status_code == 409
    assert client.get(f"/reviews/{review_id}").json()["status"] == "used"
    assert client.pending() == []


def test_the_conversation_goes_on_with_a_call_that_was_approved(kit: Any, start: Any) -> None:
    client = start()
    review_id = client.chat(SAID)["tyrian"]["review"]
    client.post(f"/reviews/{review_id}", {"decision": "approve"})
    message = client.post(f"/reviews/{review_id}/resume", token=AGENT).json()["choices"][0][
        "message"
    ]
    done = {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "sent"}
    kit.upstream.say("done")
    answer = client.chat([*SAID, message, done])
    assert answer["choices"][0]["message"]["content"] == "done"
    kit.upstream.call(("mail", MAIL))
    again = client.chat([*SAID, message, done])
    assert again["choices"][0]["finish_reason"] == "content_filter"
    assert again["tyrian"]["review"] != review_id


def test_a_client_that_asks_again_gets_what_was_approved_meanwhile(start: Any) -> None:
    client = start()
    first = client.chat(SAID)["tyrian"]["review"]
    assert client.chat(SAID)["tyrian"]["review"] == first
    client.post(f"/reviews/{first}", {"decision": "approve"})
    answer = client.chat(SAID)
    assert answer["choices"][0]["finish_reason"] == "tool_calls"
    assert answer["tyrian"]["reasons"][0]["rule"] == "review.approved"
    assert client.chat(SAID)["choices"][0]["finish_reason"] == "content_filter"


def test_a_refusal_stands_until_the_review_has_expired(start: Any) -> None:
    now = [1_000_000.0]
    client = start(expires_s=60, clock=lambda: now[0])
    review_id = client.chat(SAID)["tyrian"]["review"]
    client.post(f"/reviews/{review_id}", {"decision": "refuse"})
    assert client.post(f"/reviews/{review_id}/resume", token=AGENT).status_code == 409
    answer = client.chat(SAID)
    assert answer["tyrian"]["reasons"][0]["rule"] == "review.refused"
    assert client.post(f"/reviews/{review_id}", {"decision": "approve"}).status_code == 409
    now[0] += 61
    assert client.chat(SAID)["tyrian"]["review"] != review_id


@pytest.mark.parametrize("is_stream", [True, False])
@pytest.mark.parametrize("decision", ["approve", "refuse"])
def test_a_request_may_wait_for_the_person(start: Any, decision: str, is_stream: bool) -> None:
    client = start(wait_s=15.0)

    def person() -> None:
        watcher = Client(client.http.base_url.port, "")
        for _ in range(200):
            if found := watcher.pending():
                watcher.post(f"/reviews/{found[0]['id']}", {"decision": decision})
                break
            time.sleep(0.05)
        watcher.http.close()

    thread = threading.Thread(target=person)
    thread.start()
    found = client.chat(SAID, stream=is_stream)
    thread.join()
    text = found.text if is_stream else json.dumps(found)
    assert ("tool_calls" in text) is (decision == "approve")
    assert ("content_filter" in text) is (decision == "refuse")
    assert ("a@corp.com" in text) is (decision == "approve")


def test_what_has_expired_can_no_longer_be_approved(start: Any) -> None:
    now = [1_000_000.0]
    client = start(expires_s=60, clock=lambda: now[0])
    review_id = client.chat(SAID)["tyrian"]["review"]
    now[0] += 61
    assert client.get(f"/reviews/{review_id}").json()["status"] == "expired"
    assert client.post(f"/reviews/{review_id}", {"decision": "approve"}).status_code == 409
    second = client.chat(SAID)["tyrian"]["review"]
    assert second != review_id
    client.post(f"/reviews/{second}", {"decision": "approve"})
    now[0] += 61
    assert client.post(f"/reviews/{second}/resume", token=AGENT).status_code == 409
    assert client.chat(SAID)["tyrian"]["review"] not in (review_id, second)


def test_an_agent_cannot_decide_nor_see_what_is_not_its_own(start: Any) -> None:
    client = start()
    review_id = client.chat(SAID)["tyrian"]["review"]
    decide = {"decision": "approve"}
    assert client.post(f"/reviews/{review_id}", decide, token=AGENT).status_code == 403
    assert client.get("/reviews", AGENT).status_code == 403
    assert client.get(f"/reviews/{review_id}", OTHER).status_code == 404
    client.post(f"/reviews/{review_id}", decide)
    assert client.post(f"/reviews/{review_id}/resume", token=OTHER).status_code == 404
    assert client.post(f"/reviews/{review_id}/resume", token=ADMIN).status_code == 404
    assert client.http.get(f"/reviews/{review_id}").status_code == 401


@pytest.mark.parametrize(
    "body", [{}, {"decision": "yes"}, {"decision": True}, {"decision": "approve", "x": 1}]
)
def test_an_unclear_answer_decides_nothing(start: Any, body: Any) -> None:
    client = start()
    review_id = client.chat(SAID)["tyrian"]["review"]
    assert client.post(f"/reviews/{review_id}", body).status_code == 400
    assert client.get(f"/reviews/{review_id}").json()["status"] == "pending"
    assert client.post("/reviews/rev_none", {"decision": "approve"}).status_code == 404
    assert client.get("/reviews?status=odd").status_code == 400
    assert client.get("/reviews?limit=0").status_code == 400


class Receiver(BaseHTTPRequestHandler):
    """Fails once, then takes what it gets."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append((dict(self.headers), body))  # type: ignore[attr-defined]
        self.send_response(500 if len(self.server.got) == 1 else 204)  # type: ignore[attr-defined]
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


def test_a_webhook_is_told_signed_and_without_the_call(start: Any) -> None:
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    server.got = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    hook = Webhook(f"http://127.0.0.1:{server.server_port}/hook", "s3cret", (0.0, 0.05))
    client = start(notify=hook.notify)
    review_id = client.chat(SAID)["tyrian"]["review"]
    for _ in range(100):
        if len(server.got) == 2:  # type: ignore[attr-defined]
            break
        time.sleep(0.05)
    server.shutdown()
    headers, body = server.got[-1]  # type: ignore[attr-defined]
    told = json.loads(body)
    assert told["review"]["id"] == review_id
    assert told["review"]["sources"] == ["fetch"]
    assert b"corp.com" not in body
    given = {k.lower(): v for k, v in headers.items()}[SIGNATURE]
    at, proof = (part.split("=", 1)[1] for part in given.split(","))
    wanted = hmac.new(b"s3cret", at.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert proof == wanted
    server.server_close()


CHROMIUM = Path("/usr/bin/chromium")


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason="Debian's chromium is not installed")
@pytest.mark.parametrize("decision", ["approve", "refuse"])
def test_a_person_decides_on_the_page(kit: Any, start: Any, decision: str) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    client = start()
    body = "<img src=x onerror=alert(1)>\u202e They say: " + PAGE
    kit.upstream.call(("mail", json.dumps({"to": "a@corp.com", "body": body})))
    review_id = client.chat(SAID)["tyrian"]["review"]
    problems: list[str] = []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=str(CHROMIUM), args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", lambda dialog: problems.append(str(dialog.dismiss())))
        url = f"http://127.0.0.1:{client.http.base_url.port}"
        page.goto(url)
        page.click("text=Reviews")
        page.wait_for_url(f"{url}/reviews")
        page.fill("#key", AGENT)
        page.click("#show")
        page.wait_for_selector("#key-note[data-kind=error]")
        page.fill("#key", ADMIN)
        page.click("#show")
        page.wait_for_selector(f"[data-id={review_id}]")
        shown = page.inner_text("#reviews")
        for part in ("a@corp.com", "careful", "fetch", "<img src=x", "\\u{202e}"):
            assert part in shown
        assert page.query_selector("#reviews img") is None
        page.click(f"[data-id={review_id}] .{decision}")
        page.wait_for_selector(f"[data-id={review_id}]", state="detached")
        assert "0 reviews" in page.inner_text("#count")
        browser.close()
    assert problems == []
    found = client.get(f"/reviews/{review_id}").json()
    assert found["status"] == {"approve": "approved", "refuse": "refused"}[decision]
