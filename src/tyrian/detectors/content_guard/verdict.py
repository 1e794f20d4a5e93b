"""What Llama Guard answers: `safe`, or `unsafe` and the categories; anything else is an error.

The score of an answer is the probability of `unsafe` against `safe` at its first token. Of each
category it is that score times how likely the model names the category, against the one that it
names: an unsafe text has its whole score in at least one category, however many share it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from tyrian.detectors.content_guard.offer import Offer, labels_of
from tyrian.errors import DetectorError
from tyrian.models.chat.completion import Completion, Token, TokenChoice

SAFE, UNSAFE = "safe", "unsafe"
_ANSWER = re.compile(r"safe|unsafe\n(S\d{1,2}(?:,S\d{1,2})*)")
_CODE = re.compile(r"S\d{1,2}")


@dataclass(frozen=True, slots=True)
class Verdict:
    """How unsafe, and how much of it each category carries."""

    unsafe: float
    """0..1."""
    shares: Mapping[str, float] | None = field(default_factory=lambda: MappingProxyType({}))
    """By alias, 0..1, the greatest 1; None where only the whole is known."""
    is_binary: bool = False
    """The server gave no probabilities: everything is 0 or 1."""

    def scores(self, offer: Offer) -> dict[str, float]:
        """The score of each label; where only the whole is known, it could be any of them."""
        return {
            label: self.unsafe * (1.0 if self.shares is None else self.shares.get(alias, 0.0))
            for alias, label in labels_of(offer).items()
        }


def read_answer(text: str, offer: Offer) -> tuple[str, ...]:
    """The categories of a whole answer, none where it is safe; DetectorError for anything else."""
    found = _ANSWER.fullmatch(text.strip())
    if found is None:
        raise DetectorError("the model answered neither 'safe' nor 'unsafe' with categories")
    named = tuple(found[1].split(",")) if found[1] else ()
    unknown = [alias for alias in named if alias not in labels_of(offer)]
    if unknown:
        raise DetectorError("the model named a category that it was not offered")
    return named


def verdict_of(answer: Completion, offer: Offer) -> Verdict:
    """The verdict of a generated answer, with probabilities where the server gives them.

    Without them the score is 1 or 0.
    """
    named = read_answer(answer.text, offer)
    unsafe = unsafe_probability(answer.tokens)
    if unsafe is None:
        return Verdict(1.0 if named else 0.0, dict.fromkeys(named, 1.0), is_binary=True)
    if not named:
        return Verdict(unsafe, None)
    return Verdict(unsafe, {**_shares(answer, offer), **dict.fromkeys(named, 1.0)})


def unsafe_probability(tokens: Sequence[Token]) -> float | None:
    """P(unsafe) against P(safe) at the first token that says something; None without tokens.

    A word that is not among the alternatives is taken to be as likely as it can still be, where
    that word is `unsafe`, and as unlikely as it can be, where it is `safe`.
    """
    first = next((token for token in tokens if token.text.strip()), None)
    if first is None:
        return None
    choices = _choices(first)
    safe = sum(c.probability for c in choices if _word(c.text) == SAFE)
    unsafe = sum(c.probability for c in choices if _word(c.text) == UNSAFE)
    if not safe and not unsafe:
        raise DetectorError("the model's first token is neither 'safe' nor 'unsafe'")
    if not unsafe:
        rest = max(1.0 - sum(c.probability for c in choices), 0.0)
        unsafe = min(rest, *(c.probability for c in choices))
    return unsafe / (unsafe + safe)


def _word(token: str) -> str:
    """The word that a token begins, empty where it is another."""
    text = token.strip()
    if not text:
        return ""
    return SAFE if SAFE.startswith(text) else UNSAFE if UNSAFE.startswith(text) else ""


def _choices(token: Token) -> tuple[TokenChoice, ...]:
    if any(choice.text == token.text for choice in token.alternatives):
        return token.alternatives
    return (TokenChoice(token.text, token.logprob), *token.alternatives)


def _shares(answer: Completion, offer: Offer) -> dict[str, float]:
    """How likely each category is at the places where the answer names one."""
    whole = "".join(token.text for token in answer.tokens)
    known = labels_of(offer)
    shares: dict[str, float] = {}
    for place in _CODE.finditer(whole):
        for alias, probability in _at(answer.tokens, place).items():
            if alias in known:
                shares[alias] = max(probability, shares.get(alias, 0.0))
    return shares


def _at(tokens: Iterable[Token], place: re.Match[str]) -> dict[str, float]:
    """At one code of the answer: other codes, against the one that stands there."""
    digits, end = place.start() + 1, place.end()
    start = 0
    for token in tokens:
        stop = start + len(token.text)
        if start <= digits < stop:
            break
        start = stop
    else:
        return {}
    head, tail = token.text[: digits - start], token.text[digits - start :]
    if stop < end or not token.probability:
        return {}
    rest = tail[end - digits :]
    found: dict[str, float] = {}
    for choice in token.alternatives:
        body = choice.text[len(head) :].removesuffix(rest)
        if choice.text.startswith(head) and body.isdecimal() and body.isascii():
            alias = f"S{int(body)}"
            ratio = min(choice.probability / token.probability, 1.0)
            found[alias] = max(ratio, found.get(alias, 0.0))
    return found
