"""How much of an image is looked at, at most."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits of one message's images; what lies beyond them is said, never passed over."""

    max_images: int = 16
    """Images of one message."""
    max_bytes: int = 20 << 20
    """Bytes of one image, encoded as it came."""
    max_pixels: int = 50_000_000
    """Pixels of one frame, by the header: checked before anything is decoded."""
    max_frames: int = 32
    """Frames of one animated image, or pages of one TIFF."""
    max_text: int = 200_000
    """Characters of text in one image's metadata, or of one drawing."""
    budget_s: float = 16.0
    """Seconds for all images of one message."""
