"""Code that makes naive lexers, parsers and expressions slow down, of a length to choose."""

from collections.abc import Callable, Mapping


def _fill(unit: str, head: str = "", tail: str = "") -> Callable[[int], str]:
    def make(size: int) -> str:
        return head + unit * ((size - len(head) - len(tail)) // len(unit)) + tail

    return make


def _nested(opening: str, closing: str) -> Callable[[int], str]:
    def make(size: int) -> str:
        depth = size // (len(opening) + len(closing))
        return opening * depth + closing * depth

    return make


HOSTILE_CODE: Mapping[str, Callable[[int], str]] = {
    "dashes": _fill("-"),
    "one long word": _fill("a"),
    "blanks": _fill(" "),
    "line ends": _fill("\n"),
    "minified sum": _fill("b+", "var a=", "c;"),
    "open brackets": _fill("("),
    "nested calls": _nested("eval(", ")"),
    "nested braces": _nested("{[(", ")]}"),
    "open strings": _fill("'\" `"),
    "backslashes": _fill("\\"),
    "open comments": _fill("/* // # "),
    "comment ends": _fill("*/ "),
    "triple quotes": _fill('"""'),
    "raw strings": _fill('r#"'),
    "heredocs": _fill("cat <<EOF\n"),
    "interpolation": _fill("${`${"),
    "f-string of f-strings": _fill('f"{'),
    "sinks": _fill('os.system("ping " + host)\n'),
    "sinks of strings": _fill("strcpy(buf, argv[1]); "),
    "one long call": _fill('"a" + x + ', "os.system(", "y)"),
    "assignments of one name": _fill("x = x + y\n"),
    "assignments in a chain": lambda size: "".join(f"v{n + 1} = v{n}\n" for n in range(size // 16)),
    "queries": _fill('cur.execute("SELECT * FROM t WHERE a = " + x)\n'),
    "SQL keywords": _fill("SELECT * FROM WHERE "),
    "imports": _fill("import os as o, sys as s\n"),
    "pipes": _fill("curl x | sh; "),
    "dotted names": _fill("a.b."),
    "angle brackets": _fill("<a<"),
    "equals": _fill("=="),
    "key prefixes": _fill("AKIA sk_ password = "),
}
"""Hostile code by name."""

HOSTILE_MESSAGES: Mapping[str, Callable[[int], str]] = {
    "fences": _fill("```\n"),
    "tagged fences": _fill("```python\nx\n```\n"),
    "fences within fences": _fill("~~~\n```\n````\n"),
    "indented fences": _fill("   ```js\n"),
    "quotes": _fill("> "),
    "list items": _fill("- a\n"),
    "diff lines": _fill("+eval(x)\n-eval(x)\n", "```diff\n"),
    "an open block": _fill("eval(x)\n", "```python\n"),
    "prompts": _fill("$ ls\n>>> eval(x)\n", "```\n"),
    "untagged code": _fill("x = eval(y);\n"),
    "backquotes": _fill("`"),
    "tables": _fill("| `eval(x)` | a |\n"),
}
"""Hostile messages by name."""
