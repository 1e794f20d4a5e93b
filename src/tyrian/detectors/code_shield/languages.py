"""The table of languages."""

from collections.abc import Mapping
from types import MappingProxyType

from tyrian.detectors.code_shield.syntax import (
    BLOCK,
    C_WORDS,
    CHAR,
    DQ,
    HASH,
    LINE,
    NESTED_BLOCK,
    SQ,
    WORD,
    Hole,
    Quote,
    Syntax,
)

_NUMBERS = frozenset({"int", "float", "bool", "len", "round", "abs", "ord", "hash", "id"})
_PY_PLAIN = ""
_PY_FORMAT = r"(?:(?<=\b[fFtT])|(?<=\b[fF][rR])|(?<=\b[rR][fFtT]))"
_BRACE = (Hole(r"\{", "}"),)
_DOLLAR_BRACE = Hole(r"\$\{", "}")
_DOLLAR_NAME = Hole(r"\$[A-Za-z_]\w*")
_REGEX_BODY = r"/(?![*/+? ])(?:[^/\\\[\n]|\\[^\n]|\[(?:[^\]\\\n]|\\[^\n])*+\])++/[a-z]*"
_JS_REGEX = (
    r"(?:(?<=[(,=:\[!&|?{};\n>~^])|(?<=[(,=:\[!&|?{};>~^] )|(?<=return )|(?<=typeof )|(?<=case ))"
    + _REGEX_BODY
)

_ANNOTATED = (
    r"@(?:RequestParam|PathVariable|RequestBody|RequestHeader|CookieValue|RequestPart|ModelAttribute"
    r"|QueryParam|PathParam|FormParam|HeaderParam|CookieParam|MatrixVariable)\b"
    r"(?:[ ]?\([^()]{0,200}\))?"
)
_HANDLER = (
    # A view of Flask or FastAPI, with what stands between its decorator and its parameters.
    r"^[ \t]*@\w[\w.]*\.(?:route|get|post|put|delete|patch|websocket)\([^\n]{0,300}\n"
    r"(?:[ \t]*@[^\n]{0,300}\n){0,6}[ \t]*(?:async[ \t]+)?def[ \t]+\w+[ \t]*\((?P<list>[^()]{1,500}"
    r"(?:\([^()]{0,100}\)[^()]{0,200}){0,8})\)"
)
_VIEW_PARAMETER = (
    r"\s*(?!(?:self|cls|request|req|response|db|session|user|current_user)\b)(?P<name>[A-Za-z_]\w*)\s*"
    r"(?::\s*(?:(?:Optional|Annotated|[Ll]ist)\[\s*)?(?:str|bytes|UploadFile)\b[\s\S]*"
    r"|=(?!\s*Depends)[\s\S]*)?\Z"
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
_TAKEN_APART = (
    r"(?:const|let|var)\s*\{(?P<list>[^{}]{1,300})\}\s*=\s*(?:await\s+)?(?:req|request|ctx|event)"
    r"(?:\.request)?\.(?:query|body|params|headers|cookies|queryStringParameters)\b"
)
_TAKEN = (_TAKEN_APART, r"\s*(?:[\w$]+\s*:\s*)?(?P<name>[A-Za-z_$][\w$]*)")

PYTHON = Syntax(
    name="python",
    stops="#\"'",
    prefixes="rbuftRBUFT",
    comments=(HASH,),
    quotes=(
        Quote(_PY_FORMAT + '"""', '"""', is_multiline=True, holes=_BRACE, leads="{}"),
        Quote(_PY_FORMAT + "'''", "'''", is_multiline=True, holes=_BRACE, leads="{}"),
        Quote(_PY_PLAIN + '"""', '"""', is_multiline=True),
        Quote(_PY_PLAIN + "'''", "'''", is_multiline=True),
        Quote(_PY_FORMAT + '"', '"', holes=_BRACE, leads="{}"),
        Quote(_PY_FORMAT + "'", "'", holes=_BRACE, leads="{}"),
        Quote(_PY_PLAIN + '"', '"'),
        Quote(_PY_PLAIN + "'", "'"),
    ),
    outside=((_HANDLER, _VIEW_PARAMETER),),
    is_indented=True,
    ends_with_line=True,
    joins=r"\+|%",
    constants=frozenset(
        {
            "True",
            "False",
            "None",
            "Ellipsis",
            "and",
            "or",
            "not",
            "if",
            "else",
            "in",
            "is",
            "lambda",
        }
    ),
    formatters=frozenset({"format", "join", "format_map", "Template"}),
    cleaners=_NUMBERS,
    bare_calls=r"exec|print",
    roots=frozenset({"builtins", "__builtins__", "__builtin__"}),
    functions=r"^[ \t]*(?:async[ \t]+)?def[ \t]+\w+|^[ \t]*class[ \t]+\w+",
    import_words=frozenset({"import"}),
    imports=(
        r"^[ \t]*from[ \t]+(?P<path>[\w.]+)[ \t]+import[ \t]*"
        r"(?P<names>\([\w \t,\n]{1,2000}|[\w \t,*]{1,500})",
        r"^[ \t]*import[ \t]+(?P<modules>[\w., \t]{1,500})",
    ),
)

JAVASCRIPT = Syntax(
    name="javascript",
    stops="\"'`/",
    comments=(LINE, BLOCK),
    comment_close="*/",
    literals=((_JS_REGEX, "/"),),
    quotes=(Quote("`", "`", is_multiline=True, holes=(_DOLLAR_BRACE,), leads="$"), DQ, SQ),
    outside=(_TAKEN,),
    ends_with_line=True,
    joins=r"\+",
    constants=C_WORDS | {"NaN", "Infinity", "new", "typeof", "void", "await", "async"},
    formatters=frozenset({"concat", "join", "format"}),
    cleaners=frozenset({"Number", "parseInt", "parseFloat", "Boolean", "encodeURIComponent"}),
    roots=frozenset({"window", "globalThis", "self", "global", "top"}),
    functions=r"\bfunction\b|=>"
    r"|^[ \t]*(?:async[ \t]+)?(?:static[ \t]+)?\w+[ \t]*\([^()\n]*\)[ \t]*\{",
    import_words=frozenset({"import", "require"}),
    imports=(
        r"(?:const|let|var)[ \t]+(?P<alias>[\w$]+)[ \t]*=[ \t]*(?:await[ \t]+)?"
        r"(?:require|import)[ \t]*\([ \t]*(?P<path>\"[ ]*\")",
        r"(?:const|let|var)[ \t]*\{(?P<names>[\w$ \t\n,:]{1,1000})\}[ \t]*=[ \t]*"
        r"(?:require|await[ \t]+import)[ \t]*\([ \t]*(?P<path>\"[ ]*\")",
        r"\bimport[ \t]+(?:type[ \t]+)?\*[ \t]+as[ \t]+(?P<alias>[\w$]+)"
        r"[ \t]+from[ \t]*(?P<path>\"[ ]*\")",
        r"\bimport[ \t]+(?:type[ \t]+)?(?P<alias>[\w$]+)[ \t]+from[ \t]*(?P<path>\"[ ]*\")",
        r"\bimport[ \t]+(?:type[ \t]+)?(?:[\w$]+[ \t]*,[ \t]*)?\{(?P<names>[\w$ \t\n,]{1,1000})\}"
        r"[ \t]*from[ \t]*(?P<path>\"[ ]*\")",
    ),
)

TYPESCRIPT = Syntax(
    name="typescript",
    stops="\"'`/",
    comments=JAVASCRIPT.comments,
    comment_close="*/",
    literals=JAVASCRIPT.literals,
    quotes=JAVASCRIPT.quotes,
    outside=(
        _TAKEN,
        (r"@(?:Query|Param|Body|Headers|Req)\([^()\n]{0,80}\)\s*(?P<name>[A-Za-z_]\w*)", ""),
    ),
    ends_with_line=True,
    joins=JAVASCRIPT.joins,
    constants=JAVASCRIPT.constants | {"as", "string", "any", "unknown", "const"},
    formatters=JAVASCRIPT.formatters,
    cleaners=JAVASCRIPT.cleaners,
    roots=JAVASCRIPT.roots,
    functions=JAVASCRIPT.functions,
    import_words=JAVASCRIPT.import_words,
    imports=JAVASCRIPT.imports,
    inherits=("javascript",),
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
        Quote(r'(?:\$@|@\$)"', '"', "double", True, _BRACE, "{}"),
        Quote(r'\$"', '"', holes=_BRACE, leads="{}"),
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
        Quote('"""', '"""', "", True, (_DOLLAR_BRACE, _DOLLAR_NAME), "$"),
        Quote('"', '"', holes=(_DOLLAR_BRACE, _DOLLAR_NAME), leads="$"),
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

_PHP_HOLES = (
    Hole(r"\{(?=\$)", "}"),
    Hole(r"\$\{", "}"),
    Hole(r"\$[A-Za-z_]\w*(?:->\w+|\[[^\]\n]{0,40}\])?"),
)

_PHP_OPEN = r"(?:<\?(?:php\b|(?!=|xml))|(?=<\?=))"
_PHP_PAGE = r"(?:[^<]++|<(?!\?(?!xml)))*+"
_PHP_HEAD = (
    # Markup up to the first tag of PHP; what holds a variable or a statement before that is code.
    r"(?:[^<?$;]*+|[^<?$]*+<(?=[A-Za-z!/]|\?xml)(?:\?xml[^>]*+>)?(?:[^<?]++|<(?!\?)|\?(?!>))*+)"
    + _PHP_OPEN
)

PHP = Syntax(
    name="php",
    stops="\"'`/#?<",
    page_open=_PHP_HEAD,
    comments=(
        r"(?:\#(?!\[)|//)(?:(?!\?>)[^\n])*+",
        BLOCK,
    ),
    comment_close="*/",
    # Markup between two tags of PHP ends a statement, and is there for the rules that read text.
    literals=((rf"\?>{_PHP_PAGE}{_PHP_OPEN}?", ";"),),
    heredoc=r"<<<[ \t]*(?:(?P<raw>')|\")?(?P<tag>[A-Za-z_]\w*)['\"]?(?=\r?\n)",
    heredoc_holes=_PHP_HOLES,
    quotes=(
        Quote('"', '"', is_multiline=True, holes=_PHP_HOLES, leads="${"),
        Quote("'", "'", is_multiline=True),
        Quote("`", "`", is_multiline=True, holes=_PHP_HOLES, leads="${", mark="`"),
    ),
    joins=r"\.",
    constants=C_WORDS | {"new", "TRUE", "FALSE", "array", "PHP_EOL", "DIRECTORY_SEPARATOR"},
    formatters=frozenset({"sprintf", "vsprintf", "implode", "join", "str_replace"}),
    cleaners=frozenset({"intval", "floatval", "count", "strlen", "time", "boolval"}),
    bare_calls=r"include|require|include_once|require_once|echo|print|exit|die|eval",
    functions=r"\bfunction\b|\bfn\b",
    import_words=frozenset({"use"}),
    imports=(r"\buse[ \t]+(?P<name>[\w\\]+)[ \t]+as[ \t]+(?P<alias>\w+)",),
    short_call=("<?=", "echo"),
    ignores_case=True,
)

_RUBY_HOLES = (Hole(r"#\{", "}"),)

RUBY = Syntax(
    name="ruby",
    stops="\"'`/#%<=",
    comments=(r"^=begin[\s\S]*?(?:^=end|\Z)", r"\#(?!\{)[^\n]*"),
    heredoc=r"<<[-~]?(?:(?P<raw>')|[\"`])?(?P<tag>[A-Z_][A-Z0-9_]*)['\"`]?",
    heredoc_holes=_RUBY_HOLES,
    literals=((r"%[wi]\[[^\]]*\]?", '"'), (_JS_REGEX, "/")),
    quotes=(
        Quote(r"%[QW]?\{", "}", is_multiline=True, holes=_RUBY_HOLES, leads="#"),
        Quote(r"%[QW]?\(", ")", is_multiline=True, holes=_RUBY_HOLES, leads="#"),
        Quote(r"%x\(", ")", is_multiline=True, holes=_RUBY_HOLES, leads="#", mark="`"),
        Quote(r"%x\{", "}", is_multiline=True, holes=_RUBY_HOLES, leads="#", mark="`"),
        Quote(r"%q\(", ")", is_multiline=True),
        Quote('"', '"', is_multiline=True, holes=_RUBY_HOLES, leads="#"),
        Quote("'", "'", is_multiline=True),
        Quote("`", "`", is_multiline=True, holes=_RUBY_HOLES, leads="#", mark="`"),
    ),
    is_indented=True,
    ends_with_line=True,
    joins=r"\+|<<|%",
    constants=frozenset({"true", "false", "nil", "and", "or", "not", "if", "unless"}),
    formatters=frozenset({"format", "sprintf", "join", "concat"}),
    cleaners=frozenset({"to_i", "to_f", "Integer", "Float", "size", "length", "count"}),
    bare_calls=r"[A-Za-z_]\w*[?!]?",
    roots=frozenset({"Kernel"}),
    functions=r"^[ \t]*def[ \t]+[\w.]+",
)

_SHELL_HOLES = (Hole(r"\$\(", ")"), _DOLLAR_BRACE, Hole(r"\$[A-Za-z_0-9@*#?]\w*"))

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

SQL = Syntax(
    name="sql",
    stops="\"'-/$#",
    prefixes="nN",
    comments=(r"--[^\n]*", BLOCK, r"^\#[^\n]*"),
    comment_close="*/",
    literals=((r"\$(?P<dt>\w*)\$[\s\S]*?(?:\$(?P=dt)\$|\Z)", '"'),),
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

_TF_HOLES = (_DOLLAR_BRACE,)

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

SYNTAXES: Mapping[str, Syntax] = MappingProxyType(
    {
        syntax.name: syntax
        for syntax in (
            PYTHON, JAVASCRIPT, TYPESCRIPT, JAVA, C, CPP, CSHARP, PHP, GO, RUST, RUBY, KOTLIN,
            SWIFT, SHELL, SQL, DOCKERFILE, TERRAFORM, KUBERNETES,
        )
    }
)  # fmt: skip
"""Every language that has rules, by name."""

_TAGS = """
python: py python2 python3 py3 pyi ipython jupyter sage
javascript: js jsx mjs cjs node nodejs ecmascript vue svelte
typescript: ts tsx mts cts
java: jsp
c: h
cpp: c++ cc cxx hpp hxx h++ arduino cuda
csharp: cs c# dotnet aspnet
php: php3 php5 php7 php8 phtml
go: golang
rust: rs
ruby: rb erb rails
kotlin: kt kts
swift:
shell: sh bash zsh ksh console shell-session shellsession terminal fish ash dash
sql: mysql postgres postgresql psql plsql pgsql tsql sqlite mariadb
dockerfile: docker containerfile
terraform: tf hcl tfvars opentofu
kubernetes: k8s kube helm
"""

TAGS: Mapping[str, str] = MappingProxyType(
    {
        tag: line.partition(":")[0]
        for line in _TAGS.strip().splitlines()
        for tag in (line.partition(":")[0], *line.partition(":")[2].split())
    }
)
"""Fence tags and short names, in lower case, to the language that they mean."""

YAML_TAGS = frozenset({"yaml", "yml"})
"""Tags that may mean Kubernetes, which the text has to show."""


def language_of_tag(tag: str) -> str | None:
    """The language that a fence's tag names; None for an unknown or empty one."""
    return TAGS.get(tag.strip().lower())


__all__ = ["SYNTAXES", "TAGS", "WORD", "YAML_TAGS", "language_of_tag"]
