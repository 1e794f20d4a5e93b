"""How programs look that are compiled."""

from tyrian.detectors.code_shield.syntax import (
    BLOCK,
    BRACE,
    C_WORDS,
    CHAR,
    DOLLAR_BRACE,
    DOLLAR_NAME,
    DQ,
    LINE,
    NESTED_BLOCK,
    Hole,
    Quote,
    Syntax,
)

_ANNOTATED = (
    r"@(?:RequestParam|PathVariable|RequestBody|RequestHeader|CookieValue|RequestPart|ModelAttribute"
    r"|QueryParam|PathParam|FormParam|HeaderParam|CookieParam|MatrixVariable)\b"
    r"(?:[ ]?\([^()]{0,200}\))?"
)
_ACTION = (
    r"\b(?:I?(?:Action|Content|View|Json|File|PartialView|Redirect)Result|HttpResponseMessage)\s*>?\s+\w+"
    r"\s*\((?P<list>[^()]{1,500}(?:\([^()]{0,100}\)[^()]{0,200}){0,8})\)"
)
_ACTION_PARAMETER = (
    r"\s*(?:(?:\[[^\]]*\]\s*)*(?:string\??(?:\[\])?|IFormFile\w*|List<string>)"
    r"|(?:\[From(?:Query|Body|Route|Form|Header)\b[^\]]*\]\s*)(?!int\b|long\b|bool\b|Guid\b)[\w<>?\[\].]+)"
    r"\s+(?P<name>\w+)"
)
_RAW_CPP = (
    r"(?:(?<=\bR)|(?<=\bLR)|(?<=\buR)|(?<=\bUR)|(?<=\bu8R))"
    r'"(?P<delimiter>[^()\\\s"]{0,16})\([\s\S]*?(?:\)(?P=delimiter)"|\Z)'
)
_C_FUNCTION = r"\)[ \t\n]*(?:const[ \t\n]*)?(?:noexcept[ \t\n]*)?\{"

C = Syntax(
    name="c",
    stops="\"'/",
    prefixes="uUL8",
    comments=(r"//(?:[^\n\\]|\\[\s\S])*+", BLOCK),
    comment_close="*/",
    literals=(CHAR,),
    quotes=(Quote('"', '"'),),
    joins=r"\+|<<",
    constants=C_WORDS | {"sizeof", "const", "char", "int", "void", "unsigned", "long"},
    formatters=frozenset({"format", "sprintf", "snprintf", "asprintf", "strcat", "concat"}),
    cleaners=frozenset({"atoi", "atol", "strtol", "strtoul", "sizeof", "stoi", "strlen"}),
    roots=frozenset({"std"}),
    declares_by_type=True,
    functions=_C_FUNCTION,
)

CPP = Syntax(
    name="cpp",
    stops="\"'/",
    prefixes="uUL8R",
    comments=C.comments,
    comment_close="*/",
    literals=((_RAW_CPP, '"'), CHAR),
    quotes=C.quotes,
    joins=C.joins,
    constants=C.constants | {"std", "string", "auto", "static_cast", "new"},
    formatters=C.formatters | {"to_string", "str"},
    cleaners=C.cleaners,
    roots=C.roots,
    declares_by_type=True,
    functions=_C_FUNCTION,
    import_words=frozenset({"using"}),
    imports=(r"\busing[ \t]+(?P<alias>\w+)[ \t]*=[ \t]*(?P<name>[\w:]+)",),
    inherits=("c",),
)

CSHARP = Syntax(
    name="csharp",
    stops="\"'/$@",
    comments=(LINE, BLOCK),
    comment_close="*/",
    literals=((r'"""+[\s\S]*?(?:"""+|\Z)', '"'), CHAR),
    quotes=(
        Quote(r'(?:\$@|@\$)"', '"', "double", True, BRACE, "{}"),
        Quote(r'\$"', '"', holes=BRACE, leads="{}"),
        Quote(r'@"', '"', "double", True),
        DQ,
    ),
    outside=(
        (_ACTION, _ACTION_PARAMETER),
        (
            r"\[From(?:Query|Body|Route|Form|Header)\b[^\]]{0,80}\]\s*(?!int\b|long\b|bool\b|Guid\b)"
            r"[\w<>?\[\].]{1,60}\s+(?P<name>\w+)",
            "",
        ),
        (
            r"\.Map(?:Get|Post|Put|Delete|Patch)\s*\([^()]{0,80}\((?P<list>[^()]{1,300})\)\s*=>",
            _ACTION_PARAMETER,
        ),
    ),
    constants=C_WORDS | {"new", "string", "await", "this", "typeof", "nameof", "out", "ref"},
    formatters=frozenset({"Format", "Concat", "Join", "AppendFormat"}),
    cleaners=frozenset({"Parse", "ToInt32", "ToInt64", "Length", "Count"}),
    declares_by_type=True,
    functions=_C_FUNCTION,
    import_words=frozenset({"using"}),
    imports=(r"\busing[ \t]+(?P<alias>\w+)[ \t]*=[ \t]*(?P<name>[\w.]+)",),
)

JAVA = Syntax(
    name="java",
    stops="\"'/",
    comments=(LINE, BLOCK),
    comment_close="*/",
    literals=((r'"""[\s\S]*?(?:"""|\Z)', '"'), CHAR),
    quotes=(DQ,),
    outside=(
        (
            _ANNOTATED + r"\s+(?:final\s+)?(?!int\b|long\b|boolean\b|Integer\b|Long\b|UUID\b)"
            r"[\w.]+(?:<[^()\n]{0,80}>)?(?:\[\])?\s+(?P<name>\w+)",
            "",
        ),
    ),
    constants=C_WORDS | {"new", "String", "final", "this"},
    formatters=frozenset({"format", "formatted", "concat", "join"}),
    cleaners=frozenset({"parseInt", "parseLong", "valueOf", "length", "size", "intValue"}),
    declares_by_type=True,
    functions=r"\)[ \t\n]*(?:throws[\w.,< >\n\t]{1,200})?\{|->",
    import_words=frozenset({"import"}),
    imports=(r"^[ \t]*import[ \t]+static[ \t]+(?P<path>[\w.]+)\.(?P<name>\w+)[ \t]*;",),
)

KOTLIN = Syntax(
    name="kotlin",
    stops="\"'/",
    comments=(LINE, BLOCK),
    comment_close="*/",
    literals=(CHAR,),
    quotes=(
        Quote('"""', '"""', "", True, (DOLLAR_BRACE, DOLLAR_NAME), "$"),
        Quote('"', '"', holes=(DOLLAR_BRACE, DOLLAR_NAME), leads="$"),
    ),
    outside=((_ANNOTATED + r"\s+(?P<name>\w+)\s*:\s*(?!Int\b|Long\b|UUID\b)", ""),),
    ends_with_line=True,
    constants=C_WORDS | {"this"},
    formatters=frozenset({"format", "joinToString", "plus", "trimIndent", "trimMargin"}),
    cleaners=frozenset({"toInt", "toLong", "toIntOrNull", "size", "length"}),
    functions=r"\bfun\b|\)[ \t\n]*(?::[ \t]*[\w<>?., ]{1,80})?\{|->",
    import_words=frozenset({"import"}),
    imports=(r"^[ \t]*import[ \t]+(?P<name>[\w.]+)[ \t]+as[ \t]+(?P<alias>\w+)",),
)

SWIFT = Syntax(
    name="swift",
    stops='"/#',
    comments=(LINE, BLOCK),
    comment_close="*/",
    literals=((r'#+"[^\n]*?(?:"#+|$)', '"'),),
    quotes=(
        Quote('"""', '"""', is_multiline=True, holes=(Hole(r"\\\(", ")"),), leads="\\"),
        Quote('"', '"', holes=(Hole(r"\\\(", ")"),), leads="\\"),
    ),
    ends_with_line=True,
    constants=C_WORDS | {"self", "try", "await"},
    formatters=frozenset({"String", "appending", "joined"}),
    cleaners=frozenset({"Int", "UInt", "Double", "count"}),
    functions=r"\bfunc\b|\binit\b|\{[^\n{}]{0,80}\bin\b",
)

GO = Syntax(
    name="go",
    stops="\"'`/",
    comments=(LINE, BLOCK),
    comment_close="*/",
    literals=(CHAR,),
    quotes=(DQ, Quote("`", "`", "", True)),
    ends_with_line=True,
    constants=C_WORDS | {"byte", "string"},
    formatters=frozenset({"Sprintf", "Sprint", "Sprintln", "Join", "Fprintf"}),
    cleaners=frozenset({"Atoi", "ParseInt", "ParseUint", "len", "Itoa", "FormatInt"}),
    functions=r"\bfunc\b",
    imports=(r"^[ \t]*(?:import[ \t]+)?(?P<alias>\w+)[ \t]+(?P<path>\"[ ]*\")[ \t]*$",),
)

RUST = Syntax(
    name="rust",
    stops="\"'/#",
    prefixes="brc",
    comments=(LINE, NESTED_BLOCK),
    comment_close="*/",
    literals=(
        (r'(?:(?<=\br)|(?<=\bbr)|(?<=\bcr))(?P<rh>#{0,8})"[\s\S]*?(?:"(?P=rh)|\Z)', '"'),
        (r"'(?:\\(?:u\{[0-9a-fA-F]{1,6}\}|x[0-9a-fA-F]{2}|[^\n])|[^'\\\n])'", "'"),
    ),
    quotes=(Quote('"', '"', is_multiline=True),),
    raw=Quote(r'\b(?:b|c)?r#+"', '"#', "", True),
    constants=frozenset({"true", "false", "None", "Some", "mut", "as", "ref", "u8", "usize"}),
    formatters=frozenset({"format", "format_args", "concat", "push_str", "join"}),
    cleaners=frozenset({"len", "parse"}),
    roots=frozenset({"std", "core", "alloc"}),
    functions=r"\bfn\b|\|[^|\n]{0,80}\|",
    import_words=frozenset({"use"}),
    imports=(r"\buse[ \t]+(?P<name>[\w:]+)[ \t]+as[ \t]+(?P<alias>\w+)",),
)
