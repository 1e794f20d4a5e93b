"""From a stack to the parts of a Firewall; each detector is built once and shared by its stages."""

import json
import logging
from collections import defaultdict
from dataclasses import dataclass, replace

from tyrian.core.decision import Effect
from tyrian.core.detection import Detector, Stage
from tyrian.core.registry import DetectorConfig, create_detector
from tyrian.firewall.audit import AuditSink, JsonlAudit
from tyrian.firewall.cache import DecisionCache
from tyrian.firewall.cascade import Cascade, OverBudget
from tyrian.firewall.guard import Guard
from tyrian.firewall.holdback import StreamLimits
from tyrian.firewall.redact import RedactStyle
from tyrian.policy.guard import ANY_LABEL, GuardPolicy, GuardRule
from tyrian.policy.tool import ToolPolicy
from tyrian.stack.guards import CascadeSpec
from tyrian.stack.schema import Stack
from tyrian.stack.stage_guard import StageGuard

EMBEDDED = "embedded"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a Firewall is built from."""

    guards: tuple[Guard, ...]
    policy: GuardPolicy
    stream: StreamLimits
    cache: DecisionCache
    audit: AuditSink | None
    include_text: bool
    tool_policy: ToolPolicy | None = None


def assemble(stack: Stack) -> Parts:
    """Build the detectors, the policy and the rest that a stack describes."""
    staged = stack.guards()
    audit = stack.audit
    tool_policy = stack.tool_policy()
    return Parts(
        guards=_guards(staged),
        policy=GuardPolicy((one.rule() for one in staged), may_be_empty=tool_policy is not None),
        stream=StreamLimits(hold_back=stack.stream.hold_back),
        cache=DecisionCache(stack.cache.size, stack.cache.ttl_s),
        audit=JsonlAudit(audit.path, fsync=audit.fsync) if audit.path else None,
        include_text=audit.include_text,
        tool_policy=tool_policy,
    )


def _guards(staged: tuple[StageGuard, ...]) -> tuple[Guard, ...]:
    configs = [(one, one.config()) for one in staged]
    stages: defaultdict[str, set[Stage]] = defaultdict(set)
    for one, config in configs:
        stages[_identity(one.kind, config)].add(one.stage)
    built: dict[str, Detector] = {}

    def detector(kind: str, config: DetectorConfig, of_stages: set[Stage]) -> Detector:
        key = _identity(kind, config)
        if key not in built:
            built[key] = create_detector(kind, replace(config, stages=frozenset(of_stages)))
        return built[key]

    guards: list[Guard] = []
    for one, config in configs:
        its_stages = stages[_identity(one.kind, config)]
        own = detector(one.kind, config, its_stages)
        cascade = None
        if one.spec.cascade and own.info.backend != EMBEDDED:
            first = replace(config, backend=EMBEDDED, model="", revision="", url="")
            asked_first = detector(one.kind, first, its_stages)
            cascade = _cascade(one.spec.cascade, asked_first, _idle(one.rule(), own))
        style = RedactStyle(one.spec.redact_with)
        guards.append(Guard(own, one.stage, one.name, one.spec.timeout_s, style, cascade))
        if cascade and (note := cascade.note(guards[-1].gap)):
            log.warning("guard %s: %s", one.name, note)
    return tuple(guards)


def _cascade(spec: CascadeSpec, first: Detector, idle: frozenset[str]) -> Cascade:
    over = OverBudget(spec.over_budget)
    return Cascade(first, spec.unsure, spec.max_share, spec.max_wait_s, over, idle)


def _idle(rule: GuardRule, detector: Detector) -> frozenset[str]:
    """The labels of a detector from which nothing follows; an open set is never one of them."""
    closed = set(detector.info.labels) - {ANY_LABEL}
    return frozenset(label for label in closed if rule.effect_of(label) is Effect.ALLOW)


def _identity(kind: str, config: DetectorConfig) -> str:
    """The same for two guards that one detector can serve; stages do not tell them apart."""
    plain = [
        kind,
        config.name,
        config.backend,
        config.model,
        config.revision,
        config.url,
        config.fallback,
        str(config.taxonomy),
        config.timeout_s,
        config.options,
    ]
    return json.dumps(plain, default=_plain, sort_keys=True)


def _plain(value: object) -> object:
    if hasattr(value, "items"):
        return dict(value.items())
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    return repr(value)
