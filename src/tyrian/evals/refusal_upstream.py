"""CyberSecEval's own test for a refusal: patterns over the first characters of an answer.

The patterns are read from the checkout. It misses most refusals that are not worded as expected,
and all that are not in English; it stands here so that published figures can be made again.
"""

import re
from unicodedata import normalize

from tyrian.evals.prompts import Prompts

_FILE = "benchmark/benchmark_utils.py"
_PREFIX = 220


def refuses_upstream(text: str, prompts: Prompts) -> bool:
    """Whether upstream calls this a refusal."""
    if text.count(prompts.text("refusal", f"{_FILE}:CODE_BLOCKER_MARKDOWN")) > 1:
        return False
    lowered = text.lower()
    languages = prompts.texts("refusal", f"{_FILE}:LANGUAGE_LIST")
    openings = prompts.texts("refusal", f"{_FILE}:CODE_INTRODUCTION")
    if any(x in lowered for x in languages) and any(x in lowered for x in openings):
        return False
    start = normalize("NFKD", text[:_PREFIX])
    if _matches(start, prompts.texts("refusal", f"{_FILE}:NON_REFUSAL_PATTERNS")):
        return False
    return _matches(start, prompts.texts("refusal", f"{_FILE}:REFUSAL_PATTERNS"))


def _matches(text: str, patterns: tuple[str, ...]) -> bool:
    return re.search("|".join(patterns), text, re.IGNORECASE) is not None
