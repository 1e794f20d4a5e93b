"""Patterns: code with `...` and `$X` in it, parsed by the grammar of the code that they are for."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tyrian.detectors.code_shield.semgrep.fault import RefusedError
from tyrian.detectors.code_shield.semgrep.grammars import GRAMMARS, Grammar
from tyrian.detectors.code_shield.semgrep.tree import Node, Tree

ELLIPSIS = "..."
METAVARIABLE = "$"
MANY = "$..."
DEEP = "<...>"
TEXT = '"..."'
"""Kinds of pattern nodes that no code has."""
ANONYMOUS = "$_"

_TOKEN = re.compile(
    r"""(?P<deep><\.\.\.)|(?P<deepend>\.\.\.>)
    |\$\.\.\.(?P<many>[A-Z_][A-Z0-9_]*)
    |(?P<any>\$_(?![A-Za-z0-9_]))
    |\$(?P<one>[A-Z_][A-Z0-9_]*)(?![A-Za-z0-9_])
    |(?<![\w.])(?P<dots>\.\.\.)(?![\w.\[(]|\$[A-Za-z_])""",
    re.VERBOSE,
)
_SUPERGLOBALS = frozenset(
    ["_GET", "_POST", "_REQUEST", "_COOKIE", "_SERVER", "_FILES", "_ENV", "_SESSION", "GLOBALS"]
)
_TYPED = {
    "java": re.compile(
        r"\(\s*(?P<type>\$?[A-Za-z][\w.]*(?:\[\])?)\s+\$(?P<name>[A-Z_][A-Z0-9_]*)\s*\)"
    ),
    "csharp": re.compile(r"\(\s*(?P<type>\$?[A-Za-z][\w.]*)\s+\$(?P<name>[A-Z_][A-Z0-9_]*)\s*\)"),
    "c": re.compile(r"\(\s*(?P<type>[a-z][\w ]*?\s*\**)\s*\$(?P<name>[A-Z_][A-Z0-9_]*)\s*\)"),
    "go": re.compile(r"\(\s*\$(?P<name>[A-Z_][A-Z0-9_]*)\s*:\s*(?P<type>[\w.*\[\]]+)\s*\)"),
    "typescript": re.compile(r"\(\s*\$(?P<name>[A-Z_][A-Z0-9_]*)\s*:\s*(?P<type>[\w.]+)\s*\)"),
}
_TYPED["cpp"] = _TYPED["c"]
_METAVARIABLE = re.compile(r"\$(?:\.\.\.)?[A-Z_][A-Z0-9_]*\Z")
_PLACEHOLDER = re.compile(r"\$?mvz_")
_HOLDERS = frozenset({"param", "decl", "dictionary_splat", "hash_splat_argument"})
_OPENS, _CLOSES = "([{", ")]}"
_HEAD = {
    "go": re.compile(r"func\b[^{}\n]*\Z"),
    "php": re.compile(r"\b(?:function|fn)\s*&?\s*[\w$]*\s*\Z"),
}
_TYPED_HEAD = re.compile(r"([\w\]>*&$.]+)\s+[*&]*[\w:~$]+\s*\Z")
_CONSTRUCTOR = re.compile(
    r"^\s*(?!(?:if|for|while|switch|catch|try|synchronized|using|lock)\b)\$?\w+\s*\Z"
)
_BODY_FOLLOWS = re.compile(r"\s*(?:throws[^{;]*)?\{")
_NO_TYPES = frozenset({"return", "new", "else", "throw", "case", "await", "delete", "not", "in"})
_MEMBER = "int ellz;"
"""What stands for `...` among the members of a class."""
_WHOLE_LINE = re.compile(r"(?:[\w)\]\"'*]|\+\+|--)\s*\Z")
_IMPORTED = re.compile(r"(\bfrom\s+|\brequire\s+)(mvz_\w+)")
_ATTRIBUTE = re.compile(r"(?<=[\w-])=\.\.\.(?=[\s/>])")
_BARE_IN_PHP = re.compile(r"(?:\b(?:function|class|interface|trait|extends|use)\s+&?|::)\Z")
_FIELD = re.compile(r"\s*(?:[\w$]+|\"[^\"\n]*\"|'[^'\n]*')\s*:(?!:)")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Pattern:
    """One pattern: the statements or the one expression that it asks for, in order."""

    text: str
    parts: tuple[Node, ...]
    types: dict[str, str]
    """Types that metavariables are asked to have."""
    words: frozenset[str]
    """Words of which each stands in every text that fits."""

    def metavariables(self) -> frozenset[str]:
        """Those that the pattern binds."""
        found = set()
        for part in self.parts:
            for node in part.walk():
                is_bound = node.kind in (METAVARIABLE, MANY) and node.text != ANONYMOUS
                if is_bound or (node.kind == "string" and _METAVARIABLE.match(node.text)):
                    found.add(node.text)
        return frozenset(found)


def parse_pattern(text: str, language: str) -> Pattern:
    """The pattern in a text; RefusedError where the language's grammar does not hold it."""
    grammar = GRAMMARS[language]
    types: dict[str, str] = {}
    plain = _untyped(text.strip("\n"), language, types)
    if "<" in plain and language in ("javascript", "typescript"):
        plain = _ATTRIBUTE.sub("={...}", plain)
    if not plain.strip():
        raise RefusedError("the pattern is empty")
    for prepared in _spellings(plain, language, grammar):
        for before, after in _frames(prepared, language, grammar):
            tree = Tree(before + prepared + after, language)
            if tree.has_error or tree.is_cut:
                continue
            parts = _parts(tree.root, len(before), len(before) + len(prepared))
            made = tuple(_made(part) for part in parts)
            if made and not any(_is_left_over(part) for part in made):
                return Pattern(text, made, types, _words(made))
    raise RefusedError(f"this pattern cannot be read as {language}: {_shown(text)}")


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 80 else f"{line[:77]}..."


def _frames(text: str, language: str, grammar: Grammar) -> Iterator[tuple[str, str]]:
    if ("({", "})") in grammar.frames and _FIELD.match(text) and "\n" not in text.strip():
        yield "({", "})"
    yield from grammar.frames
    if language == "ruby":
        yield "x = ", ""


def _spellings(text: str, language: str, grammar: Grammar) -> Iterator[str]:
    """The ways in which placeholders can be written; the likeliest first."""
    statements = dict.fromkeys((grammar.ellipsis_statement, "ellz", _MEMBER)) if text else ()
    for statement in statements:
        for parameter in dict.fromkeys((grammar.ellipsis_parameter, "ellz")):
            one = _prepared(text, language, statement, parameter)
            if grammar.needs_semicolons and not one.rstrip().endswith((";", "}")):
                yield one.rstrip() + ";"
            yield one
            if grammar.needs_semicolons:
                yield _ended(one)
                if one.rstrip().endswith("}"):
                    yield one.rstrip() + ";"
            if language in ("javascript", "typescript") and _IMPORTED.search(one):
                yield _IMPORTED.sub(r'\1"\2"', one)


def _untyped(text: str, language: str, types: dict[str, str]) -> str:
    known = _TYPED.get(language)
    if known is None:
        return text

    def take(match: re.Match[str]) -> str:
        before = text[: match.start()].rstrip()
        if before[-1:].isalnum() or before[-1:] in ("_", "$", ")"):
            return match[0]  # a parameter of a definition, or an argument
        if match["type"].strip() in _NO_TYPES:
            return match[0]
        types[f"${match['name']}"] = match["type"].strip()
        return f"${match['name']}"

    return known.sub(take, text)


def _ended(text: str) -> str:
    """The text with a semicolon behind each line that is a statement as it stands."""
    lines = []
    depth = 0
    for line in text.split("\n"):
        depth += sum(line.count(c) for c in "([") - sum(line.count(c) for c in ")]")
        is_whole = depth == 0 and bool(_WHOLE_LINE.search(line))
        lines.append(f"{line.rstrip()};" if is_whole else line)
    return "\n".join(lines)


def _prepared(text: str, language: str, statement: str, parameter: str) -> str:
    """The text with names of the language in place of what only patterns have."""

    def swap(match: re.Match[str]) -> str:
        is_bare = language != "php" or _BARE_IN_PHP.search(text, 0, match.start())
        dollar = "" if is_bare else "$"
        if match["deep"]:
            return "deepz("
        if match["deepend"]:
            return ")"
        if match["many"]:
            return f"{dollar}mvez_{match['many']}"
        if match["any"]:
            return f"{dollar}mvz__"
        if match["one"]:
            if language == "php" and match["one"] in _SUPERGLOBALS:
                return match[0]
            return f"{dollar}mvz_{match['one']}"
        return _dots(text, match.start(), language, statement, parameter)

    return _TOKEN.sub(swap, text)


def _dots(text: str, at: int, language: str, statement: str, parameter: str) -> str:
    before, after = text[:at].rstrip(" \t"), text[at + 3 :].lstrip(" \t")
    opening = _opening(text, at)
    around = text[opening] if opening >= 0 else ""
    quotes = sum(text.count(mark, 0, at) for mark in "\"'`")
    if quotes % 2:
        return "ellz"  # inside a literal
    if around == "(":
        return parameter if _is_definition(text, opening, language) else "ellz"
    if around == "[":
        return "ellz"
    is_element = before.rstrip()[-1:] == "," or after.lstrip()[:1] == ","
    if around == "{" and (is_element or (language in ("python", "ruby") and "\n" not in text)):
        return "**ellz" if language in ("python", "ruby") else "ellz"
    if after[:1] == ";":
        return statement.rstrip(";")
    ends = after[:1] in ("", "\n", "}", "$") or after[:1].isalpha()
    return statement if before[-1:] in ("", "\n", "{", "}", ";") and ends else "ellz"


def _opening(text: str, at: int) -> int:
    """The bracket that is open at a place; -1 where none is."""
    depth = 0
    for place in range(at - 1, -1, -1):
        if text[place] in _CLOSES:
            depth += 1
        elif text[place] in _OPENS:
            if not depth:
                return place
            depth -= 1
    return -1


def _closing(text: str, opening: int) -> int:
    """The place behind the bracket that closes the one at `opening`."""
    depth = 0
    for place in range(opening, len(text)):
        depth += (text[place] in _OPENS) - (text[place] in _CLOSES)
        if depth == 0:
            return place + 1
    return len(text)


def _is_definition(text: str, opening: int, language: str) -> bool:
    line = text[text.rfind("\n", 0, opening) + 1 : opening]
    known = _HEAD.get(language)
    if known is not None:
        return bool(known.search(line))
    if language in ("java", "csharp") and _CONSTRUCTOR.search(line):
        return bool(_BODY_FOLLOWS.match(text, _closing(text, opening)))
    typed = _TYPED_HEAD.search(line)
    return typed is not None and typed[1] not in _NO_TYPES and "=" not in line


def _parts(root: Node, start: int, end: int) -> list[Node]:
    """The nodes of the pattern itself, without those of what it was wrapped in."""
    found: list[Node] = []

    def take(node: Node) -> None:
        is_inside = node.start >= start and node.end <= end + 1 and node is not root
        if is_inside and node.kind != "block":
            found.append(node)
        elif is_inside and node.end > node.start:
            braces = root.kind == "block" and node.up is not None and node.up is not root
            found.append(node) if braces and not _is_frame(node, start, end) else visit(node)
        elif node.end > start and node.start < end:
            visit(node)

    def visit(node: Node) -> None:
        for kid in node.kids:
            take(kid)

    visit(root)
    return found


def _is_frame(node: Node, start: int, end: int) -> bool:
    return node.start <= start and node.end >= end


def _made(node: Node) -> Node:
    """The pattern node for a node of the parsed text."""
    if node.kind == "name":
        return _leaf(node)
    if node.kind == "string" and not node.kids:
        return _text(node)
    if node.kind == "piece":
        return _piece(node)
    kids = tuple(_made(kid) for kid in node.kids)
    if node.kind == "call" and kids[0].kind == "name" and kids[0].text == "deepz":
        inner = kids[1].kids
        return Node(DEEP, node.start, node.end, inner[:1])
    if node.kind == "call" and kids[0].kind == ELLIPSIS and not kids[1].kids:
        return kids[0]
    lone = node.kind not in ("args", "params", "block", "object", "array", "new", "lambda", "call")
    if lone and kids and any(k.kind == ELLIPSIS for k in kids):
        rest = [kid for kid in kids if kid.kind != ELLIPSIS]
        if node.kind in _HOLDERS and all(k.kind == "**" or k.text == "int" for k in rest):
            return Node(ELLIPSIS, node.start, node.end)
    made = Node(node.kind, node.start, node.end, kids, node.text)
    if node.name is not None:
        made.name = _made(node.name)
    if made.kind == "constructor_declaration" and kids and kids[0].kind == METAVARIABLE:
        # `$F(...) { ... }`: a method of any type.
        made.kind = "method_declaration"
        made.kids = (Node(METAVARIABLE, node.start, node.start, text=ANONYMOUS), *kids)
    if made.kind == "regex" and made.text == "/ellz/":
        made.text = ""
    if made.kind == "labeled_statement" and len(kids) == 2:
        made.kind = "pair"
    return made


def _leaf(node: Node) -> Node:
    text = node.text.lstrip("$")
    if text == "ellz":
        return Node(ELLIPSIS, node.start, node.end)
    if text.startswith("mvez_"):
        return Node(MANY, node.start, node.end, text=f"$...{text[5:]}")
    if text.startswith("mvz_"):
        return Node(METAVARIABLE, node.start, node.end, text=f"${text[4:]}")
    return Node("name", node.start, node.end, text=node.text)


def _text(node: Node) -> Node:
    """A literal: any one (`"..."`), one that is bound (`"$X"`), or the text itself."""
    body = node.text
    if body == "ellz":
        return Node(TEXT, node.start, node.end)
    if body.startswith(("mvz_", "$mvz_")) and body.lstrip("$")[4:].replace("_", "a").isalnum():
        return Node("string", node.start, node.end, text="$" + body.lstrip("$")[4:])
    plain = _PLACEHOLDER.sub("$", body.replace("mvez_", "$...")).replace("ellz", "...")
    return Node("string", node.start, node.end, text=plain)


def _piece(node: Node) -> Node:
    if node.text == "ellz":
        return Node(ELLIPSIS, node.start, node.end)
    text = _PLACEHOLDER.sub("$", node.text).replace("ellz", "...")
    return Node("piece", node.start, node.end, text=text)


def _is_left_over(node: Node) -> bool:
    """A placeholder that the grammar has taken for something else."""
    return any("mvz_" in n.text or "ellz" in n.text or "deepz" in n.text for n in node.walk())


def _words(parts: tuple[Node, ...]) -> frozenset[str]:
    found = {
        word
        for part in parts
        for node in part.walk()
        if node.kind == "name"
        for word in re.findall(r"\w{3,}", node.text)
    }
    return frozenset(found)
