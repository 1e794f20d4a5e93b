"""The texts in the metadata of an image, and what stands behind its end; standard library only."""

import re
from collections.abc import Callable

from tyrian.core.detection import Severity
from tyrian.detectors.image.metadata.exif import exif_texts
from tyrian.detectors.image.metadata.found import Found
from tyrian.detectors.image.metadata.gif import read_gif
from tyrian.detectors.image.metadata.jpeg import read_jpeg
from tyrian.detectors.image.metadata.png import read_png
from tyrian.detectors.image.metadata.riff import read_bmp, read_webp
from tyrian.detectors.image.unreadable import DISGUISED, Fault

_READERS: dict[str, Callable[[bytes, Found], None]] = {
    "PNG": read_png,
    "JPEG": read_jpeg,
    "GIF": read_gif,
    "WEBP": read_webp,
    "BMP": read_bmp,
    "TIFF": exif_texts,
}
_OTHER_FORMATS = re.compile(
    rb"PK\x03\x04|%PDF-1|<\?php|<!doctype html|<html|<script|<svg|Rar!\x1a"
    rb"|\A(?:#!/|\x7fELF|MZ|7z\xbc)",
    re.IGNORECASE,
)
_ASCII_RUN = re.compile(rb"[\x20-\x7e\t\r\n]{12,}")
_TAIL_READ = 1 << 20
"""Bytes behind the end that are looked at: cameras put whole films there."""


def read_metadata(data: bytes, kind: str, limit: int) -> Found:
    """The texts of an image of format `kind`, at most `limit` characters.

    Data behind the image's end is text too, where it reads as such, and a fault where it is of
    another format: then the file is two things at once.
    """
    found = Found(limit)
    _READERS[kind](data, found)
    if 0 < found.end < len(data):
        _read_tail(data[found.end :], found)
    return found


def _read_tail(tail: bytes, found: Found) -> None:
    head = tail[:_TAIL_READ].strip(b"\x00\r\n ")
    if not head:
        return
    if _OTHER_FORMATS.search(head):
        message = "behind the image stands a file of another kind"
        found.note(Fault("polyglot", DISGUISED, message, 0.9))
    else:
        message = "data behind the end of the image"
        found.note(Fault("trailing-data", DISGUISED, message, 0.3, Severity.LOW))
    try:
        found.add(head.decode("utf-8"))
    except UnicodeDecodeError:
        found.add_all(run[0].decode("ascii") for run in _ASCII_RUN.finditer(head))
