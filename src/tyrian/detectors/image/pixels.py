"""Reads the text that a picture shows, and tells apart what people would overlook."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tyrian.detectors.image.surfaces import FAINT, Grey, Surface, contrast, stretched, surfaces
from tyrian.models.ocr import OcrTimeoutError, Tesseract, Word, joined

if TYPE_CHECKING:
    from PIL import Image

_CERTAIN = 60.0
"""Confidence from which a word is worth judging: charts and textures read as rubbish below it."""
_LETTERS = 0.6
"""Share of letters in a word; labels of axes and addresses in listings have less."""
_KEY_LENGTH = 16
"""Length from which a word may be a key or an address, whatever it is made of."""
_LEAST_TO_TURN = 4
_SMALL = 1_200
_MOST_OF_A_PASS_S = 10.0
_TURNS = (90, 180, 270)
_MOSTLY_UNREAD = 0.6
_UPRIGHT = 5
"""Words read well from which on the picture stands upright."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One passage as it was read in one surface."""

    text: str
    is_hidden: bool
    """Too faint for people, or covered by transparency, wherever it is shown."""
    is_certain: bool
    """Read well enough to say that something was hidden."""


@dataclass(slots=True)
class Clock:
    """The time that is left for reading."""

    deadline: float
    """By `time.monotonic`."""

    @classmethod
    def of(cls, budget_s: float) -> "Clock":
        """A clock that runs out after so many seconds."""
        return cls(time.monotonic() + budget_s)

    def left_s(self) -> float:
        """Seconds left, for one pass of the reader; OcrTimeoutError where there are none."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise OcrTimeoutError("there was no time left to read all text in the pixels")
        return min(left, _MOST_OF_A_PASS_S)


@dataclass(slots=True)
class PixelReader:
    """Reads pictures with Tesseract until the clock runs out."""

    tesseract: Tesseract
    clock: Clock
    _seen: set[int] = field(default_factory=set)

    def read(self, picture: "Image.Image") -> Iterator[Shown]:
        """Every passage of an RGBA picture; OcrTimeoutError where time runs out before the end."""
        found = surfaces(picture)
        viewed = [one for one in found if one.name not in ("without transparency", "transparency")]
        for surface in found:
            for shown in self._read_surface(surface, viewed):
                key = hash((shown.text, shown.is_hidden))
                if key not in self._seen:
                    self._seen.add(key)
                    yield shown

    def _read_surface(self, surface: Surface, viewed: list[Surface]) -> Iterator[Shown]:
        grey = surface.grey
        plain = self._words(grey)
        yield from _passages(plain, viewed)
        if _looks_turned(plain):
            for turn in _TURNS:
                words = [w for w in self._words(_turned(grey, turn)) if w.confidence >= _CERTAIN]
                if words:
                    yield Shown(joined(words), is_hidden=False, is_certain=True)
        for faint in stretched(surface):
            words = [word for word in self._words(faint) if not _is_among(word, plain)]
            yield from _passages(words, viewed)

    def _words(self, grey: Grey) -> list[Word]:
        """Words with places in the picture as it is, whatever its size when it is read."""
        from PIL import Image

        height, width = grey.shape
        scale = 2 if max(width, height) <= _SMALL else 1
        image = Image.fromarray(grey)
        if scale > 1:
            image = image.resize((width * scale, height * scale), Image.Resampling.BICUBIC)
        head = f"P5 {image.width} {image.height} 255\n".encode()
        read = self.tesseract.read(head + image.tobytes(), self.clock.left_s())
        return [_scaled(word, scale) for word in read]


def _scaled(word: Word, scale: int) -> Word:
    left, top = word.left // scale, word.top // scale
    width, height = -(-word.width // scale), -(-word.height // scale)
    return Word(word.text, word.confidence, word.line, left, top, width, height)


def _passages(words: Iterable[Word], viewed: list[Surface]) -> Iterator[Shown]:
    seen: list[Word] = []
    hidden: list[Word] = []
    for word in _legible(words):
        (hidden if _is_hidden(word, viewed) else seen).append(word)
    if seen:
        yield Shown(joined(seen), is_hidden=False, is_certain=True)
    if hidden:
        sure = [word for word in hidden if _is_wordlike(word.text)]
        yield Shown(joined(hidden), is_hidden=True, is_certain=len(sure) > 1)


def _legible(words: Iterable[Word]) -> Iterator[Word]:
    return (w for w in words if w.confidence >= _CERTAIN and _may_matter(w.text))


def _may_matter(text: str) -> bool:
    letters = sum(char.isalpha() for char in text)
    return letters >= _LETTERS * len(text) or len(text) >= _KEY_LENGTH


def _is_hidden(word: Word, viewed: list[Surface]) -> bool:
    place = (word.left, word.top, word.width, word.height)
    return all(contrast(surface, *place) < FAINT for surface in viewed)


def _is_among(word: Word, read: list[Word]) -> bool:
    """True where its middle lies in a word that was read well before."""
    x, y = word.left + word.width // 2, word.top + word.height // 2
    return any(
        0 <= x - one.left < one.width and 0 <= y - one.top < one.height
        for one in read
        if _is_wordlike(one.text) and one.confidence >= _CERTAIN
    )


def _is_wordlike(text: str) -> bool:
    return sum(char.isalpha() for char in text) >= 3


def _looks_turned(words: list[Word]) -> bool:
    """Text lies on its side or its head where there is some and hardly any of it reads well."""
    well = sum(word.confidence >= _CERTAIN and _is_wordlike(word.text) for word in words)
    unread = sum(word.confidence < _CERTAIN for word in words)
    is_bad = len(words) >= _LEAST_TO_TURN and unread >= _MOSTLY_UNREAD * len(words)
    return is_bad and well < _UPRIGHT


def _turned(grey: Grey, degrees: int) -> Grey:
    return np.ascontiguousarray(np.rot90(grey, degrees // 90))
