"""Which of several real model servers serves a request, and what happens when one fails."""

import asyncio
import http.client
import json
import socket
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest
from aiohttp import web

from tyrian.core.detection import Detection, Stage, View
from tyrian.firewall.audit import MemoryAudit
from tyrian.firewall.firewall import Firewall
from tyrian.stack.load import parse_stack

GUARDS = """\
agent:
  preflight_guards:
    - {name: hidden_text}
"""
FLAGGING = """\
agent:
  preflight_guards:
    - {name: pii, flag_classes: ["*"]}
    - {name: secrets, redact_classes: ["*"]}
"""
SECRET = "AKIAIOSFODNN7EXAMPLX"
PII = [
    ("pii", "pii.email", "Write to ada.lovelace@analytical-engine.org, please."),
    ("pii", "pii.card", "My card is 4111 1111 1111 1111."),
    ("secret", "secret.aws-access-key-id", f"My key is {SECRET}."),
]


def model(server: Any, **more: object) -> str:
    return json.dumps({"base_url": f"http://127.0.0.1:{server.port}/v1", "model": "m", **more})


def stack(models: dict[str, str], *routes: str, guards: str = GUARDS) -> str:
    lines = [f"  {name}: {spec}" for name, spec in models.items()]
    listed = [f"  - {route}" for route in routes]
    return "\n".join([guards + "models:", *lines, *(["routes:", *listed] if routes else []), ""])


def firewall(guards: str) -> tuple[Firewall, MemoryAudit]:
    audit = MemoryAudit()
    return Firewall.from_stack(parse_stack(guards, base=Path(), file="s"), audit=audit), audit


def say(client: openai.OpenAI, name: str, text: str = "hi", **options: Any) -> Any:
    return client.chat.completions.with_raw_response.create(
        model=name, messages=[{"role": "user", "content": text}], **options
    )


def status(code: int) -> Callable[..., Any]:
    async def answer(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
        return web.json_response({"error": {"message": "no"}}, status=code)

    return answer


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def metric(port: int, start: str) -> float:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    line = next((line for line in text.splitlines() if line.startswith(start)), "x 0")
    return float(line.rsplit(" ", 1)[1])


def in_time(is_so: Callable[[], bool], limit_s: float = 10.0) -> bool:
    deadline = time.monotonic() + limit_s
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.mark.parametrize("guards", [GUARDS, FLAGGING], ids=["no-such-guards", "flag-and-redact"])
@pytest.mark.parametrize(("data_class", "rule", "text"), PII)
@pytest.mark.parametrize("is_stream", [False, True])
def test_personal_data_and_secrets_never_leave_for_a_hosted_server(
    kit: Any, guards: str, data_class: str, rule: str, text: str, is_stream: bool
) -> None:
    guarded, audit = firewall(guards)
    text_of_stack = stack({"hosted": model(kit.upstream, hosted=True)})
    port = kit.start_stack(text_of_stack, guarded, audit=audit)
    client = kit.client_of(port)
    with pytest.raises(openai.PermissionDeniedError) as caught:
        say(client, "hosted", text, stream=is_stream)
    assert caught.value.code == "data_class_refused"
    assert rule in str(caught.value)
    body = caught.value.response.json()
    (cause,) = body["tyrian"]["data_classes"]
    assert cause["class"] == data_class
    assert rule in cause["rules"]
    assert SECRET not in caught.value.response.text
    assert "ada" not in caught.value.response.text
    assert "4111" not in caught.value.response.text
    assert kit.upstream.requests == []
    assert metric(port, f'tyrian_data_class_refusals_total{{data_class="{data_class}"}}') == 1
    record = audit.records[-1]
    assert (record.policy, record.effect) == ("data_class", "block")
    assert rule in record.rules
    assert record.trace == caught.value.request_id
    assert say(client, "hosted", "What is the capital of France?").status_code == 200
    assert len(kit.upstream.requests) == 1


@pytest.mark.parametrize(
    "extra",
    [
        {"messages": [{"role": "system", "content": "The boss is bob@corp-mail.org"},
                      {"role": "user", "content": "hi"}]},
        {"messages": [{"role": "user", "content": "hi"},
                      {"role": "assistant", "content": "bob@corp-mail.org"},
                      {"role": "user", "content": "go on"}]},
        {"tools": [{"type": "function", "function": {
            "name": "mail", "description": "Mails bob@corp-mail.org", "parameters": {}}}]},
        {"tools": [{"type": "function", "function": {"name": "mail", "parameters": {
            "type": "object", "properties": {"to": {"enum": ["bob@corp-mail.org"]}}}}}]},
        {"metadata": {"bob@corp-mail.org": "x"}},
        {"user": "bob@corp-mail.org"},
        {"stop": ["bob@corp-mail.org"]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "b@corp-mail.org"}]}]},
        {"messages": [{"role": "user", "content": "ｂｏｂ＠ｃｏｒｐ－ｍａｉｌ．ｏｒｇ"}]},
    ],
)  # fmt: skip
def test_whatever_part_of_a_request_holds_them(kit: Any, extra: dict[str, Any]) -> None:
    guarded, _ = firewall(GUARDS)
    port = kit.start_stack(stack({"hosted": model(kit.upstream, hosted=True)}), guarded)
    body = {"messages": [{"role": "user", "content": "hi"}], **extra}
    with pytest.raises(openai.PermissionDeniedError):
        kit.client_of(port).chat.completions.create(model="hosted", **body)
    assert kit.upstream.requests == []


def test_they_go_to_the_server_inside_where_the_route_has_one(kit: Any) -> None:
    inside, hosted = kit.server(), kit.server()
    text = stack(
        {"inside": model(inside), "hosted": model(hosted, hosted=True)},
        "{match: chat, model: hosted, fallbacks: [inside]}",
        "{match: 'by-*', detected: [pii, secret], model: inside}",
        "{match: by-data, model: hosted}",
    )
    client = kit.client_of(kit.start_stack(text, firewall(FLAGGING)[0]))
    for name in ("chat", "by-data"):
        assert say(client, name, "a plain question").headers["x-tyrian-model"] == "hosted"
        assert say(client, name, PII[0][2]).headers["x-tyrian-model"] == "inside"
    assert len(hosted.requests) == len(inside.requests) == 2
    # A fallback is no way round: the only other server is hosted.
    inside.answer = status(503)
    with pytest.raises(openai.InternalServerError):
        say(client, "chat", PII[0][2])
    assert len(hosted.requests) == 2


def test_a_detector_that_fails_lets_nothing_out(kit: Any) -> None:
    guarded, _ = firewall(FLAGGING)
    pii = next(guard.detector for guard in guarded.guards if guard.info.kind == "pii")

    class Broken:
        info, is_bounded, reads_trace = pii.info, True, False

        def detect(self, view: View) -> Detection:
            raise RuntimeError("broken")

    made = Firewall(
        [type(guard)(Broken() if guard.info.kind == "pii" else guard.detector, guard.stage)
         for guard in guarded.guards],
        type(guarded.policy)(
            type(rule)(rule.guard, rule.stage, rule.effects, on_error=rule.on_error.ALLOW)
            for rule in guarded.policy.rules
        ),
    )  # fmt: skip
    assert made.guards_at(Stage.INPUT)
    port = kit.start_stack(stack({"hosted": model(kit.upstream, hosted=True)}), made)
    with pytest.raises(openai.InternalServerError) as caught:
        say(kit.client_of(port), "hosted")
    assert (caught.value.status_code, caught.value.code) == (503, "guard_unavailable")
    assert kit.upstream.requests == []


def test_a_declared_class_goes_only_where_it_may(kit: Any) -> None:
    text = stack(
        {
            "open": model(kit.upstream),
            "public": model(kit.upstream, data_classes=["public"]),
        },
        "{match: a, model: open, data_class: confidential}",
        "{match: b, model: public, data_class: public}",
    )
    client = kit.client_of(kit.start_stack(text))
    assert say(client, "a").headers["x-tyrian-model"] == "open"
    assert say(client, "b").headers["x-tyrian-model"] == "public"


def test_requests_are_split_by_share(kit: Any) -> None:
    servers = [kit.server(), kit.server()]
    text = stack(
        {"a": model(servers[0]), "b": model(servers[1])}, "{match: m, split: {a: 3, b: 1}}"
    )
    client = kit.client_of(kit.start_stack(text))
    seen = Counter(say(client, "m").headers["x-tyrian-model"] for _ in range(12))
    assert seen == {"a": 9, "b": 3}
    assert [len(server.requests) for server in servers] == [9, 3]
    assert [m.id for m in client.models.list()] == ["m", "a", "b"]


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
@pytest.mark.parametrize("is_stream", [False, True])
def test_the_next_server_is_tried_before_an_answer_has_begun(
    kit: Any, code: int, is_stream: bool
) -> None:
    first, second = kit.server(), kit.server()
    first.answer = status(code)
    second.say("from the second")
    text = stack(
        {"a": model(first), "b": model(second, model="other")},
        "{match: m, model: a, fallbacks: [b]}",
    )
    port = kit.start_stack(text)
    reply = say(kit.client_of(port), "m", stream=is_stream)
    assert reply.headers["x-tyrian-model"] == "b"
    if is_stream:
        pieces = [c.choices[0].delta.content or "" for c in reply.parse() if c.choices]
        assert "".join(pieces) == "from the second"
    else:
        assert reply.parse().choices[0].message.content == "from the second"
    assert len(first.requests) == 1
    assert second.requests[0]["model"] == "other"
    assert metric(port, 'tyrian_upstream_fallbacks_total{to="b",upstream="a"}') == 1
    assert metric(port, f'tyrian_upstream_attempts_total{{outcome="{code}",upstream="a"}}') == 1
    assert metric(port, 'tyrian_upstream_attempts_total{outcome="answered",upstream="b"}') == 1


def test_a_server_that_is_not_there_is_passed_over(kit: Any) -> None:
    gone = json.dumps({"base_url": f"http://127.0.0.1:{closed_port()}/v1"})
    text = stack({"a": gone, "b": model(kit.upstream)}, "{match: m, model: a, fallbacks: [b]}")
    assert say(kit.client_of(kit.start_stack(text)), "m").headers["x-tyrian-model"] == "b"


def test_a_server_that_is_too_late_is_passed_over(kit: Any) -> None:
    slow = kit.server()

    async def silent(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        raise AssertionError

    slow.answer = silent
    text = stack(
        {"a": model(slow, first_byte_timeout_s=0.2), "b": model(kit.upstream)},
        "{match: m, model: a, fallbacks: [b]}",
    )
    client = kit.client_of(kit.start_stack(text))
    assert say(client, "m").headers["x-tyrian-model"] == "b"
    assert slow.cancelled.wait(5)
    with pytest.raises(openai.InternalServerError) as caught:
        say(client, "a")
    assert caught.value.code == "upstream_timeout"


def test_an_answer_that_takes_too_long_in_all_is_ended(kit: Any) -> None:
    async def endless(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
        out: web.StreamResponse = await kit.begin(request)
        while True:
            await out.write(kit.chunk({"content": "word "}))
            await asyncio.sleep(0.05)

    kit.upstream.answer = endless
    client = kit.client_of(kit.start_stack(stack({"a": model(kit.upstream, timeout_s=0.6)})))
    with pytest.raises(openai.APIError) as caught:
        list(say(client, "a", stream=True).parse())
    assert caught.value.code == "upstream_timeout"


@pytest.mark.parametrize("code", [400, 401, 404, 422])
def test_a_refusal_of_the_request_itself_stands(kit: Any, code: int) -> None:
    first, second = kit.server(), kit.server()
    first.answer = status(code)
    text = stack({"a": model(first), "b": model(second)}, "{match: m, model: a, fallbacks: [b]}")
    with pytest.raises(openai.APIStatusError):
        say(kit.client_of(kit.start_stack(text)), "m")
    assert second.requests == []


def test_an_answer_that_has_begun_goes_to_nobody_else(kit: Any) -> None:
    first, second = kit.server(), kit.server()

    async def breaks(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
        out: web.StreamResponse = await kit.begin(request)
        await out.write(kit.chunk({"role": "assistant", "content": "so far "}))
        assert request.transport is not None
        request.transport.abort()
        return out

    first.answer = breaks
    text = stack({"a": model(first), "b": model(second)}, "{match: m, model: a, fallbacks: [b]}")
    with pytest.raises(openai.APIError):
        list(say(kit.client_of(kit.start_stack(text)), "m", stream=True).parse())
    assert second.requests == []


def test_when_all_fail_the_last_failure_is_told(kit: Any) -> None:
    first, second = kit.server(), kit.server()
    first.answer = status(503)
    second.answer = status(429)
    text = stack({"a": model(first), "b": model(second)}, "{match: m, model: a, fallbacks: [b]}")
    with pytest.raises(openai.RateLimitError):
        say(kit.client_of(kit.start_stack(text)), "m")


def test_the_circuit_opens_probes_once_and_closes(kit: Any) -> None:
    server = kit.upstream
    server.answer = status(503)
    circuit = {"failures": 2, "open_s": 0.5}
    port = kit.start_stack(stack({"a": model(server, circuit=circuit)}))
    client = kit.client_of(port)
    for _ in range(2):
        with pytest.raises(openai.InternalServerError):
            say(client, "a")
    with pytest.raises(openai.InternalServerError) as caught:
        say(client, "a")
    assert caught.value.code == "circuit_open"
    assert int(caught.value.response.headers["retry-after"]) >= 1
    assert len(server.requests) == 2
    assert metric(port, 'tyrian_upstream_circuit_open{upstream="a"}') == 1
    assert client.models.retrieve("a").status == "unavailable"
    kit.upstream.say("well again")
    assert in_time(lambda: metric(port, 'tyrian_upstream_circuit_open{upstream="a"}') == 0)
    assert client.models.retrieve("a").status == "degraded"
    assert say(client, "a").status_code == 200
    assert client.models.retrieve("a").status == "available"


def test_requests_that_provoke_a_500_cannot_close_a_server_to_others(kit: Any) -> None:
    kit.upstream.answer = status(500)
    circuit = {"failures": 2, "open_s": 60}
    client = kit.client_of(kit.start_stack(stack({"a": model(kit.upstream, circuit=circuit)})))
    for _ in range(5):
        with pytest.raises(openai.InternalServerError) as caught:
            say(client, "a")
        assert caught.value.code == "upstream_error"
    assert len(kit.upstream.requests) == 5


def test_an_open_circuit_is_passed_over(kit: Any) -> None:
    first, second = kit.server(), kit.server()
    first.answer = status(502)
    circuit = {"failures": 1, "open_s": 60}
    text = stack(
        {"a": model(first, circuit=circuit), "b": model(second)},
        "{match: m, model: a, fallbacks: [b]}",
    )
    client = kit.client_of(kit.start_stack(text))
    for _ in range(4):
        assert say(client, "m").headers["x-tyrian-model"] == "b"
    assert len(first.requests) == 1


def test_a_server_that_its_check_finds_unwell_comes_last(kit: Any) -> None:
    first, second = kit.server(), kit.server()
    health = {"every_s": 0.05, "timeout_s": 1, "unhealthy_after": 2}
    text = stack(
        {"a": model(first, health=health), "b": model(second)},
        "{match: m, model: a, fallbacks: [b]}",
    )
    port = kit.start_stack(text)
    client = kit.client_of(port)
    gauge = 'tyrian_upstream_healthy{upstream="a"}'
    assert say(client, "m").headers["x-tyrian-model"] == "a"
    first.is_well = False
    assert in_time(lambda: metric(port, gauge) == 0)
    assert client.models.retrieve("a").status == "degraded"
    assert say(client, "m").headers["x-tyrian-model"] == "b"
    first.is_well = True
    assert in_time(lambda: metric(port, gauge) == 1)
    assert say(client, "m").headers["x-tyrian-model"] == "a"
    assert first.checks > 2


def test_models_tell_whether_they_are_hosted(kit: Any) -> None:
    text = stack(
        {
            "in": model(kit.upstream),
            "out": model(kit.upstream, hosted=True, data_classes=["public"]),
        }
    )
    client = kit.client_of(kit.start_stack(text))
    found: dict[str, Any] = {m.id: m.model_dump() for m in client.models.list()}
    assert (found["in"]["hosted"], found["out"]["hosted"]) == (False, True)
    assert found["out"]["data_classes"] == ["public"]
