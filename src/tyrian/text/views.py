"""Every way in which a text may be read: normalised, and decoded where there is evidence."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tyrian.core.detection import View
from tyrian.text.alphabets import braille_pieces, flag_letter_pieces, morse_pieces
from tyrian.text.base64_runs import base64_pieces, grouped_pieces
from tyrian.text.bases import base58_pieces, base85_pieces
from tyrian.text.ciphers import cipher_pieces, rot47_pieces, unread_pieces
from tyrian.text.encodings import base32_pieces, binary_pieces, hex_pieces
from tyrian.text.escapes import escape_pieces, html_pieces, percent_pieces
from tyrian.text.fragments import fragment_pieces
from tyrian.text.glance import GLANCES, SHORT
from tyrian.text.leet import leet_pieces
from tyrian.text.letters import has_turned, turned_pieces, unaccented_pieces
from tyrian.text.markup import untagged_pieces
from tyrian.text.normalise import Normalised, normalise
from tyrian.text.numbers import number_pieces
from tyrian.text.offsets import Offsets
from tyrian.text.probe import probe
from tyrian.text.rewrite import Piece, Pieces, assemble, rewrite
from tyrian.text.source import Source
from tyrian.text.spacing import glued_pieces, spread_pieces
from tyrian.text.spelling.respell import is_misspelt, respelt_pieces

MAX_DEPTH = 3
_MOST_VIEWS = 24
_LEAST_BUDGET = 65_536
_BUDGET = 1.5
"""Characters that may be decoded for each one of the original."""

DECODERS: dict[str, Callable[[Source], Pieces]] = {
    "groups": grouped_pieces,
    "base64": base64_pieces,
    "base32": base32_pieces,
    "hex": hex_pieces,
    "binary": binary_pieces,
    "url": percent_pieces,
    "html": html_pieces,
    "escapes": escape_pieces,
    "despaced": spread_pieces,
    "respaced": glued_pieces,
    "deleet": leet_pieces,
    "unaccented": unaccented_pieces,
    "numbers": number_pieces,
    "base85": base85_pieces,
    "base58": base58_pieces,
    "morse": morse_pieces,
    "braille": braille_pieces,
    "flags": flag_letter_pieces,
    "rot47": rot47_pieces,
    "rejoined": fragment_pieces,
}

_NAMES = {"groups": "base64"}
_UNTAGGED = "untagged"


@dataclass(frozen=True, slots=True, eq=False)
class TextView:
    """One reading of a text, with the way back to the original."""

    kind: str
    """`normalised`, or how it was decoded.

    Several decoders at work side by side are joined by `,`, nested decodings by `+`.
    """
    text: str
    offsets: Offsets

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where `text[start:end]` stands in the original."""
        return self.offsets.span(start, end)


class TextViews:
    """A text, its normalised form, and its decoded views, each made when first asked for."""

    def __init__(self, original: str) -> None:
        self.original = original

    @cached_property
    def normalised(self) -> Normalised:
        """The text as a person reads it, and what was hidden in it."""
        return normalise(self.original)

    @cached_property
    def _found(self) -> tuple[list[TextView], bool]:
        return _decoded(self.original, self.normalised, self._source)

    @cached_property
    def _source(self) -> Source:
        return Source(self.normalised.text)

    @property
    def decoded(self) -> tuple[TextView, ...]:
        """Views that need decoding; a benign text has none."""
        return tuple(self._found[0])

    @property
    def is_complete(self) -> bool:
        """False where views were left out because a text decodes to too many or too long ones."""
        return self._found[1]

    @cached_property
    def is_slow(self) -> bool:
        """Whether it takes long to read: as long as it takes to read an attack."""
        return is_misspelt(self._source)

    @cached_property
    def all(self) -> tuple[TextView, ...]:
        """The normalised view first, then the decoded ones."""
        plain = TextView("normalised", self.normalised.text, self.normalised.offsets)
        return (plain, *self.decoded)


def views_of(text: str) -> TextViews:
    """The views of a text."""
    return TextViews(text)


def text_views(view: View) -> TextViews:
    """The views of a View's text, shared by all detectors that read it."""
    return view.derive("text-views", lambda: TextViews(view.text))


@dataclass(frozen=True, slots=True)
class _Reading:
    """A text on the way to be decoded further."""

    kind: str
    raw: str
    """Before it was normalised."""
    base: Offsets
    """From `raw` to the original."""
    normalised: Normalised
    source: Source
    """After it was normalised."""
    depth: int


def _decoded(original: str, normalised: Normalised, source: Source) -> tuple[list[TextView], bool]:
    """All decoded views, the outermost first, and whether none was left out."""
    work = max(_LEAST_BUDGET, int(_BUDGET * len(original)))
    seen = {original, normalised.text}
    views: list[TextView] = []
    is_complete = True
    todo = deque([_Reading("", original, Offsets.identity(len(original)), normalised, source, 0)])
    while todo:
        reading = todo.popleft()
        for kind, text, offsets in _decode_once(reading):
            if kind != _UNTAGGED:  # once, and shorter than what it was read from
                work -= len(text)
            if work < 0:
                return views, False
            clean = normalise(text)
            if not clean.text or clean.text in seen:
                continue
            if len(views) >= _MOST_VIEWS:
                return views, False
            seen.add(clean.text)
            name = f"{reading.kind}+{kind}" if reading.kind else kind
            views.append(TextView(name, clean.text, offsets.then(clean.offsets)))
            if reading.depth + 1 < MAX_DEPTH:
                todo.append(
                    _Reading(name, text, offsets, clean, Source(clean.text), reading.depth + 1)
                )
        is_complete &= reading.source.is_whole
    return views, is_complete


def _decode_once(reading: _Reading) -> Iterator[tuple[str, str, Offsets]]:
    """(kind, text, offsets to the original) of everything that one step decodes."""
    yield from _payloads(reading)
    source = reading.source
    layers = _layers(source)
    untagged = untagged_pieces(source)
    if layers or len(untagged):
        offsets = reading.base.then(reading.normalised.offsets)
        for kind, pieces in layers:
            made = rewrite(source.codes, pieces)
            yield kind, made.text, offsets.then(made.offsets)
        if len(untagged):
            made = assemble(len(source), untagged)
            yield _UNTAGGED, made.text, offsets.then(made.offsets)
    # Turned letters are read before folding takes some of them for plain ones.
    if has_turned(reading.raw):
        raw = Source(reading.raw, reading.normalised.codes)
        turned = turned_pieces(raw)
        if len(turned):
            made = rewrite(raw.codes, turned)
            yield "upside-down", made.text, reading.base.then(made.offsets)


def _payloads(reading: _Reading) -> Iterator[tuple[str, str, Offsets]]:
    by_kind: dict[str, list[Piece]] = {}
    for run in reading.normalised.hidden:
        if run.payload:
            by_kind.setdefault(run.kind, []).append(Piece(run.start, run.end, run.payload))
    for kind, pieces in by_kind.items():
        made = assemble(len(reading.raw), Pieces.of(pieces))
        yield kind, made.text, reading.base.then(made.offsets)


def _layers(source: Source) -> list[tuple[str, Pieces]]:
    """What all decoders find, those that do not touch each other put together.

    A text that is written partly in one code and partly in another is then read as one, and
    decoys of many kinds cost one view, not one each.
    """
    layers: list[tuple[str, Pieces]] = []
    for kind, pieces in _all_pieces(source):
        rest = pieces
        for number, (names, taken) in enumerate(layers):
            is_free = ~_touching(rest, taken)
            if kind in names.split(","):
                # The same code read in longer groups: what these hold is in them already.
                rest, is_free = rest.only(is_free), is_free[is_free]
            if is_free.any():
                both = names if kind in names.split(",") else f"{names},{kind}"
                layers[number] = (both, taken.merged(rest.only(is_free)))
                rest = rest.only(~is_free)
            if not len(rest):
                break
        if len(rest):
            layers.append((kind, rest))
    # Of itself: what another decoder reads is no misspelling.
    if len(misspelt := respelt_pieces(source)):
        layers.append(("respelt", misspelt))
    return layers


def _touching(pieces: Pieces, taken: Pieces) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which pieces share a character with one that is taken."""
    before = np.searchsorted(taken.ends, pieces.starts, side="right")
    after = np.searchsorted(taken.starts, pieces.ends, side="left")
    return before < after


def _all_pieces(source: Source) -> Iterator[tuple[str, Pieces]]:
    likely = probe(source.text) | {"rejoined"}
    is_short = len(source) < SHORT
    for kind, decode in DECODERS.items():
        if kind in likely and not (is_short and kind in GLANCES and not GLANCES[kind](source)):
            pieces = decode(source)
            if len(pieces):
                yield _NAMES.get(kind, kind), pieces
    yield from cipher_pieces(source)
    yield from unread_pieces(source)
