"""Words pulled apart letter by letter, and words run together."""

from functools import cache
from string import ascii_letters

import numpy as np

from tyrian.text import tables as t
from tyrian.text.leet import AS_I
from tyrian.text.offsets import Codes, Index, text_of
from tyrian.text.rewrite import NONE, Pieces
from tyrian.text.source import (
    Bools,
    Bytes,
    Source,
    chained,
    counts_in,
    members,
    runs_of,
    spread_out,
)
from tyrian.text.words import (
    COMMON,
    SPELT,
    STRONG,
    Speller,
    lines_with_common,
    lines_with_strong,
)

_LEAST_LETTERS = 5
_WIDEST_GAP = 4
_LEAST_WORD = 4


@cache
def _ascii_classes() -> Bytes:
    made = np.zeros(256, dtype=np.uint8)
    for code in range(0x80):
        if chr(code).isalnum():
            made[code] = t.ALNUM
        elif chr(code).isspace() or 0x21 <= code <= 0x7E:
            made[code] = t.SEPARATOR
    return made


def _classes(source: Source) -> Bytes:
    return _ascii_classes()[source.data] if source.is_ascii else t.tables().spacing[source.codes]


def spread_pieces(source: Source) -> Pieces:
    """Letters with spaces, dots, bars, dashes, line ends between them, put together again."""
    classes = _classes(source)
    is_letter = classes == t.ALNUM
    lone = is_letter.copy()
    lone[1:] &= ~is_letter[:-1]
    lone[:-1] &= ~is_letter[1:]
    at = np.flatnonzero(lone)
    if len(at) < _LEAST_LETTERS:
        return NONE
    gaps = at[1:] - at[:-1]
    is_odd = counts_in(classes != t.SEPARATOR, at[:-1], at[1:]) > 1
    first, stop = chained((gaps <= _WIDEST_GAP + 1) & ~is_odd)
    kept = stop - first >= _LEAST_LETTERS
    first, stop = first[kept], stop[kept]
    if not len(first):
        return NONE
    return _joined(source, at, first, stop)


def _joined(source: Source, at: Index, first: Index, stop: Index) -> Pieces:
    """Pieces of the chains of lone letters that spell words."""
    sizes = stop - first
    members_ = spread_out(first, sizes)
    letters = source.codes[at[members_]]
    chain = np.repeat(np.arange(len(first)), sizes)
    is_break = _breaks(source, at, members_, chain, len(first))
    # One line for each chain: its letters, with a space at each break.
    is_last = np.zeros(len(letters), dtype=np.bool_)
    is_last[np.cumsum(sizes) - 1] = True
    is_break[is_last] = True
    made = np.repeat(letters, 1 + is_break)
    places = np.cumsum(1 + is_break) - 1
    made[places[is_break]] = 0x20
    made[places[is_last]] = 0x0A
    shown = text_of(made).split("\n")[:-1]
    is_alpha = np.add.reduceat(_is_alpha(letters), np.cumsum(sizes) - sizes) * 10 >= sizes * 7
    distinct = dict(zip(shown, is_alpha.tolist(), strict=True))
    readings = _readings(source, [line for line, good in distinct.items() if good])
    for line in [line for line, good in distinct.items() if not good]:
        readings[line] = line if _is_leet(line) else _unglued_leet(line)
    texts = [readings.get(s, "") for s in shown]
    lengths = np.fromiter(map(len, texts), np.intp, len(texts))
    good = lengths > 0
    codes = np.frombuffer("".join(texts).encode("utf-32-le"), dtype="<u4")
    starts, ends = at[first[good]], at[stop[good] - 1] + 1
    return Pieces(starts, ends, lengths[good], codes, np.zeros(len(starts), np.intp))


def _is_alpha(letters: Codes) -> Index:
    small = np.minimum(letters, 0x80).astype(np.uint8)
    good = _IS_LETTER[small] | (small == 0x80)
    counts: Index = good.astype(np.intp)
    return counts


_IS_LETTER = members(ascii_letters)
_IS_SPACE = members(" \t\n\r\x0b\x0c")
_FEATURES = 32


def _breaks(source: Source, at: Index, letters: Index, chain: Index, count: int) -> Bools:
    """Gaps after which a new word begins: more blanks than is usual in the chain, or wider."""
    following = at[np.minimum(letters + 1, len(at) - 1)]
    inside = np.ones(len(letters), dtype=np.bool_)
    inside[np.flatnonzero(np.diff(chain, append=-1))] = False
    widths = np.where(inside, following - at[letters] - 1, 0)
    is_space = _IS_SPACE[source.data]
    if not source.is_ascii:
        is_space = is_space | np.isin(source.codes, _OTHER_SPACES)
    spaces = np.zeros(len(letters), dtype=np.intp)
    spaces[inside] = counts_in(is_space, at[letters[inside]], following[inside])
    feature = spaces * 5 + widths
    table = np.bincount(chain[inside] * _FEATURES + feature[inside], minlength=count * _FEATURES)
    usual = table.reshape(count, _FEATURES).argmax(axis=1)
    broken: Bools = inside & ((spaces > (usual // 5)[chain]) | (widths > (usual % 5)[chain] + 1))
    return broken


_OTHER_SPACES = np.array(
    [0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000]
)


def _readings(source: Source, lines: list[str]) -> dict[str, str]:
    """What each line of letters and breaks spells, without those that spell nothing."""
    speller = Speller()
    letters = [line.replace(" ", "") for line in lines]
    has_word = lines_with_common(letters)
    chosen = [run for run, good in zip(letters, has_word, strict=True) if good and run.isascii()]
    cuts = dict(zip(chosen, speller.cut(chosen), strict=True))
    found: dict[str, str] = {}
    for line, run, good in zip(lines, letters, has_word, strict=True):
        best = line
        if good:
            cut = " ".join(cuts.get(run, ()))
            best = line if _is_spelt(line) else max((line, cut), key=_spelt)
            if not COMMON.isdisjoint(w for w in best.lower().split() if len(w) >= _LEAST_WORD):
                found[line] = best
                continue
        if " " in line and _is_like_language(line):
            found[line] = line
    source.is_whole &= not speller.is_exhausted
    return found


def _is_spelt(line: str) -> bool:
    """True where the gaps alone show the words, some unknown ones aside."""
    return " " in line and _spelt(line) >= _MOSTLY


_MOSTLY = 0.5


def _is_leet(line: str) -> bool:
    """True for two longer words of a list, written with digits for letters."""
    words = line.lower().encode("ascii", "replace").translate(AS_I).decode("ascii").split()
    return len({w for w in words if len(w) >= _LEAST_WORD and w in SPELT}) >= _LEAST_LEET


def _unglued_leet(line: str) -> str:
    """What letters and digits for letters spell where no gap shows the words; nothing of others."""
    if not line.isascii() or not line.isalnum() or line.isdigit():
        return ""
    (words,) = Speller().cut([line.encode().translate(AS_I).decode()])
    text = " ".join(words)
    return text if _spelt(text) >= _MOSTLY and _is_leet(text) else ""


_LEAST_LEET = 2


def _spelt(text: str) -> float:
    """The share of letters in known words, long ones counting for more."""
    words = text.lower().split()
    known = sum([len(w) * len(w) for w in words if w in SPELT])
    return known / (sum([len(w) * len(w) for w in words]) or 1)


def _is_like_language(shown: str) -> bool:
    """Words in no list: several of them, in no alphabetical order, with vowels in their midst."""
    words = [w for w in shown.split() if len(w) > 2]
    letters = "".join(words).lower()
    if len(words) < 2 or len(letters) < 8 or list(letters) == sorted(letters):
        return False
    if not letters.isascii():
        return letters.isalpha()
    return 0.2 <= sum(c in "aeiouy" for c in letters) / len(letters) <= 0.6


_LEAST_GLUED, _MOST_GLUED = 16, 4096
_MOST_WORD = 40
_IS_LINK = members("_+.|/*~-")
LEAST_WORDS = 3


def glued_pieces(source: Source) -> Pieces:
    """Words run together, or linked by other signs than spaces, when they spell an attack."""
    starts, ends = runs_of(_IS_LETTER[source.data])
    sizes = ends - starts
    glued = (sizes >= _LEAST_GLUED) & (sizes <= _MOST_GLUED)
    pieces = _spelling(source, starts[glued], ends[glued])
    return pieces if len(pieces) else _linked(source, starts, ends)


def _spelling(source: Source, starts: Index, ends: Index) -> Pieces:
    text = source.text
    runs = [text[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
    distinct = list(dict.fromkeys(runs))
    strong = [run for run, good in zip(distinct, lines_with_strong(distinct), strict=True) if good]
    speller = Speller()
    spelt = {
        run: " ".join(words)
        for run, words in zip(strong, speller.cut(strong), strict=True)
        if len(words) >= LEAST_WORDS and is_attack(words)
    }
    source.is_whole &= not speller.is_exhausted
    return Pieces.of_texts(starts, ends, [spelt.get(run, "") for run in runs])


def _linked(source: Source, starts: Index, ends: Index) -> Pieces:
    short = ends - starts <= _MOST_WORD
    gaps = starts[1:] - ends[:-1]
    is_link = _IS_LINK[source.data]
    near = (gaps == 1) & is_link[ends[:-1]]
    near |= (gaps == 2) & is_link[ends[:-1]] & is_link[starts[1:] - 1]
    first, stop = chained(near & short[1:] & short[:-1])
    kept = stop - first >= LEAST_WORDS
    first, stop = first[kept], stop[kept]
    if not len(first):
        return NONE
    text = source.text
    spans = zip(starts[first].tolist(), ends[stop - 1].tolist(), strict=True)
    runs = [text[a:b] for a, b in spans]
    distinct = list(dict.fromkeys(runs))
    spelt: dict[str, str] = {}
    for run, good in zip(distinct, lines_with_strong(distinct), strict=True):
        if good and is_attack(words := run.translate(_UNLINKED).split()):
            spelt[run] = " ".join(words)
    return Pieces.of_texts(starts[first], ends[stop - 1], [spelt.get(run, "") for run in runs])


_UNLINKED = str.maketrans(dict.fromkeys("_+.|/*~-", " "))


_MANY_WORDS, _NAME = 5, 3
_LEAST_TELLING = 3


def is_attack(words: list[str]) -> bool:
    """Nearly all known words, and enough of them such as attacks are made of."""
    lower = [word.lower() for word in words]
    known = sum(len(word) for word in lower if word in SPELT)
    strong = len(STRONG.intersection(lower))
    longer = sum(len(word) for word in lower if len(word) >= _LEAST_TELLING)
    if known * 10 < sum(map(len, lower)) * 9 or longer * 10 < known * 8:
        return False
    many = sum(len(word) >= _LEAST_TELLING for word in lower) >= _MANY_WORDS
    # Three words are a name in a program, unless attacks are made of all of them.
    return (
        strong >= min(len(words), _NAME)
        or (strong >= 2 and len(words) > _NAME)
        or (strong == 1 and many)
    )
