"""Holds the code around a match against the conditions of a rule."""

from tyrian.detectors.code_shield.fragment import Fragment
from tyrian.detectors.code_shield.functions import Span
from tyrian.detectors.code_shield.nearby import Names, Surroundings
from tyrian.detectors.code_shield.regex import compiled
from tyrian.detectors.code_shield.rule import Matcher, Scope

_SAID_ABOVE = 3
"""Lines above a place whose comments speak of it."""


class Conditions:
    """What rules ask of the places of one fragment."""

    def __init__(self, fragment: Fragment) -> None:
        self._fragment = fragment
        self._surroundings: Surroundings | None = None
        self._in_scope: dict[tuple[int, int, int], bool] = {}
        """Whether the surroundings of a matcher hold in a span; many matches share theirs."""

    def hold(self, matcher: Matcher, start: int, end: int, names: Names) -> bool:
        """Whether a match at `start..end` stands where its rule wants it."""
        return (
            self._is_in_scope(matcher, start)
            and self._is_surrounded(matcher, start, end, names)
            and not self._is_said(matcher, start)
        )

    def _is_in_scope(self, matcher: Matcher, place: int) -> bool:
        if not matcher.requires and not matcher.unless:
            return True
        start, end = self._scope(matcher.scope, place)
        key = id(matcher), start, end
        known = self._in_scope.get(key)
        if known is None:
            data = self._fragment.plain_data[start:end]
            known = self._in_scope[key] = not any(
                compiled(pattern).search(data) for pattern in matcher.unless
            ) and all(compiled(pattern).search(data) for pattern in matcher.requires)
        return known

    def _is_surrounded(self, matcher: Matcher, start: int, end: int, names: Names) -> bool:
        if matcher.nearby is None:
            return True
        if self._surroundings is None:
            self._surroundings = Surroundings(self._fragment)
        return self._surroundings.fit(matcher.nearby, start, end, names)

    def _is_said(self, matcher: Matcher, place: int) -> bool:
        """A comment near the place says what the rule would have people say."""
        if not matcher.unless_said:
            return False
        text = self._fragment.lexed.text
        start, end = place, place
        for _ in range(_SAID_ABOVE + 1):
            start = text.rfind("\n", 0, max(start, 0))
        for _ in range(2):
            end = text.find("\n", end + 1) if end >= 0 else -1
        data = text[start + 1 : end if end >= 0 else len(text)].encode()
        return any(compiled(pattern).search(data) for pattern in matcher.unless_said)

    def _scope(self, scope: Scope, place: int) -> Span:
        code = self._fragment.code
        if scope is Scope.LINE:
            end = code.find("\n", place)
            return code.rfind("\n", 0, place) + 1, len(code) if end < 0 else end
        if scope is Scope.FUNCTION:
            start, end = self._fragment.function_at(place)
            return self._fragment.head_of(start), end
        if scope is Scope.BLOCK:
            return self._fragment.block_at(place)
        return 0, len(code)
