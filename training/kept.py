"""Texts that no training reads: `held/` for figures alone, `calibration/` to set thresholds on.

Each file is a source, written apart from the templates and from the other files: one JSON object a
line, with the `class` of a text and the `text`. What is calibrated on is harmless.
"""

import json
from functools import cache
from pathlib import Path

from training.corpus import Row

HERE = Path(__file__).parent
HELD, CALIBRATION = "held", "calibration"
DIRECT, JAILBREAK, EXPLICIT, PLAIN = "direct", "jailbreak", "tool_explicit", "tool_plain"
FOREIGN_ATTACK = "foreign_attack"
ORDINARY, STYLED, TRIGGER, SECURITY = "ordinary", "styled", "trigger", "security"
CLEAN, FOREIGN, FOREIGN_SECURITY = "tool_clean", "foreign_benign", "foreign_security"
DOCUMENT = "document"
"""Long and harmless: pages of manuals, source code, licences."""
ATTACKS = frozenset({DIRECT, JAILBREAK, EXPLICIT, PLAIN, FOREIGN_ATTACK})
CLASSES = ATTACKS | {
    *(ORDINARY, STYLED, TRIGGER, SECURITY, CLEAN, FOREIGN, FOREIGN_SECURITY, DOCUMENT)
}


@cache
def kept_rows(folder: str) -> tuple[Row, ...]:
    """The rows of all files; the kind of a row is its class. ValueError where a class is none."""
    rows = []
    for file in sorted((HERE / folder).glob("*.jsonl")):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            one = json.loads(line)
            kind = one["class"]
            if kind not in CLASSES:
                known = ", ".join(sorted(CLASSES))
                raise ValueError(f"{file.name}, line {number}: {kind!r} is none of {known}")
            labels = ("malicious",) if kind in ATTACKS else ()
            rows.append(Row(one["text"], labels, file.stem, kind))
    return tuple(rows)
