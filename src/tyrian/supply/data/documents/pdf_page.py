"""PDF as text, with what is drawn in no ink, in the colour of the page, or too small to see.

The drawing operations of a page are walked once with the state of the pen; those that draw text
nobody sees are taken apart, and both halves are read as text by pypdf.
Source: ISO 32000-1, sections 8.4 (graphics state) and 9.3 (text state).
"""

import logging
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tyrian.supply.data.documents.page import DocumentError, Hidden, Page
from tyrian.supply.data.extras import need

if TYPE_CHECKING:
    from pypdf import PageObject, PdfReader

Matrix = tuple[float, float, float, float, float, float]
_SAME: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
_INVISIBLE = (3, 7)
"""Rendering modes that put no ink on the page."""
_TINY = 1.5
"""Points, below which letters are dots."""
_SHOWS = frozenset({b"Tj", b"TJ", b"'", b'"'})
_FILLS = frozenset({b"f", b"F", b"f*", b"B", b"B*", b"b", b"b*"})
_GREY, _RGB, _CMYK = 1, 3, 4
_MOST_PAGES = 10_000


@dataclass(slots=True)
class _Pen:
    """The graphics state as far as it says whether text is seen."""

    matrix: Matrix = _SAME
    mode: int = 0
    size: float = 0.0
    is_white: bool = False


@dataclass(slots=True)
class _Walk:
    """One way through the operations of a page."""

    pen: _Pen = field(default_factory=_Pen)
    stack: list[_Pen] = field(default_factory=list)
    text: Matrix = _SAME
    line: Matrix = _SAME
    path: list[tuple[float, float, float, float]] = field(default_factory=list)
    ground: list[tuple[float, float, float, float]] = field(default_factory=list)
    """Boxes (left, bottom, right, top) that were painted in another colour than white."""

    def why(self, operands: list[Any], operator: bytes) -> str:
        """Go one operation on; why the text that it draws is not seen, or nothing."""
        if operator == b"q":
            self.stack.append(replace(self.pen))
        elif operator == b"Q" and self.stack:
            self.pen = self.stack.pop()
        elif operator == b"cm":
            self.pen.matrix = _times(_matrix(operands), self.pen.matrix)
        elif operator == b"Tr":
            self.pen.mode = int(operands[0])
        elif operator == b"Tf":
            self.pen.size = abs(float(operands[1]))
        elif operator in (b"g", b"rg", b"k", b"sc", b"scn"):
            self.pen.is_white = _is_white(operands)
        elif operator == b"cs":
            self.pen.is_white = False
        elif operator in (b"BT", b"Tm", b"Td", b"TD"):
            self._move(operands, operator)
        elif operator == b"re":
            self.path.append(_box(self.pen.matrix, *map(float, operands[:4])))
        elif operator in _FILLS or operator == b"n":
            if operator != b"n" and not self.pen.is_white:
                self.ground += self.path
            self.path = []
        elif operator == b"Do":
            self.ground.append(_box(self.pen.matrix, 0, 0, 1, 1))
        elif operator in _SHOWS:
            return self._unseen()
        return ""

    def _move(self, operands: list[Any], operator: bytes) -> None:
        if operator == b"BT":
            self.line = _SAME
        elif operator == b"Tm":
            self.line = _matrix(operands)
        else:
            step = (1.0, 0.0, 0.0, 1.0, float(operands[0]), float(operands[1]))
            self.line = _times(step, self.line)
        self.text = self.line

    def _unseen(self) -> str:
        if self.pen.mode in _INVISIBLE:
            return "drawn without ink"
        matrix = _times(self.text, self.pen.matrix)
        height = self.pen.size * (matrix[2] ** 2 + matrix[3] ** 2) ** 0.5
        if 0 < height < _TINY:
            return f"letters of {height:.1f} points"
        at = matrix[4], matrix[5] + height / 4
        if self.pen.is_white and not any(_holds(box, *at) for box in self.ground):
            return "white on white"
        return ""


def pdf_page(place: Path) -> Page:
    """The page that a PDF is; DocumentError where it cannot be read."""
    need("pypdf", "reading PDF files")
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it is told as a finding
    page = Page()
    try:
        reader = PdfReader(place)
        if reader.is_encrypted and not reader.decrypt(""):
            raise DocumentError("it is encrypted")
        if len(reader.pages) > _MOST_PAGES:
            raise DocumentError(f"it has over {_MOST_PAGES:,} pages")
        shown = [_read(one, reader, number, page) for number, one in enumerate(reader.pages, 1)]
        page.shown = "\n".join(shown).strip()
        for key, value in (reader.metadata or {}).items():
            if value:
                page.metadata[str(key).removeprefix("/")] = str(value)
    except DocumentError:
        raise
    except RecursionError:
        raise DocumentError("it is nested too deeply") from None
    except (PyPdfError, OSError) as error:
        raise DocumentError(f"it is no PDF that can be read: {error}") from None
    except Exception as error:  # noqa: BLE001  a broken file raises anything, deep in the library
        raise DocumentError(f"reading it failed: {type(error).__name__}") from None
    return page


def _read(one: "PageObject", reader: "PdfReader", number: int, page: Page) -> str:
    from pypdf.generic import ContentStream, NameObject

    content = one.get_contents()
    if content is None:
        return ""
    operations = ContentStream(content, reader).operations
    walk = _Walk()
    reasons = [walk.why(operands, operator) for operands, operator in operations]
    unseen = dict.fromkeys(reason for reason in reasons if reason)
    if not unseen:
        return one.extract_text()

    def drawn(reason: str) -> str:
        """The text of those operations alone that have this reason."""
        part = ContentStream(None, reader)
        part.operations = [
            operation
            for operation, why in zip(operations, reasons, strict=True)
            if why == reason or operation[1] not in _SHOWS
        ]
        one[NameObject("/Contents")] = part
        return str(one.extract_text())

    for reason in unseen:
        if (text := drawn(reason)).strip():
            page.hidden.append(Hidden(text, f"{reason}, page {number}", is_trick=True))
    return drawn("")


def _matrix(operands: list[Any]) -> Matrix:
    a, b, c, d, e, f = (float(one) for one in operands[:6])
    return a, b, c, d, e, f


def _times(one: Matrix, other: Matrix) -> Matrix:
    """First `one`, then `other`."""
    a, b, c, d, e, f = one
    g, h, i, j, k, m = other
    return (a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j,
            e * g + f * i + k, e * h + f * j + m)  # fmt: skip


def _box(
    matrix: Matrix, x: float, y: float, width: float, height: float
) -> tuple[float, float, float, float]:
    a, b, c, d, e, f = matrix
    corners = [(x, y), (x + width, y), (x, y + height), (x + width, y + height)]
    across = [a * u + c * v + e for u, v in corners]
    up = [b * u + d * v + f for u, v in corners]
    return min(across), min(up), max(across), max(up)


def _holds(box: tuple[float, float, float, float], x: float, y: float) -> bool:
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


def _is_white(operands: list[Any]) -> bool:
    values = [float(one) for one in operands if isinstance(one, int | float)]
    if len(values) in (_GREY, _RGB):
        return all(value >= 0.98 for value in values)
    return len(values) == _CMYK and all(value <= 0.02 for value in values)
