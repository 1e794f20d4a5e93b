"""Finds credentials: one literal pass over the text, patterns and checks only at its hits."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ahocorasick_rs import BytesAhoCorasick, Implementation

from tyrian.core.detection import Detection, DetectorInfo, Finding, View
from tyrian.core.registry import DetectorConfig
from tyrian.detectors.haystack import Haystack
from tyrian.detectors.options import check_keys, check_names, strings
from tyrian.detectors.readings import read_both
from tyrian.detectors.secrets import (
    cloud,
    context,
    key_material,
    model_api,
    service,
    source_control,
)
from tyrian.detectors.secrets.checks import is_placeholder
from tyrian.detectors.secrets.rule import SecretRule

LABEL = "secret"

RULES: tuple[SecretRule, ...] = (
    *key_material.RULES,
    *model_api.RULES,
    *source_control.RULES,
    *cloud.RULES,
    *service.RULES,
    *context.RULES,
)
"""All rules; where two find the same place, the earlier one stands."""


_BARE = "bare"
_BARE_FACTOR = 0.8
"""What an unquoted value counts for, against a quoted one."""


@dataclass(frozen=True, slots=True)
class _Compiled:
    rank: int
    rule: SecretRule
    pattern: re.Pattern[bytes]
    has_groups: bool

    @classmethod
    def of(cls, rank: int, rule: SecretRule) -> "_Compiled":
        pattern = rule.compile()
        return cls(rank, rule, pattern, bool(pattern.groupindex))

    def find(self, data: bytes, literal: int, done: int) -> re.Match[bytes] | None:
        """The match that a literal at this place leads to, if any."""
        rule = self.rule
        if rule.near:
            first = max(literal - rule.near, done, 0)
            return self.pattern.search(data, first, literal + rule.near + rule.reach)
        for offset in rule.offsets:
            if literal >= offset and (match := self.pattern.match(data, literal - offset)):
                return match
        return None

    def read_to(self, literal: int, match: re.Match[bytes] | None) -> int:
        """Up to where starts of matches are settled by that try."""
        if match is not None:
            return match.end()
        return literal + self.rule.near

    def judge(self, match: re.Match[bytes]) -> "_Hit | None":
        rule = self.rule
        group = match.lastgroup if self.has_groups else None
        start, end = match.span(group or 0)
        value = match[group or 0].decode("utf-8", "replace")
        if not rule.may_be_placeholder and is_placeholder(value):
            return None
        check = rule.bare_check if group == _BARE else rule.check
        if check is not None and not check(value):
            return None
        return _Hit(self.rank, start, end, rule.score * (_BARE_FACTOR if group == _BARE else 1.0))


@dataclass(frozen=True, slots=True)
class _Hit:
    rank: int
    start: int
    end: int
    score: float


class Scanner:
    """The rules compiled for one pass. Safe to share between threads."""

    def __init__(self, rules: Iterable[SecretRule]) -> None:
        self._rules = [_Compiled.of(rank, rule) for rank, rule in enumerate(rules)]
        literals: dict[str, list[_Compiled]] = {}
        for compiled in self._rules:
            for literal in compiled.rule.literals:
                literals.setdefault(literal, []).append(compiled)
        self._by_literal = list(literals.values())
        self._literals = BytesAhoCorasick(
            [literal.encode() for literal in literals], implementation=Implementation.DFA
        )

    def scan(self, hay: Haystack) -> list[Finding]:
        """A finding per secret, in order, none inside another."""
        found = self._literals.find_matches_as_indexes(hay.lower, overlapping=True)
        if not found:
            return []
        return [self._finding(hay, hit) for hit in _settle(self._try(hay.data, found))]

    def _try(self, data: bytes, found: list[tuple[int, int, int]]) -> Iterator[_Hit]:
        done = [0] * len(self._rules)
        for literal, start, _ in found:
            for compiled in self._by_literal[literal]:
                # A place that a rule has read already is not read again: linear time.
                rank = compiled.rank
                if start < done[rank] and not compiled.rule.near:
                    continue
                match = compiled.find(data, start, done[rank])
                done[rank] = max(done[rank], compiled.read_to(start, match))
                if match is not None and (hit := compiled.judge(match)):
                    yield hit

    def _finding(self, hay: Haystack, hit: _Hit) -> Finding:
        rule = self._rules[hit.rank].rule
        start, end = hay.span(hit.start, hit.end)
        return Finding(
            rule=f"{LABEL}.{rule.provider}",
            label=LABEL,
            message=rule.what,
            severity=rule.severity,
            score=hit.score,
            start=start,
            end=end,
        )


def _settle(hits: Iterable[_Hit]) -> list[_Hit]:
    """Of overlapping hits the one of the earlier rule; sorted by place."""
    kept: list[_Hit] = []
    for hit in sorted(hits, key=lambda h: (h.start, h.rank)):
        if kept and hit.start < kept[-1].end:
            if hit.rank < kept[-1].rank:
                kept[-1] = hit
            continue
        kept.append(hit)
    return kept


class Secrets:
    """Credentials in a text, each with its place."""

    is_bounded = True
    reads_trace = False

    def __init__(self, name: str, rules: Iterable[SecretRule] = RULES) -> None:
        self.info = DetectorInfo(name, "secrets", (LABEL,), revision="1")
        self._scanner = Scanner(rules)

    def detect(self, view: View) -> Detection:
        """One finding per credential."""
        return Detection.from_findings(read_both(view, self._scanner.scan))


def create(config: DetectorConfig) -> Secrets:
    """The detector for secrets. Option `ignore`: providers whose rules are left out."""
    check_keys(config, ("ignore",))
    ignored = strings(config, "ignore") or ()
    check_names(config, "ignore", ignored, {rule.provider for rule in RULES})
    return Secrets(config.name, [rule for rule in RULES if rule.provider not in ignored])
