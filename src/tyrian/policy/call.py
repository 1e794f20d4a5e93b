"""A tool call as it is proposed, and the decision on it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from tyrian.core.decision import Effect
from tyrian.core.message import ToolCall
from tyrian.policy.taint.derived import NOWHERE, Derived

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class ProposedCall:
    """What a model asks for; every part may be of the wrong type, which is then the decision."""

    tool: object
    args: object = None
    raw_args: str | None = None
    """The model's JSON text, judged as it stands; used instead of `args` where it is given."""
    id: str | int | None = None

    @classmethod
    def of(cls, call: ToolCall) -> "ProposedCall":
        """The proposed call that a message holds."""
        return cls(call.name, None, call.arguments, call.id)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One thing that a policy says about a call."""

    effect: Effect
    rule: str
    reason: str
    hint: str = ""
    """What would have to change for the call to pass."""
    value: str = ""
    """The canonical value that was refused, for the person who asks; never for a log."""


_NO_FACTS: Mapping[str, Mapping[str, object]] = MappingProxyType({})


class CallDecision(NamedTuple):
    """The answer for one call. Only `canonical` may be forwarded, never the original bytes."""

    effect: Effect
    rule: str
    """Stable id of what decided: `fs.outside`, `flow.0`, a rule's own id, or `tools.<name>`."""
    reason: str
    canonical: Mapping[str, object] | None
    """`{"tool", "args"}` and, after a look-up, `"addresses"`; None where there is no such form."""
    verdicts: tuple[Verdict, ...] = ()
    """All that was said, greatest effect first."""
    id: str | int | None = None
    facts: Mapping[str, Mapping[str, object]] = _NO_FACTS
    """What was made of each argument: its host, port, program and so on."""
    derived: Derived = NOWHERE
    """What the arguments quote and hold, told where a rule spoke."""

    @property
    def may_run(self) -> bool:
        """True for ALLOW, FLAG and REDACT: the canonical call may be made."""
        return self.effect <= Effect.REDACT

    @property
    def canonical_arguments(self) -> str:
        """The arguments to forward, as JSON text; '' where the call has no canonical form."""
        if self.canonical is None:
            return ""
        return _encode(self.canonical["args"])

    def as_json(self) -> dict[str, Any]:
        """The decision as the policy interface writes it."""
        return {
            "id": self.id,
            "effect": str(self.effect),
            "rule": self.rule,
            "reason": self.reason,
            "canonical": dict(self.canonical) if self.canonical is not None else None,
        }
