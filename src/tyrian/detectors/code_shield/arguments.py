"""Holds the arguments of a call against a rule."""

from collections.abc import Sequence

from tyrian.detectors.code_shield.buffers import Buffers
from tyrian.detectors.code_shield.calls import Argument, Call
from tyrian.detectors.code_shield.fragment import Fragment
from tyrian.detectors.code_shield.nearby import NO_NAMES, Names, names_of
from tyrian.detectors.code_shield.regex import compiled
from tyrian.detectors.code_shield.rule import ArgumentTest, CodeRule, Is
from tyrian.detectors.code_shield.table import Entry
from tyrian.detectors.code_shield.values import Values

_COUNTS_KEYWORDS = frozenset({"swift", "ruby"})


class Arguments:
    """What rules ask of the arguments of calls in one fragment."""

    def __init__(self, fragment: Fragment, values: Values) -> None:
        self._fragment = fragment
        self._values = values
        self._buffers: Buffers | None = None

    def fit(self, entry: Entry, call: Call) -> bool:
        """Whether all conditions on arguments hold, and that on the room for what is written."""
        for test in entry.matcher.args:
            if not self._has(test, call, entry.rule):
                return False
        room = entry.matcher.room
        if room is None:
            return True
        if self._buffers is None:
            self._buffers = Buffers(self._fragment)
        return self._buffers.room(call, room) in room.is_

    def names_of(self, entry: Entry, call: Call) -> Names | None:
        """What the variables of the arguments stand for; None where they differ."""
        found: dict[str, bytes] = {}
        for test in entry.matcher.args:
            pattern = test.value.regex
            if not test.name and "(?P<" not in pattern:
                continue
            for one in self._chosen(test, call):
                if self._values.holds(test.value, one.start, one.end, entry.rule):
                    if test.name:
                        text = self._fragment.code[one.start : one.end]
                        found[test.name] = "".join(text.split()).encode()
                    inner = self._groups(pattern, one) if "(?P<" in pattern else {}
                    if inner is None:
                        return None
                    found |= inner
                    break
        return found or NO_NAMES

    def _has(self, test: ArgumentTest, call: Call, rule: CodeRule) -> bool:
        chosen = self._chosen(test, call)
        if not chosen:
            value = test.value
            if Is.ABSENT in value.is_:
                return True
            asks = value.is_ or value.equals or value.regex or Is.ABSENT in value.not_is
            return not asks
        if test.value.is_ == (Is.ABSENT,):
            return False
        return any(self._values.holds(test.value, one.start, one.end, rule) for one in chosen)

    def _chosen(self, test: ArgumentTest, call: Call) -> Sequence[Argument]:
        if test.is_any:
            return call.arguments
        plain: Sequence[Argument] = call.arguments
        if any(one.keyword for one in plain):
            if named := [one for one in plain if one.keyword in test.keywords]:
                return named
            if self._fragment.syntax.name not in _COUNTS_KEYWORDS:
                plain = [one for one in plain if not one.keyword]
        size = len(plain)
        return [plain[index] for index in test.indexes if -size <= index < size]

    def _groups(self, pattern: str, argument: Argument) -> dict[str, bytes] | None:
        match = compiled(pattern).search(
            self._values.value_of(argument.start, argument.end).encode()
        )
        return names_of(match) if match else {}
