"""From the keys of a rule to formulas, for one language."""

from collections.abc import Mapping

from tyrian.detectors.code_shield.regex import compiled
from tyrian.detectors.code_shield.semgrep.conditions import (
    Compares,
    FitsPattern,
    HasType,
    MatchesRegex,
)
from tyrian.detectors.code_shield.semgrep.fault import RefusedError
from tyrian.detectors.code_shield.semgrep.formula import (
    All,
    Condition,
    Either,
    Formula,
    Inside,
    Leaf,
    Regex,
)
from tyrian.detectors.code_shield.semgrep.grammars import GRAMMARS
from tyrian.detectors.code_shield.semgrep.pattern import ANONYMOUS, parse_pattern
from tyrian.detectors.code_shield.semgrep.taint import Part, Propagator, TaintRule
from tyrian.errors import ConfigError

Node = Mapping[str, object]
Path = tuple[object, ...]

_OPTIONS = {
    "constant_propagation": (True, False),
    "symbolic_propagation": (False,),
    "commutative_boolop": (False,),
    "commutative_compop": (False,),
    "interfile": (False,),
    "taint_assume_safe_functions": (True, False),
}
"""Options and the values that are held; with others a rule is degraded."""
_POSITIVE = ("pattern", "patterns", "pattern-either", "pattern-regex", "pattern-inside")
_PART_KEYS = frozenset({"by-side-effect", "exact", "from", "to"})
_LABELS = frozenset({"label", "requires", "not_conflicting", "control", "at-exit"})


class Reading:
    """Reads the formulas of one rule; what it cannot hold is refused, and noted what it bends."""

    def __init__(
        self, language: str, options: object, notes: list[str], *, holds_trees: bool = True
    ) -> None:
        self._language = language
        self._holds_trees = holds_trees
        self._notes = notes
        known: Node = options if isinstance(options, Mapping) else {}
        for name, value in known.items():
            if value not in _OPTIONS.get(name, ()):
                notes.append(f"`options: {name}` is not held")
        self._reads_constants = known.get("constant_propagation") is not False
        self._trusts_functions = known.get("taint_assume_safe_functions") is True

    def top(self, entry: Node, key: str) -> Formula:
        """What a rule in search mode asks."""
        return self._one(key, entry[key], (key,))

    def taint(self, entry: Node) -> TaintRule:
        """What a rule in taint mode asks."""
        for key in ("pattern-sources", "pattern-sinks"):
            if key not in entry:
                raise RefusedError(f"a rule in taint mode needs `{key}`")
        carriers = self._entries(entry.get("pattern-propagators", []), ("pattern-propagators",))
        return TaintRule(
            self._parts(entry, "pattern-sources"),
            self._parts(entry, "pattern-sinks"),
            self._parts(entry, "pattern-sanitizers"),
            tuple(self._propagator(node, at) for node, at in carriers),
            self._trusts_functions,
        )

    # ---- formulas

    def _one(self, key: str, value: object, at: Path) -> Formula:
        if key in ("pattern", "pattern-inside", "pattern-not", "pattern-not-inside"):
            if isinstance(value, Mapping):
                return self._mapping(value, at)
            return self._leaf(value, at)
        if key in ("pattern-regex", "pattern-not-regex"):
            return Regex(self._regex(value, at))
        if key == "patterns":
            return self._all(value, at)
        if key == "pattern-either":
            inner = [self._mapping(node, where) for node, where in self._entries(value, at)]
            if not inner:
                raise RefusedError("`pattern-either` is empty", at)
            return Either(tuple(inner))
        raise RefusedError(f"`{key}` is not supported", at)

    def _mapping(self, node: Node, at: Path, extra: frozenset[str] = frozenset()) -> Formula:
        """One operator with its value, as the entries of lists are."""
        keys = [key for key in node if key not in extra]
        if len(keys) == 2 and "focus-metavariable" in keys:
            return self._all([{key: node[key]} for key in keys], at)
        if len(keys) != 1:
            raise RefusedError(f"there must be one operator here, not {', '.join(keys)}", at)
        key = keys[0]
        formula = self._one(key, node[key], (*at, key))
        return Inside(formula) if key == "pattern-inside" else formula

    def _leaf(self, value: object, at: Path) -> Formula:
        if not isinstance(value, str):
            raise RefusedError("a pattern must be text", at)
        if not self._holds_trees:
            raise RefusedError("for `generic` and `regex` only `pattern-regex` is supported", at)
        if self._language not in GRAMMARS:
            raise RefusedError(f"there is no grammar for {self._language}", at)
        try:
            pattern = parse_pattern(value, self._language)
        except RefusedError as fault:
            raise RefusedError(fault.reason, at) from None
        if pattern.types:
            self._note("types of metavariables are those declared in the same text")
        return Leaf(pattern, self._reads_constants)

    def _regex(self, value: object, at: Path) -> str:
        if not isinstance(value, str):
            raise RefusedError("a regular expression must be text", at)
        plain = value.strip().replace(r"\Z", r"\z")
        try:
            compiled(plain)
        except ConfigError as error:
            raise RefusedError(f"{error.message} ({error.hint})", at) from None
        return plain

    def _all(self, value: object, at: Path, *, is_inner: bool = False) -> Formula:
        positive: list[Formula] = []
        negative: list[Formula] = []
        regexes: list[Regex] = []
        conditions: list[tuple[str, object, Path]] = []
        focus: list[tuple[str, ...]] = []
        for node, where in self._entries(value, at):
            if len(node) != 1:
                raise RefusedError("each entry of `patterns` has one operator", where)
            (key, inner), place = next(iter(node.items())), (*where, *node)
            if key in _POSITIVE:
                one = self._one(key, inner, place)
                positive.append(Inside(one) if key == "pattern-inside" else one)
            elif key in ("pattern-not", "pattern-not-inside"):
                negative.append(self._one(key, inner, place))
            elif key == "pattern-not-regex":
                regexes.append(Regex(self._regex(inner, place)))
            elif key == "focus-metavariable":
                group = inner if isinstance(inner, list) else [inner]
                focus.append(tuple(str(name) for name in group))
            elif key.startswith("metavariable-"):
                conditions.append((key, inner, place))
            else:
                raise RefusedError(f"`{key}` is not supported", place)
        if not positive and is_inner:
            # Whatever the metavariable stands for is what the negations are about.
            positive.append(self._leaf(ANONYMOUS, at))
        if not positive:
            raise RefusedError("`patterns` needs an operator that finds something", at)
        names: frozenset[str] = frozenset().union(*(formula.names() for formula in positive))
        made = []
        for key, inner, place in conditions:
            condition, binds = self._condition(key, inner, place, names)
            made.append(condition)
            names |= binds
        for names_in_focus in focus:
            for name in names_in_focus:
                self._check_bound(name, names, at)
        return All(tuple(positive), tuple(negative), tuple(regexes), tuple(made), tuple(focus))

    # ---- conditions

    def _condition(
        self, key: str, value: object, at: Path, names: frozenset[str]
    ) -> tuple[Condition, frozenset[str]]:
        if not isinstance(value, Mapping):
            raise RefusedError(f"`{key}` must be a mapping", at)
        if key == "metavariable-comparison":
            compares = self._comparison(value, at)
            for name in compares.names:
                self._check_bound(name, names, at)
            return compares, frozenset()
        bound = value.get("metavariable")
        if not isinstance(bound, str):
            raise RefusedError(f"`{key}` needs `metavariable`", at)
        name = bound
        self._check_bound(name, names, at)
        if key == "metavariable-regex":
            regex = self._regex(value.get("regex"), (*at, "regex"))
            return MatchesRegex(name, regex, value.get("constant-propagation") is True), frozenset()
        if key == "metavariable-pattern":
            return self._inner_pattern(name, value, at)
        if key == "metavariable-type":
            types = value.get("types", [value.get("type")])
            if not isinstance(types, list) or not all(isinstance(one, str) for one in types):
                raise RefusedError("`metavariable-type` needs `type` or `types`", at)
            self._note("types of metavariables are those declared in the same text")
            return HasType(name, tuple(types)), frozenset()
        raise RefusedError(f"`{key}` is not supported", at)

    def _inner_pattern(self, name: str, value: Node, at: Path) -> tuple[Condition, frozenset[str]]:
        keys = [key for key in value if key not in ("metavariable", "language")]
        language = value.get("language")
        has_other = language is not None and language != self._language
        if has_other and keys != ["pattern-regex"]:
            raise RefusedError(f"`metavariable-pattern` in {language} is not supported", at)
        if len(keys) != 1:
            raise RefusedError("`metavariable-pattern` has one operator", at)
        place = (*at, keys[0])
        if keys[0] == "patterns":
            formula = self._all(value["patterns"], place, is_inner=True)
        else:
            formula = self._one(keys[0], value[keys[0]], place)
        return FitsPattern(name, formula), formula.names()

    def _comparison(self, value: Node, at: Path) -> Compares:
        text = value.get("comparison")
        if not isinstance(text, str):
            raise RefusedError("`metavariable-comparison` needs `comparison`", at)
        base = value.get("base", 0)
        if not isinstance(base, int):
            raise RefusedError("`base` must be a number", (*at, "base"))
        name = str(value.get("metavariable", ""))
        try:
            return Compares(name, text, strip=value.get("strip") is True, base=base)
        except RefusedError as fault:
            raise RefusedError(fault.reason, (*at, "comparison")) from None
        except ConfigError as error:
            raise RefusedError(error.message, (*at, "comparison")) from None

    def _check_bound(self, name: str, names: frozenset[str], at: Path) -> None:
        is_group = name[1:].isdigit()
        if name not in names and not is_group:
            raise RefusedError(f"no pattern beside it binds {name}", at)

    # ---- taint

    def _parts(self, entry: Node, key: str) -> tuple[Part, ...]:
        return tuple(
            Part(
                self._mapping(node, at, _PART_KEYS),
                node.get("by-side-effect") in (True, "only"),
                node.get("exact") is True,
            )
            for node, at in self._entries(entry.get(key, []), (key,))
        )

    def _propagator(self, node: Node, at: Path) -> Propagator:
        ends = node.get("from"), node.get("to")
        formula = self._mapping(node, at, _PART_KEYS)
        for name in ends:
            if not isinstance(name, str):
                raise RefusedError("a propagator needs `from` and `to`", at)
            self._check_bound(name, formula.names(), at)
        return Propagator(formula, str(ends[0]), str(ends[1]))

    # ---- the rest

    def _entries(self, value: object, at: Path) -> list[tuple[Node, Path]]:
        if not isinstance(value, list):
            raise RefusedError("there must be a list here", at)
        found: list[tuple[Node, Path]] = []
        for number, node in enumerate(value):
            place = (*at, number)
            if not isinstance(node, Mapping):
                raise RefusedError("there must be a mapping here", place)
            if labels := [key for key in node if key in _LABELS]:
                raise RefusedError(f"`{labels[0]}` of taint mode is not supported", place)
            found.append((node, place))
        return found

    def _note(self, text: str) -> None:
        if text not in self._notes:
            self._notes.append(text)
