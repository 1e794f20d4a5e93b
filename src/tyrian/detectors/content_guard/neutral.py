"""Makes text that stands in a prompt unable to rewrite it.

The prompt of Llama Guard is one flat text: special tokens, `<BEGIN ...>` and `<END ...>` marks and
`User:` and `Agent:` at the head of a line build it up. Text from outside keeps its words and loses
the power of the marks. Every expression is bounded or gives nothing back, so the time is linear.
"""

import re
from collections.abc import Callable, Iterable

_SPECIAL = re.compile(r"<\|([^<>|]{0,64})\|>")
_MARK = re.compile(r"<([^\w<>]{0,8}(?:BEGIN|END)\b[^<>]{0,80})>", re.IGNORECASE)
_UNSEEN = (
    "[\x00-\x09\x0e-\x20\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f"
    "\u2000-\u200f\u202a-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]*+"
)
"""Blanks, controls, format characters and fillers inside a line, however many."""
_SPEAKERS = ("User", "Agent", "Assistant", "Human", "System")
_TURN = re.compile(
    f"^({_UNSEEN})(?=(?:{'|'.join(_UNSEEN.join(name) for name in _SPEAKERS)}){_UNSEEN}:)",
    re.IGNORECASE | re.MULTILINE,
)
"""The head of a line that reads as a turn; letters that nothing seen parts are one word."""
_INSTRUCTION = re.compile(r"\[(/?INST)\]|<<(/?SYS)>>")
_BREAKS = re.compile("[\r\u2028\u2029\x0b\x0c\x85]")
_HALVES = re.compile("[\ud800-\udfff]")
"""Halves of surrogate pairs, which neither tokenizers nor JSON can carry."""


def neutraliser(special_tokens: Iterable[str] = ()) -> Callable[[str], str]:
    """A function that takes the power from marks and from the tokens named."""
    odd = [token for token in special_tokens if token and not _SPECIAL.fullmatch(token)]
    odd.sort(key=len, reverse=True)
    named = re.compile("|".join(map(re.escape, odd))) if odd else None

    def neutral(text: str) -> str:
        text = _HALVES.sub("\ufffd", _BREAKS.sub("\n", text))
        text = _without_marks(text)
        if named is not None:
            text = named.sub(_split, text)
        return _TURN.sub(r"\1| ", text)

    return neutral


def _without_marks(text: str) -> str:
    """No mark is left, nor does one come about around another one that went.

    Each round takes `<` away, and what stands between two signs is short, so there are few rounds.
    """
    while True:
        before = text
        text = _SPECIAL.sub(r"[|\1|]", text)
        text = _MARK.sub(r"[\1]", text)
        text = _INSTRUCTION.sub(lambda found: f"({found[1] or found[2]})", text)
        if text == before:
            return text


def _split(found: re.Match[str]) -> str:
    token = found[0]
    return f"{token[0]} {token[1:]}" if len(token) > 1 else f"({token})"
