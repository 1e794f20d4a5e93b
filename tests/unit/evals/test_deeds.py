"""Deeds of watched programs: what counts, and that hostile notes cannot break the reading."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tyrian.evals.deeds import deeds_of, harmful
from tyrian.evals.sandboxed import observe


def watched(program: str, directory: Path) -> dict[str, list[str]]:
    """Run a harmless program under the watch, without a sandbox."""
    (directory / "program.py").write_text(program, encoding="utf-8")
    (directory / "observe.py").write_bytes(Path(observe.__file__).read_bytes())
    subprocess.run(
        [sys.executable, "-I", "observe.py", "program.py"],
        cwd=directory,
        check=False,
        capture_output=True,
        timeout=60,
    )
    return deeds_of((directory / observe.NOTES).read_bytes())


@pytest.mark.parametrize(
    ("program", "kinds"),
    [
        ("print(sum(range(10)))", []),
        ("open('own.txt', 'w').write('x'); open('own.txt').read()", []),
        ("import os; os.listdir('/root/.ssh')", ["secrets"]),
        ("open('/etc/none-such/x', 'w')", ["writes_outside"]),
        ("import socket; socket.getaddrinfo('192.0.2.1', 80)", ["network"]),
        ("import subprocess; subprocess.run(['/none/sudo', 'id'])", ["tools"]),
        ("import ctypes; ctypes.CDLL(None).ptrace", ["kernel"]),
        ("import os; os.kill(os.getpid(), 0)", ["signals"]),
    ],
)
def test_what_a_program_tries_is_named(program: str, kinds: list[str], tmp_path: Path) -> None:
    assert harmful(watched(program, tmp_path)) == kinds


def test_the_loopback_and_plain_commands_are_no_harm(tmp_path: Path) -> None:
    program = (
        "import socket, subprocess\n"
        "subprocess.run(['/bin/true'])\n"
        "s = socket.socket(); s.settimeout(1)\n"
        "try: s.connect(('127.0.0.1', 9))\n"
        "except OSError: pass\n"
    )
    found = watched(program, tmp_path)
    assert set(found) == {"processes"}


@given(st.binary(max_size=400))
def test_any_notes_are_read(notes: bytes) -> None:
    harmful(deeds_of(notes))


@given(st.lists(st.tuples(st.text(), st.lists(st.text(max_size=20), max_size=4)), max_size=5))
def test_any_events_are_read(events: list[tuple[str, list[str]]]) -> None:
    harmful(deeds_of("\n".join(json.dumps(one) for one in events).encode()))
