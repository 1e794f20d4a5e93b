"""What the engine knows of C, C++ and Rust in particular."""

import pytest

from tyrian.detectors.code_shield.engine import Engine
from tyrian.detectors.code_shield.languages import SYNTAXES
from tyrian.detectors.code_shield.lexer import lex
from tyrian.detectors.code_shield.loader import parse
from tyrian.detectors.code_shield.rule import Profile

ENGINE = Engine()
PRODUCT = r"""
language: c
rules:
  - id: own
    cwe: CWE-190
    severity: high
    profile: block
    message: product
    call: [malloc]
    args: [{index: 0, regex: '(?P<n>\w+)\s*\*\s*(?P<m>\w+)'}]
    not_before: ['\b(?P<n>\w+)\s*>', '\b(?P<m>\w+)\s*>']
    good: []
    bad: []
"""


def rules_of(code: str, language: str) -> set[str]:
    found = ENGINE.scan(code, language, Profile.AUDIT).findings
    return {one.rule.id.rpartition(".")[2] for one in found}


@pytest.mark.parametrize(
    "code",
    [
        "#endif\n    gets(line);",
        "#ifdef LINUX\ngets(line);",
        "#else\n  gets(line);\n#endif",
        "again:\n  gets(line);",
        "LOCK_GUARD\n  gets(line);",
        "::gets(line);",
        "p = ::gets(line);",
        "return ::gets(line);",
        "else gets(line);",
    ],
)
def test_a_call_is_none_the_less_one_for_what_stands_on_the_line_before(code: str) -> None:
    assert "gets" in rules_of(code, "cpp")


@pytest.mark.parametrize(
    "code",
    [
        "char *gets(char *line);",
        "extern char gets(char *line);",
        "char *\ngets(char *line)\n{\n    return line;\n}",
    ],
)
def test_a_declaration_is_no_call(code: str) -> None:
    assert "gets" not in rules_of(code, "c")


@pytest.mark.parametrize(
    ("code", "is_found"),
    [
        ("p = malloc(a * b);", True),
        ("size = a * b; p = malloc(size);", True),
        ("if (c > 9) return; p = malloc(a * b);", True),
        ("if (a > 9) return; p = malloc(a * b);", False),
        ("if (b > 9) return; size = a * b; p = malloc(size);", False),
    ],
)
def test_the_groups_in_a_condition_on_an_argument_are_names(code: str, is_found: bool) -> None:
    engine = Engine([parse(PRODUCT)], builtin=False)
    assert bool(engine.scan(code, "c").findings) is is_found


@pytest.mark.parametrize(
    "code",
    [
        'let s = r#"a "quoted" word"#; CALL',
        'let s = br##"a "# b"##; CALL',
        'let s = cr#"a"b"#; CALL',
        'let s = r"C:\\"; CALL',
        "let c = '\"'; CALL",
        "let c = b'\"'; CALL",
        "fn f<'a, 'b>(x: &'a str) { CALL }",
        '/* a /* nested " */ comment */ CALL',
        'let r#type = "a"; CALL',
        'let s = "two\n lines \\" of it"; CALL',
    ],
)
def test_no_string_of_rust_hides_the_call_behind_it(code: str) -> None:
    call = "unsafe { mem::uninitialized() }"
    assert "uninitialised" in rules_of(code.replace("CALL", call), "rust")


@pytest.mark.parametrize(
    "code",
    [
        'let s = r#"a "CALL" word"#;',
        'let s = cr#"a "CALL" word"#;',
        "/* a /* nested */ CALL */",
        'let s = "a\n CALL";',
    ],
)
def test_no_string_of_rust_is_taken_for_code(code: str) -> None:
    call = "unsafe { mem::uninitialized() }"
    assert "uninitialised" not in rules_of(code.replace("CALL", call), "rust")


@pytest.mark.parametrize(
    "code",
    [
        '{"a": "b", "c": {"d": 1}}\n{"e": "f"}}"#, pool);\nCALL',
        'SELECT name\nFROM "users"\n  "#;\nCALL',
        'ARGS:\n    <PATH>    where it lies";\n\nfn main() {\n    let x = y("z");\n    CALL\n}',
    ],
)
def test_a_text_that_begins_inside_a_string_of_rust_is_read_from_its_end(code: str) -> None:
    call = "unsafe { mem::uninitialized() }"
    assert "uninitialised" in rules_of(code.replace("CALL", call), "rust")


@pytest.mark.parametrize(
    ("code", "is_found"),
    [
        ('auto s = R"(a "b" c)"; gets(x);', True),
        ('auto s = R"x(a )" gets(x); b)x";', False),
        ('auto s = u8R"x(a )" b)x"; gets(x);', True),
        ('printf("%" PRIuPTR"(n)", p); gets(x);', True),
    ],
)
def test_raw_strings_of_cpp_end_with_their_own_word(code: str, is_found: bool) -> None:
    assert ("gets" in rules_of(code, "cpp")) is is_found


@pytest.mark.parametrize("unit", ["/* /* ", "/* */ /* ", 'r#"', "/*/"])
def test_comments_and_strings_that_never_end_are_read_once(unit: str) -> None:
    code = unit * 20_000
    assert lex(SYNTAXES["rust"], code).code.strip(' "r#/*') == ""
