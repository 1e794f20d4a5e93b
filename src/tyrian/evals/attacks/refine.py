"""PAIR and TAP: single prompts, bettered by an attacker from the judge's scores.

Sources: Chao and others (2023), arXiv:2310.08419; Mehrotra and others (2023), arXiv:2312.02119.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from tyrian.evals.attacks.attack import (
    FULL,
    Attack,
    Attacking,
    Course,
    attacker_says,
    judged,
    target_says,
    text,
)
from tyrian.evals.benchmark import Outcome, Step
from tyrian.evals.exchange import GREEDY, Part, Reply, Request, Turn
from tyrian.evals.object_in_text import read_object

_FIELDS = ("improvement", "prompt")
_ON_TOPIC = {
    "type": "object",
    "properties": {"on_topic": {"type": "boolean"}},
    "required": ["on_topic"],
    "additionalProperties": False,
}
_KEPT = 6
"""Turns of its own history that the attacker keeps, beside its instructions (as published: 3)."""


class Pair(Attack):
    """One stream of at most `tries` prompts, each put to the target afresh."""

    name = "pair"
    about = "One prompt after another, each bettered from the judge's score of the last."
    source = "https://arxiv.org/abs/2310.08419"

    def attack(self, course: Course) -> Attacking:
        """One stream."""
        head = Turn("system", text("refine_system", goal=course.goal.text))
        history: list[Turn] = [Turn("user", text("refine_first", goal=course.goal.text))]
        for _ in range(course.bounds.tries):
            said, raw = yield from attacker_says([head, *history[-_KEPT - 1 :]], _FIELDS)
            prompt = said.get("prompt", "")
            if not prompt:
                return
            _, reply = yield from target_says(course, (), prompt)
            score = yield from judged(course, course.tries[-1])
            if course.tries[-1].reached == FULL:
                return
            news = text("refine_next", goal=course.goal.text, answer=reply.text, score=str(score))
            history += [Turn("assistant", raw.text), Turn("user", news)]


@dataclass(frozen=True, slots=True)
class _Leaf:
    history: tuple[Turn, ...]
    score: int = 0


class Tap(Attack):
    """A tree of prompts: `branches` from each leaf, `width` best kept, `depth` levels."""

    name = "tap"
    about = "A tree of prompts; what strays from the goal is cut, the best leaves grow on."
    source = "https://arxiv.org/abs/2312.02119"

    def attack(self, course: Course) -> Attacking:
        """One tree."""
        head = Turn("system", text("refine_system", goal=course.goal.text))
        leaves = [_Leaf((Turn("user", text("refine_first", goal=course.goal.text)),))]
        for _ in range(course.bounds.depth):
            grown: list[_Leaf] = []
            for leaf in leaves:
                for _ in range(course.bounds.branches):
                    new = yield from self._branch(course, head, leaf.history)
                    if course.tries and course.tries[-1].reached == FULL:
                        return
                    if new is not None:
                        grown.append(new)
            if not grown:
                return
            grown.sort(key=lambda leaf: -leaf.score)
            leaves = grown[: course.bounds.width]

    def _branch(
        self, course: Course, head: Turn, history: Sequence[Turn]
    ) -> Generator[Step, Outcome, _Leaf | None]:
        said, raw = yield from attacker_says([head, *history[-_KEPT - 1 :]], _FIELDS)
        prompt = said.get("prompt", "")
        if not prompt or not (yield from _is_on_topic(course, prompt)):
            return None
        _, reply = yield from target_says(course, (), prompt)
        score = yield from judged(course, course.tries[-1])
        news = text("refine_next", goal=course.goal.text, answer=reply.text, score=str(score))
        return _Leaf((*history, Turn("assistant", raw.text), Turn("user", news)), score)


def _is_on_topic(course: Course, prompt: str) -> Generator[Step, Outcome, bool]:
    question = text("on_topic", goal=course.goal.text, prompt=prompt)
    reply = yield Request(Part.JUDGE, (Turn("user", question),), GREEDY, _ON_TOPIC)
    assert isinstance(reply, Reply)
    return read_object(reply.text).get("on_topic") is not False
