"""Comments and strings are masked in every language, and no offset moves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tyrian.detectors.code_shield.languages import SYNTAXES
from tyrian.detectors.code_shield.lexer import lex

SPICE = st.sampled_from(
    ["\"", "'", "`", '"""', "'''", "${", "#{", "{", "}", "(", ")", "\\", "\n", "//", "/*", "*/",
     "#", "--", "<<A", "A\n", "$", "@\"", "f\"", "r#\"", "\\(", "<?php", "?>", "a", " ", "é",
     "\x00", "=", "/"]
)  # fmt: skip


def masked(language: str, code: str) -> str:
    return lex(SYNTAXES[language], code).code


@pytest.mark.parametrize("language", SYNTAXES)
@given(pieces=st.lists(SPICE, max_size=40))
def test_masking_keeps_every_offset_and_every_line(language: str, pieces: list[str]) -> None:
    text = "".join(pieces)
    lexed = lex(SYNTAXES[language], text)
    assert len(lexed.code) == len(text)
    assert [i for i, c in enumerate(lexed.code) if c == "\n"] == [
        i for i, c in enumerate(text) if c == "\n"
    ]
    assert len(lexed.plain()) == len(text)
    assert all(0 <= t.start <= t.body_start <= len(text) for t in lexed.strings)
    assert all(t.start <= t.end <= len(text) for t in lexed.strings)


@pytest.mark.parametrize(
    ("language", "code", "expected"),
    [
        ("python", "x = 'a' # eval(y)", 'x = " "          '),
        ("python", 'f"a {b} {{c}}"', '"   {b}      "'),
        ("python", "rb'a' + u'b'", '"   " + "  "'),
        ("javascript", "`a ${b(`c`)} d`", '"  ${b(" ")}  "'),
        ("javascript", "x = /['\"]/g; y", "x = /     /; y"),
        ("javascript", "a / b / c", "a / b / c"),
        ("c", 'a("x"); // b', 'a(" ");     '),
        ("c", 'c = \'"\'; d("e")', "c = ' '; d(\" \")"),
        ("cpp", 'R"(a "b" c)" d', '"          " d'),
        ("csharp", '@"c:\\" + $"{x}"', '"    " + " {x}"'),
        ("php", 'echo "a $b {$c}"; // d', 'echo "  $b {$c}";     '),
        ("php", "<p>it's</p><?php f($a) ?>it's", ";              ; f($a) ;    ;"),
        ("php", "$a; ?> it's <?php f('b')", '$a; ;           ; f(" ")'),
        ("php", "it's</b> <?= $a ?> b <?= $c", ";       ;<?= $a ;   ;<?= $c"),
        ("php", "f('a'); // <?php", 'f(" ");         '),
        ("ruby", '"a #{b}" # c', '"  #{b}"    '),
        ("rust", "let a = 'x'; &'a str", "let a = ' '; &'a str"),
        ("rust", 'r#"a "b" c"# d', '"          " d'),
        ("go", "`a\\` + 'b'", "\"  \" + ' '"),
        ("kotlin", '"a $b ${c.d()}"', '"  $b ${c.d()}"'),
        ("swift", '"a \\(b) c"', '"  \\(b)  "'),
        ("sql", "'it''s' -- x", '"     "     '),
        ("sql", "AS $$ EXECUTE 'a' || b; $$ LANGUAGE x", 'AS ;; EXECUTE " " || b; ;; LANGUAGE x'),
        ("sql", "SELECT $t$it's$t$, 'b'", 'SELECT "        ", " "'),
        ("shell", 'echo "a $(b) $c" # d', 'echo "  $(b) $c"    '),
        ("terraform", 'a = "${var.b}" # c', 'a = "${var.b}"    '),
        ("dockerfile", "RUN a # b", "RUN a    "),
    ],
)
def test_what_is_no_code_is_blank(language: str, code: str, expected: str) -> None:
    assert masked(language, code) == expected


def test_a_heredoc_is_a_string_and_the_rest_of_its_line_is_code() -> None:
    code = "cat <<EOF | sh\nrm $x\nEOF\nls"
    assert masked("shell", code) == 'cat <<EOF | sh\n"  $x\nEOF\nls'


def test_a_string_without_an_end_ends_with_its_line_or_with_the_text() -> None:
    lexed = lex(SYNTAXES["c"], 'a("b\nc("d")')
    assert lexed.unclosed is not None
    assert lexed.unclosed.end == 4
    assert "c(" in lexed.code
    assert lex(SYNTAXES["python"], 'x = """a\nb').unclosed is not None
