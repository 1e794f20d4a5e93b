"""What Code Shield finds and leaves alone on the repository's own sets does not get worse.

The sets were written before the rules were seen. `benchmarks/code_shield.py` prints the figures by
language; a floor here is only ever raised, a ceiling only ever lowered.
"""

from functools import cache
from pathlib import Path

import pytest
import yaml

from tyrian.core.detection import Detection, View
from tyrian.core.message import Message
from tyrian.core.registry import DetectorConfig, create_detector
from tyrian.detectors.code_shield.engine import Engine
from tyrian.detectors.code_shield.rule import Profile

SETS = Path(__file__).resolve().parents[3] / "data" / "code_shield"
ENGINE = Engine()


@cache
def rows(folder: str, side: str = "") -> list[tuple[str, str, str]]:
    """Language, id and code of every row."""
    found: list[tuple[str, str, str]] = []
    for path in sorted((SETS / folder).glob("*.yaml")):
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
        named = read.items() if isinstance(read, dict) else ((r["id"], r[side]) for r in read)
        found += [(path.stem, name, code) for name, code in named]
    return found


def flagged(found: list[tuple[str, str, str]], profile: Profile) -> set[str]:
    return {name for language, name, code in found if ENGINE.scan(code, language, profile).findings}


@pytest.mark.parametrize(
    ("folder", "profile", "floor"),
    [
        ("pairs", Profile.BLOCK, 0.50),
        ("pairs", Profile.WARN, 0.97),
        ("pairs", Profile.AUDIT, 0.96),
        ("pairs_later", Profile.BLOCK, 0.50),
        ("pairs_later", Profile.WARN, 0.96),
        ("pairs_later", Profile.AUDIT, 0.96),
    ],
)
def test_insecure_fragments_are_found(folder: str, profile: Profile, floor: float) -> None:
    fragments = rows(folder, "bad")
    found = flagged(fragments, profile)
    missed = sorted({name for _, name, _ in fragments} - found)
    assert len(found) / len(fragments) >= floor, missed


@pytest.mark.parametrize(
    ("profile", "ceiling"), [(Profile.BLOCK, 0.01), (Profile.WARN, 0.01), (Profile.AUDIT, 0.065)]
)
def test_secure_twins_are_left_alone(profile: Profile, ceiling: float) -> None:
    twins = rows("pairs", "good") + rows("pairs_later", "good")
    found = flagged(twins, profile)
    assert len(found) / len(twins) <= ceiling, sorted(found)


@pytest.mark.parametrize(
    ("profile", "ceiling"), [(Profile.BLOCK, 0.003), (Profile.WARN, 0.008), (Profile.AUDIT, 0.025)]
)
def test_clean_functions_are_left_alone(profile: Profile, ceiling: float) -> None:
    functions = rows("clean")
    found = flagged(functions, profile)
    assert len(found) / len(functions) <= ceiling, sorted(found)


def test_harmless_messages_are_left_alone() -> None:
    detector = create_detector("code_shield", DetectorConfig("code_shield"))
    messages = rows("chat")
    found: set[str] = set()
    for _, name, text in messages:
        detection = detector.detect(View.of(Message.assistant(text)))
        assert isinstance(detection, Detection)
        if detection.findings:
            found.add(name)
    assert len(found) / len(messages) <= 0.01, sorted(found)


@pytest.mark.parametrize("language", sorted({language for language, _, _ in rows("pairs", "bad")}))
def test_three_quarters_of_the_fragments_of_every_language_are_found(language: str) -> None:
    fragments = [row for row in rows("pairs", "bad") if row[0] == language]
    assert len(flagged(fragments, Profile.WARN)) / len(fragments) >= 0.75
