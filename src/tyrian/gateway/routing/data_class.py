"""Which classes of data a request holds, as the detectors for personal data and secrets see it.

Read is all that would leave: every message whatever its role, tool definitions, schemas, names and
metadata; what a guard would redact counts too.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from inspect import isawaitable
from types import MappingProxyType

from tyrian.core.decision import Decision, Effect
from tyrian.core.detection import Detection, Detector, Stage, View
from tyrian.core.message import Message
from tyrian.core.registry import DetectorConfig, create_detector
from tyrian.firewall.firewall import Firewall
from tyrian.gateway.errors import ApiError
from tyrian.gateway.wire import Json
from tyrian.policy.guard import GuardRule
from tyrian.stack.effects import default_effects, known_labels

CLASS_OF_KIND: Mapping[str, str] = MappingProxyType({"pii": "pii", "secrets": "secret"})
"""The class of data that each kind of detector finds."""

_CLASS_OF_LABEL = {
    label: data_class for kind, data_class in CLASS_OF_KIND.items() for label in known_labels(kind)
}
_STAGES = (Stage.INPUT, Stage.TOOL_RESULT, Stage.DOCUMENT)
_INLINE_CHARS = 8_192
"""Longer texts are read in a worker thread."""
_IMAGE = "data:image/"


@dataclass(frozen=True, slots=True)
class Found:
    """Classes of data, and the rules by which each one was found."""

    rules: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By class; never the values."""

    @property
    def classes(self) -> frozenset[str]:
        """The classes."""
        return frozenset(self.rules)

    def rules_of(self, data_class: str) -> list[str]:
        """The rules that found this class, in order."""
        return sorted(self.rules.get(data_class, ()))


NOTHING_FOUND = Found()


@dataclass(frozen=True, slots=True)
class _Reader:
    data_class: str
    detector: Detector
    rule: GuardRule

    def hits(self, detection: Detection) -> Iterator[str]:
        """The ids of the findings that count."""
        for found in detection.findings:
            label = found.label
            if found.score < self.rule.threshold(label):
                continue
            if self.rule.effect_of(label) is not Effect.ALLOW:
                yield found.rule


class DataClasses:
    """Reads requests, with the guards of the stack where it has some, else with built-in ones."""

    def __init__(self, firewall: Firewall | None) -> None:
        """Without a firewall nothing is judged, so nothing is found either."""
        self._readers = tuple(_readers(firewall)) if firewall is not None else ()

    async def of(self, request: Json, decisions: Iterable[Decision] = ()) -> Found:
        """The classes in a request body, and in what the guards found, such as in its images.

        ApiError (503) where a detector fails: what cannot be told must not leave.
        """
        rules: dict[str, set[str]] = {}
        for decision in decisions if self._readers else ():
            for reason in decision.reasons:
                data_class = _CLASS_OF_LABEL.get(reason.label)
                if data_class is not None:
                    rules.setdefault(data_class, set()).add(reason.rule)
        text = "\n".join(_strings(request)) if self._readers else ""
        view = View.of(Message.user(text), Stage.INPUT)
        seen: dict[int, Detection] = {}
        for reader in self._readers:
            detection = seen.get(id(reader.detector))
            if detection is None:
                detection = seen[id(reader.detector)] = await _read(reader.detector, view)
            if hits := set(reader.hits(detection)):
                rules.setdefault(reader.data_class, set()).update(hits)
        return Found({name: frozenset(ids) for name, ids in rules.items()})


async def _read(detector: Detector, view: View) -> Detection:
    try:
        if len(view.text) < _INLINE_CHARS and detector.is_bounded:
            found = detector.detect(view)
        else:
            found = await asyncio.to_thread(detector.detect, view)
        detection = await found if isawaitable(found) else found
    except Exception as error:
        raise _unjudged(detector.info.name) from error
    if detection.coverage < 1.0:
        raise _unjudged(detector.info.name)
    return detection


def _unjudged(name: str) -> ApiError:
    message = (
        f"What data the request holds could not be told (guard: {name}), so it was not let out."
    )
    return ApiError(503, message, code="guard_unavailable")


def _readers(firewall: Firewall) -> Iterator[_Reader]:
    for kind, data_class in CLASS_OF_KIND.items():
        configured = [
            _Reader(data_class, guard.detector, rule)
            for guard in firewall.guards
            if guard.info.kind == kind
            and guard.stage in _STAGES
            and (rule := firewall.policy.rule(guard.stage, guard.name)) is not None
        ]
        if configured:
            yield from configured
        else:
            rule = GuardRule(kind, Stage.INPUT, default_effects(kind, Stage.INPUT))
            yield _Reader(data_class, create_detector(kind, DetectorConfig(kind)), rule)


def _strings(value: object) -> Iterator[str]:
    """Every key and string in a JSON value, but the bytes of images.

    Numbers are read as text: a card's number may stand in the arguments of a tool.
    """
    waiting = [value]
    while waiting:
        one = waiting.pop()
        match one:
            case str():
                if not one.startswith(_IMAGE):
                    yield one
            case dict():
                for key, inner in reversed(one.items()):
                    waiting.append(inner)
                    waiting.append(key)
            case list():
                waiting.extend(reversed(one))
            case bool():
                pass
            case int() if abs(one) > _SMALL:
                yield str(one)


_SMALL = 99_999_999
"""Whole numbers up to it are limits and counts, not numbers of cards or people."""
