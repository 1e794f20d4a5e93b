"""Word pieces of a vocabulary, as BERT's tokenizer makes them from lower-case text.

The longest piece that a word begins with, then the longest that the rest begins with, and so on.
Equal to `transformers.BertTokenizer` of an uncased model (a test compares the two).
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

UNKNOWN = "[UNK]"
_LONGEST = 100
"""Letters of a word from which BERT's tokenizer does not look at it."""
_MANY = 1 << 15
"""Words whose pieces are remembered."""
_DROPPED = frozenset({"Mn", "Cc", "Cf", "Co", "Cs"})
"""Categories of accents and of what cannot be seen."""
_IDEOGRAPHS = (
    *((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F)),
    *((0x2B740, 0x2B81F), (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)),
)


def _is_sign(letter: str) -> bool:
    if letter < "\x80":
        return letter.isprintable() and not letter.isalnum() and letter != " "
    return unicodedata.category(letter).startswith("P")


def _is_ideograph(letter: str) -> bool:
    return any(first <= ord(letter) <= last for first, last in _IDEOGRAPHS)


def _plain(text: str) -> str:
    """Lower case without accents, control characters and odd blanks."""
    kept = []
    for letter in unicodedata.normalize("NFD", text):
        kind = unicodedata.category(letter)
        if letter in "\t\n\r" or kind == "Zs":
            kept.append(" ")
        elif kind not in _DROPPED and letter != "\ufffd":
            kept.append(letter.lower())
    return "".join(kept)


def basic_words(text: str) -> Iterator[str]:
    """Words, signs and ideographs of any text, in lower case and without accents."""
    if text.isascii() and text.isalnum():
        yield text.lower()
        return
    word: list[str] = []
    for letter in _plain(text):
        is_own = _is_sign(letter) or _is_ideograph(letter)
        if word and (is_own or letter.isspace()):
            yield "".join(word)
            word = []
        if is_own:
            yield letter
        elif not letter.isspace():
            word.append(letter)
    if word:
        yield "".join(word)


@dataclass(frozen=True, slots=True, repr=False)
class Vocabulary:
    """Pieces with their numbers; pieces inside of words begin with ##."""

    numbers: dict[str, int]
    _known: dict[str, tuple[int, ...]] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, pieces: Sequence[str]) -> "Vocabulary":
        """The vocabulary whose pieces are numbered in this order; ValueError without `UNKNOWN`."""
        if UNKNOWN not in pieces:
            raise ValueError(f"a vocabulary of word pieces has {UNKNOWN}")
        return cls({piece: number for number, piece in enumerate(pieces)})

    @property
    def unknown(self) -> tuple[int, ...]:
        """What stands for a word of which nothing is known."""
        return (self.numbers[UNKNOWN],)

    def pieces(self, text: str) -> tuple[int, ...]:
        """The numbers of the pieces of a word or text; none where nothing of it counts."""
        known = self._known.get(text)
        if known is None:
            found = [number for word in basic_words(text) for number in self._split(word)]
            known = tuple(found)
            if len(self._known) >= _MANY:
                self._known.clear()
            self._known[text] = known
        return known

    def _split(self, word: str) -> list[int]:
        whole = self.numbers.get(word)
        if whole is not None:
            return [whole]
        if len(word) > _LONGEST:
            return [*self.unknown]
        found, start = [], 0
        while start < len(word):
            mark = "##" if start else ""
            for end in range(len(word), start, -1):
                number = self.numbers.get(mark + word[start:end])
                if number is not None:
                    found.append(number)
                    start = end
                    break
            else:
                return [*self.unknown]
        return found
