"""Programs that a shell command hands to an interpreter: `python -c`, `node -e`, documents."""

import re
from collections.abc import Iterable, Iterator

from tyrian.detectors.code_shield.piece import Piece

_LANGUAGES = {
    "python": "python", "pypy": "python", "node": "javascript", "deno": "javascript",
    "ruby": "ruby", "php": "php", "bash": "shell", "sh": "shell", "zsh": "shell", "dash": "shell",
}  # fmt: skip
_ARGUMENT = (
    r"\b(python|pypy|node|ruby|php|bash|sh|zsh|dash)[\d.]*[ \t]+"
    r"(?:-{1,2}(?![cer]\b)[\w=-]+[ \t]+){0,4}"
    r"-\w{0,3}[cer][ \t]+(?:'([^']*)'|\"((?:[^\"\\]|\\[\s\S])*)\")"
)
_DOCUMENT = (
    r"\b(python|pypy|node|ruby|php|bash|sh|zsh)[\d.]*(?:[ \t]+-)?[ \t]*"
    r"<<-?[ \t]*['\"]?(\w{1,40})['\"]?[^\n]*\n"
)
_MOST = 32


def with_embedded(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """The pieces, each shell one followed by the programs in it and in the shells in it."""
    for piece in pieces:
        yield piece
        if piece.language == "shell":
            for inner in _embedded(piece):
                yield inner
                if inner.language == "shell":
                    yield from _embedded(inner)


def _embedded(piece: Piece) -> Iterator[Piece]:
    for count, match in enumerate(re.finditer(_ARGUMENT, piece.code)):
        if count == _MOST:
            return
        group = 2 if match[2] is not None else 3
        code = match[group] if group == 2 else re.sub(r"\\([\"$`\\])", r" \1", match[group])
        yield from _part(piece, match[1], code, match.start(group))
    for count, match in enumerate(re.finditer(_DOCUMENT, piece.code)):
        if count == _MOST:
            return
        end = re.compile(rf"^[ \t]*{match[2]}[ \t]*$", re.MULTILINE).search(piece.code, match.end())
        stop = end.start() if end else len(piece.code)
        yield from _part(piece, match[1], piece.code[match.end() : stop], match.end())


def _part(piece: Piece, program: str, code: str, start: int) -> Iterator[Piece]:
    if not code.strip():
        return
    places = piece.places[start : start + len(code) + 1] if piece.places else ()
    yield piece._replace(
        code=code,
        start=places[0] if places else piece.start + start,
        language=_LANGUAGES[program],
        places=places,
    )
