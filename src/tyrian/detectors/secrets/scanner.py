"""One literal pass over a text; patterns and checks only where a literal leads to a rule."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ahocorasick_rs import BytesAhoCorasick, Implementation

from tyrian.core.detection import Finding
from tyrian.detectors.flood import Hit, joined
from tyrian.detectors.haystack import Haystack
from tyrian.detectors.readings import Place
from tyrian.detectors.secrets.checks import is_placeholder
from tyrian.detectors.secrets.rule import SecretRule

LABEL = "secret"

_BARE = "bare"
_BARE_FACTOR = 0.8
"""What an unquoted value counts for, against a quoted one."""
_UNTAILED = -16
"""Tries of a rule before its tail is looked for: only a flood of heads is worth that."""
_Match = re.Match[bytes]


@dataclass(frozen=True, slots=True)
class _Compiled:
    rank: int
    rule: SecretRule
    match: Callable[[bytes, int], _Match | None]
    search: Callable[[bytes, int, int], _Match | None]
    tail: Callable[[bytes, int], _Match | None] | None
    has_groups: bool
    name: str
    """The rule id of its findings."""

    @classmethod
    def of(cls, rank: int, rule: SecretRule) -> "_Compiled":
        pattern = rule.compile()
        tail = re.compile(rule.tail.encode()).search if rule.tail else None
        name = f"{LABEL}.{rule.provider}"
        return cls(rank, rule, pattern.match, pattern.search, tail, bool(pattern.groupindex), name)

    def lead(self) -> "_Lead":
        """What is tried where one of its literals stands."""
        return self, self.rank, self.match, self.rule.offsets, self.rule.near, self.tail is not None


_Lead = tuple[_Compiled, int, Callable[[bytes, int], _Match | None], tuple[int, ...], int, bool]
"""Rule, its rank, match, offsets, near, whether it has a tail: unpacked at once in the hot loop."""


_Plain = tuple[_Compiled, int, Callable[[bytes, int], _Match | None]]


def _plain(leads: list[_Lead]) -> _Plain | None:
    """The only rule of a literal, if its matches begin there and have no tail."""
    compiled, rank, match, offsets, near, has_tail = leads[0]
    is_plain = len(leads) == 1 and offsets == (0,) and not near and not has_tail
    return (compiled, rank, match) if is_plain else None


class Scanner:
    """The rules compiled for one pass. Safe to share between threads."""

    def __init__(self, rules: Iterable[SecretRule]) -> None:
        self._rules = [_Compiled.of(rank, rule) for rank, rule in enumerate(rules)]
        literals: dict[str, list[_Lead]] = {}
        for compiled in self._rules:
            for literal in compiled.rule.literals:
                literals.setdefault(literal, []).append(compiled.lead())
        self._by_literal = list(literals.values())
        self._plain = [_plain(leads) for leads in self._by_literal]
        self._literals = BytesAhoCorasick(
            [literal.encode() for literal in literals], implementation=Implementation.DFA
        )

    def scan(self, hay: Haystack, place: Place) -> list[Finding]:
        """A finding per secret, in order, none inside another."""
        found = self._literals.find_matches_as_indexes(hay.lower, overlapping=True)
        if not found:
            return []
        hits = _Pass(self._rules, self._by_literal, self._plain, hay.data).hits(found)
        return list(self._findings(hay, place, joined(_settle(hits)))) if hits else []

    def _findings(self, hay: Haystack, place: Place, hits: list[Hit]) -> Iterator[Finding]:
        for start, rank, end, score in hits:
            span = place(*hay.span(start, end))
            if span is not None:
                compiled = self._rules[rank]
                rule = compiled.rule
                yield Finding(compiled.name, LABEL, rule.what, rule.severity, score, *span)


class _Pass:
    """One text under the rules: every try costs a constant, and no try is made twice."""

    def __init__(
        self,
        rules: list[_Compiled],
        by_literal: list[list[_Lead]],
        plain: list[_Plain | None],
        data: bytes,
    ) -> None:
        self._rules = rules
        self._by_literal = by_literal
        self._plain = plain
        self._data = data
        self._judged: dict[tuple[int, str | None, bytes], bool] = {}
        self._tails: dict[int, int] = {}
        """Where the tail of a rule was last seen; its first tries go without."""

    def hits(self, found: list[tuple[int, int, int]]) -> list[Hit]:
        """What the rules accept, of the places (literal, start, end) of literals."""
        hits: list[Hit] = []
        data, by_literal, tails = self._data, self._by_literal, self._tails
        done: dict[int, int] = {}
        near: dict[int, list[int]] = {}
        plain = self._plain
        for literal, start, _ in found:
            if (simple := plain[literal]) is not None:
                # Most literals lead to one rule that begins with them: the shortest way for these.
                compiled, rank, match = simple
                if start >= done.get(rank, 0) and (read := match(data, start)):
                    done[rank] = read.end()
                    if hit := self._judge(compiled, read):
                        hits.append(hit)
                continue
            for compiled, rank, match, offsets, within, has_tail in by_literal[literal]:
                # A place that a rule has read already is not read again: linear time.
                if start < done.get(rank, 0):
                    continue
                if within:
                    near.setdefault(rank, []).append(start)
                    continue
                if has_tail:
                    tail = tails.get(rank, _UNTAILED)
                    if tail < 0:
                        tails[rank] = tail + 1
                    elif (tail if tail >= start else self._tail(compiled, start)) > (
                        start + compiled.rule.reach
                    ):
                        continue
                for offset in offsets:
                    if start >= offset and (read := match(data, start - offset)):
                        done[rank] = read.end()
                        if has_tail:
                            # Where it stands once it stands again: the next try goes without.
                            tails[rank] = -1
                        if hit := self._judge(compiled, read):
                            hits.append(hit)
                        break
        for rank, starts in near.items():
            hits.extend(self._around(self._rules[rank], starts))
        return hits

    def _tail(self, compiled: _Compiled, start: int) -> int:
        """Where what the rule's matches must hold stands next; each stretch is searched once."""
        assert compiled.tail is not None
        match = compiled.tail(self._data, start)
        place = match.start() if match else len(self._data) + compiled.rule.reach + 1
        self._tails[compiled.rank] = place
        return place

    def _around(self, compiled: _Compiled, starts: list[int]) -> Iterator[Hit]:
        """Matches near the places of literals, each stretch of the text read once."""
        rule = compiled.rule
        done = 0
        for first, last in _windows(starts, rule.near):
            at, end = max(first, done), last + rule.reach
            while match := compiled.search(self._data, at, end):
                at = done = match.end()
                if hit := self._judge(compiled, match):
                    yield hit

    def _judge(self, compiled: _Compiled, match: _Match) -> Hit | None:
        rule = compiled.rule
        group = match.lastgroup if compiled.has_groups else None
        start, end = match.span(group or 0)
        value = self._data[start:end]
        key = (compiled.rank, group, value)
        # The same value again needs no second look, so floods of one secret stay cheap.
        is_secret = self._judged.get(key)
        if is_secret is None:
            is_secret = self._judged[key] = _is_secret(rule, group, value)
        if not is_secret:
            return None
        score = rule.score * _BARE_FACTOR if group == _BARE else rule.score
        return start, compiled.rank, end, score


def _is_secret(rule: SecretRule, group: str | None, value: bytes) -> bool:
    text = value.decode("utf-8", "replace")
    if not rule.may_be_placeholder and is_placeholder(text):
        return False
    check = rule.bare_check if group == _BARE else rule.check
    return check is None or check(text)


def _windows(starts: list[int], near: int) -> Iterator[tuple[int, int]]:
    """Stretches of `near` on either side of each place, those that overlap joined."""
    first = last = -1
    for start in starts:
        if last < 0:
            first = max(0, start - near)
        elif start - near > last:
            yield first, last
            first = start - near
        last = start + near
    yield first, last


def _settle(hits: list[Hit]) -> list[Hit]:
    """Of overlapping hits the one of the earlier rule; sorted by place."""
    kept: list[Hit] = []
    reach = -1
    for hit in sorted(hits):
        if hit[0] < reach:
            if hit[1] >= kept[-1][1]:
                continue
            kept[-1] = hit
        else:
            kept.append(hit)
        reach = hit[2]
    return kept
