"""The subset of CEL that rules are written in: text to a tree.

Literals (string, raw string, int, double, bool, null, list), `&& || ! == != < <= > >= in + - * / %
?:`, members, indices, methods, and the macros `has`, `exists`, `exists_one`, `all`. Grammar and
precedence are those of the Common Expression Language specification.
"""

import re
from dataclasses import dataclass
from typing import NoReturn

MAX_CHARS = 4096
MAX_DEPTH = 24


class ExpressionError(Exception):
    """An expression that cannot be used; `at` is the index of the character it is about."""

    def __init__(self, message: str, at: int, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.at = at
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant."""

    value: bool | int | float | str | None
    at: int


@dataclass(frozen=True, slots=True)
class ListOf:
    """`[a, b]`."""

    items: tuple["Node", ...]
    at: int


@dataclass(frozen=True, slots=True)
class Name:
    """A variable."""

    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Member:
    """`value.name`."""

    value: "Node"
    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Index:
    """`value[index]`."""

    value: "Node"
    index: "Node"
    at: int


@dataclass(frozen=True, slots=True)
class Call:
    """`value.name(args)`, or `name(args)` where there is no value."""

    value: "Node | None"
    name: str
    args: tuple["Node", ...]
    at: int


@dataclass(frozen=True, slots=True)
class Unary:
    """`!a` and `-a`."""

    operator: str
    value: "Node"
    at: int


@dataclass(frozen=True, slots=True)
class Binary:
    """`a operator b`."""

    operator: str
    left: "Node"
    right: "Node"
    at: int


@dataclass(frozen=True, slots=True)
class Choice:
    """`condition ? yes : no`."""

    condition: "Node"
    yes: "Node"
    no: "Node"
    at: int


Node = Literal | ListOf | Name | Member | Index | Call | Unary | Binary | Choice

_TOKEN = re.compile(
    r"(?P<space>\s+|//[^\n]*)"
    r"|(?P<raw>[rR](?:\"[^\"\n]*\"|'[^'\n]*'))"
    r"|(?P<string>\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*')"
    r"|(?P<double>[0-9]+\.[0-9]+(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)"
    r"|(?P<int>0x[0-9A-Fa-f]+|[0-9]+)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<operator>&&|\|\||[=!<>]=|[-+*/%!<>?:.,()\[\]])"
)
_ESCAPE = re.compile(r"\\(?:([abfnrtv\\'\"`?])|x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|(.))", re.S)
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_LEVELS = (("||",), ("&&",), ("==", "!=", "<", "<=", ">", ">=", "in"), ("+", "-"), ("*", "/", "%"))
_RESERVED_WORDS = (
    "as break const continue else for function if import let loop package namespace return var "
    "void while"
)
_RESERVED = frozenset(_RESERVED_WORDS.split())
_MAX_INT = 2**63 - 1


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def parse(text: str) -> Node:
    """The tree of an expression; ExpressionError tells where it is not one."""
    if len(text) > MAX_CHARS:
        raise ExpressionError(f"longer than {MAX_CHARS} characters", 0)
    return _Parser(list(_tokens(text)), len(text)).whole()


def _tokens(text: str) -> list[_Token]:
    tokens, at = [], 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if not found:
            hint = "close the quote" if text[at] in "\"'" else ""
            raise ExpressionError(f"unexpected {text[at]!r}", at, hint)
        if found.lastgroup != "space":
            tokens.append(_Token(str(found.lastgroup), found[0], at))
        at = found.end()
    return tokens


class _Parser:
    """Recursive descent, one function for each level."""

    def __init__(self, tokens: list[_Token], end: int) -> None:
        self.tokens = tokens
        self.at = 0
        self.end = end
        self.depth = 0

    @property
    def place(self) -> int:
        return self.tokens[self.at].at if self.at < len(self.tokens) else self.end

    def peek(self) -> str:
        if self.at < len(self.tokens):
            token = self.tokens[self.at]
            if token.kind in ("operator", "name"):
                return token.text
        return ""

    def take(self, text: str) -> bool:
        if self.peek() == text:
            self.at += 1
            return True
        return False

    def need(self, text: str) -> None:
        if not self.take(text):
            self.fail(f"{text!r} is missing here")

    def fail(self, message: str, hint: str = "") -> NoReturn:
        raise ExpressionError(message, self.place, hint)

    def whole(self) -> Node:
        node = self.expression()
        if self.at < len(self.tokens):
            found = self.tokens[self.at].text
            hint = "compare with ==" if found == "=" else ""
            self.fail(f"unexpected {found!r}", hint)
        return node

    def expression(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail(f"nested more than {MAX_DEPTH} deep")
        at = self.place
        node = self.binary(0)
        if self.take("?"):
            yes = self.expression()
            self.need(":")
            node = Choice(node, yes, self.expression(), at)
        self.depth -= 1
        return node

    def binary(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self.unary()
        node = self.binary(level + 1)
        while (operator := self.peek()) in _LEVELS[level] and operator:
            at = self.place
            self.at += 1
            node = Binary(operator, node, self.binary(level + 1), at)
        return node

    def unary(self) -> Node:
        at = self.place
        operator = self.peek()
        if operator in ("!", "-") and operator:
            self.depth += 1
            if self.depth > MAX_DEPTH:
                self.fail(f"nested more than {MAX_DEPTH} deep")
            self.at += 1
            node = Unary(operator, self.unary(), at)
            self.depth -= 1
            return node
        return self.postfix()

    def postfix(self) -> Node:
        node = self.primary()
        while True:
            at = self.place
            if self.take("."):
                name = self.name()
                node = (
                    Call(node, name, self.arguments(")"), at)
                    if self.take("(")
                    else Member(node, name, at)
                )
            elif self.take("["):
                index = self.expression()
                self.need("]")
                node = Index(node, index, at)
            else:
                return node

    def name(self) -> str:
        if self.at < len(self.tokens) and self.tokens[self.at].kind == "name":
            self.at += 1
            return self.tokens[self.at - 1].text
        return self.fail("a name is missing here")

    def arguments(self, close: str) -> tuple[Node, ...]:
        found: list[Node] = []
        while not self.take(close):
            if found:
                self.need(",")
                if self.take(close):
                    break
            found.append(self.expression())
        return tuple(found)

    def primary(self) -> Node:
        if self.at >= len(self.tokens):
            self.fail("the expression ends too early")
        token = self.tokens[self.at]
        self.at += 1
        match token.kind:
            case "string" | "raw":
                return Literal(_unquoted(token), token.at)
            case "double":
                return Literal(float(token.text), token.at)
            case "int":
                return Literal(_int(token), token.at)
            case "name":
                return self.named(token)
        if token.text == "(":
            node = self.expression()
            self.need(")")
            return node
        if token.text == "[":
            return ListOf(self.arguments("]"), token.at)
        self.at -= 1
        return self.fail(f"unexpected {token.text!r}")

    def named(self, token: _Token) -> Node:
        constants = {"true": True, "false": False, "null": None}
        if token.text in constants:
            return Literal(constants[token.text], token.at)
        if token.text in _RESERVED:
            raise ExpressionError(f"{token.text!r} is a reserved word", token.at)
        if self.take("("):
            return Call(None, token.text, self.arguments(")"), token.at)
        return Name(token.text, token.at)


def _int(token: _Token) -> int:
    value = int(token.text, 0) if token.text.startswith("0x") else int(token.text)
    if value > _MAX_INT:
        raise ExpressionError("the number is too large", token.at)
    return value


def _unquoted(token: _Token) -> str:
    if token.kind == "raw":
        return token.text[2:-1]

    def plain(found: re.Match[str]) -> str:
        simple, short, long, other = found.groups()
        if other is not None:
            hint = "write a backslash twice, or use r'...'"
            raise ExpressionError("unknown escape", token.at + found.start(), hint)
        return _ESCAPES.get(simple, simple) if simple else chr(int(short or long, 16))

    return _ESCAPE.sub(plain, token.text[1:-1])
