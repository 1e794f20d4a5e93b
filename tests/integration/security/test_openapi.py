"""Line 53: the API's own description, and requests made from it, good and bad, by schemathesis."""

import asyncio
import http.client
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from tests.integration.gateway.conftest import ServerThread

from tyrian.firewall.firewall import Firewall
from tyrian.gateway.accounts.record import KeyRecord
from tyrian.gateway.app import create_app
from tyrian.gateway.reviews import Reviews
from tyrian.gateway.settings import Settings
from tyrian.gateway.store.engine import Store
from tyrian.gateway.tokens import KeyKind
from tyrian.models.scripted import ScriptedModel
from tyrian.stack.load import parse_stack

STACK = """\
agent:
  preflight_guards: [{name: hidden_text, flag_classes: ["*"]}]
  postflight_guards: [{name: secrets, redact_classes: ["*"]}]
"""
KEY = "tyr_test_everything"
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance,negative_data_rejection,unsupported_method,ignored_auth"
)
EXAMPLES = os.environ.get("TYRIAN_FUZZ_EXAMPLES", "8")
"""Requests per operation and phase; more find more."""


class OneKey:
    """A key for everything."""

    async def verify(self, token: str) -> KeyRecord | None:
        if token != KEY:
            return None
        scopes = {"chat", "responses", "moderations", "models.read", "files", "finetune",
                  "evals", "provenance", "admin"}  # fmt: skip
        return KeyRecord("key_1", "test", KeyKind.TEST, frozenset(scopes), 0)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    store = Store.open(f"sqlite:///{tmp_path_factory.mktemp('api')}/keys.db")
    app = create_app(
        Settings(
            Firewall.from_stack(parse_stack(STACK, base=Path(), file="s")),
            [ScriptedModel()],
            OneKey(),
            reviews=Reviews(store),
            store=store,
        )
    )
    running = ServerThread(app)
    yield running.port
    running.stop()
    asyncio.run(store.close())


@pytest.fixture(scope="module")
def description(port: int) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/openapi.json")
    response = connection.getresponse()
    assert response.status == 200
    found: dict[str, Any] = json.loads(response.read())
    connection.close()
    return found


def test_line_53_the_description_is_valid_and_its_schemas_are_named(
    description: dict[str, Any],
) -> None:
    schemathesis.openapi.from_dict(description).validate()
    named = description["components"]["schemas"]
    for reference in re.findall(r"#/components/schemas/(\w+)", json.dumps(description)):
        assert reference in named
    assert {"/v1/chat/completions", "/v1/models/{model}", "/healthz"} <= set(description["paths"])


def test_line_53_no_request_made_from_the_description_finds_a_fault(port: int) -> None:
    """Good and bad requests to all operations, with and without the key."""
    program = Path(sys.executable).parent / "schemathesis"
    command = [
        program, "run", f"http://127.0.0.1:{port}/openapi.json",
        "--header", f"Authorization: Bearer {KEY}", "--mode", "all",
        "--phases", "examples,coverage,fuzzing,stateful", "--max-examples", EXAMPLES,
        "--checks", CHECKS, "--seed", "7", "--no-color", "--generation-database", "none",
        "--suppress-health-check", "all",
    ]  # fmt: skip
    done = subprocess.run(
        [str(part) for part in command], check=False, capture_output=True, text=True, timeout=540
    )
    told = done.stdout[max(0, done.stdout.find("FAILURES")) :]
    assert done.returncode == 0, told[:12_000] + done.stderr[-2_000:]
