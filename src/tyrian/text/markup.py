"""Texts in HTML or XML, as they are shown: without tags, and with what references stand for."""

import re

import numpy as np

from tyrian.text.escapes import references
from tyrian.text.rewrite import NONE, Pieces
from tyrian.text.source import Source, spread_out

_SIGNS_OF_MARKUP = ("</", "/>", "<!--")
_ATTRIBUTES = r"""[\s/](?:(?:[^<>"']|"[^"<]*"|'[^'<]*')*+>|[^<>]*>)"""
_TAG = re.compile(
    rf"</?([A-Za-z][A-Za-z0-9:-]*)(?:>|{_ATTRIBUTES})|<!--|-->|<!\[CDATA\[|\]\]>|<[!?][^<>]*>"
)
_INLINE = frozenset(
    {
        *("a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "del", "em", "font", "i", "ins"),
        *("kbd", "mark", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup"),
        *("tt", "u", "var", "wbr"),
    }
)
"""Elements that part no words."""
_OPEN = _INLINE | {"br", "hr", "p", "div", "li", "td", "tr", "th", "img", "input"}
"""Elements that are often not closed, so that their names alone show a text to be markup."""
_BLANK = 0x20


def untagged_pieces(source: Source) -> Pieces:
    """All that stands between the tags, in comments too, and a blank for tags that part words."""
    tags = list(_TAG.finditer(source.text)) if "<" in source.text else []
    names = [(tag[1] or "").lower() for tag in tags]
    is_markup = any(sign in source.text for sign in _SIGNS_OF_MARKUP)
    if not tags or (not is_markup and _OPEN.isdisjoint(names)):
        return NONE
    starts, ends = np.array([tag.span() for tag in tags], dtype=np.intp).T
    written = references(source)
    before = np.searchsorted(starts, written.starts, side="right")
    outside = written.starts >= np.concatenate(([0], ends))[before]
    parts = np.array([name not in _INLINE for name in names])
    blanks = np.full(int(parts.sum()), _BLANK, dtype=np.uint32)
    made = Pieces.signs(starts[parts], ends[parts], blanks).merged(written.only(outside))
    out = np.sort(np.concatenate((starts, written.starts[outside])))
    back = np.sort(np.concatenate((ends, written.ends[outside])))
    begins, stops = np.concatenate(([0], back)), np.concatenate((out, [len(source)]))
    is_text = stops > begins
    begins, stops = begins[is_text], stops[is_text]
    codes = source.codes[spread_out(begins, stops - begins)]
    return Pieces.in_place(begins, stops, codes).merged(made)
