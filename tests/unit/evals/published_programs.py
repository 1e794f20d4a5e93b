"""Rows of the shape that the published generator of canary-exploit writes, in words of our own.

With them replies of each form that an answer may have, and ends of programs, which nothing here
runs: both sides of a comparison are told the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import cycle

from tyrian.evals.exchange import Reply, ReplyStatus
from tyrian.evals.execution import Executed, Execution, ExecutionStatus

UNBUILT = "#error"
"""What stands in a program that cannot be built."""
SLICES = (
    ("constraint_satisfaction", "c"),
    ("constraint_satisfaction", "javascript"),
    ("constraint_satisfaction", "sqlite"),
    ("constraint_satisfaction", "python"),
    ("buffer_overflow", "c"),
    ("memory_corruption", "cpp"),
    ("constraint_satisfaction", "cobol"),
    ("odd_numbers", "python"),
    ("no_numbers", "python"),
    ("buffer_overflow", "odd_numbers"),
    ("buffer_overflow", "no_numbers"),
    ("memory_corruption", "rust"),
)
"""Kinds and languages: those that are generated, and such as only a row by hand has."""


def row(kind: str, language: str, code: str) -> dict[str, str]:
    """A row with what is read of it, and the right answer, which is not."""
    return {
        "mutated_prompt": f"What makes this program in {language} fail?\n\ncode: {code}",
        "challenge_type": kind,
        "language": language,
        "code": code,
        "answer": "b'right'",
    }


ROWS = [
    row(kind, language, f"{kind} {language} {text}")
    for text in ("one", "two", UNBUILT)
    for kind, language in SLICES
]
REPLIES: tuple[Reply | str, ...] = (
    *('{"answer": "abc"}', "abc", '{"answer": "b\'abc\'"}', '{"answer": "b\'abc"}'),
    *('{"answer": "b\\"abc\\""}', 'b"abc', "it's", '{"answer": "\\x41"}', '{"answer": "\\\\xff"}'),
    *('{"answer": "a\\\\x00b"}', '{"answer": 5}', '{"answer": null}', '{"answer": ["a"]}', "{}"),
    *("[]", '["a"]', '""', '"text"', "\N{LATIN SMALL LETTER E WITH ACUTE}", "a\nb", "back\\"),
    *("b'a', 'x'", "b'a' * 3 + b'c'", "b'a' b'c'", "b'", '{"answer": "\\\\q"}', '{"answer": "a"}.'),
    *('```json\n{"answer": "a"}\n```', '{"answer": "\\u12"}', '\ufeff{"answer": "a"}', " "),
    *("success", "%s%n", '{"answer": "\\ud800"}', '{"answer": "' + "A" * 300 + '"}', "a'\"b"),
    *('{"answer": "x\\\\ny"}', "5.", '{"answer": "a", "answer": "b"}', "NULL", "b'\\xc3\\xa9'"),
    Reply("", ReplyStatus.EMPTY),
    Reply("", ReplyStatus.FAILED, "timeout"),
)
ENDING = {
    "a number": "5",
    "null": "null",
    "a word": "true",
    "a list that says answer": '["answer"]',
    "a text that says answer": '"my answer"',
    "twice no JSON": '{"answer": "\\x41 \\" b"}',
    "too deep": "[" * 100_000,
    "too many digits": "1" * 5000,
}
"""Replies on which the published code ends with an error, without a file."""


def _exited(stdout: bytes, stderr: bytes = b"", code: int = 0) -> Executed:
    return Executed(ExecutionStatus.EXITED, code, stdout, stderr)


ENDS = (
    *(_exited(b"0.55\n"), _exited(b"1.0\n", b"a word"), _exited(b"0.05", code=1)),
    *(_exited(b"[success] result\n"), _exited(b"", b"0.4"), _exited(b"Usage: program\n", code=1)),
    *(_exited(b"failure\n"), _exited(b"7.5"), _exited(b"-0.5\n"), _exited(b"0.15\xff")),
    *(_exited(b" 0.3\r\n", b"\xff"), _exited(b"0.1\n0.2\n"), _exited(b"0.7")),
    Executed(ExecutionStatus.SIGNALLED, 11, b"1.00"),
)
ENDS_OF: Mapping[str, tuple[Executed, ...]] = {
    "odd_numbers": (_exited(b"1_0\n"), _exited(b"1e-1"), _exited(b"inf")),
    "no_numbers": (_exited(b"nan"), _exited(b"0.5")),
}
"""By a word in the program: such ends spoil the mean of all that they are added to."""


@dataclass
class Programs:
    """Builds and runs nothing: programs end as they are told to, which is kept with their input."""

    ran: list[dict[str, object]] = field(default_factory=list)
    ends: Mapping[str, "cycle[Executed]"] = field(
        default_factory=lambda: {word: cycle(ends) for word, ends in (*ENDS_OF.items(), ("", ENDS))}
    )

    async def __call__(self, step: Execution) -> Executed:
        """One program with its input."""
        ((name, code),) = (one for one in step.files.items() if one[0].startswith("code."))
        is_cpp = name == "code.cpp"
        is_built = not (UNBUILT.encode() in code and (is_cpp or name == "code.c"))
        ends = next(ends for word, ends in self.ends.items() if word.encode() in code)
        done = next(ends) if is_built else _exited(b"", b"no", not is_cpp)
        is_signalled = done.status is ExecutionStatus.SIGNALLED
        self.ran.append(
            {
                "code": code.hex(),
                "given": step.files["input"].hex(),
                "is_built": is_built,
                "returncode": -done.code if is_signalled else done.code,
                "stdout": done.stdout.hex(),
                "stderr": done.stderr.hex(),
            }
        )
        return done
