"""What a picture may show: on white, on black, without its transparency, and with faint text."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL import Image

Pixels = npt.NDArray[np.uint8]
"""height x width x 3, red, green, blue."""
Grey = npt.NDArray[np.uint8]
"""height x width."""

FAINT = 24
"""Difference to the ground (of 255, in any channel) below which people overlook text."""
_PASSES = ((2 * FAINT, FAINT, False), (1, 4, True))
"""(difference drawn as black, difference that makes the pass worth while, quiet ground only)."""
_LEAST_SHARE = 0.0002
_QUIET = 1
_STEP = 4
_NEIGHBOURHOOD = 9


@dataclass(frozen=True, slots=True)
class Surface:
    """A picture as one viewer would show it."""

    name: str
    pixels: Pixels

    @property
    def grey(self) -> Grey:
        """Its brightness (ITU-R 601)."""
        from PIL import Image

        return np.asarray(Image.fromarray(self.pixels).convert("L"))


def surfaces(picture: "Image.Image") -> list[Surface]:
    """The different surfaces of an RGBA picture, what people most likely see first."""
    rgba = np.asarray(picture)
    colours, alpha = rgba[..., :3], rgba[..., 3]
    if alpha.min(initial=255) == 255:
        return [Surface("picture", np.ascontiguousarray(colours))]
    found = [
        Surface("on white", _on(255, colours, alpha)),
        Surface("on black", _on(0, colours, alpha)),
        Surface("without transparency", np.ascontiguousarray(colours)),
        Surface("transparency", np.repeat(alpha[..., None], 3, axis=2)),
    ]
    kept: list[Surface] = []
    for one in found:
        is_plain = one.pixels.min(initial=255) == one.pixels.max(initial=0)
        if not is_plain and not any(np.array_equal(one.pixels, other.pixels) for other in kept):
            kept.append(one)
    return kept or found[:1]


def _on(ground: int, colours: Pixels, alpha: Grey) -> Pixels:
    share = alpha[..., None].astype(np.uint16)
    mixed = colours.astype(np.uint16) * share + np.uint16(ground) * (255 - share)
    return (mixed // 255).astype(np.uint8)


def stretched(surface: Surface) -> Iterator[Grey]:
    """The surface with faint differences drawn dark on white; nothing where there are none."""
    difference = _difference(surface.pixels)
    is_quiet = float(np.median(difference)) <= _QUIET
    for black, most, wants_quiet in _PASSES:
        faint = np.count_nonzero((difference > 0) & (difference <= most))
        if faint >= _LEAST_SHARE * difference.size and (is_quiet or not wants_quiet):
            drawn = np.minimum(difference.astype(np.uint16) * 255 // black, 255)
            yield (255 - drawn).astype(np.uint8)


def _difference(pixels: Pixels) -> Grey:
    """Each pixel's distance to the ground around it, the greatest of its channels."""
    greatest = np.zeros(pixels.shape[:2], np.uint8)
    channels = range(1 if _is_grey(pixels) else 3)
    for channel in channels:
        plane = np.ascontiguousarray(pixels[..., channel])
        ground = _ground(plane)
        apart = np.maximum(plane, ground) - np.minimum(plane, ground)
        np.maximum(greatest, apart, out=greatest)
    return greatest


def _is_grey(pixels: Pixels) -> bool:
    red, green, blue = (pixels[..., i] for i in range(3))
    return np.array_equal(red, green) and np.array_equal(green, blue)


def _ground(plane: Grey) -> Grey:
    """The median around each pixel, from every fourth pixel of the plane."""
    from PIL import Image, ImageFilter

    sampled = Image.fromarray(np.ascontiguousarray(plane[::_STEP, ::_STEP]))
    if min(sampled.size) <= _NEIGHBOURHOOD:
        return np.full_like(plane, np.uint8(np.median(plane)))
    smooth = np.asarray(sampled.filter(ImageFilter.MedianFilter(_NEIGHBOURHOOD)))
    tall = np.repeat(np.repeat(smooth, _STEP, axis=0), _STEP, axis=1)
    return tall[: plane.shape[0], : plane.shape[1]]


def contrast(surface: Surface, left: int, top: int, width: int, height: int) -> float:
    """How far what stands in a box differs from its ground, 0 to 255, in the best channel."""
    pad = 2
    box = surface.pixels[
        max(0, top - pad) : top + height + pad, max(0, left - pad) : left + width + pad
    ]
    if box.size == 0:
        return 0.0
    flat = box.reshape(-1, 3).astype(np.int16)
    apart = np.abs(flat - np.median(flat, axis=0))
    return float(np.percentile(apart, 95, axis=0).max())
