"""One document as one row: its text, what it hides, what it tells about itself."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from tyrian.supply.data.documents.docx_page import docx_page
from tyrian.supply.data.documents.html_page import html_page
from tyrian.supply.data.documents.page import DocumentError, Page
from tyrian.supply.data.documents.pdf_page import pdf_page
from tyrian.supply.data.files import Kind
from tyrian.supply.data.rows import BadRow, Row
from tyrian.supply.data.units import Unit

_MOST_TEXT = 64 << 20
_MOST_FILE = 512 << 20
_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([\w-]+)", re.I)


def read_document(unit: Unit) -> Iterator[Row | BadRow]:
    """The one row of a document; what cannot be read is a bad row.

    Its value: `sha256` of the file, `text` that it shows, `hidden` (a list of `text`, `why`,
    `is_finding`) and `metadata` (a table of texts).
    """
    place = Path(unit.file.place)
    try:
        digest = _digest(place)
        page = _page(place, unit.file.kind)
    except DocumentError as error:
        yield BadRow(1, "document-unread", error.message)
        return
    except OSError as error:
        yield BadRow(1, "document-unread", error.strerror or "it cannot be read")
        return
    hidden = [
        {"text": one.text, "why": one.why, "is_finding": one.is_finding} for one in page.hidden
    ]
    yield Row(
        1,
        {"sha256": digest, "text": page.shown, "hidden": hidden, "metadata": dict(page.metadata)},
    )


def _digest(place: Path) -> str:
    with place.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _page(place: Path, kind: Kind) -> Page:
    size = place.stat().st_size
    most = _MOST_FILE if kind in (Kind.PDF, Kind.DOCX) else _MOST_TEXT
    if size > most:
        raise DocumentError(f"it has {size:,} bytes, over {most >> 20} MiB")
    if kind is Kind.PDF:
        return pdf_page(place)
    if kind is Kind.DOCX:
        return docx_page(place)
    text = _decoded(place.read_bytes(), kind)
    if kind is Kind.HTML:
        return html_page(text)
    page = Page(text)
    if kind is Kind.MARKDOWN and "<" in text:  # renderers pass HTML through
        page.hidden = html_page(text).hidden
    return page


def _decoded(data: bytes, kind: Kind) -> str:
    """By its mark, else UTF-8, else what HTML says of itself."""
    for mark, name in (
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
        (b"\xef\xbb\xbf", "utf-8-sig"),
    ):
        if data.startswith(mark):
            return _as(data, name)
    told = _CHARSET.search(data[:2048]) if kind is Kind.HTML else None
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        if told:
            return _as(data, told[1].decode())
        raise DocumentError(f"it is not in UTF-8 at byte {error.start}") from None


def _as(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise DocumentError(f"it is not in {encoding}: {error}") from None
