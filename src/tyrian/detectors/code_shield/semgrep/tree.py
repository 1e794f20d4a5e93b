"""Code and patterns as trees of one kind, whatever the language; offsets are those of the text."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tyrian.detectors.code_shield.semgrep.grammars import parser_of
from tyrian.detectors.code_shield.semgrep.kinds import (
    ASSIGNMENTS,
    CANONICAL,
    COMMENTS,
    DROPPED,
    FLATTENED,
    GO_IMPORTS,
    KEPT,
    METHOD_CALLS,
    NAMES,
    OPAQUE,
    UNWRAPPED,
)

if TYPE_CHECKING:
    from tree_sitter import Node as Raw

_DEEPEST = 120
"""Levels of a tree that are read; what lies deeper is compared as it is written."""
_LONGEST_S = 0.1
_LONGEST_PER_BYTE_S = 5e-7
"""Processor time that parsing may take: broken code can take some grammars far longer."""
_CHUNK = 4096
_PREFIX = "rRbBuUfFL@$"
_QUOTES = "\"'`"


class Node:
    """A part of a text: a leaf with its text, or a kind with its children."""

    __slots__ = ("end", "kids", "kind", "name", "start", "text", "up")

    def __init__(
        self, kind: str, start: int, end: int, kids: "tuple[Node, ...]" = (), text: str = ""
    ) -> None:
        self.kind = kind
        self.start = start
        self.end = end
        self.kids = kids
        self.text = text
        self.name: Node | None = None
        """Of a parameter: the name by which the body knows it."""
        self.up: Node | None = None

    def walk(self) -> "Iterator[Node]":
        """The node and all below it, in the order of the text."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(node.kids))

    def is_same(self, other: "Node") -> bool:
        """Whether both say the same, wherever they stand."""
        stack = [(self, other)]
        while stack:
            one, two = stack.pop()
            if one is two:
                continue
            if one.kind != two.kind or one.text != two.text or len(one.kids) != len(two.kids):
                return False
            stack.extend(zip(one.kids, two.kids, strict=True))
        return True

    def dotted(self) -> str:
        """`a.b.c` of a chain of names; empty for anything else."""
        if self.kind == "name":
            return self.text
        if self.kind == "member" and self.kids[1].kind == "name":
            owner = self.kids[0].dotted()
            return f"{owner}.{self.kids[1].text}" if owner else ""
        return ""


class Tree:
    """One text of one language."""

    def __init__(self, text: str, language: str) -> None:
        data = text.encode("utf-8", "replace")
        if len(data) != len(text):
            data = text.encode("ascii", "replace")  # one byte for each character: offsets hold
        self.text = text
        self.language = language
        raw = _parsed(data, language, text)
        self.has_error = raw is None or raw.has_error
        self.is_cut = raw is None
        root = self._built(raw, 0) if raw is not None else None
        self.root = root if root is not None else Node("block", 0, len(text))
        if self.root.kind != "block":
            self.root = Node("block", 0, len(text), (self.root,))
        for node in self.root.walk():
            for kid in node.kids:
                kid.up = node

    def _built(self, raw: "Raw", depth: int) -> Node | None:
        kind, start, end = raw.type, raw.start_byte, raw.end_byte
        if kind in COMMENTS or raw.is_missing:
            return None
        if raw.child_count == 0 or kind in OPAQUE:
            return self._leaf(raw, kind, start, end)
        if depth > _DEEPEST:
            self.is_cut = True
            return Node("deep", start, end, text=self.text[start:end])
        if kind == "variable_name":
            return Node("name", start, end, text=self.text[start:end])
        canonical = CANONICAL.get(kind, kind)
        if canonical in ("string", "backticks"):
            return self._string(raw, canonical, start, end, depth)
        if kind == "concatenated_string":
            return self._joined(raw, start, end, depth)
        made = self._special(raw, kind, start, end, depth)
        if made is not None:
            return made
        kids = self._kids(raw, depth)
        if canonical == "lambda":
            return _lambda(start, end, kids)
        if canonical == "param":
            return self._param(raw, kids, start, end)
        if canonical == "member":
            return _chain(kids, end)
        if kind in UNWRAPPED and len(kids) < 2:
            return kids[0] if kids else None
        if canonical == "new" and kids and kids[-1].kind == "block":
            kids = kids[:-1]
        is_alone = len(kids) == 1 and (kids[0].start, kids[0].end) == (start, end)
        if is_alone and canonical not in KEPT:
            return kids[0]
        return Node(canonical, start, end, tuple(kids))

    def _leaf(self, raw: "Raw", kind: str, start: int, end: int) -> Node | None:
        if not raw.is_named and kind in DROPPED:
            return None
        text = self.text[start:end]
        if kind in NAMES or kind == "variable_name":
            return Node("name", start, end, text=text)
        if not raw.is_named:
            return Node(kind, start, end, text=text)
        canonical = CANONICAL.get(kind, kind)
        if canonical == "string":
            return Node("string", start, end, text=_body(text))
        if canonical == "block":
            return Node("block", start, end) if kind != "ERROR" else None
        if canonical in ("args", "params", "object", "array"):
            return Node(canonical, start, end)
        if "literal" in kind or kind in ("integer", "float", "number"):
            return Node("char" if kind == "char_literal" else "number", start, end, text=text)
        return Node(kind, start, end, text=text)

    def _kids(self, raw: "Raw", depth: int) -> list[Node]:
        kids: list[Node] = []
        is_block = CANONICAL.get(raw.type) == "block"
        has_result = raw.type.startswith(("function", "method", "func_"))
        for number, child in enumerate(raw.children):
            if has_result and raw.field_name_for_child(number) in ("return_type", "result"):
                kids.append(Node("returns", child.start_byte, child.end_byte))
                continue
            flattened = (
                child.type in FLATTENED
                or (is_block and child.type == "ERROR")
                or (child.type in GO_IMPORTS and self.language == "go")
            )
            if flattened and child.child_count:
                kids += self._kids(child, depth + 1)
                continue
            built = self._built(child, depth + 1)
            if built is not None and not (raw.type in GO_IMPORTS and built.kind == "import"):
                kids.append(built)
        return kids

    def _special(self, raw: "Raw", kind: str, start: int, end: int, depth: int) -> Node | None:
        if kind in ASSIGNMENTS:
            return self._assign(raw, kind, start, end, depth)
        if kind in METHOD_CALLS or (kind == "call" and _field(raw, "method")):
            return self._method_call(raw, start, end, depth)
        if kind in ("argument", "value_argument") and (name := _field(raw, "name")):
            kids = self._kids(raw, depth)
            key = self._built(name, depth + 1)
            if key is not None and len(kids) > 1:
                return Node("kwarg", start, end, (key, kids[-1]))
        if kind in ("pointer_declarator", "array_declarator", "reference_declarator"):
            inner = _field(raw, "declarator")
            if kind == "array_declarator" and raw.parent and raw.parent.type == "declaration":
                return Node(kind, start, end, tuple(self._kids(raw, depth)))
            return self._built(inner, depth + 1) if inner is not None else None
        if kind in ("interpolation", "template_substitution"):
            named = [child for child in raw.children if child.is_named]
            inner = next((c for c in named if c.type != "interpolation_brace"), None)
            return self._built(inner, depth + 1) if inner is not None else None
        return None

    def _assign(self, raw: "Raw", kind: str, start: int, end: int, depth: int) -> Node | None:
        operator = _field(raw, "operator")
        if operator is not None and operator.type not in ("=", ":="):
            return None
        left = _field(raw, "left") or _field(raw, "name") or _field(raw, "pattern")
        left = left or _field(raw, "declarator")
        right = _field(raw, "right") or _field(raw, "value")
        if right is None and kind == "variable_declarator" and raw.child_count > 2:
            right = raw.children[-1]  # C#
        if left is None or right is None:
            return None
        one, two = self._built(left, depth + 1), self._built(right, depth + 1)
        if one is None or two is None:
            return None
        return Node("assign", start, end, (one, two))

    def _method_call(self, raw: "Raw", start: int, end: int, depth: int) -> Node | None:
        owner = _field(raw, "object") or _field(raw, "receiver") or _field(raw, "scope")
        name = _field(raw, "name") or _field(raw, "method")
        called = self._built(name, depth + 1) if name is not None else None
        if called is None or name is None:
            return None
        if owner is not None:
            left = self._built(owner, depth + 1)
            if left is not None:
                called = Node("member", left.start, called.end, (left, called))
        arguments = _field(raw, "arguments")
        args = self._built(arguments, depth + 1) if arguments is not None else None
        kids = [called, args or Node("args", called.end, called.end)]
        block = _field(raw, "block")
        built = self._built(block, depth + 1) if block is not None else None
        return Node("call", start, end, (*kids, built) if built is not None else tuple(kids))

    def _param(self, raw: "Raw", kids: list[Node], start: int, end: int) -> Node:
        if len(kids) == 1:
            return kids[0]
        named = _field(raw, "name") or _field(raw, "pattern") or _field(raw, "declarator")
        node = Node("param", start, end, tuple(kids))
        at = named.start_byte if named is not None else -1
        names = [kid for kid in node.walk() if kid.kind == "name"]
        node.name = next((kid for kid in names if kid.start >= at), names[0] if names else None)
        return node

    def _string(self, raw: "Raw", kind: str, start: int, end: int, depth: int) -> Node:
        holes = [c for c in raw.children if c.is_named and _is_hole(c)]
        if not holes and kind == "string":
            return Node(kind, start, end, text=_body(self.text[start:end]))
        pieces: list[Node] = []
        at = start
        for child in holes:
            if child.start_byte > at:
                pieces.append(self._piece(at, child.start_byte, is_first=at == start))
            built = self._built(child, depth + 1)
            if built is not None:
                pieces.append(built)
            at = child.end_byte
        if end > at:
            pieces.append(self._piece(at, end, is_first=at == start, is_last=True))
        kept = [piece for piece in pieces if piece.kind != "piece" or piece.text]
        return Node(kind, start, end, tuple(kept))

    def _piece(
        self, start: int, end: int, *, is_first: bool = False, is_last: bool = False
    ) -> Node:
        text = self.text[start:end]
        if is_first:
            text = text.lstrip(_PREFIX)
            text = text[3:] if text[:3] in ('"""', "'''") else text[1:]
        if is_last:
            text = text[:-3] if text[-3:] in ('"""', "'''") else text[:-1]
        return Node("piece", start, end, text=text.strip("{}$#"))

    def _joined(self, raw: "Raw", start: int, end: int, depth: int) -> Node:
        parts = [kid for kid in self._kids(raw, depth) if kid.kind == "string"]
        if all(not part.kids for part in parts):
            return Node("string", start, end, text="".join(part.text for part in parts))
        pieces: list[Node] = []
        for part in parts:
            text = Node("piece", part.start, part.end, text=part.text)
            pieces += part.kids or (text,)
        return Node("string", start, end, tuple(pieces))


def _parsed(data: bytes, language: str, text: str) -> "Raw | None":
    """The root of the tree; None where the grammar takes too long."""
    until = time.thread_time() + _LONGEST_S + len(data) * _LONGEST_PER_BYTE_S

    def read(place: int, _: object) -> bytes:
        return data[place : place + _CHUNK]

    try:
        parsed = parser_of(language, text).parse(
            read, progress_callback=lambda *_: time.thread_time() > until
        )
    except ValueError:
        return None
    return parsed.root_node if parsed is not None else None


def _is_hole(raw: "Raw") -> bool:
    """A child of a string that is an expression."""
    kind = raw.type
    return not (
        "content" in kind
        or "fragment" in kind
        or "escape" in kind
        or kind in ("string_start", "string_end", "interpolation_start", "interpolation_brace")
        or kind in ("heredoc_start", "heredoc_end", "heredoc_body", "nowdoc_body", "nowdoc_string")
    )


def _body(text: str) -> str:
    """What stands between the quotes of a literal."""
    bare = text.lstrip(_PREFIX) if text[:1] not in _QUOTES else text
    for mark in ('"""', "'''"):
        if bare.startswith(mark) and bare.endswith(mark) and len(bare) >= 6:
            return bare[3:-3]
    return bare[1:-1] if len(bare) >= 2 and bare[0] in "\"'`<" else bare


def _field(raw: "Raw", name: str) -> "Raw | None":
    return raw.child_by_field_name(name)


def _chain(kids: list[Node], end: int) -> Node | None:
    """`a.b.c` as `(a.b).c`."""
    if not kids:
        return None
    node = kids[0]
    for kid in kids[1:]:
        node = Node("member", node.start, kid.end, (node, kid))
    return node


def _lambda(start: int, end: int, kids: list[Node]) -> Node:
    """Parameters and body, whatever the function is written with."""
    parts = [kid for kid in kids if kid.kind not in ("returns", "type_annotation")]
    body = parts[-1] if parts else Node("block", end, end)
    params = next((kid for kid in parts[:-1] if kid.kind == "params"), None)
    if params is None:
        names = tuple(kid for kid in parts[:-1] if kid.kind == "name")
        params = Node("params", start, start, names)
    return Node("lambda", start, end, (params, body))
