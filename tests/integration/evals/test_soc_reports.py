"""Reports beside the questions: fetched from a server, unpacked, read and drawn, or refused."""

import io
import shutil
import stat
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import pytest
from aiohttp import web

from tyrian.errors import ConfigError, InputError
from tyrian.evals.datasets import pages
from tyrian.evals.datasets.companions import files_of
from tyrian.evals.datasets.digests import vouch, vouched
from tyrian.evals.datasets.fetch import MIRROR_VARIABLE, fetch, url_of
from tyrian.evals.datasets.lock import locked, locked_files
from tyrian.evals.datasets.pages import draw_pages, write_text
from tyrian.evals.datasets.unpack import unpack

QUESTIONS = "crwd_meta/threat_intel_reasoning/report_questions.json"


def pdf(text: str = "Harbour Fog enters by mail.", count: int = 1) -> bytes:
    """A small PDF with a line on each page, written by hand."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(count))
    body = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {count} /Kids [{kids}] >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number in range(count):
        stream = f"BT /F1 18 Tf 20 100 Td ({text} Page {number + 1}.) Tj ET"
        body.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 400 200] /Contents {5 + 2 * number} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>"
        )
        body.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    out = bytearray(b"%PDF-1.4\n")
    places = []
    for number, one in enumerate(body, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{one}\nendobj\n".encode()
    start = len(out)
    out += f"xref\n0 {len(body) + 1}\n0000000000 65535 f \n".encode()
    out += "".join(f"{place:010d} 00000 n \n" for place in places).encode()
    out += f"trailer\n<< /Size {len(body) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()
    return bytes(out)


def archive(path: Path, files: dict[str, bytes], kind: int = stat.S_IFREG) -> Path:
    with ZipFile(path, "w", ZIP_DEFLATED) as made:
        for name, data in files.items():
            info = ZipInfo(name)
            info.external_attr = (kind | 0o644) << 16
            made.writestr(info, data)
    return path


def test_only_what_is_wanted_comes_out_and_a_second_time_nothing_is_written(tmp_path: Path) -> None:
    packed = archive(
        tmp_path / "a.zip",
        {
            "top/data/hybrid-analysis/remcos/ab": b'{"size": 1}',
            "top/data/hybrid-analysis/README.md": b"read me",
            "top/data/other/x": b"no",
            "top/LICENSE": b"no",
        },
    )
    target = tmp_path / "out"
    assert unpack(packed, "data/hybrid-analysis", target) == 2
    assert (target / "remcos" / "ab").read_bytes() == b'{"size": 1}'
    assert sorted(path.name for path in target.rglob("*")) == ["README.md", "ab", "remcos"]
    before = (target / "remcos" / "ab").stat().st_mtime_ns
    unpack(packed, "data/hybrid-analysis", target)
    assert (target / "remcos" / "ab").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    "name",
    ["top/data/hybrid-analysis/../../../evil", "/data/hybrid-analysis/x", "top/data\\..\\evil"],
)
def test_names_that_lead_out_are_refused_before_anything_is_written(
    name: str, tmp_path: Path
) -> None:
    packed = archive(tmp_path / "a.zip", {"top/data/hybrid-analysis/ok": b"1", name: b"2"})
    with pytest.raises(InputError, match="no plain file"):
        unpack(packed, "data/hybrid-analysis", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_links_are_refused_and_other_bytes_are_no_archive(tmp_path: Path) -> None:
    link = archive(tmp_path / "a.zip", {"top/data/hybrid-analysis/l": b"/etc"}, stat.S_IFLNK)
    with pytest.raises(InputError, match="no plain file"):
        unpack(link, "data/hybrid-analysis", tmp_path / "out")
    (tmp_path / "b.zip").write_bytes(b"PK nothing")
    with pytest.raises(InputError, match="no whole zip"):
        unpack(tmp_path / "b.zip", "data/hybrid-analysis", tmp_path / "out")


def test_the_text_of_a_report_is_read_and_a_scan_has_none(tmp_path: Path) -> None:
    pytest.importorskip("pypdf", reason="the extra tyrian[documents] is not installed")
    (tmp_path / "r.pdf").write_bytes(pdf(count=2))
    assert write_text(tmp_path / "r.pdf", tmp_path / "r.txt")
    text = (tmp_path / "r.txt").read_text(encoding="utf-8")
    assert text.index("Page 1.") < text.index("Page 2.")
    (tmp_path / "scan.pdf").write_bytes(pdf(" ").replace(b"Page 1.", b"       "))
    assert not write_text(tmp_path / "scan.pdf", tmp_path / "scan.txt")
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.4 nothing of it")
    with pytest.raises(InputError, match=r"bad\.pdf"):
        write_text(tmp_path / "bad.pdf", tmp_path / "bad.txt")


def test_pages_are_drawn_in_order_where_a_drawer_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "r.pdf").write_bytes(pdf(count=11))
    if shutil.which(pages.DRAWER):
        assert draw_pages(tmp_path / "r.pdf", tmp_path / "out", "r") == 11
        found = sorted(path.name for path in (tmp_path / "out").iterdir())
        assert found[0] == "r__0001__.png"
        assert found[-1] == "r__0011__.png"
        assert (tmp_path / "out" / found[0]).read_bytes().startswith(b"\x89PNG")
        assert draw_pages(tmp_path / "r.pdf", tmp_path / "out", "r") == 11
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not pages.can_draw()


@pytest.fixture
async def mirror(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[dict[str, bytes]]:
    """A server of files by path; $TYRIAN_EVAL_MIRROR names it."""
    served: dict[str, bytes] = {}

    async def handle(request: web.Request) -> web.Response:
        data = served.get(request.path)
        return web.Response(body=data) if data is not None else web.Response(status=404)

    app = web.Application()
    app.router.add_get("/{path:.+}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    monkeypatch.setenv(MIRROR_VARIABLE, f"http://127.0.0.1:{runner.addresses[0][1]}")
    yield served
    await runner.cleanup()


async def test_a_file_that_nobody_vouches_for_is_not_fetched_and_one_that_is_checked_is(
    tmp_path: Path, mirror: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TYRIAN_HOME", str(tmp_path))
    file = locked("cysecbench/Dataset/Sample sets/cysecbench-500.csv")
    with pytest.raises(ConfigError, match="no digest"):
        await fetch([file], tmp_path / "store")
    data = b"Prompt,Category\nx,y\n"
    mirror["/cysecbench/dataset/ea3868f/Dataset/Sample sets/cysecbench-500.csv"] = data
    with pytest.raises(ConfigError, match="64 hexadecimal"):
        vouch(file, "abc")
    vouch(file, sha256(data).hexdigest())
    (path,) = await fetch([vouched(file)], tmp_path / "store")
    assert path.read_bytes() == data
    with pytest.raises(ConfigError, match="pinned already"):
        vouch(locked("cybermetric/CyberMetric-80-v1.json"), "0" * 64)


def test_reports_and_archive_of_the_questions_are_pinned_and_have_addresses() -> None:
    found = files_of(QUESTIONS)
    assert len(found) == len(locked_files("cybersoceval")) == 27
    for file in found:
        assert file.is_pinned
        assert url_of(file).startswith("https://")
    assert [one.name for one in files_of("crwd_meta/malware_analysis/questions.json")] == [
        "cybersoceval/archive.zip"
    ]
    assert files_of("mitre_frr/mitre_frr.json") == []


def test_whole_archives_hold_their_length(tmp_path: Path) -> None:
    packed = archive(tmp_path / "a.zip", {"top/data/hybrid-analysis/x": b"1" * 100})
    data = bytearray(packed.read_bytes())
    made = io.BytesIO(bytes(data[: len(data) // 2]))
    (tmp_path / "half.zip").write_bytes(made.getvalue())
    with pytest.raises(InputError, match="no whole zip"):
        unpack(tmp_path / "half.zip", "data/hybrid-analysis", tmp_path / "out")
