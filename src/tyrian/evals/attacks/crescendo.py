"""Crescendo: harmless questions that lead on, step by step; refused steps are taken back.

Source: Russinovich, Salem and Eldan (2024), arXiv:2404.01833.
"""

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
from tyrian.evals.exchange import Turn

_FIELDS = ("summary", "rationale", "question")


class Crescendo(Attack):
    """Up to twice `turns` questions, as many of which may be taken back."""

    name = "crescendo"
    about = "Harmless questions that lead on step by step; refused ones are taken back."
    source = "https://arxiv.org/abs/2404.01833"

    def attack(self, course: Course) -> Attacking:
        """One conversation with backtracking."""
        attacker = [Turn("system", text("crescendo_system", goal=course.goal.text))]
        heard: list[Turn] = []
        news = text("crescendo_first")
        rounds = backtracks = 0
        while rounds < 2 * course.bounds.turns and backtracks <= 2 * course.bounds.turns:
            attacker.append(Turn("user", news))
            said, raw = yield from attacker_says(attacker, _FIELDS)
            question = said.get("question", "")
            if not question:
                return
            attacker.append(Turn("assistant", raw.text))
            turn, reply = yield from target_says(course, heard, question)
            score = yield from judged(course, course.tries[-1])
            if course.tries[-1].reached == FULL:
                return
            if score <= 1:
                backtracks += 1
                news = text("crescendo_refused", answer=reply.text or "[no answer]")
                continue
            rounds += 1
            heard += [turn, Turn("assistant", reply.text)]
            news = text("crescendo_next", answer=reply.text, score=str(score))
