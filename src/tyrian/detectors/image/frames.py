"""Decodes an image's frames with Pillow, within bounds that were checked before."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tyrian.detectors.image.bounds import Bounds
from tyrian.detectors.image.header import Header
from tyrian.detectors.image.unreadable import UnreadableError

if TYPE_CHECKING:
    from PIL import Image

WORK_PIXELS = 2_500_000
"""Pixels of a frame as it is read; larger ones are made smaller first, as models do."""
_ORIENTATION = 0x0112
_SIXTEEN_BITS = 65_535.0
_TO_RGBA = frozenset({"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX"})
_TURNS = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
"""What undoes each EXIF orientation."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of an image, upright, as RGBA of at most WORK_PIXELS pixels."""

    number: int
    """From 0."""
    picture: "Image.Image"


def frames(data: bytes, header: Header, bounds: Bounds) -> Iterator[Frame]:
    """The frames of an image in order, at most `max_frames`.

    UnreadableError for a decompression bomb, a broken or cut image, and, at the end, for an
    image with more frames than that.
    """
    check_size(header, bounds)
    try:
        yield from _decoded(data, header, bounds)
    except UnreadableError:
        raise
    except Exception as error:  # noqa: BLE001 - decoders raise anything on hostile input
        name = type(error).__name__
        raise UnreadableError(
            "broken", f"a {header.format} image that cannot be decoded ({name})"
        ) from None


def check_size(header: Header, bounds: Bounds) -> None:
    """UnreadableError where the header asks for more pixels than are allowed."""
    if header.pixels > bounds.max_pixels:
        raise UnreadableError(
            "bomb", f"an image of {header.pixels:,} pixels; at most {bounds.max_pixels:,} are read"
        )


def _decoded(data: bytes, header: Header, bounds: Bounds) -> Iterator[Frame]:
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=[header.format]) as image:
        if header.format == "JPEG":
            image.draft(None, _work_size(image.size))
        for number in range(bounds.max_frames):
            try:
                image.seek(number)
            except EOFError:
                return
            check_size(Header(header.format, *image.size), bounds)
            image.load()
            yield Frame(number, _upright(image))
        try:
            image.seek(bounds.max_frames)
        except EOFError:
            return
    raise UnreadableError(
        "too-many-frames", f"an image of more than {bounds.max_frames} frames; the rest is unread"
    )


def _work_size(size: tuple[int, int]) -> tuple[int, int]:
    factor = _factor(size)
    return max(1, size[0] // factor), max(1, size[1] // factor)


def _factor(size: tuple[int, int]) -> int:
    factor = 1
    while (size[0] // factor) * (size[1] // factor) > WORK_PIXELS:
        factor += 1
    return factor


def _upright(image: "Image.Image") -> "Image.Image":
    """The picture as viewers show it, small enough; colours under full transparency are kept."""
    from PIL import Image

    turn = image.getexif().get(_ORIENTATION)
    picture = _with_eight_bits(image)
    factor = _factor(picture.size)
    if factor > 1:
        # Reduced apart: together, transparent pixels would lose their colours.
        colours = picture.convert("RGB").reduce(factor)
        colours.putalpha(picture.getchannel("A").reduce(factor))
        picture = colours
    turned = _TURNS.get(turn) if isinstance(turn, int) else None
    return picture if turned is None else picture.transpose(Image.Transpose[turned])


def _with_eight_bits(image: "Image.Image") -> "Image.Image":
    from PIL import Image

    if image.mode.startswith(("I", "F")):
        values = np.asarray(image, dtype=np.float64)
        top = 255.0 if values.max(initial=0.0) <= 255.0 else max(_SIXTEEN_BITS, values.max())
        grey = np.clip(values * (255.0 / top), 0, 255).astype(np.uint8)
        return Image.fromarray(grey).convert("RGBA")
    is_direct = image.mode in _TO_RGBA or "transparency" in image.info
    return image.convert("RGBA") if is_direct else image.convert("RGB").convert("RGBA")
