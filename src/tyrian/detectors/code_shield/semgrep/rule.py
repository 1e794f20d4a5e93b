"""One rule in Semgrep's format, ready to run: what it asks of each language it is for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tyrian.detectors.code_shield.fragment import Fragment
from tyrian.detectors.code_shield.semgrep.formula import Formula
from tyrian.detectors.code_shield.semgrep.source import Source
from tyrian.detectors.code_shield.semgrep.taint import TaintRule


@dataclass(frozen=True, slots=True, eq=False)
class SemgrepRule:
    """What a rule looks for, by language."""

    by_language: Mapping[str, Formula | TaintRule]

    def open(self, fragment: Fragment) -> Source:
        """The fragment, to be parsed when a rule first needs it."""
        return Source(fragment)

    def find(self, source: Source) -> Iterator[tuple[int, int]]:
        """The places that fit, each once, in the order of the text."""
        looked_for = self.by_language.get(source.language)
        if looked_for is None or not source.has_any(looked_for.words()):
            return
        places = {(one.start, one.end) for one in looked_for.ranges(source)}
        yield from sorted(places)
