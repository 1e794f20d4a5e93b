"""What classification servers are asked, and what they may answer; pure, and strict.

Three dialects: `classify` (vLLM and SGLang), `predict` (Text Embeddings Inference and servers with
its text-classification route) and `moderations` (OpenAI's shape, Tyrian's own gateway among them).
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec

from tyrian.errors import ConfigError, DetectorError
from tyrian.models.transformer.labels import BENIGN, INJECTION, JAILBREAK, MALICIOUS, meanings

Scores = Mapping[str, float]
_SUM_TOLERANCE = 0.02


class Dialect(Protocol):
    """One way to ask for the class probabilities of texts."""

    @property
    def window(self) -> int:
        """Characters of one text, so that a model of 512 tokens reads all of it."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The meanings that scores have; two, or three."""

    def body(self, texts: Sequence[str]) -> bytes:
        """The JSON body of a request."""

    def scores(self, answer: bytes, count: int) -> list[Scores]:
        """Scores by meaning, one per text; DetectorError for any answer but a whole one."""


class _ClassifyRow(msgspec.Struct):
    index: int
    label: str | None
    probs: list[float]


class _ClassifyAnswer(msgspec.Struct):
    data: list[_ClassifyRow]


class Classify:
    """vLLM's `/classify`: a list of probabilities per text, in the order of the model's classes."""

    window = 480

    def __init__(self, model: str, names: tuple[str, ...]) -> None:
        self._model = model
        self._names = names
        self.labels = meanings(names)

    def body(self, texts: Sequence[str]) -> bytes:
        """The JSON body of a request."""
        model = {"model": self._model} if self._model else {}
        return msgspec.json.encode({**model, "input": _sendable(texts)})

    def scores(self, answer: bytes, count: int) -> list[Scores]:
        """Scores by meaning, one per text."""
        rows = sorted(_decoded(answer, _ClassifyAnswer).data, key=lambda row: row.index)
        if [row.index for row in rows] != list(range(count)):
            raise DetectorError(f"the server judged {len(rows)} texts where {count} were asked")
        return [self._row(row) for row in rows]

    def _row(self, row: _ClassifyRow) -> Scores:
        if len(row.probs) != len(self.labels):
            raise DetectorError(
                f"the server's model has {len(row.probs)} classes, not {len(self.labels)}"
            )
        found = _checked(dict(zip(self.labels, row.probs, strict=True)))
        top = max(range(len(row.probs)), key=row.probs.__getitem__)
        if row.label is not None and not self._is_named(row.label, top):
            raise DetectorError("the server names its classes in another order")
        return found

    def _is_named(self, label: str, top: int) -> bool:
        """The winner's name fits: as configured, as a number, or by what it means."""
        if label in (self._names[top], f"LABEL_{top}"):
            return True
        others = [f"LABEL_{n}" for n in range(len(self.labels)) if n != top]
        if label in others or label in self._names:
            return False
        return (label.strip().lower() in (BENIGN, "safe")) == (self.labels[top] == BENIGN)


class _Named(msgspec.Struct):
    label: str
    score: float


class Predict:
    """Text Embeddings Inference's `/predict`: a list of (label, score) per text, in any order."""

    window = 480

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self.labels = meanings(names)

    def body(self, texts: Sequence[str]) -> bytes:
        """The JSON body of a request; the server must not cut a text, nor give raw scores."""
        asked = {
            "inputs": [[text] for text in _sendable(texts)],
            "truncate": False,
            "raw_scores": False,
        }
        return msgspec.json.encode(asked)

    def scores(self, answer: bytes, count: int) -> list[Scores]:
        """Scores by meaning, one per text."""
        rows = _decoded(answer, list[list[_Named]])
        if len(rows) != count:
            raise DetectorError(f"the server judged {len(rows)} texts where {count} were asked")
        return [self._row(row) for row in rows]

    def _row(self, row: list[_Named]) -> Scores:
        named = {one.label: one.score for one in row}
        if len(named) != len(row) or len(row) != len(self.labels):
            raise DetectorError(f"the server's model has {len(row)} classes")
        if set(named) == set(self._names):
            order = list(self._names)
            return _checked({self.labels[i]: named[name] for i, name in enumerate(order)})
        try:
            order = sorted(named)
            return _checked(dict(zip(meanings(order), (named[n] for n in order), strict=True)))
        except ConfigError:
            raise DetectorError("the server's labels are not those of a prompt guard") from None


class _Hazard(msgspec.Struct):
    score: float


class _Result(msgspec.Struct):
    category_scores: dict[str, float | None] = {}
    hazards: dict[str, _Hazard] = {}


class _Moderated(msgspec.Struct):
    results: list[_Result]


class Moderations:
    """OpenAI's `/moderations` with the categories injection and jailbreak, or malicious."""

    window = 16_000
    labels = (BENIGN, INJECTION, JAILBREAK)

    def __init__(self, model: str) -> None:
        self._model = model

    def body(self, texts: Sequence[str]) -> bytes:
        """The JSON body of a request."""
        model = {"model": self._model} if self._model else {}
        return msgspec.json.encode({**model, "input": _sendable(texts)})

    def scores(self, answer: bytes, count: int) -> list[Scores]:
        """Scores by meaning, one per text."""
        results = _decoded(answer, _Moderated).results
        if len(results) != count:
            raise DetectorError(f"the server judged {len(results)} texts where {count} were asked")
        return [self._row(result) for result in results]

    def _row(self, result: _Result) -> Scores:
        given = {key.lower(): value for key, value in result.category_scores.items()}
        given |= {key.lower(): hazard.score for key, hazard in result.hazards.items()}
        known = {key: given[key] for key in (INJECTION, JAILBREAK, MALICIOUS) if key in given}
        scores = {key: _share(value) for key, value in known.items()}
        if not scores:
            raise DetectorError("the server does not score prompt attacks")
        # An attack whose kind the server does not tell may be of either kind.
        either = scores.get(MALICIOUS, 0.0)
        injection = max(scores.get(INJECTION, 0.0), either)
        jailbreak = max(scores.get(JAILBREAK, 0.0), either)
        return {
            BENIGN: 1.0 - max(injection, jailbreak),
            INJECTION: injection,
            JAILBREAK: jailbreak,
        }


def dialect_of(url: str, *, name: str, model: str, labels: tuple[str, ...]) -> Dialect:
    """The dialect that a name or the last part of an address asks for.

    `labels` are the names of the classes in the order of the logits; empty stands for two numbered
    ones. ConfigError where neither the name nor the address says which dialect it is.
    """
    last = name or urlsplit(url).path.rstrip("/").rpartition("/")[2]
    names = labels or ("LABEL_0", "LABEL_1")
    match last:
        case "classify":
            return Classify(model, names)
        case "predict":
            return Predict(names)
        case "moderations":
            return Moderations(model)
    raise ConfigError(
        f"cannot tell what the server at {url!r} speaks",
        hint="end the url in /classify (vLLM), /predict (TEI) or /moderations, "
        "or write options: {dialect: classify}",
    )


def _sendable(texts: Sequence[str]) -> list[str]:
    """The texts in the same lengths, halves of surrogate pairs replaced: JSON cannot hold them."""
    return [text.encode("utf-8", "replace").decode("utf-8") for text in texts]


def _decoded(answer: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(answer, type=kind)
    except (msgspec.DecodeError, RecursionError):
        raise DetectorError("the server's answer is not what its dialect promises") from None


def _checked(scores: dict[str, float]) -> Scores:
    """The scores, where they are probabilities of one text."""
    found = {label: _share(value) for label, value in scores.items()}
    if abs(sum(found.values()) - 1.0) > _SUM_TOLERANCE:
        raise DetectorError("the server's scores are no probabilities: their sum is not 1")
    return found


def _share(value: float | None) -> float:
    if value is None or not math.isfinite(value) or not 0.0 <= value <= 1.0:
        raise DetectorError("the server gave a score outside 0..1")
    return float(value)
