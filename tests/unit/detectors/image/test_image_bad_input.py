"""Images that are none, are broken, or ask for too much: said, refused, never passed over."""

import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from tyrian.core.detection import Detection, Detector, View
from tyrian.core.message import ImagePart, Message, TextPart
from tyrian.core.registry import DetectorConfig, create_detector
from tyrian.errors import ConfigError

Judge = Callable[..., Detection]


def with_options(**options: object) -> Detector:
    return create_detector("image_text", DetectorConfig("i", timeout_s=100, options=options))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        b"hello, this is text",
        b"<html><body>hello</body></html>",
        b"%PDF-1.7\n",
        b"PK\x03\x04" + bytes(100),
        b"\x00\x00\x00\x1cftypavif",
        b"\x1f\x8b" + bytes(20),
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff",
        b"GIF89a",
        b"RIFF\x00\x00\x00\x00WEBP",
        b"BM" + bytes(12) + struct.pack("<I", 40),
        b"II*\x00\xff\xff\xff\xff",
        bytes(range(256)) * 40_000,
    ],
    ids=lambda data: repr(data[:12]),
)
def test_what_is_no_image_is_unreadable(judge: Judge, data: bytes) -> None:
    found = judge(data)
    assert found.scores["unreadable-image"] == 1.0
    assert found.coverage == 0.0


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"])
def test_an_image_that_is_cut_short_is_unreadable(judge: Judge, pictures: Any, kind: str) -> None:
    data = pictures.encode(pictures.draw(size=(300, 80), points=12), kind)
    found = judge(data[: len(data) // 2], kind=kind.lower())
    assert found.scores["unreadable-image"] == 1.0
    assert found.coverage < 1.0


def test_a_decompression_bomb_is_refused_by_its_header(judge: Judge) -> None:
    def chunk(name: bytes, body: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(name + body))
        return struct.pack(">I", len(body)) + name + body + crc

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 1, 0, 0, 0, 0)
    body = zlib.compress(bytes(60_000 * 100))
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    found = judge(bomb)
    assert found.scores["unreadable-image"] == 1.0
    assert [one.rule for one in found.findings] == ["image.bomb"]
    assert found.coverage == 0.0


def test_frames_beyond_the_bound_are_said(pictures: Any, detector: Detector) -> None:
    pages = [pictures.draw("", ground=(i, i, i), size=(40, 40)) for i in range(6)]
    data = pictures.encode(pages[0], "GIF", save_all=True, append_images=pages[1:])
    view = View.of(pictures.message(pictures.url(data, "gif")))
    found: Any = with_options(max_frames=3).detect(view)
    assert "image.too-many-frames" in {one.rule for one in found.findings}
    assert found.coverage < 1.0
    assert with_options(max_frames=6).detect(view) == Detection()


def test_images_beyond_the_bound_are_said(pictures: Any, detector: Detector) -> None:
    url = pictures.url(pictures.encode(pictures.draw("", size=(40, 40))))
    found: Any = with_options(max_images=2).detect(View.of(pictures.message(*[url] * 5)))
    assert "image.too-many" in {one.rule for one in found.findings}
    assert found.coverage < 0.5


def test_an_image_larger_than_allowed_is_refused(pictures: Any, detector: Detector) -> None:
    url = pictures.url(pictures.encode(pictures.draw("", size=(40, 40))))
    found: Any = with_options(max_bytes=50).detect(View.of(pictures.message(url)))
    assert [one.rule for one in found.findings] == ["image.too-large"]


def test_an_image_by_address_is_never_fetched(judge: Judge) -> None:
    for url in ("https://images.example/cat.png", "HTTP://images.example/", "//images.example/x"):
        found = judge(url)
        assert found.scores["remote-image"] == 1.0
        assert found.coverage == 0.0


@pytest.mark.parametrize(
    "url", ["data:image/png;base64,%%%", "data:image/png;base64,a", "data:image/png", "cat.png", ""]
)
def test_a_url_that_cannot_be_decoded_is_unreadable(judge: Judge, url: str) -> None:
    assert judge(url).scores["unreadable-image"] == 1.0


@pytest.mark.parametrize("form", ["base64", "percent"])
def test_a_drawing_is_refused_and_its_text_is_judged(
    judge: Judge, pictures: Any, form: str
) -> None:
    svg = f"<svg xmlns='http://www.w3.org/2000/svg'><text>{pictures.attack}</text></svg>"
    if form == "base64":
        found = judge(svg.encode(), kind="svg+xml")
    else:
        found = judge("data:image/svg+xml," + svg.replace("<", "%3C").replace(" ", "%20"))
    assert found.scores["unreadable-image"] == 1.0
    assert max(found.scores["injection"], found.scores["jailbreak"]) > 0.5
    assert found.coverage < 1.0


def test_an_image_under_another_type_is_noted_only(judge: Judge, pictures: Any) -> None:
    found = judge(pictures.encode(pictures.draw("", size=(60, 60)), "JPEG"), kind="png")
    assert 0 < found.scores["disguised-image"] < 0.5
    assert found.coverage == 1.0


def test_an_image_inside_a_text_is_read_with_its_place(detector: Detector, pictures: Any) -> None:
    url = pictures.url(pictures.encode(pictures.draw()))
    text = f"See ![chart]({url}) above."
    found: Any = detector.detect(View.of(Message.tool(text)))
    place = (text.index("data:"), text.index(")"))
    assert found.scores["injection"] > 0.5
    assert {(one.start, one.end) for one in found.findings} == {place}


def test_what_looks_like_an_image_inside_a_text_is_only_noted(detector: Detector) -> None:
    found: Any = detector.detect(View.of(Message.user("What is data:image/png;base64,iVBORw0K ?")))
    assert found.score < 0.5
    assert found.coverage == 1.0


def test_a_message_without_images_does_not_concern_the_guard(detector: Any) -> None:
    assert not detector.concerns(Message.user("plain text"))
    assert detector.concerns(Message.user([TextPart("x"), ImagePart("https://images.example")]))
    assert detector.concerns(Message.tool("![x](DATA:image/gif;base64,R0lG)"))


def test_reading_that_runs_out_of_time_is_unreadable(pictures: Any, detector: Detector) -> None:
    hurried = create_detector("image_text", DetectorConfig("i", timeout_s=0.01))
    url = pictures.url(pictures.encode(pictures.draw()))
    found: Any = hurried.detect(View.of(pictures.message(url)))
    assert found.scores["unreadable-image"] == 1.0
    assert found.coverage < 1.0


@pytest.mark.parametrize(
    "options",
    [
        {"detectors": []},
        {"detectors": ["prompt_gard"]},
        {"detectors": ["image_text"]},
        {"detectors": [{"name": "secrets", "tone": 3}]},
        {"detectors": [3]},
        {"pixels": "sometimes"},
        {"languages": ["tlh"]},
        {"max_pixels": 0},
        {"max_pixel": 5},
    ],
    ids=repr,
)
def test_options_that_make_no_sense_are_refused(detector: Detector, options: Any) -> None:
    with pytest.raises(ConfigError):
        with_options(**options)


def test_text_detectors_take_their_own_settings(detector: Detector, pictures: Any) -> None:
    words = {"name": "pattern", "options": {"patterns": [{"id": "board", "words": ["board"]}]}}
    url = pictures.url(pictures.encode(pictures.draw(pictures.harmless)))
    found: Any = with_options(detectors=[words]).detect(View.of(pictures.message(url)))
    assert [one.rule for one in found.findings] == ["image.pattern.board"]
