"""Plain scans skip the command line's parser, and say the same as those that go through it."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

_ENTRY = "from tyrian.cli.entry import main; main()"
_WHOLE = "from tyrian.cli.main import main; main()"


def _run(program: str, *words: str, **more: str) -> tuple[int, bytes, bytes]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TYRIAN_")}
    done = subprocess.run(
        [sys.executable, "-c", program, "model", "scan", *words],
        capture_output=True,
        check=False,
        env={**kept, **more},
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good.pkl").write_bytes(pickle.dumps({"a": [1.0]}))
    (tmp_path / "bad.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    (tmp_path / "odd.bin").write_bytes(b"\x00\x01\x02\x03" * 9)
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        ["good.pkl"],
        ["-q", "bad.pkl", "good.pkl"],
        ["--format", "json", "--sha256", "good.pkl", "bad.pkl"],
        ["--format", "sarif", "."],
        ["missing.pkl"],
        ["--format", "xml", "good.pkl"],
        ["--no-such-option", "good.pkl"],
        [],
    ],
    ids=" ".join,
)
def test_a_quick_scan_says_what_the_parsed_one_says(
    folder: Path, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert _run(_ENTRY, *words) == _run(_WHOLE, *words)


def test_a_quick_scan_leaves_the_parser_out(folder: Path) -> None:
    told = f"""
import sys
sys.argv = ["tyrian", "model", "scan", "-q", {str(folder / "good.pkl")!r}]
from tyrian.cli.entry import main
try:
    main()
except SystemExit as end:
    print(end.code, sorted({{"typer", "pydantic", "jinja2", "numpy"}} & set(sys.modules)))
"""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TYRIAN_")}
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, check=False, env=kept)
    assert done.stdout == b"0 []\n", done.stderr.decode()


def test_the_environment_still_speaks(folder: Path) -> None:
    code, told, _ = _run(_ENTRY, str(folder / "bad.pkl"), TYRIAN_FORMAT="jsonl")
    assert code == 1
    assert told.startswith(b'{"file"')
