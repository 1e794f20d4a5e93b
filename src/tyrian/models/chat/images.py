"""Images that stand in a message as `data:` URLs, decoded within bounds."""

import base64
import binascii
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from tyrian.errors import InputError, MissingDependencyError

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """Bounds on what is decoded."""

    max_bytes: int = 20 << 20
    max_pixels: int = 50_000_000


def is_data_url(url: str) -> bool:
    """True for an image that the message itself holds."""
    return url[:5].lower() == "data:"


def decode_image(url: str, limits: ImageLimits | None = None) -> "Image":
    """The image of a `data:` URL as RGB, upright, transparent places white.

    InputError for an address, for anything that is no image, for one over the limits, and for one
    of several frames, of which a model would see only the first.
    """
    limits = limits or ImageLimits()
    data = _payload(url, limits.max_bytes)
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise MissingDependencyError(
            "reading images needs the package pillow", hint="pip install 'tyrian[images]'"
        ) from error
    bombs = (Image.DecompressionBombError, Image.DecompressionBombWarning)
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > limits.max_pixels:
                raise InputError("an image has more pixels than are decoded")
            if getattr(image, "n_frames", 1) > 1:
                raise InputError("an image has several frames")
            image.load()
            upright = ImageOps.exif_transpose(image)
    except bombs as error:
        raise InputError("an image has more pixels than are decoded") from error
    except (OSError, ValueError, SyntaxError, EOFError, IndexError) as error:
        raise InputError("an image cannot be decoded") from error
    return _on_white(upright)


def _payload(url: str, max_bytes: int) -> bytes:
    if not is_data_url(url):
        raise InputError("an image is given by its address, which is not fetched")
    head, comma, body = url.partition(",")
    if not comma or not head.lower().endswith(";base64"):
        raise InputError("an image is not in base64")
    if len(body) > max_bytes * 4 // 3 + 4:
        raise InputError("an image has more bytes than are decoded")
    try:
        return base64.b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError("an image is not in base64") from error


def _on_white(image: "Image") -> "Image":
    if "transparency" not in image.info and "A" not in image.getbands():
        return image.convert("RGB")
    from PIL import Image

    clear = image.convert("RGBA")
    ground = Image.new("RGBA", clear.size, "white")
    ground.alpha_composite(clear)
    return ground.convert("RGB")
