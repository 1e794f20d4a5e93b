"""Text in the pixels of an image, plain and hidden, and in its codes."""

from collections.abc import Callable
from typing import Any

import pytest

from tyrian.core.detection import Detection

Judge = Callable[..., Detection]


def attack(found: Detection) -> float:
    return max(found.scores.get(label, 0.0) for label in ("injection", "jailbreak"))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"])
def test_an_attack_is_read_in_every_format(judge: Judge, pictures: Any, kind: str) -> None:
    picture = pictures.draw(size=(360, 85), points=20)
    found = judge(pictures.encode(picture, kind), kind=kind.lower())
    assert attack(found) > 0.5
    assert found.coverage == 1.0
    assert all(one.rule.startswith("image.") for one in found.findings)
    assert "previous instructions" not in repr(found)


def test_a_harmless_text_is_harmless(judge: Judge, pictures: Any) -> None:
    found = judge(pictures.encode(pictures.draw(pictures.harmless)))
    assert (found.findings, found.coverage) == ((), 1.0)
    assert found.score < 0.5


FAINT = {
    "nearly white on white": ("white", "black", (246, 246, 246)),
    "one step from white": ("white", "black", (254, 254, 254)),
    "one channel": ("white", "black", (255, 255, 235)),
    "nearly black on black": ("black", "white", (12, 12, 12)),
}


@pytest.mark.parametrize("form", FAINT)
def test_faint_text_beside_plain_text_is_read_and_said_to_be_hidden(
    judge: Judge, pictures: Any, form: str
) -> None:
    ground, plain, faint = FAINT[form]
    picture = pictures.draw(pictures.harmless, fill=plain, ground=ground, size=(640, 260))
    found = judge(pictures.encode(pictures.write(picture, pictures.attack, fill=faint, top=150)))
    assert attack(found) > 0.5
    assert found.scores["hidden-text"] >= 0.5


def test_text_beneath_full_transparency_is_hidden(judge: Judge, pictures: Any) -> None:
    picture = pictures.draw(fill=(0, 0, 0, 0), ground=(255, 255, 255, 0), mode="RGBA")
    found = judge(pictures.encode(picture))
    assert attack(found) > 0.5
    assert found.scores["hidden-text"] >= 0.5


def test_text_in_the_transparency_itself_is_hidden(judge: Judge, pictures: Any) -> None:
    picture = pictures.draw("", ground="white")
    picture.putalpha(pictures.draw(fill=250, ground=255, mode="L"))
    found = judge(pictures.encode(picture))
    assert attack(found) > 0.5
    assert found.scores["hidden-text"] >= 0.5


def test_a_white_drawing_on_nothing_is_read_but_not_called_hidden(
    judge: Judge, pictures: Any
) -> None:
    picture = pictures.draw(fill="white", ground=(255, 255, 255, 0), mode="RGBA")
    found = judge(pictures.encode(picture))
    assert attack(found) > 0.5
    assert found.scores.get("hidden-text", 0.0) < 0.5


def test_text_on_its_head_is_read(judge: Judge, pictures: Any) -> None:
    assert attack(judge(pictures.encode(pictures.draw().rotate(180)))) > 0.5


def test_red_on_green_of_the_same_brightness_is_read(judge: Judge, pictures: Any) -> None:
    found = judge(pictures.encode(pictures.draw(fill=(200, 60, 60), ground=(60, 131, 60))))
    assert attack(found) > 0.5
    assert found.scores.get("hidden-text", 0.0) < 0.5


def test_every_frame_of_an_animation_is_read(judge: Judge, pictures: Any) -> None:
    first, second = pictures.draw(pictures.harmless), pictures.draw()
    data = pictures.encode(first, "GIF", save_all=True, append_images=[second])
    assert attack(judge(data, kind="gif")) > 0.5


def test_a_qr_code_is_read(judge: Judge, pictures: Any) -> None:
    zxingcpp: Any = pytest.importorskip("zxingcpp")
    from PIL import Image

    text = pictures.attack.replace("\n", " ")
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode)
    picture = Image.fromarray(zxingcpp.write_barcode_to_image(code, scale=4)).convert("RGB")
    found = judge(pictures.encode(picture))
    assert attack(found) > 0.5
    assert any("codes" in one.message for one in found.findings)


def test_a_picture_without_text_has_nothing(judge: Judge, pictures: Any) -> None:
    import numpy as np
    from PIL import Image

    slope = np.add.outer(np.arange(200) / 2, np.arange(300) / 3).astype(np.uint8)
    noise = np.random.default_rng(1).integers(0, 255, (200, 300, 3), dtype=np.uint8)
    for picture in (Image.fromarray(slope), Image.fromarray(noise), pictures.draw("")):
        found = judge(pictures.encode(picture))
        assert (found.findings, found.coverage) == ((), 1.0)


def test_several_images_are_all_read(judge: Judge, pictures: Any) -> None:
    plain, bad = pictures.draw(""), pictures.draw()
    found = judge(*(pictures.encode(one) for one in (plain, plain, bad)))
    assert attack(found) > 0.5
    assert any("image 3" in one.message for one in found.findings)


def test_a_listing_of_addresses_is_no_attack(judge: Judge, pictures: Any) -> None:
    rows = [f"0x{i * 0x1F3A7:08X}  RESERVED  0xE00{i:X}F000  FPB" for i in range(1, 9)]
    picture = pictures.draw("\n".join(rows), size=(640, 260), points=20)
    found = judge(pictures.encode(picture))
    assert found.score < 0.5
    assert found.coverage == 1.0
