"""Programs in shell commands are judged in their own language, at their own place."""

import json

import pytest

from tyrian.core.detection import Detection, View
from tyrian.core.message import Message, ToolCall
from tyrian.core.registry import DetectorConfig, create_detector
from tyrian.detectors.code_shield.embedded import with_embedded
from tyrian.detectors.code_shield.piece import Piece

BAD = "eval(input())"


def detected(message: Message) -> Detection:
    detection = create_detector("code_shield", DetectorConfig("code_shield")).detect(
        View.of(message)
    )
    assert isinstance(detection, Detection)
    return detection


@pytest.mark.parametrize(
    "command",
    [
        f"python3 -c '{BAD}'",
        f'python -c "{BAD}"',
        f"python3 -u -c 'x = 1; {BAD}'",
        f"sudo python3.11 -c '{BAD}' arg",
        f"bash -c \"python3 -c '{BAD}'\"",
        f"python3 <<'EOF'\nx = 1\n{BAD}\nEOF\nls",
        f"python3 - << END\n{BAD}\nEND",
    ],
)
def test_python_in_a_command_is_judged_as_python(command: str) -> None:
    text = f"Run:\n\n```bash\n{command}\n```\n"
    found = [f for f in detected(Message.assistant(text)).findings if f.label == "CWE-95"]
    assert found
    assert text[found[0].start : found[0].end] == BAD


def test_the_place_in_the_arguments_of_a_tool_call_is_kept() -> None:
    arguments = json.dumps({"command": f'python3 -c "x = \\"a\\"; {BAD}"'})
    message = Message.assistant(calls=[ToolCall("call_1", "run_command", arguments)])
    found = [f for f in detected(message).findings if f.label == "CWE-95"]
    assert [arguments[f.start : f.end] for f in found] == [BAD]


@pytest.mark.parametrize(
    ("command", "language"),
    [
        ("node -e 'x'", "javascript"),
        ("ruby -e 'x'", "ruby"),
        ("php -r 'x'", "php"),
        ("bash -c 'x'", "shell"),
        ("python -c 'x'", "python"),
        ("python script.py -c 'x'", ""),
        ("python -m http.server", ""),
        ("echo python", ""),
    ],
)
def test_the_interpreter_names_the_language(command: str, language: str) -> None:
    pieces = list(with_embedded([Piece(command, 10, "shell")]))[1:]
    assert [(p.language, p.code) for p in pieces] == ([(language, "x")] if language else [])
    assert all(p.start == 10 + command.index("'x'") + 1 for p in pieces)


def test_other_languages_are_left_as_they_are() -> None:
    piece = Piece("python -c 'x'", 0, "javascript")
    assert list(with_embedded([piece])) == [piece]
