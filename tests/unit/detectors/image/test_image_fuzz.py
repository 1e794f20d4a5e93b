"""Damaged images of every format never break the reader, and never pass for read ones."""

import struct
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tyrian.core.message import ImagePart, Message
from tyrian.detectors.image.bounds import Bounds
from tyrian.detectors.image.header import format_of, read_header
from tyrian.detectors.image.metadata.read import read_metadata
from tyrian.detectors.image.pieces import Pieces
from tyrian.detectors.image.pixels import Clock
from tyrian.detectors.image.reader import ImageReader
from tyrian.detectors.image.source import Source, sources
from tyrian.detectors.image.unreadable import UnreadableError

MAGICS = {
    "PNG": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "JPEG": b"\xff\xd8\xff\xe1",
    "GIF": b"GIF89a\1\0\1\0\x80\0\0",
    "WEBP": b"RIFF\xff\0\0\0WEBPVP8X",
    "BMP": b"BM" + bytes(12) + struct.pack("<I", 40),
    "TIFF": b"II*\0\x08\0\0\0",
}


@pytest.mark.parametrize("kind", MAGICS)
@given(tail=st.binary(max_size=400))
@settings(max_examples=150)
def test_any_bytes_behind_a_magic_number_are_read_or_refused(kind: str, tail: bytes) -> None:
    data = MAGICS[kind] + tail
    assert format_of(data) == kind
    try:
        header = read_header(data)
    except UnreadableError:
        pass
    else:
        assert header.pixels > 0
    found = read_metadata(data, kind, 1000)
    assert sum(map(len, found.texts)) <= 1000


@given(url=st.text(max_size=200) | st.text(max_size=200).map("data:image/png;base64,".__add__))
@settings(max_examples=150)
def test_any_url_is_read_or_refused(url: str) -> None:
    reading = ImageReader(Pieces(False, False, None), Bounds()).read(Source(url), Clock.of(1))
    assert reading.share < 1.0
    message = Message.user([ImagePart(url)])
    assert next(iter(sources(message, message.text))).url == url


@pytest.mark.parametrize("kind", MAGICS)
@given(place=st.floats(0, 1), change=st.binary(min_size=1, max_size=8))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_pictures_are_decoded_or_refused(
    pictures: Any, kind: str, place: float, change: bytes
) -> None:
    data = bytearray(pictures.encode(pictures.draw("", size=(24, 16)), kind))
    start = int(place * (len(data) - 1))
    data[start : start + len(change)] = change
    reader = ImageReader(Pieces(True, False, None), Bounds(max_pixels=10_000), False)
    reading = reader.read(Source(pictures.url(bytes(data))), Clock.of(5))
    is_refused = any(fault.label == "unreadable-image" for fault in reading.faults)
    assert is_refused == (reading.share < 1.0)
