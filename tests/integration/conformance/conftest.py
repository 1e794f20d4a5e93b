"""A gateway before a model server that does what it is told, and the clients that drive it.

Every test is named after its line of the conformance list: `test_line_17_...`.
"""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import llama_api_client
import openai
import pytest
from aiohttp import web
from langchain_openai import ChatOpenAI
from pydantic import SecretStr
from tests.integration.gateway.conftest import Kit, begin, chunk

STORY = "The boats came home in the morning, and the harbour was full of light."
MODEL = "org/fake-model"
USAGE = {"prompt_tokens": 5, "completion_tokens": 9, "total_tokens": 14}


async def obedient(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
    """Answers as the last message says: `say ...`, `call NAME {...}; NAME {...}`, or a story."""
    content = body["messages"][-1].get("content") or ""
    told = content if isinstance(content, str) else content[0].get("text", "")
    calls = _calls(told, body)
    text = "" if calls else told[4:] if told.startswith("say ") else STORY
    text, finish = _cut(text, body)
    finish = "tool_calls" if calls else finish
    if body.get("stream"):
        return await _streamed(body, request, text, calls, finish)
    message: dict[str, Any] = {"role": "assistant", "content": text or None, "refusal": None}
    if calls:
        message["tool_calls"] = [{"id": f"call_{i}", "type": "function", "function": call}
                                 for i, call in enumerate(calls)]  # fmt: skip
    choices = [
        {"index": i, "message": message, "finish_reason": finish,
         "logprobs": {"content": _logprobs(words(text))} if body.get("logprobs") else None}
        for i in range(body.get("n") or 1)
    ]  # fmt: skip
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": MODEL}
    return web.json_response({**head, "choices": choices, "usage": USAGE})


def _calls(told: str, body: dict[str, Any]) -> list[dict[str, str]]:
    choice = body.get("tool_choice")
    if choice == "none" or not body.get("tools"):
        return []
    found = re.findall(r"(\w+) (\{.*?\})(?:;|$)", told) if told.startswith("call ") else []
    names = [tool["function"]["name"] for tool in body["tools"]]
    if isinstance(choice, dict):
        found = found or [(choice["function"]["name"], "{}")]
    elif choice == "required":
        found = found or [(names[0], "{}")]
    return [{"name": name, "arguments": arguments} for name, arguments in found]


def _cut(text: str, body: dict[str, Any]) -> tuple[str, str]:
    stop = body.get("stop") or []
    for sign in [stop] if isinstance(stop, str) else stop:
        text = text.split(sign)[0]
    most = body.get("max_completion_tokens") or body.get("max_tokens")
    if most and len(words(text)) > most:
        return "".join(words(text)[:most]), "length"
    return text, "stop"


def words(text: str) -> list[str]:
    """The tokens of the model."""
    return re.findall(r"\s*\S+", text)


def _logprobs(tokens: list[str]) -> list[dict[str, Any]]:
    return [
        {"token": token, "logprob": -0.1, "bytes": list(token.encode()),
         "top_logprobs": [{"token": token, "logprob": -0.1, "bytes": list(token.encode())}]}
        for token in tokens
    ]  # fmt: skip


async def _streamed(
    body: dict[str, Any],
    request: web.Request,
    text: str,
    calls: list[dict[str, str]],
    finish: str,
) -> web.StreamResponse:
    out = await begin(request)
    count = body.get("n") or 1
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": word} for word in words(text)]
    for i, call in enumerate(calls):
        first = {"index": i, "id": f"call_{i}", "type": "function",
                 "function": {"name": call["name"], "arguments": ""}}  # fmt: skip
        deltas.append({"tool_calls": [first]})
        args = call["arguments"]
        deltas += [{"tool_calls": [{"index": i, "function": {"arguments": args[k : k + 4]}}]}
                   for k in range(0, len(args), 4)]  # fmt: skip
    for delta in deltas:
        for i in range(count):
            raw = chunk(delta, index=i)
            if body.get("logprobs") and delta.get("content"):
                entries = web.json_response(_logprobs([delta["content"]])).text
                raw = raw.replace(
                    b'"finish_reason": null',
                    b'"finish_reason": null, "logprobs": {"content": %s}' % str(entries).encode(),
                )
            await out.write(raw)
    for i in range(count):
        await out.write(chunk({}, finish, index=i))
    if (body.get("stream_options") or {}).get("include_usage"):
        usage = web.json_response(
            {
                "id": "chatcmpl-1",
                "object": "chat.completion.chunk",
                "created": 1,
                "model": MODEL,
                "choices": [],
                "usage": USAGE,
            }
        ).text
        await out.write(f"data: {usage}\n\n".encode())
    await out.write(b"data: [DONE]\n\n")
    await out.write_eof()
    return out


class Stage:
    """One gateway and all its clients; `guarded` says whether guards stand in it."""

    model = MODEL

    def __init__(self, kit: Kit, *, guarded: bool) -> None:
        self.kit = kit
        kit.upstream.answer = obedient
        self._guarded = guarded
        self._port = 0
        self._closing: list[Any] = []

    @property
    def port(self) -> int:
        """Where the gateway listens; it is started on the first look."""
        return self._port or self.start()

    def start(self, **settings: Any) -> int:
        """Start the gateway with these settings."""
        firewall = self.kit.word_firewall() if self._guarded else None
        self._port = self.kit.start(settings.pop("firewall", firewall), **settings)
        return self._port

    def url(self, prefix: str = "/v1") -> str:
        """The base URL for a client."""
        return f"http://127.0.0.1:{self.port}{prefix}"

    @property
    def client(self) -> openai.OpenAI:
        """OpenAI's client."""
        return self.kit.client_of(self.port)

    def async_openai(self, **options: Any) -> openai.AsyncOpenAI:
        """OpenAI's asynchronous client; close it."""
        settings: dict[str, Any] = {"max_retries": 0, "timeout": 20, **options}
        return openai.AsyncOpenAI(api_key=self.kit.key, base_url=self.url(), **settings)

    def llama(self, prefix: str = "/llama/v1", **options: Any) -> llama_api_client.LlamaAPIClient:
        """Meta's client."""
        client = llama_api_client.LlamaAPIClient(
            api_key=options.pop("api_key", self.kit.key), base_url=self.url(prefix),
            max_retries=0, timeout=20, **options,
        )  # fmt: skip
        self._closing.append(client)
        return client

    def langchain(self, **options: Any) -> ChatOpenAI:
        """LangChain's client."""
        settings: dict[str, Any] = {"max_retries": 0, "timeout": 20, **options}
        return ChatOpenAI(
            model=MODEL, api_key=SecretStr(self.kit.key), base_url=self.url(), **settings
        )  # fmt: skip

    @property
    def http(self) -> httpx.Client:
        """A client that shows the bytes, with the key."""
        client = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}", timeout=20,
            headers={"authorization": f"Bearer {self.kit.key}"},
        )  # fmt: skip
        self._closing.append(client)
        return client

    def ask(self, text: Any, **options: Any) -> Any:
        """Ask with OpenAI's client."""
        messages: Any = text if isinstance(text, list) else [{"role": "user", "content": text}]
        return self.client.chat.completions.create(model=MODEL, messages=messages, **options)

    def stream(self, text: Any, **options: Any) -> list[Any]:
        """All chunks of a streamed answer."""
        return list(self.ask(text, stream=True, **options))

    def close(self) -> None:
        """Close the clients."""
        for client in self._closing:
            client.close()


@pytest.fixture
def kit() -> Iterator[Kit]:
    """Gateways, clients and a model server."""
    made = Kit()
    yield made
    made.close()


@pytest.fixture(params=["guarded", "unguarded"])
def stage(request: pytest.FixtureRequest, kit: Kit) -> Iterator[Stage]:
    """A gateway with guards, and one without: clients must not see a difference."""
    made = Stage(kit, guarded=request.param == "guarded")
    yield made
    made.close()


@pytest.fixture
def guarded(kit: Kit) -> Iterator[Stage]:
    """A gateway with guards."""
    made = Stage(kit, guarded=True)
    yield made
    made.close()
