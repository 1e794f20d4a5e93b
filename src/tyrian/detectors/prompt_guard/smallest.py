"""Texts that are too small to give an order: one word, however often, and addresses beside it.

A classifier that counts pieces of words is least sure of them, and people type them all the time.
Only plain words of alphabets with spaces count: what is long, hidden, encoded or written without
spaces is for the model.
"""

import re

_LONGEST = 12
"""Letters of a word; longer ones may be several that were put together, or encoded."""
_LONGEST_ADDRESS = 40
_WORD = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+|\w+")
_PLAIN = re.compile(r"[A-Za-z0-9À-ɏͰ-ϿЀ-ӿ_\s.,:;!?@+'\"()-]*")


def gives_no_order(text: str) -> bool:
    """Whether the text is one plain word, the same word again and again, or an address with one."""
    only = ""
    for found in _WORD.finditer(text):
        word = found[0].casefold()
        if "@" in word:
            if len(word) > _LONGEST_ADDRESS:
                return False
            continue
        if len(word) > _LONGEST or (only and word != only):
            return False
        only = word
    return _PLAIN.fullmatch(text) is not None
