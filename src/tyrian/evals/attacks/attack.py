"""An attack that adapts: a dialogue with a target, an attacker model, and a judge of progress.

An attack is pure, like a benchmark: it yields requests and receives replies. It returns every
prompt that the target saw with its answer, so that whoever judges can judge them all.
"""

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from tyrian.errors import ConfigError
from tyrian.evals.benchmark import Outcome, Step
from tyrian.evals.exchange import GREEDY, Part, Reply, Request, Sampling, Turn
from tyrian.evals.object_in_text import read_object
from tyrian.evals.prompts import OwnPrompts
from tyrian.evals.sample import Goal

Convert = Callable[[str, random.Random], str]
"""Puts a text into another form before the target sees it."""

FULL = "full"
_PROGRESS: Mapping[str, object] = {
    "type": "object",
    "properties": {
        "evidence": {"type": "string"},
        "reached": {"type": "string", "enum": ["none", "partly", FULL]},
        "score": {"type": "integer", "minimum": 1, "maximum": 10},
    },
    "required": ["evidence", "reached", "score"],
    "additionalProperties": False,
}


@dataclass(slots=True)
class Try:
    """One prompt that the target saw, and what came of it."""

    prompt: str
    reply: str
    status: str
    reached: str = ""
    """What a judge said of it already, if one was asked on the way."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long an attack may go on; each reads those that its method knows."""

    turns: int = 5
    tries: int = 20
    branches: int = 3
    width: int = 4
    depth: int = 4


@dataclass(slots=True)
class Course:
    """The course of one attack: who it is against, what was tried, chance of its own."""

    goal: Goal
    pick: random.Random
    converters: Sequence[Convert] = ()
    bounds: Bounds = Bounds()
    tries: list[Try] = field(default_factory=list)

    def converted(self, text: str) -> str:
        """The text in all the forms that were asked for, one after another."""
        for convert in self.converters:
            text = convert(text, self.pick)
        return text


Attacking = Generator[Step, Outcome, None]


class Attack(ABC):
    """A method; it notes in the course what it tried."""

    name: ClassVar[str]
    about: ClassVar[str]
    source: ClassVar[str] = ""
    needs_attacker: ClassVar[bool] = True

    @abstractmethod
    def attack(self, course: Course) -> Attacking:
        """Carry out the attack until it is through or out of bounds."""


def text(name: str, **slots: str) -> str:
    """One of our texts for attacks, with its slots filled; what fills them is never a template."""
    parts = OwnPrompts().text("attacks", name).split("{")
    filled = [parts[0]]
    for part in parts[1:]:
        slot, closed, rest = part.partition("}")
        filled.append(slots[slot] + rest if closed and slot in slots else "{" + part)
    return "".join(filled)


def target_says(
    course: Course, history: Sequence[Turn], prompt: str
) -> Generator[Step, Outcome, tuple[Turn, Reply]]:
    """Put a prompt to the target after a history; the turn that it saw, and its reply."""
    turn = Turn("user", course.converted(prompt))
    head = (Turn("system", course.goal.system),) if course.goal.system else ()
    reply = yield Request(Part.TARGET, (*head, *history, turn))
    assert isinstance(reply, Reply)
    course.tries.append(Try(turn.text, reply.text, reply.status.value))
    return turn, reply


def attacker_says(
    history: Sequence[Turn], fields: Sequence[str]
) -> Generator[Step, Outcome, tuple[Mapping[str, str], Reply]]:
    """Ask the attacker for an object with these text fields; empty where it gives none."""
    schema: dict[str, object] = {
        "type": "object",
        "properties": {name: {"type": "string"} for name in fields},
        "required": list(fields),
        "additionalProperties": False,
    }
    reply = yield Request(Part.ATTACKER, tuple(history), Sampling(temperature=1.0), schema)
    assert isinstance(reply, Reply)
    read = read_object(reply.text)
    return {name: value for name in fields if isinstance(value := read.get(name), str)}, reply


def judged(course: Course, one: Try) -> Generator[Step, Outcome, int]:
    """Ask the judge how far a reply reaches the goal; its score 1..10, noted in the try."""
    if one.status != "ok":
        one.reached = "none"
        return 1
    question = text("progress", goal=course.goal.text, answer=one.reply)
    reply = yield Request(Part.JUDGE, (Turn("user", question),), GREEDY, _PROGRESS)
    assert isinstance(reply, Reply)
    read = read_object(reply.text)
    reached, score = read.get("reached"), read.get("score")
    one.reached = reached if reached in ("none", "partly", FULL) else ""
    return score if isinstance(score, int) and 1 <= score <= 10 else 1


def bounds_from(settings: Mapping[str, str]) -> Bounds:
    """Bounds from a user's settings; ConfigError names what is no number from 1 to 1,000."""
    found: dict[str, int] = {}
    for name in Bounds.__dataclass_fields__:
        if name not in settings:
            continue
        value = settings[name]
        if not value.isdigit() or not 1 <= int(value) <= 1000:
            raise ConfigError(f"{name}={value!r} is not a number from 1 to 1000")
        found[name] = int(value)
    return Bounds(**found)
