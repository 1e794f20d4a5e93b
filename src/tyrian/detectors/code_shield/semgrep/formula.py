"""Formulas: patterns joined by and, or and not, and what they give on a text: ranges.

The order of evaluation is Semgrep's: what must be there, then what must not, then conditions on
metavariables, then the focus. Source: https://semgrep.dev/docs/writing-rules/rule-syntax
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tyrian.detectors.code_shield.regex import compiled
from tyrian.detectors.code_shield.semgrep.pattern import (
    DEEP,
    ELLIPSIS,
    METAVARIABLE,
    TEXT,
    Pattern,
)
from tyrian.detectors.code_shield.semgrep.tree import Node
from tyrian.detectors.code_shield.semgrep.unify import NOTHING, Bindings

if TYPE_CHECKING:
    from tyrian.detectors.code_shield.semgrep.source import Source

_MOST_RANGES = 2000
_ANY_KIND = frozenset({METAVARIABLE, ELLIPSIS, DEEP})


@dataclass(frozen=True, slots=True, eq=False)
class Range:
    """A part of the text that fits, and what the metavariables stand for there."""

    start: int
    end: int
    bound: Bindings = field(default_factory=dict)
    is_inside: bool = False
    """It only says where the others must lie."""

    def lies_in(self, other: "Range") -> bool:
        """Whether the other range holds it."""
        return other.start <= self.start and self.end <= other.end

    def merged(self, other: "Range") -> Bindings | None:
        """What both are bound to; None where they disagree."""
        if not other.bound:
            return self.bound
        for name, node in other.bound.items():
            mine = self.bound.get(name)
            if mine is not None and not mine.is_same(node):
                return None
        return {**other.bound, **self.bound}


class Formula:
    """Something that gives ranges on a text."""

    def ranges(self, source: "Source") -> list[Range]:
        """Every range, each with its bindings."""
        raise NotImplementedError

    def words(self) -> frozenset[str] | None:
        """Words of which a text must have at least one; None: any text may fit."""
        return None

    def names(self) -> frozenset[str]:
        """The metavariables that it binds."""
        return frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Leaf(Formula):
    """One pattern."""

    pattern: Pattern
    reads_constants: bool = True

    def ranges(self, source: "Source") -> list[Range]:
        """Wherever the pattern fits."""
        found: dict[object, Range] = {}
        for one in self._all(source):
            key = (one.start, one.end, *sorted((n, b.start, b.end) for n, b in one.bound.items()))
            found.setdefault(key, one)
            if len(found) >= _MOST_RANGES:
                source.budget.is_spent = True
                break
        return list(found.values())

    def _all(self, source: "Source") -> Iterator[Range]:
        unifier = source.unifier(self.pattern.types, reads_constants=self.reads_constants)
        parts = self.pattern.parts
        if len(parts) == 1:
            part = parts[0]
            for node in source.candidates(_kinds(part)):
                for bound in unifier.fits(part, node, NOTHING):
                    yield Range(node.start, node.end, bound)
            return
        for block in source.candidates(("block",)):
            for at, first in enumerate(block.kids):
                for bound, last in unifier.runs(parts, block.kids, NOTHING, at):
                    yield Range(first.start, (last or first).end, bound)
                if parts[0].kind == ELLIPSIS:
                    break

    def words(self) -> frozenset[str] | None:
        """The longest word of the pattern, which every text that fits has."""
        known = self.pattern.words
        return frozenset({max(known, key=lambda word: (len(word), word))}) if known else None

    def names(self) -> frozenset[str]:
        """The metavariables of the pattern."""
        return self.pattern.metavariables()


def _kinds(part: Node) -> tuple[str, ...] | None:
    """Kinds of the nodes that a pattern may fit; None: any."""
    if part.kind in _ANY_KIND:
        return None
    if part.kind in ("string", TEXT):
        return ("string", "name", "binary") if not part.kids else ("string",)
    if part.kind in ("name", "member"):
        return ("name", "member")
    return (part.kind,)


@dataclass(frozen=True, slots=True, eq=False)
class Regex(Formula):
    """`pattern-regex`: a regular expression for the text as it is written."""

    pattern: str

    def ranges(self, source: "Source") -> list[Range]:
        """Wherever the expression matches; groups are `$1`, `$2` and `$NAME`."""
        found: list[Range] = []
        for match in compiled(self.pattern).finditer(source.data):
            if not source.budget.spend(1) or len(found) >= _MOST_RANGES:
                break
            bound = {}
            for number, group in enumerate(match.groups(), 1):
                if group is not None:
                    start, end = match.span(number)
                    text = source.text[start:end]
                    bound[f"${number}"] = Node("text", start, end, text=text)
            for name, group in match.groupdict().items():
                if group is not None:
                    start, end = match.span(name)
                    bound[f"${name}"] = Node("text", start, end, text=source.text[start:end])
            found.append(Range(match.start(), match.end(), bound))
        return found

    def names(self) -> frozenset[str]:
        """Named groups are metavariables."""
        return frozenset(f"${name}" for name in compiled(self.pattern).groupindex)


@dataclass(frozen=True, slots=True, eq=False)
class Inside(Formula):
    """Where the ranges of the others must lie."""

    inner: Formula

    def ranges(self, source: "Source") -> list[Range]:
        """The inner ranges, marked."""
        return [replace(one, is_inside=True) for one in source.ranges_of(self.inner)]

    def words(self) -> frozenset[str] | None:
        """Those of the inner formula."""
        return self.inner.words()

    def names(self) -> frozenset[str]:
        """Those of the inner formula."""
        return self.inner.names()


@dataclass(frozen=True, slots=True, eq=False)
class Either(Formula):
    """Any of several."""

    inner: tuple[Formula, ...]

    def ranges(self, source: "Source") -> list[Range]:
        """All of theirs."""
        return [one for formula in self.inner for one in source.ranges_of(formula)]

    def words(self) -> frozenset[str] | None:
        """The words of all; None where one of them has none."""
        found: frozenset[str] = frozenset()
        for formula in self.inner:
            words = formula.words()
            if words is None:
                return None
            found |= words
        return found

    def names(self) -> frozenset[str]:
        """All that one of them binds."""
        return frozenset().union(*(formula.names() for formula in self.inner))


Condition = Callable[["Source", Range], Iterable[Bindings]]
"""Whether a range holds, as the bindings that it then has."""


@dataclass(frozen=True, slots=True, eq=False)
class All(Formula):
    """`patterns`: every one of them, none of the negated ones, and the conditions."""

    positive: tuple[Formula, ...]
    negative: tuple[Formula, ...] = ()
    """`pattern-not` and `pattern-not-inside`."""
    negative_regexes: tuple[Regex, ...] = ()
    conditions: tuple[Condition, ...] = ()
    focus: tuple[tuple[str, ...], ...] = ()

    def ranges(self, source: "Source") -> list[Range]:
        """What is left when all has been asked."""
        known = self._joined(source)
        for formula in self.negative:
            if not known:
                return []
            others = source.ranges_of(formula)
            known = [one for one in known if not any(_is_ruled_out(one, o) for o in others)]
        for regex in self.negative_regexes:
            others = source.ranges_of(regex)
            known = [
                one
                for one in known
                if not any(o.start < one.end and one.start < o.end for o in others)
            ]
        for condition in self.conditions:
            known = [replace(one, bound=bound) for one in known for bound in condition(source, one)]
        for names in self.focus:
            known = [narrow for one in known for narrow in _focused(one, names)]
        return known

    def _joined(self, source: "Source") -> list[Range]:
        plain = [f for f in self.positive if not isinstance(f, Inside)]
        found: list[Range] | None = None
        for formula in (*plain, *(f for f in self.positive if isinstance(f, Inside))):
            ranges = source.ranges_of(formula)
            found = ranges if found is None else _joined(found, ranges, source)
            if not found:
                return []
        return found or []

    def words(self) -> frozenset[str] | None:
        """The words of the part that asks for the fewest."""
        known = [words for f in self.positive if (words := f.words()) is not None]
        return min(known, key=len, default=None)

    def names(self) -> frozenset[str]:
        """All that its positive parts bind."""
        return frozenset().union(*(formula.names() for formula in self.positive))


def _is_ruled_out(one: Range, other: Range) -> bool:
    return one.lies_in(other) and one.merged(other) is not None


def _joined(ones: list[Range], others: list[Range], source: "Source") -> list[Range]:
    """Ranges of which one lies in the other; the smaller one stays, with the bindings of both."""
    found: dict[object, Range] = {}
    for one in ones:
        for other in others:
            if not source.budget.spend(1) or len(found) >= _MOST_RANGES:
                return list(found.values())
            small, large = one, other
            if one.is_inside and not other.is_inside:
                small, large = other, one
            if not small.lies_in(large):
                if small.is_inside != large.is_inside or not large.lies_in(small):
                    continue
                small, large = large, small
            bound = small.merged(large)
            if bound is not None:
                ids = sorted((name, node.start, node.end) for name, node in bound.items())
                is_inside = small.is_inside and large.is_inside
                kept = Range(small.start, small.end, bound, is_inside)
                found.setdefault((small.start, small.end, *ids), kept)
    return list(found.values())


def _focused(one: Range, names: tuple[str, ...]) -> Iterator[Range]:
    for name in names:
        node = one.bound.get(name)
        if node is not None:
            yield replace(one, start=node.start, end=node.end)
