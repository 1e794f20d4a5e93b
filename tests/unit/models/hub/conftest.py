"""A hub on real ports that speaks the hub's protocol, and fails in the ways that hubs fail."""

import asyncio
import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

COMMIT = "c0ffee" + "0" * 34
NEXT_COMMIT = "beef" + "1" * 36
REPOSITORY = "meta-llama/Llama-Prompt-Guard-2-22M"
TOKEN = "hf_of-the-tests"


def safetensors(size: int) -> bytes:
    """The form of safetensors, with `size` bytes of tensors."""
    told = {"w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}
    header = json.dumps(told).encode()
    return len(header).to_bytes(8, "little") + header + bytes(i * 31 % 251 for i in range(size))


def git_sha1(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


@dataclass
class ScriptedHub:
    """Two servers: the hub, and the store of bytes that it redirects to."""

    files: dict[str, bytes]
    branches: dict[str, str] = field(default_factory=lambda: {"main": COMMIT})
    repository: str = REPOSITORY
    gate: str = ""
    """`closed`: no account has access; `token`: those with the token have."""
    is_private: bool = False
    card: object = field(default_factory=lambda: {"license": "llama4"})
    is_listing_bare: bool = False
    """The listing has names alone, as that of a poor mirror."""
    has_no_tags: bool = False
    has_ranges: bool = True
    cut_after: int = 0
    """Bytes after which the store breaks off, `cuts` times."""
    cuts: int = 0
    delay_s: float = 0.0
    """Between pieces of 64 KiB from the store."""
    busy: list[int] = field(default_factory=list)
    """Statuses that the store answers first."""
    changed: dict[str, bytes] = field(default_factory=dict)
    """What really comes in place of a file."""
    redirect_to: str = ""
    body: bytes | None = None
    """The whole answer of the listing, in place of the true one."""
    commit_header: str = COMMIT
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    url: str = ""
    store_url: str = ""
    _loop: Any = None

    # the hub

    async def info(self, request: web.Request) -> web.StreamResponse:
        self._note(request)
        if self.body is not None:
            return web.Response(body=self.body, content_type="application/json")
        name = request.match_info["name"]
        if name != self.repository:
            return self._refused(401 if self.is_private else 404, "RepoNotFound")
        revision = request.match_info["revision"]
        commit = self.branches.get(revision, revision)
        if commit not in self.branches.values():
            return self._refused(404, "RevisionNotFound")
        siblings = [self._sibling(path, data) for path, data in self.files.items()]
        told = {"id": name, "sha": commit, "siblings": siblings, "cardData": self.card}
        return web.json_response({**told, "gated": "manual" if self.gate else False})

    def _sibling(self, path: str, data: bytes) -> dict[str, object]:
        if self.is_listing_bare:
            return {"rfilename": path}
        told: dict[str, object] = {"rfilename": path, "size": len(data)}
        if not self.is_large(path):
            return {**told, "blobId": git_sha1(data)}
        lfs = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
        return {**told, "blobId": "f" * 40, "lfs": lfs}

    @staticmethod
    def is_large(path: str) -> bool:
        return path.endswith((".safetensors", ".bin", ".pth", ".model"))

    async def resolve(self, request: web.Request) -> web.StreamResponse:
        self._note(request)
        if self.gate and not self._may(request):
            has_token = "Authorization" in request.headers
            return self._refused(403 if has_token else 401, "GatedRepo")
        path = request.match_info["path"]
        if path not in self.files:
            return self._refused(404, "EntryNotFound")
        data = self.files[path]
        headers = {"X-Repo-Commit": self.commit_header}
        if self.is_large(path):
            headers["X-Linked-Size"] = str(len(data))
            if not self.has_no_tags:
                headers["X-Linked-Etag"] = f'"{hashlib.sha256(data).hexdigest()}"'
            location = self.redirect_to or f"{self.store_url}/bytes/{path}?signature=a%2Fb"
            return web.Response(status=302, headers={**headers, "Location": location})
        if not self.has_no_tags:
            headers["ETag"] = f'W/"{git_sha1(data)}"'
        return web.Response(body=self.changed.get(path, data), headers=headers)

    def _may(self, request: web.Request) -> bool:
        return self.gate == "token" and request.headers.get("Authorization") == f"Bearer {TOKEN}"

    def _refused(self, status: int, code: str) -> web.Response:
        headers = {"X-Error-Code": code, "X-Error-Message": f"No entry.\x9b for {status}."}
        return web.Response(status=status, headers=headers)

    # the store of bytes

    async def give(self, request: web.Request) -> web.StreamResponse:
        self._note(request)
        assert request.query["signature"] == "a/b"
        if self.busy:
            return web.Response(status=self.busy.pop(0))
        path = request.match_info["path"]
        data = self.changed.get(path, self.files[path])
        start, asked = 0, request.headers.get("Range")
        headers = {"ETag": '"of-the-store"'}
        if asked and self.has_ranges:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(data):
                return web.Response(status=416)
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        is_part = "Content-Range" in headers
        response = web.StreamResponse(status=206 if is_part else 200, headers=headers)
        response.content_length = len(data) - start
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        return await self._pour(request, response, data[start:])

    async def _pour(
        self, request: web.Request, response: web.StreamResponse, data: bytes
    ) -> web.StreamResponse:
        is_cut = self.cuts > 0
        self.cuts -= is_cut
        data = data[: self.cut_after] if is_cut else data
        for at in range(0, len(data), 1 << 16):
            await response.write(data[at : at + (1 << 16)])
            await asyncio.sleep(self.delay_s)
        if is_cut:
            assert request.transport is not None
            request.transport.close()
        return response

    def _note(self, request: web.Request) -> None:
        self.requests.append((request.method, request.path, dict(request.headers)))

    def asked(self, part: str) -> list[dict[str, str]]:
        """Headers of the requests for paths that hold `part`."""
        return [headers for _, path, headers in self.requests if part in path]

    # running

    async def start(self) -> None:
        hub, store = web.Application(), web.Application()
        hub.router.add_get("/api/models/{name:.+}/revision/{revision}", self.info)
        hub.router.add_get("/{name:[^/]+/[^/]+}/resolve/{commit}/{path:.+}", self.resolve)
        store.router.add_get("/bytes/{path:.+}", self.give)
        self.url = await self._listen(hub)
        self.store_url = await self._listen(store)

    async def _listen(self, app: web.Application) -> str:
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self._runners.append(runner)
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    _runners: list[web.AppRunner] = field(default_factory=list)

    async def stop(self) -> None:
        for runner in self._runners:
            await runner.cleanup()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ScriptedHub]:
    """A hub with one model, and an environment in which it is the hub."""
    scripted = ScriptedHub(
        {
            "config.json": b'{"model_type": "deberta-v2"}',
            "model.safetensors": safetensors(300_000),
            "tokenizer.json": b"{}",
            "README.md": b"# A model",
            "LICENSE": b"terms",
            "original/consolidated.00.pth": b"pickled",
            "handler.py": b"import os",
            "pytorch_model.bin": b"pickled",
        }
    )
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(scripted.start(), loop).result(10)
    for name in ("HF_TOKEN", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", scripted.url)
    monkeypatch.setenv("TYRIAN_HOME", str(tmp_path / "home"))
    yield scripted
    asyncio.run_coroutine_threadsafe(scripted.stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()
