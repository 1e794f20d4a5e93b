"""What has expired goes, with its bytes; what nobody knows goes too; all else stays."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tyrian.errors import StoreError
from tyrian.gateway.accounts.record import KeyRecord
from tyrian.gateway.errors import ApiError
from tyrian.gateway.files.disk import Disk
from tyrian.gateway.files.files import SWEEP_S, FileLimits, Files, new_file_id
from tyrian.gateway.files.uploads import Uploads
from tyrian.gateway.store.engine import Store
from tyrian.gateway.tokens import KeyKind

KEY = KeyRecord("key_1", "x", KeyKind.TEST, frozenset({"files"}), 0)


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


async def kept(files: Files, expires_at: int | None = None) -> str:
    file_id = new_file_id()
    await files.disk.append(file_id, 0, b"hello")
    await files.keep(
        file_id, KEY, purpose="evals", filename="a", mime_type="text/plain", size=5,
        expires_at=expires_at,
    )  # fmt: skip
    return file_id


async def test_what_has_expired_is_gone_at_once_and_its_bytes_are_swept(
    tmp_path: Path, new_file: Callable[[Path], Path]
) -> None:
    clock = Clock()
    store = Store.open(new_file(tmp_path / "a.db"))
    files = Files(store, Disk(tmp_path / "files"), clock=clock)
    await files.sweep()
    stays, goes = await kept(files), await kept(files, int(clock.now) + 10)
    clock.now += 11
    with pytest.raises(ApiError):
        await files.get(goes, KEY)
    page, _ = await files.page(KEY, purpose="", after="", limit=10, is_newest_first=True)
    assert [file.id for file in page] == [stays]
    await files.sweep()
    assert files.disk.path(goes).exists()
    clock.now += SWEEP_S
    await files.sweep()
    assert not files.disk.path(goes).exists()
    assert files.disk.path(stays).read_bytes() == b"hello"
    await store.close()


async def test_uploads_that_were_given_up_and_bytes_without_a_row_are_swept(
    tmp_path: Path, new_file: Callable[[Path], Path]
) -> None:
    clock = Clock()
    store = Store.open(new_file(tmp_path / "a.db"))
    files = Files(store, Disk(tmp_path / "files"), FileLimits(upload_s=60), clock=clock)
    uploads = Uploads(files)
    upload = await uploads.begin(
        KEY, purpose="evals", filename="a", mime_type="text/plain", size=10
    )  # fmt: skip
    _, part = await uploads.begin_part(upload.id, KEY, 0)
    await files.disk.append(part, 0, b"hello")
    await uploads.add_part(upload, part, 5, 0)
    orphan, fresh = new_file_id(), new_file_id()
    for name in (orphan, fresh):
        await files.disk.append(name, 0, b"x")
    os.utime(files.disk.path(orphan), (0, 0))
    clock.now += 61
    with pytest.raises(ApiError):
        await uploads.get(upload.id, KEY)
    await files.sweep()
    assert [path.name for path in (tmp_path / "files").iterdir()] == [fresh]
    await store.close()


async def test_two_pieces_at_one_place_count_once(
    tmp_path: Path, new_file: Callable[[Path], Path]
) -> None:
    store = Store.open(new_file(tmp_path / "a.db"))
    files = Files(store, Disk(tmp_path / "files"))
    uploads = Uploads(files)
    upload = await uploads.begin(
        KEY, purpose="evals", filename="a", mime_type="text/plain", size=10
    )  # fmt: skip
    first, one = await uploads.begin_part(upload.id, KEY, 0)
    second, other = await uploads.begin_part(upload.id, KEY, 0)
    for part in (one, other):
        await files.disk.append(part, 0, b"hello")
    await uploads.add_part(first, one, 5, 0)
    with pytest.raises(ApiError) as caught:
        await uploads.add_part(second, other, 5, 0)
    assert caught.value.code == "wrong_offset"
    assert caught.value.extra["offset"] == 5
    await store.close()


async def test_bytes_that_are_gone_are_an_error_and_not_an_empty_file(
    tmp_path: Path, new_file: Callable[[Path], Path]
) -> None:
    store = Store.open(new_file(tmp_path / "a.db"))
    files = Files(store, Disk(tmp_path / "files"))
    file = await files.get(await kept(files), KEY)
    files.disk.path(file.id).unlink()
    with pytest.raises(StoreError):
        [piece async for piece in files.content(file)]
    await store.close()
