"""One image: its texts, what is wrong with it, and how much of it was read."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tyrian.core.detection import Severity
from tyrian.detectors.image.bounds import Bounds
from tyrian.detectors.image.codes import code_texts
from tyrian.detectors.image.frames import check_size, frames
from tyrian.detectors.image.header import Header, is_svg, read_header
from tyrian.detectors.image.metadata.found import decoded
from tyrian.detectors.image.metadata.read import read_metadata
from tyrian.detectors.image.pieces import Pieces
from tyrian.detectors.image.pixels import Clock, PixelReader
from tyrian.detectors.image.source import Source
from tyrian.detectors.image.unreadable import (
    DISGUISED,
    REMOTE,
    UNREAD_PIXELS,
    Fault,
    UnreadableError,
)
from tyrian.errors import DetectorError

if TYPE_CHECKING:
    from PIL import Image

PIXELS = "pixels"
HIDDEN = "hidden pixels"
CODES = "codes"
METADATA = "metadata"
DRAWING = "drawing"

_HIDDEN = Fault("hidden-pixels", "hidden-text", "text that people cannot see in the image", 0.9)
_TYPES = {
    "image/png": "PNG",
    "image/apng": "PNG",
    "image/jpeg": "JPEG",
    "image/jpg": "JPEG",
    "image/pjpeg": "JPEG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
    "image/bmp": "BMP",
    "image/x-ms-bmp": "BMP",
    "image/tiff": "TIFF",
}


@dataclass(slots=True)
class Reading:
    """What one image holds."""

    texts: dict[str, list[str]] = field(default_factory=dict)
    """Texts by where they stand: PIXELS, HIDDEN, CODES, METADATA, DRAWING."""
    faults: list[Fault] = field(default_factory=list)
    read: int = 0
    unread: int = 0
    """Parts (metadata, text in pixels, codes) that were, and were not, read to their end."""

    @property
    def share(self) -> float:
        """The share of the image that was read, 0 to 1."""
        return self.read / (self.read + self.unread) if self.unread else 1.0

    def add(self, where: str, text: str) -> None:
        """Keep a text once."""
        known = self.texts.setdefault(where, [])
        if text not in known:
            known.append(text)

    def fail(self, fault: Fault, parts: int = 1) -> None:
        """Note a fault that left parts unread."""
        if fault not in self.faults:
            self.faults.append(fault)
        self.unread += parts


@dataclass(frozen=True, slots=True)
class ImageReader:
    """Reads images with the pieces that are installed."""

    pieces: Pieces
    bounds: Bounds
    requires_pixels: bool = True
    """Whether pixels that nothing here can read count as unread, besides being said."""

    def read(self, source: Source, clock: Clock) -> Reading:
        """Everything readable in one image; never raises for what an image holds."""
        reading = Reading()
        if source.is_remote:
            message = "an image that is only named by an address; it was not fetched"
            reading.fail(Fault("remote", REMOTE, message), parts=int(self.requires_pixels))
            return reading
        try:
            data = source.data(self.bounds.max_bytes)
            if is_svg(data, source.declared):
                self._drawing(data, reading)
                return reading
            header = read_header(data)
            check_size(header, self.bounds)
        except UnreadableError as error:
            reading.fail(error.fault)
            return reading
        self._metadata(data, header, source.declared, reading)
        self._pixels(data, header, clock, reading)
        return reading

    def _drawing(self, data: bytes, reading: Reading) -> None:
        text = decoded(data)
        reading.add(DRAWING, text[: self.bounds.max_text])
        if len(text) > self.bounds.max_text:
            message = "more text in a drawing than is read"
            reading.fail(UnreadableError("too-much-text", message).fault)
        else:
            reading.read += 1
        message = "a drawing in SVG: what it draws was not read"
        reading.fail(UnreadableError("svg", message).fault)

    def _metadata(self, data: bytes, header: Header, declared: str, reading: Reading) -> None:
        found = read_metadata(data, header.format, self.bounds.max_text)
        for text in found.texts:
            reading.add(METADATA, text)
        broken = [fault for fault in found.faults if fault.label != DISGUISED]
        reading.faults += found.faults
        reading.read += not broken
        reading.unread += bool(broken)
        if declared and _TYPES.get(declared) != header.format:
            is_image = declared in _TYPES
            message = f"a {header.format} image sent under another type"
            score, severity = (0.3, Severity.LOW) if is_image else (0.6, Severity.MEDIUM)
            reading.faults.append(Fault("wrong-type", DISGUISED, message, score, severity))

    def _pixels(self, data: bytes, header: Header, clock: Clock, reading: Reading) -> None:
        for sentence in self.pieces.missing:
            fault = Fault("unread-pixels", UNREAD_PIXELS, sentence, 1.0, Severity.LOW)
            reading.fail(fault, parts=int(self.requires_pixels))
        if not self.pieces.has_pillow:
            return
        ocr = PixelReader(self.pieces.tesseract, clock) if self.pieces.tesseract else None
        try:
            for frame in frames(data, header, self.bounds):
                clock.left_s()
                if self.pieces.has_codes:
                    for text in code_texts(frame.picture):
                        reading.add(CODES, text)
                if ocr is not None:
                    self._ocr(ocr, frame.picture, reading)
        except UnreadableError as error:
            reading.fail(error.fault)
        except DetectorError as error:
            reading.fail(UnreadableError("unread-text", error.message).fault)
        else:
            reading.read += 1

    def _ocr(self, ocr: PixelReader, picture: "Image.Image", reading: Reading) -> None:
        for shown in ocr.read(picture):
            reading.add(HIDDEN if shown.is_hidden else PIXELS, shown.text)
            if shown.is_hidden and shown.is_certain and _HIDDEN not in reading.faults:
                reading.faults.append(_HIDDEN)
