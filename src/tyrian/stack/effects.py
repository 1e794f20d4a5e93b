"""What each kind of guard can say, and what follows where a stack file does not say it."""

from collections.abc import Mapping
from itertools import chain
from types import MappingProxyType

from tyrian.core.decision import Effect
from tyrian.core.detection import Stage
from tyrian.policy.guard import ANY_LABEL

HAZARDS = tuple(f"S{number}" for number in range(1, 15))
"""The MLCommons hazard categories S1 to S14."""

_INJECTION_LABELS = ("injection", "jailbreak")

_LABELS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "hidden_text": ("hidden-text",),
        "secrets": ("secret",),
        "pii": ("email", "phone", "card", "iban", "national-id", "ip", "mac", "crypto"),
        "exfiltration": ("exfiltration",),
        "alignment": ("misaligned",),
        "prompt_guard": _INJECTION_LABELS,
        "content_guard": HAZARDS,
    }
)

_IMAGE_LABELS = ("unreadable-image", "disguised-image", "remote-image", "unread-pixels")
"""What is wrong with an image itself; its texts have the labels of the detectors that read them."""

_SPELLINGS: Mapping[str, tuple[str, ...]] = MappingProxyType({"malicious": _INJECTION_LABELS})
"""Prompt Guard 2's own word: a user's text of that label is a jailbreak, any other an injection."""


def family(kind: str) -> str:
    """The detector behind a registered name: `prompt_guard_2` is of the family `prompt_guard`."""
    if kind.startswith("prompt_guard"):
        return "prompt_guard"
    if kind.startswith("llama_guard"):
        return "content_guard"
    return kind


def known_labels(kind: str, extra: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The labels that a guard can give, empty where any label may come."""
    if family(kind) == "pattern":
        return extra
    labels = _LABELS.get(family(kind), ())
    if kind == "image_text":
        labels = tuple(dict.fromkeys((*_IMAGE_LABELS, *chain.from_iterable(_LABELS.values()))))
    return (*labels, *(label for label in extra if label not in labels)) if labels else ()


def spelled_out(kind: str, label: str) -> tuple[str, ...]:
    """The labels that a word in the stack file stands for."""
    if family(kind) == "prompt_guard":
        return _SPELLINGS.get(label.lower(), (label,))
    return (label,)


def default_effects(kind: str, stage: Stage) -> Mapping[str, Effect]:
    """Labels to effects of a guard for which the stack file names no classes."""
    match family(kind):
        case "content_guard":
            return {ANY_LABEL: Effect.BLOCK, "S6": Effect.FLAG}
        case "hidden_text":
            is_ours = stage in (Stage.OUTPUT, Stage.TOOL_CALL)
            return {ANY_LABEL: Effect.FLAG if is_ours else Effect.BLOCK}
        case "exfiltration":
            is_leaving = stage in (Stage.OUTPUT, Stage.TOOL_CALL)
            return {ANY_LABEL: Effect.BLOCK if is_leaving else Effect.FLAG}
        case "code_shield":
            # What a model writes is mended; what it would run, or was given to read, is not ours.
            of_stage = {Stage.OUTPUT: Effect.REDACT, Stage.TOOL_CALL: Effect.BLOCK}
            return {ANY_LABEL: of_stage.get(stage, Effect.FLAG)}
        case "alignment":
            # Whether a step is what the user wants, the user knows best.
            return {ANY_LABEL: Effect.REVIEW if stage is Stage.TOOL_CALL else Effect.FLAG}
        case "secrets":
            return {ANY_LABEL: Effect.REDACT}
        case "pii":
            return {ANY_LABEL: Effect.FLAG}
        case "image_text":
            # An image goes on as it is: nothing in it can be replaced, so secrets block.
            return {ANY_LABEL: Effect.BLOCK, "S6": Effect.FLAG} | dict.fromkeys(
                _LABELS["pii"], Effect.FLAG
            )
        case "prompt_guard":
            return dict.fromkeys(_INJECTION_LABELS, Effect.BLOCK)
    return {ANY_LABEL: Effect.BLOCK}
