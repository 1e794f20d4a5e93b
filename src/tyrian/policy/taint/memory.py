"""What a trace has read: from whom each piece of text is, and which values carry a label.

A memory never changes; to read is to get a new one, which shares all that it can with the old.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from tyrian.policy.taint.derived import NOWHERE, Derived
from tyrian.policy.taint.index import Index, Places
from tyrian.policy.taint.prints import NOTHING, RUN, WINDOW, Prints, all_runs, kept, of_words
from tyrian.policy.taint.reading import disguises, letters, readings, telling, words

MAX_PRINTS = 1_000_000
"""About three million characters. Of what is read beyond, every value may be a quotation."""

MAX_LABELLED = 2_000
"""Labelled values; with more, any value may be one."""

ENOUGH = 24
"""Letters in a row that are no chance; a shorter value must be quoted whole.

So many are seen from their first known run to their last one; of a quotation of
`ENOUGH + 2 * (WINDOW - 1)` letters that many are always seen.
"""

_LEAST_LABELLED = 6
_HALVED = 24
_GAP = b"\xff"
"""Stands in no UTF-8 text, so that no run reaches from one value into the next."""


@dataclass(frozen=True, slots=True, eq=False)
class TaintMemory:
    """All that was read in one trace, as fingerprints; of labelled values the letters."""

    untrusted: Index = field(default_factory=Index)
    trusted: Index = field(default_factory=Index)
    names: tuple[frozenset[str], ...] = ()
    """The sets of sources, by their number in the index."""
    untracked: frozenset[str] = frozenset()
    """Sources of text that no longer fits."""
    labelled: Mapping[bytes, frozenset[str]] = field(default_factory=dict)
    unnumbered: frozenset[str] = frozenset()
    """Labels of values that no longer fit."""
    labels: frozenset[str] = frozenset()
    """All labels that were seen."""

    @property
    def size(self) -> int:
        """Fingerprints kept; each takes 28 to 44 bytes."""
        return self.untrusted.size + self.trusted.size + 8 * len(self.labelled)

    def read(self, text: str, sources: Iterable[str]) -> "TaintMemory":
        """After untrusted text from these sources."""
        names = frozenset(sources)
        if not text or not names:
            return self
        if self.untrusted.size >= MAX_PRINTS:
            return replace(self, untracked=self.untracked | names)
        known = self.names if names in self.names else (*self.names, names)
        index = self.untrusted.with_prints(_prints(text), known.index(names))
        return replace(self, untrusted=index, names=known)

    def trust(self, text: str) -> "TaintMemory":
        """After text of the user or the operator: what they write themselves is no quotation."""
        if not text or self.trusted.size >= MAX_PRINTS:
            return self
        runs = np.unique(np.concatenate((all_runs(letters(text)), of_words(words(text)))))
        return replace(self, trusted=self.trusted.with_prints(runs, 0))

    def mark(self, values: Iterable[tuple[str, str]]) -> "TaintMemory":
        """After values that carry labels, such as a key that a detector found: (label, value)."""
        labels, unnumbered = set(self.labels), set(self.unnumbered)
        labelled: dict[bytes, frozenset[str]] = {}
        for label, value in values:
            labels.add(label)
            said = letters(value)
            if len(said) < _LEAST_LABELLED:
                continue
            if len(self.labelled) + len(labelled) >= MAX_LABELLED:
                unnumbered.add(label)
                continue
            half = len(said) // 2
            for piece in (said, said[:half], said[half:]) if len(said) >= _HALVED else (said,):
                known = labelled.get(piece) or self.labelled.get(piece, frozenset())
                labelled[piece] = known | {label}
        if (
            len(labels) == len(self.labels)
            and not labelled
            and len(unnumbered) == len(self.unnumbered)
        ):
            return self
        return replace(
            self,
            labels=frozenset(labels),
            unnumbered=frozenset(unnumbered),
            labelled={**self.labelled, **labelled} if labelled else self.labelled,
        )

    def derived(self, values: Iterable[str]) -> Derived:
        """Where any of these values is from, read in all its disguises."""
        if not (self.names or self.labelled or self.untracked or self.unnumbered):
            return NOWHERE
        texts = [text for value in set(values) for text in readings(value)]
        plain = [letters(text) for text in texts]
        if not any(plain):
            return NOWHERE
        sources = self._sources(texts, plain) if self.names else frozenset()
        labels = self._labels(plain) if self.labelled else frozenset()
        return Derived(sources | self.untracked, labels | self.unnumbered)

    def _sources(self, texts: list[str], plain: list[bytes]) -> frozenset[str]:
        said = [form for one in plain if len(one) >= RUN for form in disguises(one)]
        runs = all_runs(_GAP.join(said))
        tell: set[str] = set()
        for text, one in zip(texts, plain, strict=True):
            tell |= telling(text)
            if len(one) < RUN:
                tell |= telling(text[::-1])
        wanted = np.concatenate((runs, of_words(tell))) if tell else runs
        hits = self.untrusted.places(wanted)
        if not len(hits):
            return frozenset()
        hits = np.delete(hits, self.trusted.places(wanted[hits]))
        by_word = hits[hits >= len(runs)]
        places = np.concatenate((_quoted(hits[hits < len(runs)], said), by_word))
        numbers = self.untrusted.sources(np.unique(wanted[places])) if len(places) else ()
        return frozenset().union(*(self.names[number] for number in numbers))

    def _labels(self, plain: list[bytes]) -> frozenset[str]:
        said = [form for one in plain for form in disguises(one)]
        found: set[str] = set()
        for value, labels in self.labelled.items():
            if not labels <= found and any(value in one for one in said):
                found |= labels
        return frozenset(found)


def _prints(text: str) -> Prints:
    """All that stands for an untrusted text: runs of letters and telling words, also encoded."""
    found: list[Prints] = []
    for one in readings(text):
        found += (kept(letters(one)), of_words(words(one)))
    return np.unique(np.concatenate(found)) if found else NOTHING


def _quoted(places: Places, said: list[bytes]) -> Places:
    """Of the places of known runs those that belong to a quotation.

    A quotation is long enough, or all of a value: known runs follow each other closely there.
    """
    if not len(places):
        return places
    ends = np.cumsum([len(one) + 1 for one in said])
    value = ends.searchsorted(places, "right")
    breaks = np.flatnonzero((np.diff(places) > WINDOW) | (np.diff(value) > 0)) + 1
    chosen = []
    for chain in np.split(places, breaks):
        number = int(ends.searchsorted(chain[0], "right"))
        start = int(ends[number]) - len(said[number]) - 1
        length = int(chain[-1] - chain[0]) + RUN
        is_whole = (
            chain[0] - start < WINDOW and start + len(said[number]) - (chain[-1] + RUN) < WINDOW
        )
        if length >= ENOUGH or is_whole:
            chosen.append(chain)
    return np.concatenate(chosen) if chosen else places[:0]
