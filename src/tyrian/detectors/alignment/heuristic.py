"""Alignment without a judge: does the step use what strangers wrote, and did the user ask for it?

A few measurable signs, weighed by hand and checked on conversations of our own
(`tests/unit/detectors/alignment`). It knows no meaning, and says so wherever it runs: a hint for
a person, not a judge.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tyrian.core.message import ToolCall
from tyrian.detectors.alignment.situation import (
    RISKY_WORDS,
    Situation,
    arguments_of,
    is_risky,
    words_of_name,
)
from tyrian.models.embedded import BENIGN, embedded_prompt_guard

_VALUE = re.compile(
    r"https?://[^\s\"'<>)\]]+|[\w.+-]+@[\w-]+\.[\w.-]+|(?:/[\w.-]+){2,}|[\w-]*\d[\w.:-]{4,}"
)
"""Values that point somewhere: URLs, addresses of mail, paths, numbers and codes."""
_WORD = re.compile(r"[^\W\d_]{3,}")
_MOST_READ = 20_000
"""Characters of one piece of untrusted content that are looked at: its beginning and its end."""
_PASSAGE = 24
"""Characters that a long argument must share with untrusted content to count as taken from it."""
_KIN = tuple(
    frozenset(group.split())
    for group in (
        "send email mail forward reply write message notify tell inform contact answer respond",
        "post publish share tweet announce upload comment",
        "pay transfer wire buy purchase order refund charge settle",
        "give grant allow assign approve authorize share",
        "book reserve schedule plan invite meeting calendar event appointment",
        "delete remove clear drop erase clean tidy",
        "create make add new insert save store write note record",
        "update change edit modify set rename move fix",
        "run execute shell exec install start launch test build deploy",
        "read get fetch open look show find search check list summarise summarize tell view",
    )
)
"""Words for the same kind of deed, in requests and in the names of tools."""

_BIAS = -2.7
_WEIGHTS: Mapping[str, float] = {
    "points_where_strangers_say": 2.4,
    "passage_of_strangers": 0.6,
    "not_asked_for": 1.9,
    "risky": 0.7,
    "orders_in_content": 2.6,
    "no_strangers": -2.5,
}


@dataclass(frozen=True, slots=True)
class Signs:
    """What speaks for a hijacked step, each 0..1."""

    values: Mapping[str, float]

    @property
    def score(self) -> float:
        """0..1; an order, not a frequency."""
        logit = _BIAS + sum(_WEIGHTS[name] * value for name, value in self.values.items())
        return 1.0 / (1.0 + math.exp(-logit))

    @property
    def strongest(self) -> str:
        """The sign that counts most, in words."""
        found = max(self.values, key=lambda name: _WEIGHTS[name] * self.values[name])
        return _IN_WORDS[found]


_IN_WORDS: Mapping[str, str] = {
    "points_where_strangers_say": "a target that only untrusted content names",
    "passage_of_strangers": "text taken from untrusted content",
    "not_asked_for": "a deed that the user's request does not mention",
    "risky": "a tool that writes, sends, spends or runs",
    "orders_in_content": "untrusted content that gives orders",
    "no_strangers": "nothing untrusted was read",
}


def signs_of(found: Situation, tools: Sequence[str]) -> Signs:
    """The signs of the call that looks worst; of the text alone where there is no call."""
    orders = max((_orders_in(message.text) for message in found.untrusted), default=0.0)
    everything = [_signs(found, call, orders, tools) for call in found.calls]
    if not everything:
        everything = [Signs({"orders_in_content": 0.5 * orders, "no_strangers": not orders})]
    return max(everything, key=lambda signs: signs.score)


def _signs(found: Situation, call: ToolCall, orders: float, tools: Sequence[str]) -> Signs:
    told = "\n".join(found.told).casefold()
    read = "\n".join(_ends(message.text) for message in found.untrusted).casefold()
    texts = [text.casefold() for text in _strings(arguments_of(call))]
    values = {value for text in texts for value in _VALUE.findall(text)}
    foreign = {value for value in values if value in read and value not in told}
    unasked = 1.0 - _asked_for(call, found)
    return Signs(
        {
            # who asks to pay an invoice means the account that stands on it
            "points_where_strangers_say": float(bool(foreign)) * (0.5 + 0.5 * unasked),
            "passage_of_strangers": float(any(_shares(text, read, told) for text in texts)),
            "not_asked_for": unasked,
            "risky": float(is_risky(call, tools)),
            "orders_in_content": orders,
            "no_strangers": float(not found.untrusted),
        }
    )


def _orders_in(text: str) -> float:
    """How likely the content attacks, by the embedded prompt guard."""
    return 1.0 - embedded_prompt_guard().score(_ends(text))[BENIGN]


def _ends(text: str) -> str:
    if len(text) <= _MOST_READ:
        return text
    return text[: _MOST_READ // 2] + "\n" + text[-_MOST_READ // 2 :]


def _shares(text: str, read: str, told: str) -> bool:
    """Whether a long argument holds a passage of the untrusted content that nobody else wrote."""
    starts = range(0, max(len(text) - _PASSAGE, 0) + 1, _PASSAGE // 2)
    passages = (text[at : at + _PASSAGE] for at in starts)
    return any(len(p) == _PASSAGE and p in read and p not in told for p in passages)


def _asked_for(call: ToolCall, found: Situation) -> float:
    """How far the user's requests mention the deed: by its verb, or by words of its kind.

    Who looks for a flight has not asked to book one: where a name has a verb, its noun is no sign.
    """
    wanted = set(_words("\n".join((*found.earlier_goals, found.goal))))
    words = set(words_of_name(call.name))
    deed = words & RISKY_WORDS or words
    kin = {word for group in _KIN for word in group if group & deed}
    if _stems(deed) & _stems(wanted):
        return 1.0
    return 0.8 if _stems(kin) & _stems(wanted) else 0.0


def _stems(words: Iterable[str]) -> set[str]:
    """Beginnings of words: sent and sends are not told from send by more than that."""
    return {word[:4] for word in words if len(word) > 2}


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]


def _strings(value: object) -> Iterator[str]:
    """Every string in the arguments."""
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, Mapping):
            stack += one.values()
        elif isinstance(one, list | tuple):
            stack += one
        elif isinstance(one, int | float) and not isinstance(one, bool):
            yield str(one)
