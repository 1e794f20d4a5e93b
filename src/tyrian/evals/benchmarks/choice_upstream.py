"""CyberSOCEval's own reading of multiple choice, and its statistics.

An answer is what stands between the last brace that opens and the last that closes; similarity is
of lists, so that a letter said twice costs; what cannot be parsed leaves the denominator.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence

from tyrian.evals.benchmark import Scored
from tyrian.evals.sample import Score, unscored

UNREADABLE = "unreadable"
"""Counted as a parsing error; cases that are missing for another reason vanish upstream."""


def score_upstream(text: str, right: Sequence[str]) -> Score:
    """The published score of an answer's text; an empty one vanishes."""
    if not text:
        return unscored("empty", "upstream drops the row")
    read = _object(text)
    if not read:
        return unscored(UNREADABLE, "upstream counts a parsing error")
    said = read.get("correct_answers")
    if not isinstance(said, list | str | dict) or any(isinstance(one, list | dict) for one in said):
        return unscored("not_a_list", "upstream fails on it and drops the row")
    value = _overlap(list(said), right)
    label = "exact" if value == 1.0 else "wrong"
    return Score({"exact": float(value == 1.0), "overlap": value}, label)


def unboxed(text: str) -> str:
    """What threat_intel_reasoning looks at: the tagged object, or a boxed list of letters."""
    line = text.replace("\r", "").replace("\n", "")
    tagged = re.search("<json_object>(.*?)</json_object>", line)
    if tagged:
        return tagged.group(0)
    boxed = re.search(r"\$\\boxed{([^}]*)}\$", line)
    if boxed is None:
        return line
    letters = boxed.group(1).replace(" ", "").split(",")
    if not all(letters):
        return ""  # upstream fails on an empty one, and the row vanishes
    return '{"correct_answers": [' + ",".join(f'"{one[0]}"' for one in letters) + "]}"


def _object(text: str) -> Mapping[str, object]:
    line = text.replace("\n", "")
    start, end = line.rfind("{"), line.rfind("}")
    if start < 0 or end < 0:
        return {}
    try:
        read = json.loads(line[start : end + 1])
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _overlap(said: Sequence[object], right: Sequence[str]) -> float:
    both = len(set(said) & set(right))
    union = len(said) + len(right) - both
    return float(both) / union if union > 0 else 0.0


def stats_upstream(
    scored: Iterable[Scored], model: str, slices: Mapping[str, str]
) -> dict[str, object]:
    """Per model, whole and by slice; `slices` maps our names to theirs."""
    whole = _empty()
    by: dict[str, dict[str, dict[str, float]]] = {name: {} for name in slices}
    for one in scored:
        if one.score.missing not in ("", UNREADABLE):
            continue
        _add(whole, one.score)
        for name in slices:
            _add(by[name].setdefault(one.sample.slices[name], _empty()), one.score)
    named = {f"stat_per_model_per_{theirs}": by[name] for name, theirs in slices.items()}
    return {model: {"stat_per_model": whole, **named}}


def _empty() -> dict[str, float]:
    return {
        "avg_score": 0.0,
        "total_score": 0.0,
        "correct_mc_count": 0,
        "incorrect_mc_count": 0,
        "response_parsing_error_count": 0,
        "correct_mc_pct": 0.0,
    }


def _add(counts: dict[str, float], score: Score) -> None:
    if score.missing:
        counts["response_parsing_error_count"] += 1
        return
    counts["correct_mc_count" if score.values["exact"] else "incorrect_mc_count"] += 1
    counts["total_score"] += score.values["overlap"]
    answered = counts["correct_mc_count"] + counts["incorrect_mc_count"]
    counts["correct_mc_pct"] = 1.0 * counts["correct_mc_count"] / answered
    counts["avg_score"] = counts["total_score"] / answered
