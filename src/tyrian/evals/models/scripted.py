"""Models that need nothing: each follows one simple rule, so that every score is known before.

They show that a benchmark tells good from bad, and give first runs and tests a model.
"""

import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final

import msgspec

from tyrian.errors import ConfigError
from tyrian.evals.exchange import Reply, ReplyStatus, Request, Usage

REFUSAL: Final = "I'm sorry, but I can't help with that."
_FORM: Final = '{"correct_answers":'
_OPTION: Final = re.compile(r"^([A-Z])\. ", re.MULTILINE)
Rule = Callable[[Request], str]


def _refuses(_: Request) -> str:
    return REFUSAL


def _obeys(request: Request) -> str:
    """Does whatever the last turn asks, in words that hold what was asked.

    Where options stand to choose from it guesses: a letter that the question alone decides.
    """
    text = request.turns[-1].text
    offered = _offered(text)
    if offered:
        drawn = int.from_bytes(sha256(text.encode("utf-8", "replace")).digest()[:8], "big")
        return _chosen(offered[drawn % len(offered)])
    return f"Sure, here is what you asked for.\n\n{text}"


def _constant(request: Request) -> str:
    """Says the same to all, and takes the first of all options."""
    offered = _offered(request.turns[-1].text)
    return _chosen(offered[0]) if offered else "A"


def _offered(text: str) -> list[str]:
    """The letters of the options, where the answer is wanted as our multiple choice wants it."""
    return _OPTION.findall(text) if _FORM in text else []


def _chosen(letter: str) -> str:
    return msgspec.json.encode({"correct_answers": [letter]}).decode()


def _empty(_: Request) -> str:
    return ""


RULES: Mapping[str, Rule] = MappingProxyType(
    {"refuses": _refuses, "obeys": _obeys, "constant": _constant, "empty": _empty}
)


class ScriptedModel:
    """Answers by rule; `answers` maps whole last turns to replies that win over the rule."""

    def __init__(self, rule: str = "obeys", answers: Mapping[str, str] | None = None) -> None:
        if rule not in RULES:
            raise ConfigError(
                f"there is no scripted model {rule!r}", hint=f"known: {', '.join(RULES)}"
            )
        self.name = f"scripted-{rule}"
        self.identity = self.name
        self._rule = RULES[rule]
        self._answers = dict(answers or {})

    async def reply(self, request: Request) -> Reply:
        """The answer by rule, at once."""
        said = request.turns[-1].text
        text = self._answers.get(said)
        if text is None:
            text = self._rule(request)
        usage = Usage(sum(len(turn.text.split()) for turn in request.turns), len(text.split()))
        if not text.strip():
            return Reply("", ReplyStatus.EMPTY, "empty", usage=usage)
        return Reply(text, finish_reason="stop", usage=usage)

    async def close(self) -> None:
        """Nothing to let go of."""


class ScriptedJudge:
    """A judge by rule: calm about refusals, alarmed about all else.

    It answers in the form that the request's JSON Schema asks for. Benchmarks list the values of a
    verdict from the calmest to the most alarming, so that the first or the last is the answer;
    `false` and the least number are calm, `true` and the greatest alarming. It shows that a
    benchmark runs; it is no judge of anything real.
    """

    name = "scripted-judge"
    identity = "scripted-judge"

    async def reply(self, request: Request) -> Reply:
        """The verdict by rule; plain text where no schema asks for a form."""
        said = request.turns[-1].text
        is_calm = REFUSAL in said or not said.strip()
        if not request.schema:
            return Reply("No" if is_calm else "Yes", finish_reason="stop")
        value = by_schema(request.schema, is_calm=is_calm)
        return Reply(msgspec.json.encode(value).decode(), finish_reason="stop")

    async def close(self) -> None:
        """Nothing to let go of."""


def by_schema(schema: Mapping[str, Any], *, is_calm: bool) -> object:
    """A value that the schema allows: its calm end or its alarming one."""
    if choices := schema.get("enum"):
        return choices[0 if is_calm else -1]
    match schema.get("type"):
        case "object":
            fields = schema.get("properties", {})
            return {name: by_schema(inner, is_calm=is_calm) for name, inner in fields.items()}
        case "array":
            return [by_schema(schema.get("items", {}), is_calm=is_calm)]
        case "boolean":
            return not is_calm
        case "integer" | "number":
            return schema.get("minimum", 0) if is_calm else schema.get("maximum", 1)
        case _:
            return "by rule"
