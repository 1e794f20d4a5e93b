"""How programs look that run as they are written."""

from tyrian.detectors.code_shield.syntax import (
    BLOCK,
    BRACE,
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

_NUMBERS = frozenset({"int", "float", "bool", "len", "round", "abs", "ord", "hash", "id"})
_PY_PLAIN = ""
_PY_FORMAT = r"(?:(?<=\b[fFtT])|(?<=\b[fF][rR])|(?<=\b[rR][fFtT]))"
_REGEX_BODY = r"/(?![*/+? ])(?:[^/\\\[\n]|\\[^\n]|\[(?:[^\]\\\n]|\\[^\n])*+\])++/[a-z]*"
_JS_REGEX = (
    r"(?:(?<=[(,=:\[!&|?{};\n>~^])|(?<=[(,=:\[!&|?{};>~^] )|(?<=return )|(?<=typeof )|(?<=case ))"
    + _REGEX_BODY
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
        Quote(_PY_FORMAT + '"""', '"""', is_multiline=True, holes=BRACE, leads="{}"),
        Quote(_PY_FORMAT + "'''", "'''", is_multiline=True, holes=BRACE, leads="{}"),
        Quote(_PY_PLAIN + '"""', '"""', is_multiline=True),
        Quote(_PY_PLAIN + "'''", "'''", is_multiline=True),
        Quote(_PY_FORMAT + '"', '"', holes=BRACE, leads="{}"),
        Quote(_PY_FORMAT + "'", "'", holes=BRACE, leads="{}"),
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
    quotes=(Quote("`", "`", is_multiline=True, holes=(DOLLAR_BRACE,), leads="$"), DQ, SQ),
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
        r"(?:require|import)[ \t]*\([ \t]*(?P<path>\"[ ]*\")(?:[ \t]*\)\.(?P<name>[\w$]+))?",
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
