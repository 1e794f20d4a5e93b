"""What the embedded guards find and what they stop wrongly, per source, beside simple rules.

    python benchmarks/detection.py [--quick] [--no-peers] [--leave-out]

Prints tables as Markdown and never a text. What the columns mean stands in benchmarks/README.md.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from _detection_content import HELD_HEAD, unseen_rows
from _detection_cost import Cost, cost_cells, costs
from _detection_data import (
    NoDataError,
    Text,
    content_texts,
    dev_texts,
    foreign_texts,
    kept,
    prepared,
    target_texts,
    unseen_texts,
)
from _detection_leave_out import leave_out
from _detection_long import LONG_HEAD, long_rows
from _detection_stats import AT, F64, BySource, auc, interval, recall_at, shown
from _detection_targets import HEAD as HEAD_OF_TARGETS
from _detection_targets import content_rows, cost_rows, form_row, target_rows
from _forms import FORMS
from _peers import LLAMA_FIREWALL, LLM_GUARD, PeerUnavailableError, ensure
from _table import Cell, table
from tyrian.core.detection import Detection, Detector, Stage, View
from tyrian.core.message import Message
from tyrian.core.registry import DetectorConfig, create_detector
from tyrian.models.embedded import embedded_content_guard
from tyrian.policy.guard import GuardRule
from tyrian.stack.load import default_stack

HERE = Path(__file__).resolve().parent
OURS = "Tyrian prompt_guard"
PUBLISHED = (
    ("Prompt Guard 1 86M", ".987", "21.2 %", ".983"),
    ("Prompt Guard 2 22M", ".995", "88.7 %", ".942"),
    ("Prompt Guard 2 86M", ".998", "97.5 %", ".995"),
)
"""Model cards and arXiv 2505.03574: AUC en, recall at 1 % FPR en, AUC multilingual."""
KEYWORDS = (
    "ignore all previous", "ignore previous", "ignore the above", "disregard", "forget everything",
    "forget your instructions", "system prompt", "your instructions", "jailbreak", "dan mode",
    "do anything now", "developer mode", "you are now", "no restrictions", "without restrictions",
    "unfiltered", "pretend you are", "act as if", "override", "reveal", "bypass", "no longer bound",
)  # fmt: skip
Scorer = Callable[[Sequence[Text]], F64]


class Ours:
    """A detector of the default stack at its stages, all views of the text."""

    def __init__(self, kind: str) -> None:
        self._detector: Detector = create_detector(kind, DetectorConfig(name=kind))
        stages = {g.stage: g.rule() for g in default_stack().guards() if g.kind == kind}
        self._rules: Mapping[Stage, GuardRule] = stages

    def _judged(self, text: Text) -> tuple[Detection, GuardRule]:
        is_tool = text.is_from_tool and Stage.TOOL_RESULT in self._rules
        stage = Stage.TOOL_RESULT if is_tool else Stage.INPUT
        message = Message.tool(text.text) if is_tool else Message.user(text.text)
        found = self._detector.detect(View.of(message, stage))
        assert isinstance(found, Detection)
        return found, self._rules[stage]

    def scores(self, texts: Sequence[Text]) -> F64:
        """The greatest score of any label."""
        return np.array([self._judged(text)[0].score for text in texts], dtype=np.float64)

    def excess(self, texts: Sequence[Text]) -> F64:
        """By how much the furthest label passes its threshold in the default stack."""
        return np.array([_excess(*self._judged(text)) for text in texts], dtype=np.float64)


def _excess(found: Detection, rule: GuardRule) -> float:
    return max((s - rule.threshold(label) for label, s in found.scores.items()), default=-1.0)


def keyword_scores(texts: Sequence[Text]) -> F64:
    """How many of the phrases a text has."""
    return np.array([sum(w in t.text.lower() for w in KEYWORDS) for t in texts], dtype=np.float64)


def peer_scores(texts: Sequence[Text]) -> dict[str, F64]:
    """Each peer's rules on the texts, in an environment of its own; absent ones are told."""
    found: dict[str, F64] = {}
    request = json.dumps({"texts": [t.text for t in texts]}) + "\n"
    for peer in (LLAMA_FIREWALL, LLM_GUARD):
        try:
            done = subprocess.run(
                [str(ensure(peer)), str(HERE / "_detection_worker.py"), peer.name],
                input=request, capture_output=True, text=True, timeout=900, check=False,
            )  # fmt: skip
            scores = json.loads(done.stdout)["scores"]
        except (PeerUnavailableError, subprocess.TimeoutExpired, OSError, ValueError) as error:
            print(f"left out: {peer.name}: {type(error).__name__}", file=sys.stderr)
            continue
        found |= {name: np.array(values) for name, values in scores.items()}
    return found


def by_source(texts: Sequence[Text], scores: F64, *, unsafe: bool) -> dict[str, F64]:
    """The scores of one side, by source."""
    groups: dict[str, list[float]] = {}
    for text, score in zip(texts, scores.tolist(), strict=True):
        if text.is_unsafe is unsafe:
            groups.setdefault(text.source.split("/")[0], []).append(score)
    return {name: np.array(values) for name, values in sorted(groups.items())}


def share_above(limit: float, *, is_strict: bool = False) -> Callable[[F64, F64], float]:
    """The share of the first scores at the limit and above, as a statistic of two samples."""
    return lambda some, _: float((some > limit if is_strict else some >= limit).mean())


def _row(name: str, attacks: BySource, benign: BySource, hit: tuple[str, str]) -> list[Cell]:
    recall, alarms = hit
    return [
        name,
        sum(map(len, attacks.values())) or sum(map(len, benign.values())),
        shown(interval(attacks, benign, auc)),
        shown(interval(attacks, benign, recall_at), 100, 1),
        recall,
        alarms,
    ]


def _share(sources: BySource, limit: float, *, is_strict: bool = False) -> str:
    if not sources:
        return "-"
    return shown(interval(sources, {}, share_above(limit, is_strict=is_strict)), 100, 1)


HEAD = ("rows", "AUC", f"recall % at {AT:.0%} FPR", "recall % shipped", "FPR % shipped")


def detector_rows(
    texts: Sequence[Text], scores: F64, limit: float, *, is_strict: bool = False
) -> list[list[Cell]]:
    """All sources together, then each: attacks against every benign text, and false positives."""
    attacks = by_source(texts, scores, unsafe=True)
    benign = by_source(texts, scores, unsafe=False)
    both = (_share(attacks, limit, is_strict=is_strict), _share(benign, limit, is_strict=is_strict))
    rows = [_row("all sources", attacks, benign, both)]
    for name, some in attacks.items():
        one = {name: some}
        rows.append(_row(name, one, benign, (_share(one, limit, is_strict=is_strict), "-")))
    for name, some in benign.items():
        share = _share({name: some}, limit, is_strict=is_strict)
        rows.append([f"{name} (benign)", len(some), "-", "-", "-", share])
    return rows


def compared_rows(texts: Sequence[Text], methods: Mapping[str, F64]) -> list[list[Cell]]:
    """One row for each way to detect; a rule counts where it matches at all."""
    rows = []
    for name, scores in methods.items():
        attacks = by_source(texts, scores, unsafe=True)
        benign = by_source(texts, scores, unsafe=False)
        is_rule = name != OURS
        limit = 0.0 if is_rule else 0.5
        both = (_share(attacks, limit, is_strict=is_rule), _share(benign, limit, is_strict=is_rule))
        rows.append(_row(name, attacks, benign, both))
    for name, area, recall, multilingual in PUBLISHED:
        note = f"{name} (published, other data)"
        rows.append([note, "-", f"{area}; multilingual {multilingual}", recall, "-", "-"])
    return rows


def form_scores(guard: Ours, texts: Sequence[Text], most: int) -> dict[str, F64]:
    """The scores in each disguise of attacks that are caught plain."""
    short = [t for t in texts if t.is_unsafe and t.text.isascii() and len(t.text) < 600]
    caught = [t for t, s in zip(short, guard.scores(short), strict=True) if s >= 0.5][:most]
    return {
        name: guard.scores([replace(text, text=form(text.text)) for text in caught])
        for name, form in FORMS.items()
    }


def caught_plainly(guard: Ours) -> list[Text]:
    """Short direct attacks of the held texts that are stopped in the output of a tool."""
    short = [t for t in target_texts() if t.kind == kept.DIRECT and len(t.text) < 300]
    planted = [replace(text, kind="indirect_injection") for text in short]
    return [t for t, s in zip(planted, guard.scores(planted), strict=True) if s >= 0.5]


def form_rows(forms: Mapping[str, F64]) -> list[list[Cell]]:
    """The share still caught in each disguise."""
    return [
        [name, len(scores), shown(interval({"caught": scores}, {}, share_above(0.5)), 100, 1)]
        for name, scores in forms.items()
    ]


def language_rows(guard: Ours, share: float) -> list[list[Cell]]:
    """Attacks and benign text of each language against each other."""
    rows: list[list[Cell]] = []
    for name, texts in foreign_texts(share).items():
        scores = guard.scores(texts)
        attacks = {name: np.concatenate(list(by_source(texts, scores, unsafe=True).values()))}
        benign = {name: np.concatenate(list(by_source(texts, scores, unsafe=False).values()))}
        both = _share(attacks, 0.5), _share(benign, 0.5)
        rows.append(_row(name, attacks, benign, both))
    return rows


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="fewer rows of each source")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument(
        "--leave-out", action="store_true", help="also train without sources and measure on them"
    )
    return parser.parse_args()


def _report(given: argparse.Namespace) -> None:
    most = 40 if given.quick else 1000
    texts = dev_texts(most)
    guard = Ours("prompt_guard")
    scores = guard.scores(texts)
    title = "Prompt attacks, development sources (not learnt from; the threshold was set on them)"
    print(table(title, ["source", *HEAD], detector_rows(texts, scores, 0.5)))
    methods = {OURS: scores, "keyword list": keyword_scores(texts)}
    if not given.no_peers:
        methods |= peer_scores(texts)
    print(table("Beside simple rules", ["how", *HEAD], compared_rows(texts, methods)))
    forms = form_scores(guard, texts, 20 if given.quick else 150)
    print(
        table(
            "Disguises of attacks caught plain",
            ["form", "rows", "still caught %"],
            form_rows(forms),
        )
    )
    title = "Long documents that no training has read, as the output of tools"
    rows = long_rows(guard.scores, caught_plainly(guard), 10 if given.quick else 60)
    print(table(title, ["what", "rows", *LONG_HEAD], rows))
    languages = language_rows(guard, 0.1 if given.quick else 0.4)
    title = "Other languages (new draws of templates that the training knows: an upper bound)"
    print(table(title, ["language", *HEAD], languages))
    content = content_texts(25 if given.quick else 200)
    excess = Ours("content_guard").excess(content)
    title = "Content, by source (the training has learnt from these sources: an upper bound)"
    print(table(title, ["source", *HEAD], detector_rows(content, excess, 0.0)))
    held = unseen_texts()
    title = "Content safety, texts that no training has read"
    rows = unseen_rows(held, Ours("content_guard").excess(held))
    print(table(title, ["hazard", *HELD_HEAD], rows))
    found = costs([t.text for t in texts if not t.is_unsafe], 60 if given.quick else 300)
    print(table("Size and CPU, median", ["what", "measured"], cost_cells(found)))
    rows = targets(guard, forms, found)
    print(table("Targets, on texts that no training has read", ["what", *HEAD_OF_TARGETS], rows))


def targets(guard: Ours, forms: Mapping[str, F64], found: Sequence[Cost]) -> list[list[Cell]]:
    """Every target of the project, and how far the shipped guards are."""
    texts, unseen = target_texts(), unseen_texts()
    content = embedded_content_guard()
    hazards = np.array([[*content.score(prepared(text.text)).values()] for text in unseen])
    shares = {name: float((scores >= 0.5).mean()) for name, scores in forms.items() if len(scores)}
    return [
        *target_rows(texts, guard.scores(texts)),
        *([form_row(shares)] if shares else []),
        *content_rows([next(iter(text.labels), "") for text in unseen], hazards),
        *cost_rows(found),
    ]


def main() -> None:
    """Measure and print the tables."""
    given = _arguments()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    try:
        _report(given)
    except NoDataError as error:
        raise SystemExit(str(error)) from None
    if given.leave_out:
        leave_out()


if __name__ == "__main__":
    main()
