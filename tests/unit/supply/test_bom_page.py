"""A bill of materials as a page: all of it, and nothing that the page would run."""

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tyrian.supply.aibom.cyclonedx import as_cyclonedx
from tyrian.supply.aibom.document import BomError, read
from tyrian.supply.aibom.fault import Fault
from tyrian.supply.aibom.page.page import as_page
from tyrian.supply.aibom.parts import FilePart, GuardPart, Inventory, ModelPart

FULL = Path(__file__).with_name("bom_full.json")
VOID = {"meta", "br"}


class Page(HTMLParser):
    """Text, elements and attributes of a page, whose elements must be closed in their order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []
        self.text = " ".join(" ".join(self.texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_a_page_shows_what_people_ask_for() -> None:
    page = Page(as_page(read(FULL)))
    for told in (
        *("app", "org/model", "Apache-2.0 AND (MIT OR LicenseRef-house)", "text-classification"),
        *("recall on held out", "0.98", "short texts", "config.json", "rows", "numpy", "2.0.0"),
        *("https://models.example/v1", "c0ffee", "CycloneDX 1.7", "2026-03-31T12:00:00Z", "0.1"),
    ):
        assert told in page.text, told


def test_guards_stand_in_a_table_with_their_stage_and_pin() -> None:
    guard = GuardPart(
        stage="tool-result",
        name="secrets",
        kind="secrets",
        revision="r7",
        digest="sha256:" + "7" * 64,
        notes={"effects": "*=redact", "on-error": "block", "fallback": "the model is not here"},
    )
    page = Page(as_page(as_cyclonedx(Inventory(name="x", guards=(guard,)))))
    for told in ("tool-result", "r7", "7" * 64, "all else: redact", "the model is not here"):
        assert told in page.text


def test_hostile_names_stay_text() -> None:
    evil = "<script>alert(1)</script>\u202e\x1b[31m"
    model = ModelPart(name=evil, licence=evil, notes={evil: evil},
                      files=(FilePart(path=evil, sha256="0" * 64),))  # fmt: skip
    text = as_page(as_cyclonedx(Inventory(name=evil, models=(model,))))
    page = Page(text)
    assert "script" not in page.tags
    assert "<U+202E>" in page.text
    assert "\u202e" not in text
    assert "\x1b" not in text


def test_a_page_needs_nothing_else() -> None:
    page = Page(as_page(read(FULL)))
    assert not {"script", "img", "link", "iframe", "object"} & set(page.tags)
    addresses = [value or "" for name, value in page.attributes if name in ("href", "src")]
    assert all(one.startswith("#") for one in addresses)
    policies = [value for name, value in page.attributes if name == "content"]
    assert any("default-src 'none'" in (one or "") for one in policies)


def test_faults_stand_at_the_head() -> None:
    page = Page(as_page(read(FULL), [Fault("purl", "/components/0/purl", "it is none")]))
    assert "Not valid" in page.text
    assert page.text.index("it is none") < page.text.index("org/model")


def test_long_lists_of_files_are_cut_and_counted() -> None:
    files = tuple(FilePart(path=f"f{n:04}", sha256="0" * 64) for n in range(500))
    document = as_cyclonedx(Inventory(name="x", models=(ModelPart(name="m", files=files),)))
    page = Page(as_page(document))
    assert "500 files" in page.text
    assert "and 300 more" in page.text


@pytest.mark.parametrize("document", [{}, {"bomFormat": "SPDX"}])
def test_other_documents_have_no_page(document: dict[str, Any]) -> None:
    with pytest.raises(BomError):
        as_page(document)
