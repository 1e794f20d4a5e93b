"""Every line of the conformance list has a test that bears its number."""

import re
from pathlib import Path

import pytest

LINES = 72

CLIENT_OF_LINE = {
    **dict.fromkeys(range(1, 54), "openai"),
    10: "llama_api_client",
    **dict.fromkeys(range(54, 64), "llama_api_client"),
    **dict.fromkeys(range(64, 68), "langchain"),
    **dict.fromkeys(range(68, 72), "curl"),
    72: "openai",
}
"""The client that the list names for each line; the file of its test uses it."""


SIGNS = {
    "openai": ("import openai", "from openai"),
    "llama_api_client": ("import llama_api_client", ".llama("),
    "langchain": (".langchain(",),
    "curl": ("curl(",),
}
"""What shows that a file of tests drives a client."""


def files_by_line() -> dict[int, list[Path]]:
    found: dict[int, list[Path]] = {}
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        for number in re.findall(r"def test_line_(\d+)_", path.read_text()):
            found.setdefault(int(number), []).append(path)
    return found


@pytest.mark.parametrize("line", range(1, LINES + 1))
def test_the_line_has_a_test_with_its_client(line: int) -> None:
    files = files_by_line().get(line, [])
    assert files, f"no test is named test_line_{line}_..."
    signs = SIGNS[CLIENT_OF_LINE[line]]
    assert any(sign in path.read_text() for path in files for sign in signs)


def test_no_test_names_a_line_that_is_not_there() -> None:
    assert set(files_by_line()) == set(range(1, LINES + 1))
