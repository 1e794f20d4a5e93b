"""Labels by channel: the same attack is a jailbreak from a user and an injection from elsewhere."""

from collections.abc import Mapping
from types import MappingProxyType

from tyrian.core.detection import Finding, Severity, Stage, View
from tyrian.core.message import Origin
from tyrian.models.embedded import BENIGN, INJECTION, JAILBREAK

LABELS = (INJECTION, JAILBREAK)
FOUND = 0.5
"""Score from which there is a finding; the scores themselves are always given."""

_MESSAGES = MappingProxyType(
    {
        INJECTION: "text that tries to give the model orders of its own",
        JAILBREAK: "text that tries to talk the model out of its rules",
    }
)


def is_users(view: View) -> bool:
    """True where a user speaks to the model, the only place where a jailbreak can be."""
    return view.stage is Stage.INPUT and view.subject.origin is Origin.USER


def labels_at(view: View, *, has_two: bool) -> tuple[str, ...]:
    """The labels that can have a score other than 0 in this channel."""
    if not is_users(view):
        return (INJECTION,)
    return (JAILBREAK,) if has_two else LABELS


def labelled(scores: Mapping[str, float], view: View, *, has_two: bool) -> dict[str, float]:
    """The scores as labels of the channel.

    Only a user can jailbreak: whatever attacks from elsewhere is an injection. A model of two
    labels does not tell the kinds apart, so there every attack by the user counts as a jailbreak.
    """
    attack = 1.0 - scores[BENIGN]
    if not is_users(view):
        return {INJECTION: attack, JAILBREAK: 0.0}
    if has_two:
        return {INJECTION: 0.0, JAILBREAK: attack}
    return {INJECTION: scores[INJECTION], JAILBREAK: scores[JAILBREAK]}


def finding(label: str, score: float, start: int, end: int) -> Finding:
    """The finding of a label at a place of `view.text`."""
    severity = Severity.CRITICAL if score >= 0.9 else Severity.HIGH
    rule = f"prompt-guard.{label}"
    return Finding(rule, label, _MESSAGES[label], severity, score, start, end)
