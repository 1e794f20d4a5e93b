"""Lists and dictionaries of nothing but data, passed over as a whole.

Where containers of numbers, short texts, things out of the memo and further containers follow one
another, a regular expression finds their end, and all that is left of them is how many they are
and what they put aside in the memo. What it does not know, the interpreter follows opcode by
opcode; both come to the same.
"""

import re
from collections import Counter
from functools import cache
from typing import NamedTuple

from tyrian.supply.scan.pickles.allow import VOCABULARY
from tyrian.supply.scan.pickles.memo import KEPT, PLAIN_KIND, Memo
from tyrian.supply.scan.pickles.value import PLAIN

WORTHWHILE = 1 << 16
"""Bytes of a source from which on it pays to make the expressions."""
_TEXT = b"\x8c"
_GETS = frozenset((b"h", b"j"))
"""How the opcodes begin that take from the memo."""
_LONGEST = 48
"""Bytes of the longest text that the expressions know."""
_SHORTEST = 256
"""Bytes that are followed opcode by opcode in less time."""
_TOGETHER = (64, 8, 1)
_DEEPEST = 3
"""Containers within containers that they know."""


class Runs(NamedTuple):
    """The expressions; opcodes are told apart by their first byte, so none goes back."""

    containers: tuple[tuple[int, re.Pattern[bytes]], ...]
    """So many of them, one behind the other."""
    memo: re.Pattern[bytes]
    """Up to the next thing that is put aside or taken out of the memo, or that is neither."""


@cache
def runs() -> Runs:
    """The expressions, made when first they are needed."""
    number = rb"(?:[N\x88\x89]|K.|M..|J.{4}|G.{8})"
    texts = b"|".join(b"%s.{%d}" % (re.escape(bytes([n])), n) for n in range(_LONGEST + 1))
    text = rb"\x8c(?:%s)" % texts
    empty, get = rb"[]})\x8f]", rb"h.|j.{4}"
    tuples = rb"%s(?:%s(?:\x86|%s\x87)\x94?)?+" % (number, number, number)
    item = rb"%s|%s\x94?|%s|%s\x94?" % (tuples, text, get, empty)
    container = rb"(?!)"
    for _ in range(_DEEPEST):
        within = rb"(?:%s|%s)*+" % (container, item)
        container = rb"\]\x94?\(%se|\}\x94?\(%su" % (within, within)
    small = rb"[N\x88\x89(eu\x94]|K.|M..|J.{4}|G.{8}"
    held = rb"%s|[]})\x8f\x86\x87]" % text
    # MEMOIZE stays outside of what is found: single bytes are objects that Python has anyhow.
    return Runs(
        tuple((n, re.compile(rb"(?:%s){%d}+" % (container, n), re.DOTALL)) for n in _TOGETHER),
        re.compile(rb"(?:%s)*+(?:((?:%s)(?=\x94)|%s)|%s|\Z)" % (small, held, get, held), re.DOTALL),
    )


def passed(data: bytes, position: int, limit: int, memo: Memo) -> tuple[int, int]:
    """The position behind the containers from here on, and how many they are; at least so long
    that it pays, else none. What they put aside is in the memo then.
    """
    expressions = runs()
    end, count = position, 0
    for number, containers in expressions.containers:
        while found := containers.match(data, end, limit):
            end, count = found.end(), count + number
    if end < position + _SHORTEST or data.find(b"__", position, end) >= 0:
        return position, 0  # such a text may name what Python itself calls
    touched = expressions.memo.findall(data, position, end)
    different = Counter(touched)
    gets = [one for one in different if one[:1] in _GETS]
    if not all(_is_data(memo, one) for one in gets):
        return position, 0
    if memo.is_full and not _may_matter([one for one in different if one[:1] == _TEXT]):
        memo.kinds.extend(bytes(len(touched) - sum(map(different.__getitem__, (*gets, b"")))))
    else:
        note, remember = memo.kinds.append, memo.append
        for one in touched:
            if len(one) == 1:
                note(PLAIN_KIND)
            elif one[:1] == _TEXT:
                remember(one[2:])
    return end, count


def _is_data(memo: Memo, get: bytes) -> bool:
    """Whether a place of the memo surely holds data."""
    index = int.from_bytes(get[1:], "little")
    if index >= len(memo.kinds):
        return False
    if memo.kinds[index] == KEPT:
        text = memo.kept[index]
        return type(text) is bytes and b"__" not in text
    return memo.get(index) is PLAIN


def _may_matter(held: list[bytes]) -> bool:
    """Whether a full memo may still keep one of these texts, each within its opcodes."""
    return any(b"." in one or one[2:3] <= b"_" for one in held) or any(
        one[2:] in VOCABULARY for one in held
    )
