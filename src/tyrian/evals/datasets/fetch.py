"""Fetch pinned files once, and keep them by digest; nothing unverified is ever kept under its name.

A download that breaks off goes on where it stopped. Bytes are compared with the lock when they are
all there; what does not match is thrown away.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import quote

import aiohttp

from tyrian.errors import ConfigError, InputError, UpstreamError
from tyrian.evals.datasets.lock import Locked

MIRROR_VARIABLE = "TYRIAN_EVAL_MIRROR"
MOST = 256 << 20
"""Bytes of one file at most, where the lock does not say."""
_CHUNK = 1 << 16

Heard = Callable[[Locked, int], None]
"""Is told of each file and of the bytes that are there."""


def url_of(file: Locked) -> str:
    """Where the file is served.

    $TYRIAN_EVAL_MIRROR names another server: there a file of a repository is at REPO/COMMIT/PATH,
    one with an address of its own at HOST/PATH of that address.
    """
    mirror = os.environ.get(MIRROR_VARIABLE, "").rstrip("/")
    if not mirror:
        return file.url
    in_repo = f"{file.repo}/{file.commit}/{quote(file.path)}"
    is_in_repo = not file.url or file.url.endswith(in_repo)
    return f"{mirror}/{in_repo if is_in_repo else file.url.split('://', 1)[-1]}"


async def fetch(files: Sequence[Locked], store: Path, heard: Heard = lambda *_: None) -> list[Path]:
    """Bring all files into the store; those that are there and right are left alone.

    ConfigError where a file has no digest to compare its bytes with: nothing is fetched then.
    """
    unknown = [file for file in files if not file.is_pinned]
    if unknown:
        raise ConfigError(
            f"no digest of {unknown[0].name} is known to Tyrian"
            + (f", nor of {len(unknown) - 1} others" if len(unknown) > 1 else ""),
            hint=f"--digest '{unknown[0].name}=SHA256' with one that you trust, "
            f"or --data with a checkout of {unknown[0].repo} at {unknown[0].commit[:12]}",
        )
    _make(store)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=15, sock_read=60)
    async with aiohttp.ClientSession(timeout=timeout, trust_env=True) as session:
        return [await _one(session, file, store, heard) for file in files]


async def _one(session: aiohttp.ClientSession, file: Locked, store: Path, heard: Heard) -> Path:
    target = store / file.key
    if target.exists():
        file.check(target.read_bytes(), str(target))
        heard(file, target.stat().st_size)
        return target
    part = target.with_name(target.name + ".part")
    await _download(session, file, part, heard)
    data = part.read_bytes()
    try:
        file.check(data, url_of(file))
    except InputError:
        part.unlink()
        raise
    part.replace(target)
    return target


async def _download(session: aiohttp.ClientSession, file: Locked, part: Path, heard: Heard) -> None:
    have = _size(part)
    most = file.size if file.size is not None else MOST
    if have and have >= most:
        return  # whole already, or too long: the digest tells
    headers = {"range": f"bytes={have}-"} if have else {}
    try:
        async with session.get(url_of(file), headers=headers) as response:
            if response.status == 416:
                return
            if response.status not in (200, 206):
                raise UpstreamError(
                    f"{url_of(file)} answered with status {response.status}",
                    status=response.status,
                    hint=f"clone {file.repo} at {file.commit[:12]} and use --data",
                )
            is_more = response.status == 206
            with part.open("ab" if is_more else "wb") as out:
                size = have if is_more else 0
                async for chunk in response.content.iter_chunked(_CHUNK):
                    size += len(chunk)
                    if size > most:
                        raise InputError(f"{url_of(file)} is longer than the {most} bytes pinned")
                    out.write(chunk)
                    heard(file, size)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise UpstreamError(
            f"{url_of(file)} cannot be fetched: {error}",
            hint="run again: it goes on where it stopped; or clone the repository and use --data",
        ) from error
    except OSError as error:
        raise InputError(
            f"{part} cannot be written: {error.strerror}", hint="make room and run again"
        ) from error


def _make(store: Path) -> None:
    store.mkdir(parents=True, exist_ok=True)


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0
