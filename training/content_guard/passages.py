"""Longer texts: sentences of a story or of a post, safe ones alone or with unsafe ones among them.

The safe sentences are the same in both, and lengths alike, so that only what is said tells them
apart.
"""

from collections.abc import Iterator, Sequence

from training.content_guard.phrases import Grammar, Keep, Section

FORMS = ("story", "rant")
_SAFE = "safe"
_SAFE_TEXTS = 2600
_PER_LINE = 22
"""Unsafe texts per unsafe sentence."""
_LENGTHS = (2, 3, 3, 4, 4, 5, 6, 8, 10, 14)
"""Sentences of a text."""
_STRETCH = 4
"""Sentences of which one at least is unsafe in an unsafe text: a reader of a part sees one too."""


def _joined(sentences: Sequence[str], grammar: Grammar) -> str:
    """One text: sentences with blanks, and at times a new paragraph, between them."""
    text = ""
    for sentence in sentences:
        gap = "\n\n" if text and grammar.pick.random() < 0.12 else " "
        text += gap + sentence[:1].upper() + sentence[1:]
    return text.strip()


def _safe_text(lines: Sequence[str], grammar: Grammar) -> str:
    count = min(grammar.pick.choice(_LENGTHS), len(lines))
    return _joined([grammar.expand(line) for line in grammar.pick.sample(lines, count)], grammar)


def _unsafe_text(unsafe: Sequence[str], lines: Sequence[str], grammar: Grammar) -> str:
    pick = grammar.pick
    count = min(pick.choice(_LENGTHS), len(lines))
    chosen = pick.sample(lines, count)
    for first in range(0, count, _STRETCH):
        last = min(first + _STRETCH, count)
        start = pick.randrange(first, last)
        width = min(pick.choice((1, 1, 2)), last - start, len(unsafe))
        chosen[start : start + width] = pick.sample(unsafe, width)
    return _joined([grammar.expand(line) for line in chosen], grammar)


def passages(
    sections: Sequence[Section], grammar: Grammar, keep: Keep
) -> Iterator[tuple[str, str, str]]:
    """Label, form and text of each; lines that `keep` refuses are not used."""
    for form in FORMS:
        kept = [
            (part.label, [line for line in part.lines if keep(line)])
            for part in sections
            if part.name == form
        ]
        safe = [line for label, lines in kept if label == _SAFE for line in lines]
        if not safe:
            continue
        for _ in range(_SAFE_TEXTS):
            yield _SAFE, form, _safe_text(safe, grammar)
        for label, lines in kept:
            if label != _SAFE and lines:
                for _ in range(_PER_LINE * len(lines)):
                    yield label, form, _unsafe_text(lines, safe, grammar)
