"""Scores texts with a peer's rules inside its own environment; talks JSON lines.

Run as `python _detection_worker.py llamafirewall | llm-guard`. A request is `{"texts": [...]}`; the
answer `{"scores": {rule: [0 or 1, ...]}}`. It needs nothing but the standard library and the peer.
"""

import asyncio
import json
import logging
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

Score = Callable[[str], Any]


def _llamafirewall() -> dict[str, Score]:
    from llamafirewall import UserMessage
    from llamafirewall.scanners.regex_scanner import DEFAULT_REGEX_PATTERNS, RegexScanner

    scanner = RegexScanner(
        {name: p for name, p in DEFAULT_REGEX_PATTERNS.items() if name == "Prompt injection"}
    )

    async def score(text: str) -> float:
        found = await scanner.scan(UserMessage(text))
        return float(found.score)

    return {"LlamaFirewall regex": score}


def _llm_guard() -> dict[str, Score]:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from llm_guard.input_scanners import BanSubstrings
    from llm_guard.input_scanners.ban_substrings import PROMPT_STOP_SUBSTRINGS
    from llm_guard.util import configure_logger

    configure_logger("CRITICAL")
    scanner = BanSubstrings(PROMPT_STOP_SUBSTRINGS)
    return {"LLM Guard stop list": lambda text: 0.0 if scanner.scan(text)[1] else 1.0}


async def _answer(scores: dict[str, Score]) -> None:
    for line in sys.stdin:
        reply: dict[str, list[float]] = {}
        for name, score in scores.items():
            reply[name] = []
            for text in json.loads(line)["texts"]:
                found = score(text)
                value = await found if isinstance(found, Awaitable) else found
                reply[name].append(float(value))
        sys.__stdout__.write(json.dumps({"scores": reply}) + "\n")  # type: ignore[union-attr]
        sys.__stdout__.flush()  # type: ignore[union-attr]


if __name__ == "__main__":
    sys.stdout = sys.stderr
    logging.disable(logging.CRITICAL)
    makers = {"llamafirewall": _llamafirewall, "llm-guard": _llm_guard}
    asyncio.run(_answer(makers[sys.argv[1]]()))
