"""Lines 49 to 52 and 61: files, uploads, and what is not served yet."""

import asyncio
import hashlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import llama_api_client
import openai
import pytest
from tests.integration.conformance.conftest import Stage
from tests.integration.gateway.conftest import KEY, Kit

from tyrian.gateway.accounts.record import KeyRecord
from tyrian.gateway.accounts.scopes import MODEL_SCOPES
from tyrian.gateway.files.disk import Disk
from tyrian.gateway.files.files import FileLimits, Files
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.models.organisations import Organisation, Project
from tyrian.gateway.tokens import KeyKind

OTHER_KEY = "tyr_test_of-another-organisation"


class TwoOrganisations:
    """A key of each of two organisations."""

    async def verify(self, token: str) -> KeyRecord | None:
        names = {KEY: ("org_default", "proj_default"), OTHER_KEY: ("org_other", "proj_other")}
        if token not in names:
            return None
        organisation, project = names[token]
        scopes = frozenset(MODEL_SCOPES)
        return KeyRecord(
            "key_1", "x", KeyKind.TEST, scopes, 0, organisation_id=organisation, project_id=project
        )


LIMITS = FileLimits(max_file_bytes=300_000, max_stored_bytes=500_000, max_part_bytes=200_000)


async def _another_organisation(store: Store) -> None:
    async with store.write() as session:
        session.add(Organisation(id="org_other", name="Other", created_at=0))
        await session.flush()
        session.add(Project(
            id="proj_other", organisation_id="org_other", name="Other", created_at=0
        ))  # fmt: skip
    await store.close()


@pytest.fixture
def keeping(kit: Kit, tmp_path: Path, new_file: Callable[[Path], Path]) -> Iterator[Stage]:
    """A gateway that keeps files."""
    store = Store.open(new_file(tmp_path / "files.db"))
    asyncio.run(_another_organisation(store))
    stage = Stage(kit, guarded=False)
    files = Files(store, Disk(tmp_path / "files"), LIMITS)
    stage.start(keys=TwoOrganisations(), files=files, closing=store)
    yield stage
    stage.close()


def bytes_on_disk(tmp_path: Path) -> int:
    directory = tmp_path / "files"
    return sum(f.stat().st_size for f in directory.iterdir()) if directory.is_dir() else 0


DATA = b'{"messages": []}\n' * 100


def test_line_49_files_are_kept_listed_read_and_deleted(keeping: Stage, tmp_path: Path) -> None:
    files = keeping.client.files
    made = files.create(file=("../a dir/träin.jsonl", DATA), purpose="fine-tune")
    assert (made.object, made.bytes, made.purpose) == ("file", len(DATA), "fine-tune")
    assert made.filename == "träin.jsonl"
    assert made.model_extra is not None
    assert made.model_extra["sha256"] == hashlib.sha256(DATA).hexdigest()
    other = files.create(file=("b.jsonl", b"{}"), purpose="evals")
    assert [file.id for file in files.list()] == [other.id, made.id]
    assert [file.id for file in files.list(purpose="fine-tune")] == [made.id]
    assert files.retrieve(made.id).bytes == len(DATA)
    assert files.content(made.id).read() == DATA
    assert files.delete(other.id).deleted
    with pytest.raises(openai.NotFoundError):
        files.retrieve(other.id)
    assert bytes_on_disk(tmp_path) == len(DATA)


def test_line_49_lists_go_page_by_page(keeping: Stage) -> None:
    files = keeping.client.files
    made = [files.create(file=(f"{i}.txt", b"x"), purpose="evals").id for i in range(5)]
    first = files.list(limit=2, order="asc")
    assert ([file.id for file in first.data], first.has_more) == (made[:2], True)
    assert [file.id for file in files.list(limit=2, order="asc")] == made
    assert [file.id for file in files.list(limit=2)] == made[::-1]


def test_line_49_content_is_nothing_that_a_browser_shows(keeping: Stage) -> None:
    made = keeping.client.files.create(file=("a.html", b"<script>"), purpose="user_data")
    headers = keeping.http.get(f"/v1/files/{made.id}/content").headers
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"].startswith("attachment")
    assert headers["x-content-type-options"] == "nosniff"


def test_line_49_nobody_sees_another_organisation_s_files(keeping: Stage) -> None:
    made = keeping.client.files.create(file=("a.txt", b"x"), purpose="evals")
    stranger = keeping.kit.client_of(keeping.port, OTHER_KEY)
    assert list(stranger.files.list()) == []
    for call in (stranger.files.retrieve, stranger.files.content, stranger.files.delete):
        with pytest.raises(openai.NotFoundError) as foreign:
            call(made.id)
        with pytest.raises(openai.NotFoundError) as unknown:
            call("file_01ARZ3NDEKTSV4RRFFQ69G5FAV")
        assert foreign.value.body == unknown.value.body
    assert keeping.client.files.retrieve(made.id)


def test_line_49_files_are_bounded_and_leave_nothing_behind(keeping: Stage, tmp_path: Path) -> None:
    files = keeping.client.files
    with pytest.raises(openai.APIStatusError) as large:
        files.create(file=("a.bin", b"x" * 300_001), purpose="evals")
    assert large.value.status_code == 413
    for purpose, data in (("odd", b"x"), ("evals", b"")):
        with pytest.raises(openai.BadRequestError):
            files.create(file=("a.bin", data), purpose=purpose)  # type: ignore[arg-type]
    files.create(file=("a.bin", b"x" * 300_000), purpose="evals")
    with pytest.raises(openai.APIStatusError) as full:
        files.create(file=("b.bin", b"x" * 250_000), purpose="evals")
    assert full.value.code == "storage_limit_reached"
    assert bytes_on_disk(tmp_path) == 300_000


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", b"{}", 415),
        ("multipart/form-data", b"--x--", 415),
        ("multipart/form-data; boundary=x", b"no form at all", 400),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Dispo", 400),
        ("multipart/form-data; boundary=x",
         b'--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nevals\r\n' * 100_000, 400),
        ("multipart/form-data; boundary=x", b"--x\r\nX: " + b"y" * 100_000, 400),
    ],
)  # fmt: skip
def test_line_49_forms_that_cannot_be_read_are_refused(
    keeping: Stage, kind: str, body: bytes, status: int
) -> None:
    reply = keeping.http.post("/v1/files", content=body, headers={"content-type": kind})
    assert reply.status_code == status, reply.text
    assert "error" in reply.json()


def create(client: Any, size: int, **options: Any) -> Any:
    settings = {"filename": "a.bin", "mime_type": "text/plain", "purpose": "messages_finetune"}
    return client.uploads.create(bytes=size, **{**settings, **options})


@pytest.mark.parametrize("prefix", ["/v1", "/llama/v1"])
def test_line_61_an_upload_goes_on_where_it_was_cut(
    keeping: Stage, prefix: str, tmp_path: Path
) -> None:
    client = keeping.llama(prefix)
    data = bytes(range(256)) * 600
    made = create(client, len(data))
    assert (made.bytes, made.filename, made.purpose) == (len(data), "a.bin", "messages_finetune")
    first = client.uploads.part(made.id, data=data[:100_000], x_upload_offset=0)
    assert (first.upload_id, first.offset, first.file_id) == (made.id, 100_000, None)

    def cut() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="data"; filename="a"\r\n\r\n'
        yield data[100_000:120_000]
        raise OSError("the line went dead")

    with pytest.raises((OSError, httpx.HTTPError)):
        keeping.http.post(
            f"{prefix}/uploads/{made.id}", content=cut(),
            headers={"content-type": "multipart/form-data; boundary=x"},
        )  # fmt: skip
    assert client.uploads.get(made.id).offset == 100_000
    last = client.uploads.part(made.id, data=data[100_000:], x_upload_offset=100_000)
    assert last.file_id
    assert keeping.client.files.content(last.file_id).read() == data
    assert bytes_on_disk(tmp_path) == len(data)
    with pytest.raises(llama_api_client.ConflictError):
        client.uploads.part(made.id, data=b"x", x_upload_offset=len(data))


def test_line_61_a_wrong_offset_is_told_the_right_one(keeping: Stage) -> None:
    client = keeping.llama().with_options(max_retries=2)
    made = create(client, 10)
    client.uploads.part(made.id, data=b"01234", x_upload_offset=0)
    for offset in (0, 4, 6, 10**14):
        with pytest.raises(llama_api_client.ConflictError) as caught:
            client.uploads.part(made.id, data=b"x", x_upload_offset=offset)
        body: Any = caught.value.body
        assert (body["error"]["code"], body["offset"]) == ("wrong_offset", 5)
    reply = keeping.http.post(
        f"/llama/v1/uploads/{made.id}", files={"data": b"x"}, headers={"x-upload-offset": "-1"}
    )
    assert reply.status_code == 400


def test_line_61_a_lie_about_the_size_is_refused(keeping: Stage, tmp_path: Path) -> None:
    client = keeping.llama()
    made = create(client, 10)
    with pytest.raises(llama_api_client.BadRequestError):
        client.uploads.part(made.id, data=b"x" * 100_000, x_upload_offset=0)
    assert client.uploads.get(made.id).offset == 0
    assert bytes_on_disk(tmp_path) == 0
    for size in (0, -1, True, "ten"):
        with pytest.raises(llama_api_client.BadRequestError):
            create(client, size)  # type: ignore[arg-type]
    with pytest.raises(llama_api_client.APIStatusError) as large:
        create(client, 10**9)
    assert large.value.status_code == 413
    with pytest.raises(llama_api_client.BadRequestError):
        create(client, 10, purpose="odd")


def test_line_61_an_upload_is_nobody_else_s(keeping: Stage) -> None:
    made = create(keeping.llama(), 10)
    stranger = keeping.llama(api_key=OTHER_KEY)
    with pytest.raises(llama_api_client.NotFoundError):
        stranger.uploads.get(made.id)
    with pytest.raises(llama_api_client.NotFoundError):
        stranger.uploads.part(made.id, data=b"x", x_upload_offset=0)


def test_openai_s_uploads_put_their_parts_in_order(keeping: Stage, tmp_path: Path) -> None:
    uploads = keeping.client.uploads
    made = uploads.create(bytes=6, filename="a.txt", mime_type="text/plain", purpose="evals")
    assert made.status == "pending"
    parts = [uploads.parts.create(made.id, data=io.BytesIO(d)).id for d in (b"def", b"abc")]
    for wrong in ([parts[0]], [parts[0], parts[0]], ["part_nobody"]):
        with pytest.raises(openai.BadRequestError):
            uploads.complete(made.id, part_ids=wrong)
    md5 = hashlib.md5(b"abcdef").hexdigest()
    done = uploads.complete(made.id, part_ids=parts[::-1], md5=md5)
    assert done.status == "completed"
    assert done.file is not None
    assert keeping.client.files.content(done.file.id).read() == b"abcdef"
    with pytest.raises(openai.ConflictError):
        uploads.cancel(made.id)
    other = uploads.create(bytes=6, filename="a.txt", mime_type="text/plain", purpose="evals")
    uploads.parts.create(other.id, data=b"abc")
    assert uploads.cancel(other.id).status == "cancelled"
    assert bytes_on_disk(tmp_path) == 6


def refused(call: Any) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        call()
    assert caught.value.status_code == 501
    assert caught.value.code == "not_implemented"


def test_line_50_fine_tuning_says_that_there_is_no_trainer(keeping: Stage) -> None:
    jobs = keeping.client.with_options(max_retries=2).fine_tuning.jobs
    refused(lambda: jobs.create(model="x", training_file="file_x"))
    refused(jobs.list)
    refused(lambda: jobs.retrieve("ftjob_x"))
    refused(lambda: jobs.cancel("ftjob_x"))
    refused(lambda: jobs.list_events("ftjob_x"))


def test_line_51_evals_say_that_there_is_no_runner(keeping: Stage) -> None:
    evals = keeping.client.evals
    grader: Any = {"type": "string_check", "name": "x", "input": "a", "reference": "a",
                   "operation": "eq"}  # fmt: skip
    source: Any = {"type": "custom", "item_schema": {}}
    refused(lambda: evals.create(data_source_config=source, testing_criteria=[grader]))
    refused(lambda: evals.runs.list("eval_x"))
    refused(lambda: evals.runs.output_items.list("run_x", eval_id="eval_x"))


def test_line_52_provenance_says_that_there_is_no_detector(keeping: Stage) -> None:
    refused(lambda: keeping.client.content_provenance_checks.create(file=("a.wav", b"RIFF")))
    reply = httpx.post(
        f"{keeping.url()}/content_provenance_checks", files={"file": b"RIFF"}, timeout=20
    )
    assert reply.status_code == 401
