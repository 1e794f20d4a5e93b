"""How commands, queries and descriptions of systems look."""

from tyrian.detectors.code_shield.syntax import (
    BLOCK,
    C_WORDS,
    DOLLAR_BRACE,
    DQ,
    HASH,
    LINE,
    SQ,
    Hole,
    Quote,
    Syntax,
)

_SHELL_HOLES = (Hole(r"\$\(", ")"), DOLLAR_BRACE, Hole(r"\$[A-Za-z_0-9@*#?]\w*"))

SHELL = Syntax(
    name="shell",
    stops="\"'#$<",
    comments=(r"(?:(?<=[\s;&|(])|^)\#[^\n]*",),
    heredoc=r"(?<!<)<<-?[ \t]*\\?(?:(?P<raw>')|\")?(?P<tag>[A-Za-z_]\w*)['\"]?",
    heredoc_holes=_SHELL_HOLES,
    literals=((r"\$'(?:[^'\\]|\\[\s\S])*+'?", '"'),),
    quotes=(
        Quote('"', '"', is_multiline=True, holes=_SHELL_HOLES, leads="$"),
        Quote("'", "'", "", True),
    ),
    is_indented=True,
    ends_with_line=True,
    joins=r"(?!)",
    bare_calls=r"[\w./-]+",
    splits_at_blanks=True,
    functions=r"^[ \t]*(?:function[ \t]+)?[\w-]+[ \t]*\([ \t]*\)[ \t\n]*\{",
)

_BODY_END = (
    r"\$\w*\$(?=\s*(?:;|\Z"
    r"|(?i:language|immutable|stable|volatile|strict|parallel|security|cost)\b))"
)

SQL = Syntax(
    name="sql",
    stops="\"'-/$#",
    prefixes="nN",
    comments=(r"--[^\n]*", BLOCK, r"^\#[^\n]*"),
    comment_close="*/",
    literals=(
        # The body of a function is code, so that only its ends are masked; other such text is text.
        (r"(?<=\b[aA][sS]\s)\$\w*\$|(?<=\b[dD][oO]\s)\$\w*\$|" + _BODY_END, ";"),
        (r"\$(?P<dt>\w*)\$[\s\S]*?(?:\$(?P=dt)\$|\Z)", '"'),
    ),
    quotes=(
        Quote("'", "'", "double", True),
        Quote('"', '"', "double", True),
    ),
    joins=r"\+|\|\|",
    constants=frozenset({"NULL", "null", "TRUE", "FALSE"}),
    formatters=frozenset({"concat", "CONCAT", "format", "FORMAT"}),
    cleaners=frozenset({"quote_ident", "quote_literal", "QUOTENAME"}),
    functions=r"(?i:\bcreate\b[^;\n]{0,80}\b(?:procedure|function)\b)",
    ignores_case=True,
)

DOCKERFILE = Syntax(
    name="dockerfile",
    stops="#\"'",
    comments=(r"(?:(?<=\s)|^)\#[^\n]*",),
    quotes=(DQ, SQ),
    is_indented=True,
    ends_with_line=True,
    bare_calls=r"[A-Za-z]\w*",
)

_TF_HOLES = (DOLLAR_BRACE,)

TERRAFORM = Syntax(
    name="terraform",
    stops='#/"<',
    comments=(HASH, LINE, BLOCK),
    comment_close="*/",
    heredoc=r"<<[-~]?(?P<raw>(?!))?(?P<tag>[A-Za-z_]\w*)(?=[ \t]*\r?\n)",
    heredoc_holes=_TF_HOLES,
    quotes=(Quote('"', '"', holes=_TF_HOLES, leads="$"),),
    ends_with_line=True,
    constants=C_WORDS,
    formatters=frozenset({"format", "join"}),
    functions=r"^[ \t]*(?:resource|data|module|provider|variable|locals|output)\b",
)

KUBERNETES = Syntax(
    name="kubernetes",
    stops="#\"'",
    comments=(r"(?:(?<=\s)|^)\#[^\n]*",),
    quotes=(DQ, Quote("'", "'", "double")),
    is_indented=True,
    ends_with_line=True,
    constants=C_WORDS,
)
