"""Line 53: the API's own description, and requests made from it, good and bad, by schemathesis."""

import asyncio
import http.client
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import schemathesis.specs.openapi.schemas  # it loads late: here no server runs beside it yet
from tests.integration.gateway.conftest import ServerThread

from tyrian.firewall.firewall import Firewall
from tyrian.gateway.accounts.keys import Keys
from tyrian.gateway.app import create_app
from tyrian.gateway.files.disk import Disk
from tyrian.gateway.files.files import Files
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
ADMINISTRATION = r"^/v1/(organization|projects|reviews)"
NOT_SERVED = r"^/v1/(evals|fine_tuning|content_provenance_checks)"
"""They answer 501 to everything, which the conformance list holds."""
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance,negative_data_rejection,ignored_auth"
)
CONFIGURATION = """\
[checks]
negative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 409, 413, 415, 422, 429, 431]
"""
EXAMPLES = os.environ.get("TYRIAN_FUZZ_EXAMPLES", "8")
"""Requests per operation and phase; more find more."""


@dataclass(frozen=True)
class Running:
    """A gateway with everything on, and its keys."""

    port: int
    key: str
    admin_key: str


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("api")
    store = Store.open(f"sqlite:///{home}/keys.db")
    keys = Keys(store)

    async def make() -> tuple[str, str]:
        _, key = await keys.create("models")
        _, admin = await keys.create("administration", kind=KeyKind.ADMIN)
        await store.close()
        return key, admin

    key, admin = asyncio.run(make())
    app = create_app(
        Settings(
            Firewall.from_stack(parse_stack(STACK, base=Path(), file="s")),
            [ScriptedModel()],
            keys,
            reviews=Reviews(store),
            store=store,
            files=Files(store, Disk(home / "files")),
        )
    )
    running = ServerThread(app)
    yield Running(running.port, key, admin)
    running.stop()
    asyncio.run(store.close())


@pytest.fixture(scope="module")
def description(api: Running) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=20)
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
    assert {
        "/v1/chat/completions",
        "/v1/models/{model}",
        "/v1/files/{file}/content",
        "/v1/organization/projects/{project}/api_keys",
        "/healthz",
    } <= set(description["paths"])


@pytest.mark.parametrize("part", ["models", "administration"])
def test_line_53_no_request_made_from_the_description_finds_a_fault(
    api: Running, part: str, tmp_path: Path
) -> None:
    """Good and bad requests to all operations, with and without the key."""
    program = Path(sys.executable).parent / "schemathesis"
    is_admin = part == "administration"
    configuration = tmp_path / "schemathesis.toml"
    configuration.write_text(CONFIGURATION)
    command: list[str | Path] = [
        program, "--config-file", configuration, "run", f"http://127.0.0.1:{api.port}/openapi.json",
        "--header", f"Authorization: Bearer {api.admin_key if is_admin else api.key}",
        "--include-path-regex" if is_admin else "--exclude-path-regex", ADMINISTRATION,
        "--exclude-path-regex", NOT_SERVED, "--mode", "all",
        "--phases", "examples,coverage,fuzzing" + ("" if is_admin else ",stateful"),
        "--max-examples", EXAMPLES, "--checks", CHECKS, "--seed", "7", "--no-color",
        "--generation-database", "none", "--suppress-health-check", "all",
    ]  # fmt: skip
    if not is_admin:
        at = command.index("--exclude-path-regex")
        command[at : at + 4] = ["--exclude-path-regex", f"{ADMINISTRATION}|{NOT_SERVED}"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=540)
    told = done.stdout[max(0, done.stdout.find("FAILURES")) :]
    assert done.returncode == 0, told[:12_000] + done.stderr[-2_000:]
