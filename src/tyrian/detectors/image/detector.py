"""Text in images: pixels, codes and metadata, handed to the text detectors.

Nothing is fetched, and no text of an image is quoted. What cannot be read is said: as a finding
of its own label, and as a coverage below 1, which `on_error` answers.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from inspect import isawaitable, iscoroutinefunction
from itertools import islice

from tyrian.core.detection import Detection, Detector, DetectorInfo, View
from tyrian.core.message import Message
from tyrian.core.registry import DetectorConfig, create_detector
from tyrian.detectors.image.bounds import Bounds
from tyrian.detectors.image.judging import Gathered, Passage, passages
from tyrian.detectors.image.pieces import Pieces, find_pieces
from tyrian.detectors.image.pixels import Clock
from tyrian.detectors.image.reader import ImageReader
from tyrian.detectors.image.source import has_images, sources
from tyrian.detectors.image.unreadable import DISGUISED, REMOTE, UNREAD_PIXELS, UNREADABLE
from tyrian.detectors.options import check_keys, check_names, option, strings
from tyrian.errors import ConfigError, MissingDependencyError

KIND = "image_text"
DEFAULT_DETECTORS = ("prompt_guard", "hidden_text", "secrets")
LABELS = (UNREADABLE, DISGUISED, REMOTE, UNREAD_PIXELS, "hidden-text")
REQUIRED, WHERE_POSSIBLE = "required", "where_possible"

_REVISION = "1"
_OWN_OPTIONS = ("detectors", "languages", "pixels")
_INNER_KEYS = frozenset({"name", "backend", "model", "revision", "url", "fallback", "options"})
_SHARE_FOR_READING = 0.8
"""Of the guard's time; what is left is for the text detectors."""


@dataclass(frozen=True, slots=True)
class ImageText:
    """Reads the images of a message and asks the text detectors about their texts."""

    info: DetectorInfo
    reader: ImageReader
    inner: tuple[Detector, ...]
    is_bounded: bool = False

    @property
    def reads_trace(self) -> bool:
        """True where one of the text detectors does."""
        return any(getattr(one, "reads_trace", True) for one in self.inner)

    def concerns(self, message: Message) -> bool:
        """True where there is something to read."""
        return has_images(message)

    def detect(self, view: View) -> Detection:
        """Judge the subject's images."""
        gathered, found = self.look(view)
        for passage in found:
            within = passage.view(view)
            for one in self.inner:
                gathered.add(passage, _given(one.detect(within)))
        return gathered.detection()

    def look(self, view: View) -> tuple[Gathered, list[Passage]]:
        """Read the images; their texts are yet to be judged."""
        gathered, found = Gathered(), list[Passage]()
        bounds = self.reader.bounds
        clock = Clock.of(bounds.budget_s)
        waiting = sources(view.subject, view.text)
        for number, source in enumerate(islice(waiting, bounds.max_images), 1):
            reading = self.reader.read(source, clock)
            gathered.add_reading(number, source, reading)
            found += passages(number, source, reading)
        if left := sum(1 for _ in waiting):
            parts = max(0, len(view.subject.images) - bounds.max_images)
            gathered.add_unread(left, parts, bounds.max_images)
        return gathered, found

    async def close(self) -> None:
        """Close the text detectors that can be."""
        for one in self.inner:
            end = getattr(one, "close", None)
            ended = end() if callable(end) else None
            if isawaitable(ended):
                await ended


@dataclass(frozen=True, slots=True)
class AwaitingImageText:
    """The same where a text detector must be awaited; reading goes on in a thread."""

    inner: ImageText
    is_bounded: bool = False

    @property
    def info(self) -> DetectorInfo:
        """What this detector is."""
        return self.inner.info

    @property
    def reads_trace(self) -> bool:
        """True where one of the text detectors does."""
        return self.inner.reads_trace

    def concerns(self, message: Message) -> bool:
        """True where there is something to read."""
        return self.inner.concerns(message)

    async def detect(self, view: View) -> Detection:
        """Judge the subject's images."""
        gathered, found = await asyncio.to_thread(self.inner.look, view)
        for passage in found:
            within = passage.view(view)
            for one in self.inner.inner:
                if iscoroutinefunction(one.detect):
                    gathered.add(passage, await one.detect(within))
                else:
                    gathered.add(passage, _given(await asyncio.to_thread(one.detect, within)))
        return gathered.detection()

    async def close(self) -> None:
        """Close the text detectors that can be."""
        await self.inner.close()


def create(config: DetectorConfig) -> ImageText | AwaitingImageText:
    """The detector for `image_text`.

    Options: `detectors` (names of text detectors, or mappings with `name` and their settings),
    `languages` of Tesseract, `pixels` (`required`, or `where_possible`, which says by the label
    `unread-pixels` alone that a piece is missing), and the fields of Bounds but `budget_s`.
    MissingDependencyError where a piece is missing and the stack wants no fallback.
    """
    bounds = _bounds(config)
    languages = strings(config, "languages") or ("eng",)
    pixels = option(config, "pixels", str, REQUIRED)
    check_names(config, "pixels", (pixels,), (REQUIRED, WHERE_POSSIBLE))
    pieces = find_pieces(languages)
    if pieces.missing and config.fallback == "none":
        raise MissingDependencyError(
            f"guard {config.name!r}: {pieces.missing[0].partition(';')[0]}",
            hint=pieces.missing[0].partition(";")[2].strip(),
        )
    inner = tuple(_inner(config))
    reader = ImageReader(pieces, bounds, pixels == REQUIRED)
    guard = ImageText(_info(config, reader, inner), reader, inner)
    is_awaiting = any(iscoroutinefunction(one.detect) for one in inner)
    return AwaitingImageText(guard) if is_awaiting else guard


def _bounds(config: DetectorConfig) -> Bounds:
    default = Bounds()
    names = [each.name for each in fields(Bounds) if each.name != "budget_s"]
    check_keys(config, (*_OWN_OPTIONS, *names))
    given = {name: option(config, name, int, getattr(default, name)) for name in names}
    for name, value in given.items():
        if value < 1:
            raise ConfigError(
                f"guard {config.name!r}: option {name!r} must be at least 1", hint=f"it is {value}"
            )
    return Bounds(**given, budget_s=config.timeout_s * _SHARE_FOR_READING)


def _inner(config: DetectorConfig) -> Sequence[Detector]:
    given = config.options.get("detectors", DEFAULT_DETECTORS)
    if not isinstance(given, list | tuple) or not given:
        raise ConfigError(
            f"guard {config.name!r}: option 'detectors' must be a list of text detectors",
            hint=f"write detectors: [{', '.join(DEFAULT_DETECTORS)}]",
        )
    return [_one(config, entry) for entry in given]


def _one(config: DetectorConfig, entry: object) -> Detector:
    spec: Mapping[str, object] = entry if isinstance(entry, Mapping) else {"name": entry}
    name = spec.get("name")
    unknown = sorted(str(key) for key in spec if key not in _INNER_KEYS)
    if not isinstance(name, str) or not name or unknown:
        raise ConfigError(
            f"guard {config.name!r}: an entry of 'detectors' is no detector",
            hint=f"give its name; known keys: {', '.join(sorted(_INNER_KEYS))}",
        )
    kind = name.strip().lower().replace("-", "_")
    if kind == KIND:
        raise ConfigError(f"guard {config.name!r} cannot be among its own detectors")
    options = spec.get("options", {})
    if not isinstance(options, Mapping):
        raise ConfigError(f"guard {config.name!r}: options of {name!r} must be a mapping")
    texts = {key: str(spec[key]) for key in spec if key not in ("name", "options")}
    return create_detector(
        kind,
        DetectorConfig(
            name=name,
            taxonomy=config.taxonomy if "guard" in kind else None,
            timeout_s=config.timeout_s,
            stages=config.stages,
            options=options,
            **texts,
        ),
    )


def _info(config: DetectorConfig, reader: ImageReader, inner: Sequence[Detector]) -> DetectorInfo:
    infos = [one.info for one in inner]
    labels = dict.fromkeys((*LABELS, *(label for info in infos for label in info.labels)))
    missing = [f"{info.name}: {info.fallback}" for info in infos if info.fallback]
    return DetectorInfo(
        name=config.name,
        kind=KIND,
        labels=tuple(labels),
        backend="builtin",
        model=_reads(reader.pieces),
        revision=_revision(reader, infos),
        fallback="; ".join((*reader.pieces.missing, *missing)),
        reads_images=True,
    )


def _reads(pieces: Pieces) -> str:
    words = ["metadata"]
    if pieces.has_pillow and pieces.tesseract:
        languages = "+".join(pieces.tesseract.languages)
        words.append(f"tesseract {pieces.tesseract.version} ({languages})")
    if pieces.has_pillow and pieces.has_codes:
        words.append("zxing")
    return ", ".join(words)


def _revision(reader: ImageReader, infos: Sequence[DetectorInfo]) -> str:
    """Changes with everything that may change an answer."""
    identity = repr((_REVISION, reader, [(i.kind, i.model, i.revision) for i in infos]))
    return f"{_REVISION}-{hashlib.sha256(identity.encode()).hexdigest()[:8]}"


def _given(found: object) -> Detection:
    if not isinstance(found, Detection):
        raise ConfigError("a text detector that must be awaited was asked without waiting")
    return found
