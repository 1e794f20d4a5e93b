"""What the report on models says, and what it refuses to say."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tyrian.cli.main import run
from tyrian.errors import ConfigError, InputError
from tyrian.supply.lock.lock import ModelsLock, encode
from tyrian.supply.lock.make import Approval, lock_directory
from tyrian.supply.report.content import content_of
from tyrian.supply.report.content import encode as as_json
from tyrian.supply.report.evidence import Dossier, Evidence, Stand
from tyrian.supply.report.frameworks import frameworks
from tyrian.supply.report.gather import gather
from tyrian.supply.report.page import as_html, percent
from tyrian.supply.report.request import Candidate, Request, read_request
from tyrian.supply.scan.walk import scan_paths

Make = Callable[..., Dossier]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A locked model of two files with its scan and a bill of materials."""
    model = tmp_path / "m"
    model.mkdir()
    (model / "config.json").write_text('{"hidden_size": 4}')
    (model / "notes.txt").write_text("of old")
    locked = lock_directory(model, Approval("m", "Ada", "2026-01-01T00:00:00Z", licence="MIT"))
    (tmp_path / "models.lock").write_bytes(encode(ModelsLock(models=(locked,))))
    rows = [
        {"file": one.path, "outcome": str(one.outcome), "size": one.size, "sha256": one.sha256}
        for one in scan_paths([model], is_hashed=True)
    ]
    (tmp_path / "scan.json").write_text(json.dumps(rows))
    hashes = [{"alg": "SHA-256", "content": locked.digest.removeprefix("sha256:")}]
    component = {"type": "machine-learning-model", "name": "m", "hashes": hashes}
    bom = {"bomFormat": "CycloneDX", "specVersion": "1.7", "components": [component]}
    (tmp_path / "bom.json").write_text(json.dumps(bom))
    return tmp_path


def dossier(root: Path, as_of: date | None = None, **given: Any) -> Dossier:
    return gather(Candidate(name="m", **given), root, as_of)


def one(found: Dossier, kind: str) -> Evidence:
    (piece,) = [piece for piece in found.evidence if piece.is_of(kind)]
    return piece


def test_evidence_on_the_approved_bytes_supports(root: Path) -> None:
    found = dossier(root, lock="models.lock", directory="m", scan=("scan.json",), bom=("bom.json",))
    assert [(piece.kind, piece.stand) for piece in found.evidence] == [
        (kind, Stand.FOR) for kind in ("lock", "files", "scan", "bom")
    ]
    assert (found.approver, found.licence, found.scanned_share) == ("Ada", "MIT", 1.0)


def test_a_file_that_changed_speaks_against_the_model(root: Path) -> None:
    (root / "m" / "notes.txt").write_text("of new")
    piece = one(dossier(root, lock="models.lock", directory="m"), "files")
    assert piece.stand is Stand.AGAINST
    assert piece.told[0].startswith("notes.txt: modified")


def test_a_scan_of_other_bytes_leaves_open(root: Path) -> None:
    rows = json.loads((root / "scan.json").read_text())
    rows[1]["sha256"] = "0" * 64
    (root / "scan.json").write_text(json.dumps(rows))
    found = dossier(root, lock="models.lock", scan=("scan.json",))
    piece = one(found, "scan")
    assert piece.stand is Stand.OPEN
    assert piece.bound == "1 of 2 approved files by SHA-256"
    assert 0 < found.scanned_share < 1


def test_a_scan_with_findings_speaks_against_the_model(root: Path) -> None:
    rows = json.loads((root / "scan.json").read_text())
    rows[0] |= {"outcome": "found", "findings": [{"path": "p", "rule": "r", "why": "w"}]}
    (root / "scan.json").write_text(json.dumps(rows))
    piece = one(dossier(root, lock="models.lock", scan=("scan.json",)), "scan")
    assert piece.stand is Stand.AGAINST
    assert "p: r: w" in piece.told


def test_a_bill_of_materials_without_the_model_leaves_open(root: Path) -> None:
    told = json.loads((root / "bom.json").read_text())
    told["components"][0]["hashes"][0]["content"] = "0" * 64
    (root / "bom.json").write_text(json.dumps(told))
    assert one(dossier(root, lock="models.lock", bom=("bom.json",)), "bom").stand is Stand.OPEN


def test_an_approval_is_judged_by_the_date_that_is_asked_for(root: Path) -> None:
    approval = Approval("m", "Ada", "2026-01-01T00:00:00Z", expires="2026-06-30")
    locked = lock_directory(root / "m", approval)
    (root / "models.lock").write_bytes(encode(ModelsLock(models=(locked,))))
    stands = [
        one(dossier(root, as_of, lock="models.lock", directory="m"), "lock").stand
        for as_of in (None, date(2026, 6, 30), date(2026, 7, 1))
    ]
    assert stands == [Stand.FOR, Stand.FOR, Stand.AGAINST]


def test_rows_without_evidence_say_so(root: Path) -> None:
    content = content_of(Request(candidates=(Candidate(name="m"),)), root)
    answers = [row.answers[0] for section in content.sections for row in section.rows]
    assert {answer.stand for answer in answers} == {None}
    assert {one.share for section in content.sections for one in section.coverage} == {0.0}
    assert as_html(content).count("no evidence given") == len(answers)


def test_every_row_with_evidence_points_at_it_and_its_digest(root: Path) -> None:
    (root / "why.md").write_text("# Why\n")
    given = Candidate(
        name="m", lock="models.lock", scan=("scan.json",), documents={"MAP 1.1": "why.md"}
    )
    content = content_of(Request(candidates=(given,)), root)
    (found,) = content.candidates
    by_id = {row.id: row.answers[0] for section in content.sections for row in section.rows}
    assert [found.evidence[n].kind for n in by_id["LLM03:2025"].evidence] == ["lock", "scan"]
    assert [found.evidence[n].kind for n in by_id["MAP 1.1"].evidence] == ["document:MAP 1.1"]
    page = as_html(content)
    for number, piece in enumerate(found.evidence):
        assert f'id="e0-{number}"' in page
        assert piece.digest in page


def test_the_page_is_made_anew_byte_by_byte_and_needs_nothing_else(root: Path) -> None:
    request = Request(candidates=(Candidate(name="m", lock="models.lock", scan=("scan.json",)),))
    first, second = content_of(request, root), content_of(request, root)
    assert (as_html(first), as_json(first)) == (as_html(second), as_json(second))
    assert "<script" not in as_html(first)
    assert "<img" not in as_html(first)
    assert "<link" not in as_html(first)


def test_words_from_files_stay_words(root: Path) -> None:
    hostile = "<script>alert(1)</script>\x1b[31m\u202e"
    request = Request(title=hostile, prepared_by=hostile, candidates=(Candidate(name=hostile),))
    page = as_html(content_of(request, root))
    assert "<script" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("candidates: []", "needs candidates"),
        ("candidates: [{name: a}, {name: a}]", "a name of its own"),
        ("candidates: [{name: a, locks: x}]", "locks"),
        ("title: x", "candidates"),
        ("[", "is not YAML"),
        ("candidates: [{name: a, documents: {NOPE: x.md}}]", "no framework asks"),
        ("{candidates: [{name: a}], as_of: soon}", "is no date"),
        ("candidates: [{name: a, lock: models.lock}]", "has no model 'a'"),
        ("candidates: [{name: m, directory: gone}]", "no directory 'gone'"),
    ],
)
def test_a_request_that_cannot_be_used_is_told(root: Path, text: str, told: str) -> None:
    path = root / "request.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=told):
        content_of(read_request(path), root)


@pytest.mark.parametrize(
    ("kind", "data"),
    [("scan", b"{}"), ("scan", b"["), ("bom", b"[]"), ("gate", b"{}"), ("data_scan", b"nil")],
)
def test_a_file_that_is_no_evidence_is_refused(root: Path, kind: str, data: bytes) -> None:
    (root / "bad.json").write_bytes(data)
    given: dict[str, Any] = {kind: ("bad.json",)}
    with pytest.raises(InputError, match=r"bad\.json"):
        dossier(root, **given)


def test_findings_that_are_waived_do_not_count(root: Path) -> None:
    rows = [{"rule": "a", "path": "x"}, {"rule": "b", "path": "y", "waiver": {"owner": "Ada"}}]
    (root / "gate.json").write_text(json.dumps({"findings": rows}))
    piece = one(dossier(root, gate=("gate.json",)), "gate")
    assert (piece.stand, piece.told) == (Stand.AGAINST, ("1 findings", "a: x"))


def test_ids_of_rows_are_unique_and_kinds_are_known() -> None:
    known = {"lock", "files", "scan", "bom", "attestation", "training-data", "comparison",
             "evaluation", "data-scan", "gate"}  # fmt: skip
    ids = [row.id for one in frameworks() for row in one.rows]
    assert len(set(ids)) == len(ids)
    kinds = {kind.partition(":")[0] for one in frameworks() for row in one.rows
             for kind in row.kinds}  # fmt: skip
    assert kinds <= known


def test_a_share_is_whole_only_where_it_is() -> None:
    assert [percent(one) for one in (0, 0.00001, 0.5, 0.99999, 1)] == [
        *("0%", "0.1%", "50.0%", "99.9%", "100%"),
    ]


def test_the_command_writes_page_and_json(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "request.yaml").write_text("candidates: [{name: m, lock: models.lock}]\n")
    target = root / "out" / "report.html"
    assert run(["model", "report", str(root / "request.yaml"), "--output", str(target)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        str(target), str(target.with_suffix(".json")),
    ]  # fmt: skip
    assert msgspec.json.decode(target.with_suffix(".json").read_bytes())["format"] == 1
