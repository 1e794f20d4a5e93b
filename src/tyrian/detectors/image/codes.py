"""QR and bar codes in a picture, by zxing-cpp."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image


def code_texts(picture: "Image.Image") -> tuple[str, ...]:
    """The texts of all codes in a grey picture, whatever their kind, each once."""
    import zxingcpp

    found = zxingcpp.read_barcodes(picture)
    return tuple(dict.fromkeys(code.text for code in found if code.valid and code.text))
