"""Reasoning models: what was thought, and what was said in the end."""

import re
from collections.abc import Sequence

END_MARKS = ("</think>", "<|reasoning_thinking_end|>")
"""What published reasoning models and CyberSecEval end the reasoning with."""


def parts_of(text: str, marks: Sequence[str] = END_MARKS) -> tuple[str, str]:
    """Reasoning with its end mark, and the final answer; `("", text)` where there is no mark.

    The first mark of the list that the text has decides, at its first place, as upstream does.
    """
    for mark in marks:
        found = re.match(rf".*?{re.escape(mark)}\n*", text, re.DOTALL)
        if found:
            return found.group(), text[found.end() :]
    return "", text
