"""Texts in HTML or XML, read without their tags."""

import re

import numpy as np

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
    """What stands between the tags, in comments too; a blank for every tag that parts words."""
    if not any(sign in source.text for sign in _SIGNS_OF_MARKUP):
        return NONE
    tags = list(_TAG.finditer(source.text))
    if not tags:
        return NONE
    starts, ends = np.array([tag.span() for tag in tags], dtype=np.intp).T
    parts = np.array([(tag[1] or "").lower() not in _INLINE for tag in tags])
    begins, stops = np.concatenate(([0], ends)), np.concatenate((starts, [len(source)]))
    is_text = stops > begins
    begins, stops = begins[is_text], stops[is_text]
    text = Pieces.in_place(begins, stops, source.codes[spread_out(begins, stops - begins)])
    blanks = np.full(int(parts.sum()), _BLANK, dtype=np.uint32)
    return text.merged(Pieces.signs(starts[parts], ends[parts], blanks))
