"""The bill of materials of a running gateway, asked for over its port."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest_asyncio

from tyrian.firewall.firewall import Firewall
from tyrian.gateway.accounts.keys import Keys
from tyrian.gateway.console.options import ConsoleOptions
from tyrian.gateway.store.engine import Store
from tyrian.gateway.tokens import KeyKind
from tyrian.stack.load import parse_stack
from tyrian.supply.aibom.document import encode, parse
from tyrian.supply.aibom.validate import faults_of

STACK = """\
agent:
  preflight_guards:
    - {name: prompt_guard_2, mode: classify_user_input, backend: embedded}
    - {name: secrets, mode: classify_user_input}
"""


@dataclass
class Site:
    port: int
    admin: str
    model: str

    def ask(self, token: str, query: str = "") -> tuple[int, str, bytes]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/v1/bom{query}")
        if token:
            request.add_header("authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=120) as reply:
                return reply.status, reply.headers["content-type"], reply.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers["content-type"], error.read()


async def serve(kit: Any, tmp_path: Path, text: str) -> AsyncIterator[Site]:
    url = f"sqlite:///{tmp_path / 'tyrian.db'}"
    beside = Store.open(url)
    keys = Keys(beside)
    _, admin = await keys.create("boss", kind=KeyKind.ADMIN)
    _, model = await keys.create("app")
    store = Store.open(url)
    stack = parse_stack(text, base=tmp_path, file="stack.yaml")
    port = await asyncio.to_thread(
        kit.start,
        Firewall.from_stack(stack),
        keys=Keys(store),
        store=store,
        closing=store,
        console=ConsoleOptions(stack=stack),
    )
    yield Site(port, admin, model)
    await beside.close()


@pytest_asyncio.fixture
async def site(kit: Any, tmp_path: Path) -> AsyncIterator[Site]:
    async for one in serve(kit, tmp_path, STACK):
        yield one


@pytest_asyncio.fixture
async def site_with_own(kit: Any, tmp_path: Path) -> AsyncIterator[Site]:
    shipped = files("tyrian.models") / "data" / "prompt-guard.npz"
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "prompt-guard.npz").write_bytes(shipped.read_bytes())
    text = STACK.replace("backend: embedded", "backend: embedded, model: ./own")
    async for one in serve(kit, tmp_path, text):
        yield one


def test_the_running_system_tells_its_guards_weights_servers_and_packages(site: Site) -> None:
    status, kind, body = site.ask(site.admin)
    assert (status, kind) == (200, "application/vnd.cyclonedx+json; version=1.7")
    document = parse(body)
    assert faults_of(document) == ()
    assert encode(document) == body
    components = {one["bom-ref"]: one for one in document["components"]}
    guard = components["guard:input/prompt_guard_2"]
    assert guard["version"].startswith("prompt-guard-embedded-")
    assert guard["hashes"][0]["alg"] == "SHA-256"
    assert {"name": "tyrian:guard:on-error", "value": "block"} in guard["properties"]
    assert "tyrian:guard:thresholds" in {row["name"] for row in guard["properties"]}
    needs = {one["ref"]: one.get("dependsOn", []) for one in document["dependencies"]}
    weights = [components[ref]["name"] for ref in needs["guard:input/prompt_guard_2"]]
    assert sorted(weights) == ["content-guard", "encoder", "prompt-guard"]
    assert "guard:input/secrets" in components
    assert any(ref.startswith("pkg:pypi/msgspec@") for ref in components)
    assert document["services"]
    assert document["metadata"]["lifecycles"] == [{"phase": "operations"}]
    assert site.ask(site.admin)[2] == body
    older = json.loads(site.ask(site.admin, "?spec=1.6")[2])
    assert older["specVersion"] == "1.6"
    assert faults_of(older) == ()
    status, _, body = site.ask(site.admin, "?spec=1.4")
    assert status == 400
    assert b"1.7, 1.6" in body


def test_weights_that_the_stack_names_are_told_as_the_users_own(site_with_own: Site) -> None:
    document = parse(site_with_own.ask(site_with_own.admin)[2])
    components = {one["bom-ref"]: one for one in document["components"]}
    needs = {one["ref"]: one.get("dependsOn", []) for one in document["dependencies"]}
    weights = [components[ref] for ref in needs["guard:input/prompt_guard_2"]]
    groups = {one["name"]: one.get("group") for one in weights}
    assert groups == {"prompt-guard": "own", "encoder": "tyrian", "content-guard": "tyrian"}
    rows = components["guard:input/prompt_guard_2"]["properties"]
    assert "tyrian:guard:configuration" in {row["name"] for row in rows}


def test_only_keys_of_administration_may_read_it(site: Site) -> None:
    assert site.ask("")[0] == 401
    assert site.ask(site.model)[0] == 403
