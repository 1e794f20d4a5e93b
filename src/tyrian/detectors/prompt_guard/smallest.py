"""Texts that are too small to give an order: one word, some times over, and an address beside it.

A classifier that counts pieces of words is least sure of them, and people type them all the time.
Only plain words of alphabets with spaces count: what is long, hidden, encoded or written without
spaces is for the model. So is an address whose parts could be read as a sentence.
"""

import re

from tyrian.text.words import COMMON, strong_places

_LONGEST_TEXT = 300
_LONGEST = 12
"""Letters of a word; longer ones may be several that were put together, or encoded."""
_MOST_NAMES = 2
"""Parts of an address before its `@`: given and family name."""
_MOST_PARTS = 5
"""Parts of an address: `support`, `mail`, `example`, `co`, `uk`."""
_MOST_COMMON = 2
"""Words of everyday English in an address and beside it; more may be a sentence."""
_MOST_STRONG = 1
"""Words of attacks there, also inside of others."""
_PLAIN = re.compile(r"[A-Za-z0-9À-ɏͰ-ϿЀ-ӿ_\s.,:;!?@+'\"()-]*")
_MARKS = re.compile(r"[\s.,:;!?+'\"()-]*")
_CHUNK = re.compile(r"[\w.@+-]+")
_WORD = re.compile(r"\w+")
_ADDRESS = re.compile(r"[a-z0-9._+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+")
_PART = re.compile(r"[a-z0-9]+")


def gives_no_order(text: str) -> bool:
    """Whether the text is one plain word, also repeated, an address, or one of each.

    Takes time that grows with the text; of a long one it is asked only whether it is one word.
    """
    if len(text) > _LONGEST_TEXT:
        return _is_one_word(text.casefold())
    if _PLAIN.fullmatch(text) is None:
        return False
    words: set[str] = set()
    addresses: list[str] = []
    for chunk in _CHUNK.findall(text):
        bare = chunk.strip(".@+-").casefold()
        if "@" in bare:
            addresses.append(bare)
        else:
            words.update(_WORD.findall(bare))
    if len(words) > 1 or any(len(word) > _LONGEST for word in words):
        return False
    return not addresses or (len(addresses) == 1 and _is_plain(addresses[0], words))


def _is_one_word(text: str) -> bool:
    word = _WORD.search(text, 0, _LONGEST_TEXT)
    if word is None or len(word[0]) > _LONGEST or _PLAIN.fullmatch(word[0]) is None:
        return False
    return _MARKS.fullmatch(text.replace(word[0], "")) is not None


def _is_plain(address: str, words: set[str]) -> bool:
    """Whether it is built like an address and makes no sentence, also with the words beside it."""
    if _ADDRESS.fullmatch(address) is None:
        return False
    names = _PART.findall(address.partition("@")[0])
    parts = _PART.findall(address)
    if len(names) > _MOST_NAMES or len(parts) > _MOST_PARTS or len(max(parts, key=len)) > _LONGEST:
        return False
    read = [*words, *parts]
    if sum(word in COMMON for word in read) > _MOST_COMMON:
        return False
    return len(strong_places(" ".join(read).encode())) <= _MOST_STRONG
