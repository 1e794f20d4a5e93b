"""Times detectors inside one environment, ours or a peer's; talks JSON lines.

Run as `python _guards_worker.py tyrian | llamafirewall | llm-guard`, or, with the model directory
that `BENCH_WEIGHTS` names, as `tyrian-weights | llamafirewall-weights`. A request is
`{"subject", "texts"}`; the answer `{"cpu_us": [...]}`, CPU microseconds of the whole process per
text. The first line it writes is `{"subjects": {name: note}}`. It must run in the peers'
environments, so it needs nothing but the standard library and the package it times.
"""

import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

Subject = Callable[[str], Any]
"""Judges one text; may return an awaitable, which is awaited on a warm loop."""

BANNED = tuple(f"forbidden-term-{i}" for i in range(10))
EXPRESSIONS = tuple(rf"\bproject-{name}-\d{{3,6}}\b" for name in "abcdefghij")
WHOLE = "whole default stack"
FIRST_STAGE = "default stack, first stage alone"


def _tyrian() -> dict[str, Subject]:
    from tyrian import Firewall, Message
    from tyrian.core.detection import Stage, View
    from tyrian.core.registry import DetectorConfig, create_detector
    from tyrian.stack.load import default_text, parse_stack

    def subject(kind: str, stage: Stage, entries: list[dict[str, object]] | None = None) -> Subject:
        options = {"patterns": entries} if entries else {}
        detector = create_detector(kind, DetectorConfig(name=kind, options=options))
        make = Message.assistant if stage is Stage.OUTPUT else Message.user
        return lambda text: detector.detect(View.of(make(text), stage))

    expressions: list[dict[str, object]] = [
        {"id": f"project-{n}", "regex": expression} for n, expression in enumerate(EXPRESSIONS)
    ]
    kinds = ("hidden_text", "secrets", "pii", "prompt_guard", "content_guard")
    subjects = {kind: subject(kind, Stage.INPUT) for kind in kinds}
    subjects["exfiltration"] = subject("exfiltration", Stage.OUTPUT)
    subjects["pattern, 10 regexes"] = subject("pattern", Stage.INPUT, expressions)
    subjects["pattern, 10 words"] = subject(
        "pattern", Stage.INPUT, [{"id": "terms", "words": list(BANNED)}]
    )
    firewall = Firewall.default()
    subjects[WHOLE] = lambda text: firewall.scan(Message.user(text))
    # The same stack with an option for the prompt guards.
    lighter = default_text().replace(
        "    - name: prompt_guard",
        "    - options: {second_stage: false}\n      name: prompt_guard",
    )
    first = Firewall.from_stack(parse_stack(lighter, base=Path.cwd(), file="first stage"))
    subjects[FIRST_STAGE] = lambda text: first.scan(Message.user(text))
    return subjects


def _llamafirewall() -> dict[str, Subject]:
    from llamafirewall import LlamaFirewall, Role, ScannerType, UserMessage
    from llamafirewall.scanners.hidden_ascii_scanner import HiddenASCIIScanner
    from llamafirewall.scanners.regex_scanner import RegexScanner

    hidden, regex = HiddenASCIIScanner(), RegexScanner()
    scanners = {Role.USER: [ScannerType.REGEX, ScannerType.HIDDEN_ASCII]}
    whole = LlamaFirewall(scanners)
    return {
        "HiddenASCII (reused)": lambda text: hidden.scan(UserMessage(text)),
        "Regex, 5 defaults (reused)": lambda text: regex.scan(UserMessage(text)),
        "scan_async, Regex + HiddenASCII": lambda text: whole.scan_async(UserMessage(text)),
    }


def _llm_guard() -> dict[str, Subject]:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from llm_guard import scan_prompt
    from llm_guard.input_scanners import BanSubstrings, InvisibleText, Regex, Secrets
    from llm_guard.util import configure_logger

    configure_logger("CRITICAL")
    scanners = {
        "InvisibleText": InvisibleText(),
        "Secrets": Secrets(),
        "Regex, 10": Regex(patterns=list(EXPRESSIONS)),
        "BanSubstrings, 10 words": BanSubstrings(list(BANNED), match_type="word"),
    }
    subjects: dict[str, Subject] = {name: each.scan for name, each in scanners.items()}
    subjects["scan_prompt, these four"] = lambda text: scan_prompt(list(scanners.values()), text)
    return subjects


def _tyrian_weights() -> dict[str, Subject]:
    """Whole detectors, every reading of the text included, and transformers by itself."""
    import torch
    from transformers import pipeline

    from tyrian import Message
    from tyrian.core.detection import Stage, View
    from tyrian.core.registry import DetectorConfig, create_detector

    torch.set_num_threads(1)
    directory = os.environ["BENCH_WEIGHTS"]

    def subject(backend: str, window: int = 128) -> Subject:
        options = {"self_test": False, "threads": 1, "device": "cpu", "window_tokens": window}
        config = DetectorConfig(
            "prompt_guard_2", backend=backend, model=directory, timeout_s=600.0, options=options
        )
        detector = create_detector("prompt_guard_2", config)
        assert detector.info.backend == backend
        return lambda text: detector.detect(View.of(Message.user(text), Stage.INPUT))

    whole = pipeline("text-classification", model=directory, device="cpu", truncation=True)
    return {
        "transformers pipeline": whole,
        "torch": subject("torch"),
        os.environ.get("BENCH_ONNX", "onnx"): subject("onnx"),
    }


def _llamafirewall_weights() -> dict[str, Subject]:
    import huggingface_hub
    import torch

    # It imports a class that newer hubs have dropped, for log-in alone; the weights are local.
    if not hasattr(huggingface_hub, "HfFolder"):
        huggingface_hub.HfFolder = type("HfFolder", (), {"get_token": staticmethod(str)})
    from llamafirewall.scanners.promptguard_utils import PromptGuard

    torch.set_num_threads(1)
    return {"get_jailbreak_score": PromptGuard().get_jailbreak_score}


_MAKERS = {
    "tyrian": _tyrian,
    "llamafirewall": _llamafirewall,
    "llm-guard": _llm_guard,
    "tyrian-weights": _tyrian_weights,
    "llamafirewall-weights": _llamafirewall_weights,
}


async def _time(subject: Subject, text: str) -> float:
    began = time.process_time_ns()
    found = subject(text)
    if isinstance(found, Awaitable):
        await found
    return (time.process_time_ns() - began) / 1000


async def _answer_all(subjects: dict[str, Subject]) -> None:
    for line in sys.stdin:
        request = json.loads(line)
        subject = subjects[request["subject"]]
        try:
            spent = [await _time(subject, text) for text in request["texts"]]
            reply: dict[str, object] = {"cpu_us": spent}
        except Exception as error:  # noqa: BLE001 - a subject's failure is its figure
            reply = {"cpu_us": [], "error": type(error).__name__}
        sys.__stdout__.write(json.dumps(reply) + "\n")  # type: ignore[union-attr]
        sys.__stdout__.flush()  # type: ignore[union-attr]


if __name__ == "__main__":
    sys.stdout = sys.stderr
    logging.disable(logging.CRITICAL)
    made = _MAKERS[sys.argv[1]]()
    sys.__stdout__.write(json.dumps({"subjects": list(made)}) + "\n")  # type: ignore[union-attr]
    sys.__stdout__.flush()  # type: ignore[union-attr]
    asyncio.run(_answer_all(made))
