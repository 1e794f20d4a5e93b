"""A model of the past: answers that were recorded, by what was asked."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import msgspec

from tyrian.errors import InputError
from tyrian.evals.exchange import Reply, ReplyStatus, Request


class RecordedModel:
    """Gives recorded answers; what was never asked is a failure with reason `not_recorded`.

    The file has one JSON object a line: `said`, the text of the last turn, and `reply`. Several
    lines for one `said` are answers of several passes, given in turn.
    """

    def __init__(self, path: Path, name: str = "") -> None:
        answers, digest = read_answers(path)
        self.name = name or path.stem
        self.identity = f"recorded:{digest}"
        self._answers = answers
        self._given: dict[str, int] = {}

    async def reply(self, request: Request) -> Reply:
        """The next recorded answer to the last turn."""
        said = request.turns[-1].text
        known = self._answers.get(said)
        if not known:
            return Reply("", ReplyStatus.FAILED, "not_recorded")
        nth = self._given.get(said, 0)
        self._given[said] = nth + 1
        text = known[nth % len(known)]
        return Reply(text) if text.strip() else Reply("", ReplyStatus.EMPTY, "empty")

    async def close(self) -> None:
        """Nothing to let go of."""


class _Line(msgspec.Struct):
    said: str
    reply: str


def read_answers(path: Path) -> tuple[Mapping[str, list[str]], str]:
    """Answers by question, and the SHA-256 of the file; InputError names a bad line."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    found: dict[str, list[str]] = {}
    for number, line in enumerate(data.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = msgspec.json.decode(line, type=_Line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InputError(
                f"{path}:{number}: {error}", hint='each line is {"said": "...", "reply": "..."}'
            ) from error
        found.setdefault(row.said, []).append(row.reply)
    return found, sha256(data).hexdigest()
