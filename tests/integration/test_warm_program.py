"""The quick way in which tests start the program shows what the program shows."""

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.warm.program import PROGRAM, tyrian

ROW = '{"id": "a", "text": "What is the capital of France?"}\n'
STACK = "agent:\n  preflight_guards: [{name: secrets}]\n"
WAITING = ("scan", "-", "--stack", "stack.yaml", "-q")

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the program itself is started elsewhere"
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "stack.yaml").write_text(STACK)
    return tmp_path


def waiting(place: Path, program: Sequence[str]) -> subprocess.Popen[bytes]:
    """A scan that has answered one row and waits for the next."""
    started = subprocess.Popen(
        [*program, *WAITING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=place
    )
    assert started.stdin is not None
    assert started.stdout is not None
    started.stdin.write(ROW.encode())
    started.stdin.flush()
    assert b'"id":"a"' in started.stdout.readline()
    return started


@pytest.mark.parametrize(
    "words",
    [
        ("--version",),
        ("scn",),
        ("stack", "check", "stack.yaml"),
        ("stack", "check", "absent.yaml"),
    ],
)
def test_it_says_and_returns_what_the_program_does(words: tuple[str, ...], place: Path) -> None:
    own, warm = (
        subprocess.run([*program, *words], cwd=place, capture_output=True, check=False)
        for program in ([PROGRAM], tyrian())
    )
    assert (own.returncode, own.stdout, own.stderr) == (warm.returncode, warm.stdout, warm.stderr)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_reaches_it_and_its_end_is_told(number: signal.Signals, place: Path) -> None:
    ends = []
    for program in ([str(PROGRAM)], tyrian()):
        with waiting(place, program) as started:
            started.send_signal(number)
            ends.append(started.wait(60))
    assert ends[0] == ends[1]


def test_it_ends_when_who_started_it_is_killed(place: Path) -> None:
    with waiting(place, tyrian()) as started:
        started.kill()
        assert started.stdout is not None
        assert started.stdout.read() == b""  # nobody is left who could write
