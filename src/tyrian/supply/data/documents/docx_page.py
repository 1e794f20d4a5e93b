"""Word documents as text, with the runs that Word does not show."""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tyrian.supply.data.documents.page import DocumentError, Hidden, Page
from tyrian.supply.data.extras import need

if TYPE_CHECKING:
    from docx.document import Document


class _Element(Protocol):
    """The part of an XML element that is used here."""

    tag: str
    text: str | None

    def find(self, path: str) -> "_Element | None": ...

    def iter(self, tag: str) -> Iterator["_Element"]: ...

    def get(self, key: str, default: str = "") -> str: ...

    def __iter__(self) -> Iterator["_Element"]: ...


_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_MOST_UNPACKED = 256 << 20
_TINY = 4
"""Half points, below which letters are dots."""
_TOLD = ("title", "subject", "keywords", "comments", "category", "author", "last_modified_by")


def docx_page(place: Path) -> Page:
    """The page that a Word file is; DocumentError where it cannot be read."""
    need("docx", "reading Word files")
    import docx
    from docx.opc.exceptions import OpcError

    try:
        with zipfile.ZipFile(place) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > _MOST_UNPACKED:
            raise DocumentError(f"it unpacks to {size:,} bytes")
        return _page(docx.Document(str(place)))
    except (zipfile.BadZipFile, OpcError, KeyError, ValueError, OSError) as error:
        raise DocumentError(f"it is no Word file that can be read: {error}") from None


def _page(document: "Document") -> Page:
    page = Page()
    styles = _styles(document)
    shown: list[str] = []
    for part in _parts(document):
        for paragraph in part.iter(f"{_W}p"):
            inherited = _style_of(paragraph, "pPr", "pStyle", styles)
            for run in paragraph.iter(f"{_W}r"):
                _add(run, inherited, styles, shown, page)
            shown.append("\n")
    page.shown = "".join(shown).strip()
    about = document.core_properties
    told = ((name, str(getattr(about, name) or "")) for name in _TOLD)
    page.metadata = {name: value for name, value in told if value}
    return page


def _parts(document: "Document") -> Iterator["_Element"]:
    """The body, and what stands around it: headers, footers, notes, comments."""
    from docx.oxml import parse_xml

    yield document.element.body
    for related in document.part.rels.values():
        kind = related.reltype.rsplit("/", 1)[-1]
        if not related.is_external and kind in (
            "header", "footer", "footnotes", "endnotes", "comments",
        ):  # fmt: skip
            yield parse_xml(related.target_part.blob)


def _add(
    run: "_Element", inherited: set[str], styles: dict[str, set[str]], shown: list[str], page: Page
) -> None:
    text = "".join(
        "\n" if piece.tag == f"{_W}br" else "\t" if piece.tag == f"{_W}tab" else piece.text or ""
        for piece in run
        if piece.tag in (f"{_W}t", f"{_W}br", f"{_W}tab", f"{_W}delText")
    )
    if not text:
        return
    marks = inherited | _style_of(run, "rPr", "rStyle", styles)
    properties = run.find(f"{_W}rPr")
    if properties is not None:
        marks = _marks(properties, marks)
    if why := next((_WHY[mark] for mark in ("vanish", "tiny", "white") if mark in marks), ""):
        last = page.hidden[-1] if page.hidden else None
        if last and last.why == why:
            page.hidden[-1] = Hidden(last.text + text, why, is_trick=True)
        else:
            page.hidden.append(Hidden(text, why, is_trick=True))
    else:
        shown.append(text)


_WHY = {
    "vanish": "formatted as hidden",
    "tiny": "letters of under two points",
    "white": "white on white",
}


def _marks(properties: "_Element", above: set[str]) -> set[str]:
    """What a run's properties say of it, over what it inherits."""
    marks = set(above)
    for name in ("vanish", "webHidden"):
        found = properties.find(f"{_W}{name}")
        if found is not None:
            is_on = found.get(f"{_W}val", "true") not in ("0", "false", "off")
            marks = marks | {"vanish"} if is_on else marks - {"vanish"}
    size = properties.find(f"{_W}sz")
    if size is not None and (told := size.get(f"{_W}val", "")).isdigit():
        marks = marks | {"tiny"} if int(told) < _TINY else marks - {"tiny"}
    colour = properties.find(f"{_W}color")
    if colour is not None:
        is_white = colour.get(f"{_W}val", "").upper() == "FFFFFF"
        marks = marks | {"white"} if is_white else marks - {"white"}
    if any(properties.find(f"{_W}{name}") is not None for name in ("shd", "highlight")):
        marks = marks - {"white"}
    return marks


def _styles(document: "Document") -> dict[str, set[str]]:
    """The marks that each style gives, with those of the styles that it is based on."""
    known = {
        style.get(f"{_W}styleId", ""): style for style in document.styles.element.iter(f"{_W}style")
    }

    def marks(name: str, depth: int) -> set[str]:
        style = known.get(name)
        if style is None or depth > 20:
            return set()
        above = style.find(f"{_W}basedOn")
        found = marks(above.get(f"{_W}val", ""), depth + 1) if above is not None else set()
        properties = style.find(f"{_W}rPr")
        return _marks(properties, found) if properties is not None else found

    return {name: marks(name, 0) for name in known}


def _style_of(
    element: "_Element", properties: str, style: str, styles: dict[str, set[str]]
) -> set[str]:
    found = element.find(f"{_W}{properties}/{_W}{style}")
    return styles.get(found.get(f"{_W}val", ""), set()) if found is not None else set()
