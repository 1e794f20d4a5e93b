"""What a model server answers: text, and the probability of each of its tokens."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, isnan

import msgspec

from tyrian.errors import UpstreamError


@dataclass(frozen=True, slots=True)
class TokenChoice:
    """A token that could stand at a place, with its natural logarithm of probability."""

    text: str
    logprob: float

    @property
    def probability(self) -> float:
        """0..1."""
        return exp(min(self.logprob, 0.0))


@dataclass(frozen=True, slots=True)
class Token:
    """A token of an answer, and what else could have stood in its place, most likely first."""

    text: str
    logprob: float
    alternatives: tuple[TokenChoice, ...] = ()

    @property
    def probability(self) -> float:
        """0..1."""
        return exp(min(self.logprob, 0.0))


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer of a model."""

    text: str
    tokens: tuple[Token, ...] = ()
    """Empty where the server gives no probabilities."""
    finish_reason: str = ""
    model: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Top(msgspec.Struct):
    token: str
    logprob: float | None = None


class _Content(msgspec.Struct):
    token: str
    logprob: float | None = None
    top_logprobs: list[_Top] | None = None


class _Logprobs(msgspec.Struct):
    """Both shapes: `content` of chat completions, parallel lists of completions."""

    content: list[_Content] | None = None
    tokens: list[str] | None = None
    token_logprobs: list[float | None] | None = None
    top_logprobs: list[dict[str, float | None] | None] | None = None


class _Message(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    message: _Message | None = None
    text: str | None = None
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Answer(msgspec.Struct):
    choices: list[_Choice]
    model: str | None = None
    usage: _Usage | None = None


def read_completion(body: bytes) -> Completion:
    """The first choice of an answer in the OpenAI dialect, of either endpoint.

    UpstreamError where it is none; the message never quotes the body.
    """
    try:
        answer = msgspec.json.decode(body, type=_Answer)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UpstreamError("the model server's answer cannot be read", status=502) from error
    if not answer.choices:
        raise UpstreamError("the model server's answer holds no choice", status=502)
    choice = answer.choices[0]
    text = choice.text if choice.message is None else choice.message.content
    if text is None:
        raise UpstreamError("the model server's answer holds no text", status=502)
    usage = answer.usage or _Usage()
    return Completion(
        text,
        _tokens(choice.logprobs),
        choice.finish_reason or "",
        answer.model or "",
        usage.prompt_tokens or 0,
        usage.completion_tokens or 0,
    )


def _tokens(given: _Logprobs | None) -> tuple[Token, ...]:
    if given is None:
        return ()
    if given.content is not None:
        return tuple(
            Token(one.token, _number(one.logprob), _ranked((t.token, t.logprob) for t in tops))
            for one in given.content
            for tops in [one.top_logprobs or []]
        )
    texts, logprobs = given.tokens or [], given.token_logprobs or []
    tops = given.top_logprobs or []
    return tuple(
        Token(
            text,
            _number(logprobs[i] if i < len(logprobs) else None),
            _ranked((tops[i] or {}).items() if i < len(tops) else ()),
        )
        for i, text in enumerate(texts)
    )


def _ranked(pairs: Iterable[tuple[str, float | None]]) -> tuple[TokenChoice, ...]:
    choices = [TokenChoice(text, _number(logprob)) for text, logprob in pairs]
    return tuple(sorted(choices, key=lambda choice: -choice.logprob))


def _number(logprob: float | None) -> float:
    """A probability of 0 for what is no number; servers write it as null."""
    return float("-inf") if logprob is None or isnan(logprob) else logprob
