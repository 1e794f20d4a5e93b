"""Pinned data from a server: verified before use, resumed where it broke off."""

import os
import subprocess
from hashlib import sha1, sha256
from pathlib import Path

import pytest
from aiohttp import web

from tyrian.errors import InputError, UpstreamError
from tyrian.evals.datasets.fetch import MIRROR_VARIABLE, fetch
from tyrian.evals.datasets.lock import Locked, locked_files

DATA = b'[{"a": 1}]' * 5000


def pinned(data: bytes = DATA, size: int | None = len(DATA)) -> Locked:
    blob = sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
    return Locked("d/x.json", "o/r", "c" * 40, "root/d/x.json", "MIT", blob,
                  sha256(data).hexdigest(), size, None)  # fmt: skip


class Server:
    """Serves bytes with ranges; may break off after some bytes."""

    def __init__(self, data: bytes, cut: int | None = None, status: int = 200) -> None:
        self.data, self.cut, self.status = data, cut, status
        self.ranges: list[str] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.ranges.append(request.headers.get("range", ""))
        if self.status != 200:
            return web.Response(status=self.status)
        start = int(self.ranges[-1].removeprefix("bytes=").rstrip("-") or 0)
        response = web.StreamResponse(status=206 if start else 200)
        response.content_length = len(self.data) - start
        await response.prepare(request)
        end = len(self.data) if self.cut is None else self.cut
        await response.write(self.data[start:end])
        if self.cut is not None:
            assert request.transport is not None
            request.transport.close()
        return response


async def fetched(server: Server, file: Locked, store: Path, patch: pytest.MonkeyPatch) -> Path:
    app = web.Application()
    app.router.add_get("/o/r/{commit}/{path:.+}", server.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    patch.setenv(MIRROR_VARIABLE, f"http://127.0.0.1:{runner.addresses[0][1]}")
    try:
        (path,) = await fetch([file], store)
        return path
    finally:
        await runner.cleanup()


async def test_right_bytes_are_kept_and_not_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(DATA)
    for _ in range(2):
        path = await fetched(server, pinned(), tmp_path, monkeypatch)
        assert path.read_bytes() == DATA
    assert len(server.ranges) == 1


async def test_a_broken_download_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UpstreamError):
        await fetched(Server(DATA, cut=20_000), pinned(), tmp_path, monkeypatch)
    server = Server(DATA)
    assert (await fetched(server, pinned(), tmp_path, monkeypatch)).read_bytes() == DATA
    assert server.ranges == ["bytes=20000-"]


async def test_other_bytes_are_thrown_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = DATA[:-1] + b" "
    with pytest.raises(InputError, match="not the pinned bytes"):
        await fetched(Server(other), pinned(), tmp_path, monkeypatch)
    assert os.listdir(tmp_path) == []


async def test_endless_bytes_are_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="longer"):
        await fetched(Server(DATA * 2), pinned(), tmp_path, monkeypatch)


async def test_a_refusal_is_told_with_its_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UpstreamError, match="404"):
        await fetched(Server(DATA, status=404), pinned(), tmp_path, monkeypatch)


def test_every_pinned_path_stays_below_its_root() -> None:
    for file in locked_files().values():
        assert ".." not in Path(file.path).parts
        assert not Path(file.path).is_absolute()
        assert file.sha256 or file.git_blob


def test_a_git_blob_is_what_git_says(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(DATA)
    said = subprocess.run(
        ["git", "hash-object", str(tmp_path / "f")], capture_output=True, text=True, check=True
    )
    assert pinned().git_blob == said.stdout.strip()
