"""GOAT: an attacker that reasons about each answer and picks among seven known moves.

Source: Pavlova and others (2024), arXiv:2410.01606. The conversation is never cut short, since
stopping early would bias estimates over several conversations.
"""

from tyrian.evals.attacks.attack import (
    Attack,
    Attacking,
    Course,
    attacker_says,
    target_says,
    text,
)
from tyrian.evals.exchange import Turn

_FIELDS = ("observation", "thought", "strategy", "response")


class Goat(Attack):
    """Up to `turns` turns; the attacker sees its own reasoning, the target only the prompts."""

    name = "goat"
    about = "A conversation led by an attacker that reasons and stacks seven known moves."
    source = "https://arxiv.org/abs/2410.01606"

    def attack(self, course: Course) -> Attacking:
        """One conversation."""
        attacker = [
            Turn("system", text("goat_system", goal=course.goal.text)),
            Turn("user", text("goat_first", goal=course.goal.text)),
        ]
        heard: list[Turn] = []
        for _ in range(course.bounds.turns):
            said, raw = yield from attacker_says(attacker, _FIELDS)
            prompt = said.get("response", "")
            if not prompt:
                return
            turn, reply = yield from target_says(course, heard, prompt)
            if not reply.is_answer:
                answer = f"[no answer: {reply.reason or reply.status.value}]"
            else:
                answer = reply.text
                heard += [turn, Turn("assistant", reply.text)]
            attacker += [
                Turn("assistant", raw.text),
                Turn(
                    "user",
                    text("goat_next", goal=course.goal.text, prompt=prompt, answer=answer),
                ),
            ]
