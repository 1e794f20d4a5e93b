"""Code in the arguments of tool calls, with places in their JSON text."""

import re
from collections.abc import Iterator

from tyrian.detectors.code_shield.guess import guesses
from tyrian.detectors.code_shield.languages import language_of_tag
from tyrian.detectors.code_shield.piece import Piece
from tyrian.detectors.code_shield.reading import pieces_of

_STRING = re.compile(r'"((?:[^"\\]|\\.)*+)"?(\s*:)?', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|.)", re.DOTALL)
_SIMPLE = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_KEYS = {
    "command": "shell", "cmd": "shell", "shell": "shell", "bash": "shell", "sh": "shell",
    "shell_command": "shell", "commands": "shell", "terminal": "shell",
    "sql": "sql", "query": "sql", "statement": "sql",
    "python": "python", "py": "python", "python_code": "python",
    "javascript": "javascript", "js": "javascript",
}  # fmt: skip
_CODE_KEYS_TEXT = """
code script source source_code content contents file_text new_str text body program
snippet input patch diff new_string insert_text
"""
_CODE_KEYS = frozenset(_CODE_KEYS_TEXT.split())
_TOOLS = (
    ("python", "python"), ("ipython", "python"), ("jupyter", "python"), ("interpreter", "python"),
    ("bash", "shell"), ("shell", "shell"), ("terminal", "shell"), ("run_command", "shell"),
    ("exec", "shell"), ("sql", "sql"), ("database", "sql"), ("node", "javascript"),
    ("javascript", "javascript"), ("php", "php"), ("ruby", "ruby"),
)  # fmt: skip
_NAMED_FILE = r"(?:^|[\w/\\.-])\.?(?:(Dockerfile)|\w[\w-]*\.(\w{1,10}))\Z"


def pieces_of_call(name: str, arguments: str, start: int) -> Iterator[Piece]:
    """The code in the arguments of a call of the tool `name`; they stand at `start`."""
    key = ""
    tool = _language_of_tool(name)
    by_file = _language_by_file(arguments)
    for match in _STRING.finditer(arguments):
        if match[2]:
            key = match[1].lower()
            continue
        language = _language(key, tool, by_file)
        if language is None and key not in _CODE_KEYS:
            continue
        code, places = decoded(arguments, match.start(1), match.end(1))
        if code.strip():
            yield from _pieces(code, places, language, key, start)


def _pieces(
    code: str, places: list[int], language: str | None, key: str, start: int
) -> Iterator[Piece]:
    moved = tuple(place + start for place in places)
    whole = (moved[0], moved[-1])
    if language is not None and not (key in ("query", "statement") and not _is_sql(code)):
        yield Piece(code, moved[0], language, 1.0, whole, moved)
        return
    for piece in pieces_of(code):
        inner = moved[piece.start : piece.start + len(piece.code) + 1]
        yield Piece(piece.code, inner[0], piece.language, piece.trust, whole, inner)


def _language(key: str, tool: str | None, by_file: str | None) -> str | None:
    if key in _KEYS:
        return _KEYS[key]
    if key in _CODE_KEYS:
        return by_file or tool
    return None


def _language_of_tool(name: str) -> str | None:
    lower = name.lower()
    return next((language for word, language in _TOOLS if word in lower), None)


def _language_by_file(arguments: str) -> str | None:
    """The language of a file that the arguments name."""
    for match in _STRING.finditer(arguments[:20_000]):
        value = match[1]
        if match[2] or not 3 <= len(value) <= 300 or " " in value:
            continue
        named = re.search(_NAMED_FILE, value)
        if named and (language := language_of_tag(named[1] or named[2])):
            return language
    return None


def _is_sql(code: str) -> bool:
    return any(guess.language == "sql" for guess in guesses(code))


def decoded(text: str, start: int, end: int) -> tuple[str, list[int]]:
    """A JSON string's value, and for each character (and the end) its place in `text`."""
    raw = text[start:end]
    if "\\" not in raw:
        return raw, list(range(start, end + 1))
    chars: list[str] = []
    places: list[int] = []
    at = 0
    for match in _ESCAPE.finditer(raw):
        chars.append(raw[at : match.start()])
        places.extend(range(start + at, start + match.start()))
        chars.append(_unescaped(match[0]))
        places.append(start + match.start())
        at = match.end()
    chars.append(raw[at:])
    places.extend(range(start + at, end + 1))
    return "".join(chars), places


def _unescaped(escape: str) -> str:
    if escape[1] == "u" and len(escape) == 6:
        return chr(int(escape[2:], 16))
    return _SIMPLE.get(escape[1], escape[1])
