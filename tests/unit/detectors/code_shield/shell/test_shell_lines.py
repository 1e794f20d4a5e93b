"""Dangerous and benign commands of our own, written before the rules were held against them."""

from pathlib import Path

import pytest

from tyrian.detectors.code_shield.engine import Engine
from tyrian.detectors.code_shield.rule import Profile

FOLDER = Path(__file__).parent
LEAST_FOUND = 0.95
MOST_FLAGGED = 0.02


def lines(name: str) -> list[str]:
    text = (FOLDER / name).read_text()
    return [line for line in text.splitlines() if line and not line.startswith("# ")]


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine()


def flagged(engine: Engine, commands: list[str]) -> list[str]:
    return [c for c in commands if engine.scan(c, "shell", Profile.WARN).findings]


def test_dangerous_commands_are_found(engine: Engine) -> None:
    commands = lines("dangerous.txt")
    missed = sorted(set(commands) - set(flagged(engine, commands)))
    assert len(commands) >= 150
    assert len(missed) <= (1 - LEAST_FOUND) * len(commands), missed


def test_benign_commands_are_left_alone(engine: Engine) -> None:
    commands = lines("benign.txt")
    wrong = flagged(engine, commands)
    assert len(commands) >= 300
    assert len(wrong) <= MOST_FLAGGED * len(commands), wrong
