"""Whether a text is typed in haste: what the words of it that are in no list say for it.

In other texts nothing tells odd words from misspelt ones: names, jargon and other languages are
near some known word more often than not. So each odd word is weighed by what would explain it: the
log odds of such a word in texts with slips of the finger against texts as they were written, as
`training.sloppiness` measures them, in round numbers.
"""

from collections.abc import Mapping, Sequence
from itertools import islice, pairwise

from tyrian.text.spelling.channel import meant_by, moved
from tyrian.text.spelling.lexicon import lexicon
from tyrian.text.spelling.slips import FAR, MORE, NEAR, READY, effort

LEAST, WORDS = 1.0, 20
"""What the odd words of a text must add up to, and one more for each so many words."""
_HOPELESS = -8.0
"""From here down pairs of words are not looked at."""
_BEYOND_DOUBT = 10.0
"""How far above the least nothing more is looked at."""
_SAMPLED = 64
"""Odd words, and pairs of them, that are looked up."""
STUTTERED, HEADLESS, NONE = "stuttered", "first left out", "none"
_MOVED, _MOVED_BY_ONE = 3.0, 1.6
"""Weights of a pair with its blank one letter further, and of one of which a word is one letter:
above what was measured, since its words have counted by themselves before, mostly against it."""
_LETTERS = (2, 3, 5, 7)
"""Words of up to so many letters are weighed alike."""
_FREQUENT: Mapping[object, tuple[float, ...]] = {
    READY: (-0.2, 1.3, 2.7, 3.3, 3.9),
    NEAR: (-0.2, 1.5, 2, 2.2, 3.5),
    MORE: (-0.2, 0.3, 0.4, 0.8, 0.8),
    FAR: (-0.5, -0.3, -0.3, -0.4, -0.5),
    STUTTERED: (0, 0, 1.4, 2.3, 2.9),
    HEADLESS: (-0.2, 1.5, 1.5, 2, 1.4),
}
"""Weights by what explains the word and by its letters, where it stands for a frequent one."""
_RARE: Mapping[object, tuple[float, ...]] = {
    READY: (-0.2, -0.2, 0.6, 1.6, 2.5),
    NEAR: (-0.2, -0.3, -0.1, 0.7, 1.1),
    MORE: (-0.2, -0.5, -0.5, -0.5, -0.5),
    FAR: (-0.5, -0.5, -0.5, -0.5, -0.5),
    STUTTERED: (0, 0, 0.2, 0.4, 1.3),
    HEADLESS: (-0.2, -0.4, 0, 0.6, 1),
    NONE: (-0.2, -0.5, -0.5, -0.4, -0.4),
}
"""The same for other words, and for those that stand for none. Those that speak against it count
half: they come in numbers."""


def is_sloppy(odd: frozenset[str], words: Sequence[str]) -> bool:
    """Whether a text of these words, some of them odd ones, is typed in haste."""
    step = -(-len(odd) // _SAMPLED) or 1
    least = LEAST + len(words) / step / WORDS
    # Known words are few in languages that are written with other letters too.
    against = 1 if all(map(str.isascii, words)) else 2
    total = 0.0
    for word in sorted(odd)[::step]:
        weight = _weight(word)
        total += weight if weight > 0 else against * weight
        if total > least + _BEYOND_DOUBT:
            return True
    if _HOPELESS < total < least:
        pairs = islice((pair for pair in pairwise(words) if odd.issuperset(pair)), _SAMPLED)
        slipped = [min(map(len, pair)) for pair in pairs if is_moved(*pair)]
        total += sum(_MOVED if letters > 1 else _MOVED_BY_ONE for letters in slipped)
    return total >= least


def explained(word: str) -> tuple[object, bool]:
    """What explains an odd word, and whether it stands for a frequent one then."""
    meant = next((meant for meant, _ in meant_by(word)), None)
    if meant is None:
        return NONE, False
    kind = HEADLESS if word == meant[1:] else effort(word, meant) or STUTTERED
    return kind, meant in lexicon().frequent


def is_moved(left: str, right: str) -> bool:
    """Whether two odd words are longer known ones with the blank one letter further."""
    return any(all(len(word) > 1 for word in words) for words, _ in moved(left, right))


def size_of(word: str) -> int:
    """Which of the weights of a kind is for a word of so many letters."""
    return sum(len(word) > letters for letters in _LETTERS)


def _weight(word: str) -> float:
    kind, is_frequent = explained(word)
    return (_FREQUENT if is_frequent else _RARE)[kind][size_of(word)]
