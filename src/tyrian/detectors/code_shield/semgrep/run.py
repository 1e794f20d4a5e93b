"""Rules in Semgrep's format on one fragment."""

from collections.abc import Iterable, Iterator

from tyrian.detectors.code_shield.fragment import Fragment
from tyrian.detectors.code_shield.match import Hit
from tyrian.detectors.code_shield.rule import CodeRule
from tyrian.detectors.code_shield.semgrep.source import Source

_MOST_HITS = 64


def hits_of(rules: Iterable[CodeRule], fragment: Fragment) -> Iterator[Hit]:
    """What the rules find; the text is parsed once for all of them, and only where needed."""
    source = Source(fragment)
    for rule in rules:
        if rule.finder is None or fragment.budget.is_spent:
            continue
        for count, (start, end) in enumerate(rule.finder.find(source)):
            if count == _MOST_HITS:
                break
            yield Hit(rule, start, end)
