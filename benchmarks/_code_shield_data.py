"""What benchmarks/code_shield.py judges: the repository's own sets and the shared rows."""

import gzip
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
SETS = ROOT / "tests" / "data" / "code_shield"
SHELL = ROOT / "tests" / "unit" / "detectors" / "code_shield" / "shell"
SNIPPET = 650
"""Characters of a snippet whose scan is timed."""


@dataclass(frozen=True, slots=True)
class Row:
    """A piece of code, or a message where there is no language."""

    id: str
    language: str | None
    code: str


@dataclass(frozen=True, slots=True)
class Pair:
    """An insecure fragment and its secure twin."""

    cwe: str
    bad: Row
    good: Row


def _files(folder: str) -> Iterator[tuple[str, object]]:
    for path in sorted((SETS / folder).glob("*.yaml")):
        yield path.stem, yaml.safe_load(path.read_text(encoding="utf-8"))


def pairs(folder: str = "pairs") -> list[Pair]:
    """Every insecure fragment of a set with its twin."""
    found: list[Pair] = []
    for language, rows in _files(folder):
        assert isinstance(rows, list)
        for row in rows:
            bad, good = (Row(row["id"], language, row[side]) for side in ("bad", "good"))
            found.append(Pair(row["cwe"], bad, good))
    return found


def clean() -> list[Row]:
    """Ordinary functions."""
    return [row for language, rows in _files("clean") for row in _rows(rows, language)]


def chat() -> list[Row]:
    """Harmless messages."""
    return [row for _, rows in _files("chat") for row in _rows(rows, None)]


def _rows(rows: object, language: str | None) -> list[Row]:
    assert isinstance(rows, dict)
    return [Row(name, language, code) for name, code in rows.items()]


def shell_lines(kind: str) -> list[Row]:
    """Shell one-liners, `dangerous` or `benign`; a line that begins with `# ` is a heading."""
    lines = (SHELL / f"{kind}.txt").read_text(encoding="utf-8").splitlines()
    chosen = (line for line in lines if line and not line.startswith("# "))
    return [Row(f"{kind}-{number}", "shell", line) for number, line in enumerate(chosen)]


def development_rows() -> list[Row]:
    """Fragments of public code that analysers had found; none where the shared data is not here."""
    shared = Path(os.environ.get("TYRIAN_SHARED") or ROOT.parent / "shared")
    path = shared / "data" / "codeshield" / "insecure_dev.jsonl.gz"
    if not path.is_file():
        return []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [Row(row["id"], row["language"], row["code"]) for row in rows]


def snippets() -> list[Row]:
    """Snippets of 650 characters in every language, insecure, secure and ordinary code in turns."""
    by_language: dict[str, list[str]] = {}
    for pair in pairs():
        assert pair.bad.language is not None
        by_language.setdefault(pair.bad.language, []).extend((pair.bad.code, pair.good.code))
    for row in clean():
        assert row.language is not None
        by_language[row.language].append(row.code)
    found: list[Row] = []
    for language, codes in by_language.items():
        text = "\n".join(codes)
        for start in range(0, len(text) - SNIPPET, SNIPPET):
            code = text[start : start + SNIPPET]
            found.append(Row(f"{language}-{start // SNIPPET}", language, code))
    return found


def untagged() -> list[Row]:
    """Messages whose code has no language tag: insecure and secure fragments in a sentence."""
    found: list[Row] = []
    for number, pair in enumerate(pairs()):
        code = (pair.bad if number % 2 else pair.good).code
        bare = f"You could write it like this:\n\n{code}\n\nTell me if something is missing."
        fenced = f"Here it is:\n\n```\n{code}```\n\nTell me if something is missing."
        found.append(Row(pair.bad.id, None, bare if number % 4 < 2 else fenced))
    return found
