"""Which pieces that read pixels are installed here, and what is said where one is not."""

from dataclasses import dataclass
from importlib.util import find_spec

from tyrian.models.ocr import Tesseract, find_tesseract

NO_PILLOW = (
    "pixels of images are not judged, only their metadata: Pillow is not installed; "
    "pip install 'tyrian[images]'"
)
NO_TESSERACT = (
    "text in the pixels of images is not judged: the program tesseract is not installed; "
    "apt-get install tesseract-ocr"
)
NO_CODES = (
    "QR and bar codes in images are not judged: zxing-cpp is not installed; "
    "pip install 'tyrian[images]'"
)


@dataclass(frozen=True, slots=True)
class Pieces:
    """What can be read of pixels here."""

    has_pillow: bool
    has_codes: bool
    tesseract: Tesseract | None

    @property
    def missing(self) -> tuple[str, ...]:
        """A sentence for each missing piece: what is not judged, and what to install."""
        if not self.has_pillow:
            return (NO_PILLOW,)
        absent = ((self.tesseract is None, NO_TESSERACT), (not self.has_codes, NO_CODES))
        return tuple(sentence for is_absent, sentence in absent if is_absent)


def find_pieces(languages: tuple[str, ...] = ("eng",)) -> Pieces:
    """What is installed; ConfigError where Tesseract lacks one of the languages."""
    has_pillow = find_spec("PIL") is not None
    return Pieces(has_pillow, find_spec("zxingcpp") is not None, find_tesseract(languages))
