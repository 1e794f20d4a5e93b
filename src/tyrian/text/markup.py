"""Texts in HTML or XML, as they are shown: without tags, and with what references stand for."""

import re

import numpy as np

from tyrian.text.escapes import references
from tyrian.text.offsets import Index
from tyrian.text.rewrite import NONE, Pieces
from tyrian.text.source import Source, spread_out

_SIGNS_OF_MARKUP = ("</", "/>", "<!--")
_TAG = re.compile(
    r"</?([A-Za-z][A-Za-z0-9:-]*)(?:[\s/][^<>]*)?>|<!--|-->|<!\[CDATA\[|\]\]>|<[!?][^<>]*>"
)
_INLINE = frozenset(
    {
        *("a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "del", "em", "font", "i", "ins"),
        *("kbd", "mark", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup"),
        *("tt", "u", "var", "wbr"),
    }
)
"""Elements that part no words."""
_BLANK = 0x20


def untagged_pieces(source: Source) -> Pieces:
    """All that stands between the tags, in comments too, and a blank for tags that part words."""
    if not any(sign in source.text for sign in _SIGNS_OF_MARKUP):
        return NONE
    tags = list(_TAG.finditer(source.text))
    if not tags:
        return NONE
    starts, ends = np.array([tag.span() for tag in tags], dtype=np.intp).T
    written = references(source)
    before = np.searchsorted(starts, written.starts, side="right")
    outside = written.starts >= np.concatenate(([0], ends))[before]
    made = _blanks(tags, starts, ends).merged(written.only(outside))
    out = np.sort(np.concatenate((starts, written.starts[outside])))
    back = np.sort(np.concatenate((ends, written.ends[outside])))
    begins, stops = np.concatenate(([0], back)), np.concatenate((out, [len(source)]))
    is_text = stops > begins
    begins, stops = begins[is_text], stops[is_text]
    codes = source.codes[spread_out(begins, stops - begins)]
    return Pieces.in_place(begins, stops, codes).merged(made)


def _blanks(tags: list[re.Match[str]], starts: Index, ends: Index) -> Pieces:
    parts = np.array([(tag[1] or "").lower() not in _INLINE for tag in tags])
    blanks = np.full(int(parts.sum()), _BLANK, dtype=np.uint32)
    return Pieces.signs(starts[parts], ends[parts], blanks)
