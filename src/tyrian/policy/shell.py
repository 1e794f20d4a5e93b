"""Shell text to words, as a POSIX shell would split it; what is more than words is named.

Only quoting is undone here. Whatever the shell would expand, substitute, chain, redirect or set is
reported as a `Feature` at its place, and the words are then no longer certain.
"""

import re
import shlex
from dataclasses import dataclass
from enum import StrEnum

MAX_CHARS = 16_384


class Feature(StrEnum):
    """What makes a command more than a program with its arguments."""

    SUBSTITUTION = "substitutes the output of another command"
    EXPANSION = "expands a variable"
    GLOB = "expands a file name pattern"
    BRACES = "expands braces"
    TILDE = "expands a tilde"
    ANSI_QUOTE = "uses a quoting that is not of every shell"
    PIPE = "pipes into another command"
    CHAIN = "chains another command"
    BACKGROUND = "runs in the background"
    REDIRECTION = "redirects input or output"
    GROUP = "groups commands"
    ASSIGNMENT = "sets a variable of the environment"
    NEWLINE = "goes on in another line"
    COMMENT = "holds a comment"
    HISTORY = "negates, or recalls an earlier command"
    KEYWORD = "is a compound command"
    UNCLOSED = "has a quote that is not closed"
    CONTROL = "holds a control character"


@dataclass(frozen=True, slots=True)
class Word:
    """One word after quotes were removed."""

    text: str
    is_quoted: bool
    """Whether any part of it was quoted or escaped."""
    start: int


@dataclass(frozen=True, slots=True)
class Found:
    """A feature and the index of the character that it begins at."""

    feature: Feature
    at: int


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a command is made of."""

    words: tuple[Word, ...]
    features: tuple[Found, ...]

    @property
    def argv(self) -> tuple[str, ...]:
        """The words' texts."""
        return tuple(word.text for word in self.words)


_KEYWORDS = (
    "if then else elif fi for while until do done case esac select function time coproc in "
    "{ } [[ ]] !"
)
KEYWORDS = frozenset(_KEYWORDS.split())

_SINGLE = {
    "`": Feature.SUBSTITUTION,
    "\n": Feature.NEWLINE,
    "\r": Feature.NEWLINE,
    ";": Feature.CHAIN,
    "<": Feature.REDIRECTION,
    ">": Feature.REDIRECTION,
    "(": Feature.GROUP,
    ")": Feature.GROUP,
    "*": Feature.GLOB,
    "?": Feature.GLOB,
    "[": Feature.GLOB,
    "{": Feature.BRACES,
    "}": Feature.BRACES,
    "!": Feature.HISTORY,
}


_PLAIN = re.compile(r"[A-Za-z0-9_./:,=@%+-]+")


class _Reader:
    """One pass over the text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.words: list[Word] = []
        self.features: list[Found] = []
        self.piece: list[str] = []
        self.start = -1
        self.is_quoted = False

    def note(self, feature: Feature) -> None:
        self.features.append(Found(feature, self.at))

    def add(self, char: str) -> None:
        if self.start < 0:
            self.start = self.at
        self.piece.append(char)

    def end_word(self) -> None:
        if self.start >= 0:
            self.words.append(Word("".join(self.piece), self.is_quoted, self.start))
        self.piece, self.start, self.is_quoted = [], -1, False

    def peek(self, ahead: int = 1) -> str:
        at = self.at + ahead
        return self.text[at] if at < len(self.text) else ""

    def read(self) -> Tokens:
        while self.at < len(self.text):
            run = _PLAIN.match(self.text, self.at)
            if run:
                self.add(run[0])
                self.at = run.end()
            else:
                self.step(self.text[self.at])
                self.at += 1
        self.end_word()
        self.note_words()
        return Tokens(tuple(self.words), tuple(self.features))

    def step(self, char: str) -> None:
        if char in " \t":
            self.end_word()
        elif char == "'":
            self.single_quoted()
        elif char == '"':
            self.double_quoted()
        elif char == "\\":
            self.escaped()
        elif char == "$":
            self.dollar()
        elif char in "|&":
            self.operator(char)
        elif char in _SINGLE:
            self.note(_SINGLE[char])
            if char in ";\n\r<>()":
                self.end_word()
            else:
                self.add(char)
        elif char == "#" and self.start < 0:
            self.note(Feature.COMMENT)
            self.at = len(self.text)
        elif char == "~" and self.is_at_tilde():
            self.note(Feature.TILDE)
            self.add(char)
        else:
            if not char.isprintable():
                self.note(Feature.CONTROL)
            self.add(char)

    def is_at_tilde(self) -> bool:
        """Whether a tilde here would be a home: at a word's start, and after `=` or `:`."""
        return self.start < 0 or (bool(self.piece) and self.piece[-1][-1:] in ("=", ":"))

    def operator(self, char: str) -> None:
        twice = self.peek() == char
        if char == "|":
            self.note(Feature.CHAIN if twice else Feature.PIPE)
        elif self.peek() == ">":
            self.note(Feature.REDIRECTION)
        else:
            self.note(Feature.CHAIN if twice else Feature.BACKGROUND)
        self.at += int(twice)
        self.end_word()

    def single_quoted(self) -> None:
        end = self.text.find("'", self.at + 1)
        if end < 0:
            self.note(Feature.UNCLOSED)
            end = len(self.text)
        self.quote(self.text[self.at + 1 : end])
        self.at = end

    def quote(self, inner: str) -> None:
        if self.start < 0:
            self.start = self.at
        self.is_quoted = True
        if any((c < " " and c not in "\t\n") or c == "\x7f" for c in inner):
            self.note(Feature.CONTROL)
        self.piece.append(inner)

    def double_quoted(self) -> None:
        self.quote("")
        self.at += 1
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == '"':
                return
            if char == "\\" and self.peek() in ("$", "`", '"', "\\"):
                self.at += 1
                self.piece.append(self.text[self.at])
            elif char == "\\" and self.peek() == "\n":
                self.note(Feature.NEWLINE)
                self.at += 1
            elif char in "$`":
                self.note(Feature.SUBSTITUTION if self.peek() == "(" or char == "`" else _EXPANDS)
                self.piece.append(char)
            elif char == "!":
                self.note(Feature.HISTORY)
                self.piece.append(char)
            else:
                self.quote(char)
            self.at += 1
        self.note(Feature.UNCLOSED)

    def escaped(self) -> None:
        following = self.peek()
        if not following:
            self.note(Feature.UNCLOSED)
        elif following in "\n\r":
            self.note(Feature.NEWLINE)
        else:
            self.quote(following)
        self.at += 1

    def dollar(self) -> None:
        following = self.peek()
        if following == "(":
            self.note(Feature.SUBSTITUTION)
        elif following in ("'", '"'):
            self.note(Feature.ANSI_QUOTE)
        else:
            self.note(Feature.EXPANSION)
        self.add("$")

    def note_words(self) -> None:
        """What the first word makes of the command."""
        if not self.words:
            return
        first = self.words[0]
        self.at = first.start
        name, equals, _ = first.text.partition("=")
        if equals and name.rstrip("+").isidentifier():
            self.note(Feature.ASSIGNMENT)
        if not first.is_quoted and first.text in KEYWORDS:
            self.note(Feature.KEYWORD)


_EXPANDS = Feature.EXPANSION


def tokenise(text: str) -> Tokens:
    """The words of a command and everything in it that is more than a word."""
    return _Reader(text).read()


def joined(argv: tuple[str, ...]) -> str:
    """A command that every POSIX shell splits into just these words."""
    return shlex.join(argv)
