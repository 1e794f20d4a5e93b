"""Reads the plain form in which the rules that come with Tyrian are written.

It is a small part of YAML: blocks of keys and of lists, a value on one line, or a list or mapping
in brackets over several. A whole reader of YAML takes ten times as long to be there and do it.
What goes beyond that part is not read at all, so that nothing is read wrongly.
"""

import re

_KEY = re.compile(r"([A-Za-z_][\w-]*):(?: +|\Z)")
_INNER_KEY = re.compile(r"\s*([A-Za-z_]\w*): +")
_SINGLE = re.compile(r"'((?:[^']++|'')*+)'")
_DOUBLE = re.compile(r'"([^"\\]*+)"')
_QUOTE = re.compile("['\"]")
_FIRST = r"(?:[^\s\[\]{},'\"#&*!|>%@`?:-]|-(?=[^\s\[\]{},]))"
_LINE = re.compile(_FIRST + r"[^:#]*+(?:(?::(?=\S)|(?<=\S)\#)[^:#]*+)*+")
_WORD = re.compile(_FIRST + r"[^\[\]{},:#]*+(?::(?=\w)[^\[\]{},:#]*+)*+")
"""A line of text, and what may stand of it between brackets."""
_NAMES = re.compile(r"\[([A-Za-z_][\w.]*+(?:, [A-Za-z_][\w.]*+)*+)\]")
_NUMBER_LIKE = re.compile(r"[-+.0-9~=<][\dA-Fa-fxoXO_:.+-]*\Z")
_TRUTHS = {"true": True, "false": False}
_MEANT = frozenset({"yes", "no", "on", "off", "true", "false", "null"})
"""Words that are no text in YAML, in one case of letters or another."""


class _NotPlainError(Exception):
    """The text goes beyond the plain form."""


def read_plain(text: str) -> object | None:
    """What a text in the plain form says; None where it is in another one."""
    try:
        return _Reader(text).document()
    except _NotPlainError:
        return None


class _Reader:
    """One text, read line by line."""

    def __init__(self, text: str) -> None:
        self._lines: list[tuple[int, str]] = []
        for line in text.split("\n"):
            body = line.strip(" ")
            if body and body[0] != "#":
                self._lines.append((len(line) - len(line.lstrip(" ")), body))
        if "\t" in text or "\r" in text:
            raise _NotPlainError
        self._lines.append((-1, ""))
        self._at = 0

    def document(self) -> object:
        """The whole."""
        found = self._block(0)
        if self._at < len(self._lines) - 1 or not found:
            raise _NotPlainError
        return found

    def _block(self, indent: int) -> object:
        _, line = self._lines[self._at]
        return self._list(indent) if line.startswith("- ") else self._mapping(indent)

    def _mapping(self, indent: int) -> dict[str, object]:
        found: dict[str, object] = {}
        lines = self._lines
        while True:
            depth, line = lines[self._at]
            if depth < indent or (line[0] == "-" and depth == indent):
                return found
            key = _KEY.match(line)
            if depth > indent or key is None:
                raise _NotPlainError
            name = key[1]
            if name.lower() in _MEANT:
                raise _NotPlainError
            self._at += 1
            rest = line[key.end() :]
            found[name] = self._value(rest) if rest else self._below(indent)

    def _below(self, indent: int) -> object:
        """What belongs to a key without a value on its line; a list may stand as far left as it."""
        depth, line = self._lines[self._at]
        if depth > indent or (depth == indent and line.startswith("- ")):
            return self._block(depth)
        raise _NotPlainError

    def _list(self, indent: int) -> list[object]:
        found: list[object] = []
        while True:
            depth, line = self._lines[self._at]
            if depth < indent or (depth == indent and not line.startswith("- ")):
                return found
            if depth > indent:
                raise _NotPlainError
            body = line[2:].lstrip(" ")
            if _KEY.match(body):
                inner = indent + len(line) - len(body)
                self._lines[self._at] = (inner, body)
                found.append(self._mapping(inner))
            else:
                self._at += 1
                found.append(self._value(body))

    # ---- values

    def _value(self, text: str) -> object:
        if text[0] not in "[{":
            value, end = _scalar(text, 0, _LINE)
        elif names := _NAMES.fullmatch(text):
            return [_plain(name) for name in names[1].split(", ")]
        else:
            while not _is_whole(text) and self._at < len(self._lines) - 1:
                if _QUOTE.search(_bare(text)):
                    raise _NotPlainError  # what a line's end means in quotes is for YAML to say
                text += " " + self._lines[self._at][1]
                self._at += 1
            value, end = _flow(text, 0)
        if end != len(text):
            raise _NotPlainError
        return value


def _is_whole(text: str) -> bool:
    """Whether each bracket closes that opens outside of quotes."""
    bare = _bare(text)
    return bare.count("[") + bare.count("{") <= bare.count("]") + bare.count("}")


def _bare(text: str) -> str:
    """The text without what stands in quotes."""
    return _DOUBLE.sub("", _SINGLE.sub("", text))


def _flow(text: str, at: int) -> tuple[object, int]:
    """The value that begins at a place inside brackets, or the brackets, and where it ends."""
    while text[at : at + 1] == " ":
        at += 1
    first = text[at : at + 1]
    if first == "[":
        items: list[object] = []
        at = _skip(text, at + 1)
        while text[at : at + 1] != "]":
            item, at = _flow(text, at)
            items.append(item)
            at = _comma(text, at, "]")
        return items, at + 1
    if first == "{":
        pairs: dict[str, object] = {}
        at = _skip(text, at + 1)
        while text[at : at + 1] != "}":
            key = _INNER_KEY.match(text, at)
            if key is None or key[1].lower() in _MEANT:
                raise _NotPlainError
            pairs[key[1]], at = _flow(text, key.end())
            at = _comma(text, at, "}")
        return pairs, at + 1
    return _scalar(text, at, _WORD)


def _skip(text: str, at: int) -> int:
    while text[at : at + 1] == " ":
        at += 1
    return at


def _comma(text: str, at: int, close: str) -> int:
    """Behind the comma that must stand at a place, or at the bracket that closes."""
    at = _skip(text, at)
    if text[at : at + 1] == ",":
        at = _skip(text, at + 1)
        if text[at : at + 1] != close:
            return at
    if text[at : at + 1] != close:
        raise _NotPlainError
    return at


def _scalar(text: str, at: int, words: re.Pattern[str]) -> tuple[object, int]:
    """Words, a number or a quoted text, and where it ends."""
    first = text[at : at + 1]
    if first == "'":
        quoted = _SINGLE.match(text, at)
        if quoted is not None:
            return quoted[1].replace("''", "'"), quoted.end()
    elif first == '"':
        quoted = _DOUBLE.match(text, at)
        if quoted is not None:
            return quoted[1], quoted.end()
    elif word := words.match(text, at):
        body = word[0].rstrip(" ")
        return _plain(body), at + len(body)
    raise _NotPlainError


def _plain(word: str) -> str | int | bool:
    digits = word.removeprefix("-")
    if digits.isdecimal() and (digits[0] != "0" or word == "0"):
        return int(word)
    if word in _TRUTHS:
        return _TRUTHS[word]
    if word.lower() in _MEANT or _NUMBER_LIKE.match(word):
        raise _NotPlainError
    return word
