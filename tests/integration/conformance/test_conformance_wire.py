"""Lines 68 to 72: the bytes on the wire, seen by curl, and the promise of one variable."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web
from tests.integration.conformance.conftest import MODEL, STORY, Stage

ASKED: Any = {"model": MODEL, "messages": [{"role": "user", "content": "tell"}]}
PREFIXES = ("/v1", "/compat/v1", "/llama/v1")


def curl(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("curl")
    assert program, "curl is not there"
    command = [program, "--silent", "--show-error", "--max-time", "20", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True)


def test_line_68_curl_shows_tokens_as_they_are_made(stage: Stage) -> None:
    may_go_on = asyncio.Event()

    async def halts(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
        out = await stage.kit.begin(request)
        # More than a guard holds back, so that what was judged can leave.
        await out.write(stage.kit.chunk({"content": "The boats came home. " * 100}))
        await asyncio.wait_for(may_go_on.wait(), 20)
        await out.write(stage.kit.chunk({}, "stop") + b"data: [DONE]\n\n")
        return out

    stage.kit.upstream.answer = halts
    key = f"authorization: Bearer {stage.kit.key}"
    with subprocess.Popen(
        [
            "curl",
            "-sNi",
            "-H",
            key,
            "-H",
            "content-type: application/json",
            "-d",
            json.dumps({**ASKED, "stream": True}),
            f"{stage.url()}/chat/completions",
        ],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        head: list[str] = []
        while line := process.stdout.readline().strip().lower():
            head.append(line)
        for name in ("x-accel-buffering: no", "cache-control: no-cache"):
            assert name in head
        while "boats" not in process.stdout.readline():
            pass
        stage.kit.upstream.run(may_go_on.set)
        assert process.stdout.read().endswith("data: [DONE]\n\n")
        assert process.wait(20) == 0


@pytest.mark.parametrize("prefix", PREFIXES)
def test_line_69_no_other_origin_is_let_in_and_methods_are_told(stage: Stage, prefix: str) -> None:
    url = f"{stage.url(prefix)}/chat/completions"
    asks = curl("-i", "-X", "OPTIONS", "-H", "Origin: https://evil.example",
                "-H", "Access-Control-Request-Method: POST", url).stdout  # fmt: skip
    assert "access-control-allow-origin" not in asks.lower()
    for method in ("GET", "PUT", "DELETE", "OPTIONS"):
        head, _, body = curl("-i", "-X", method, url).stdout.partition("\n\n")
        assert " 405 " in head.splitlines()[0]
        assert "allow: POST" in head
        assert json.loads(body)["error"]["code"] == "method_not_allowed"
    head = curl("-I", f"{stage.url(prefix)}/models").stdout
    assert " 401 " in head.splitlines()[0]


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize(
    "path", ["/chat/completions/", "//chat/completions", "/chat", "/chat/completions/x", "/nothing"]
)
def test_line_70_what_is_not_there_is_told_as_json_and_never_redirected(
    stage: Stage, prefix: str, path: str
) -> None:
    key = f"authorization: Bearer {stage.kit.key}"
    out = curl("-i", "--path-as-is", "-H", key, "-H", "content-type: application/json",
               "-d", json.dumps(ASKED), f"{stage.url(prefix)}{path}").stdout  # fmt: skip
    head, _, body = out.partition("\n\n")
    assert head.splitlines()[0].split()[1] in ("404", "405")
    assert "location:" not in head.lower()
    assert json.loads(body)["error"]["message"]
    assert not stage.kit.upstream.requests


def test_line_71_an_openapi_document_is_served(stage: Stage) -> None:
    document = stage.http.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    for path in ("/v1/chat/completions", "/v1/responses", "/v1/moderations", "/v1/models"):
        assert path in document["paths"]


_EXAMPLE = """
import json, os
from openai import OpenAI

client = OpenAI()
model = os.environ["MODEL"]
said = [{"role": "user", "content": "tell"}]
whole = client.chat.completions.create(model=model, messages=said).choices[0].message.content
stream = client.chat.completions.create(model=model, messages=said, stream=True)
streamed = "".join(c.choices[0].delta.content or "" for c in stream if c.choices)
response = client.responses.create(model=model, input="tell").output_text
flagged = client.moderations.create(input="KILL").results[0].flagged
print(json.dumps([whole, streamed, response, flagged]))
"""


def environment(stage: Stage) -> dict[str, str]:
    plain = {k: v for k, v in os.environ.items() if not k.startswith("OPENAI_")}
    mine = {"OPENAI_BASE_URL": stage.url(), "OPENAI_API_KEY": stage.kit.key, "MODEL": MODEL}
    return {**plain, **mine}


def test_line_72_one_variable_is_all_that_changes(guarded: Stage) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _EXAMPLE], env=environment(guarded), capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [STORY, STORY, STORY, True]


_NODE_EXAMPLE = """
const base = process.env.OPENAI_BASE_URL;
const OpenAI = require("openai").OpenAI;
(async () => {
  const client = new OpenAI();
  const messages = [{ role: "user", content: "tell" }];
  const model = process.env.MODEL;
  const whole = await client.chat.completions.create({ model, messages });
  let streamed = "";
  for await (const c of await client.chat.completions.create({ model, messages, stream: true }))
    streamed += c.choices[0]?.delta?.content ?? "";
  const response = await client.responses.create({ model, input: "tell" });
  console.log(JSON.stringify([whole.choices[0].message.content, streamed, response.output_text]));
})();
"""


def node_modules() -> Path | None:
    """Where OpenAI's package for Node lies: in $TYRIAN_TEST_NODE_MODULES, or nowhere."""
    named = os.environ.get("TYRIAN_TEST_NODE_MODULES")
    found = Path(named) if named else None
    return found if found is not None and (found / "openai").is_dir() else None


@pytest.mark.skipif(
    shutil.which("node") is None or node_modules() is None,
    reason="TYRIAN_TEST_NODE_MODULES names no directory with the openai package",
)
def test_line_72_the_client_for_node_does_the_same(guarded: Stage) -> None:
    done = subprocess.run(
        ["node", "-e", _NODE_EXAMPLE],
        env={**environment(guarded), "NODE_PATH": str(node_modules())},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [STORY, STORY, STORY]


def test_the_page_for_people_is_no_part_of_the_dialects(stage: Stage) -> None:
    reply = httpx.get(f"{stage.url()}/", headers={"authorization": f"Bearer {stage.kit.key}"})
    assert reply.status_code == 404
    assert reply.json()["error"]["code"] == "not_found"
