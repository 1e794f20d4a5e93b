"""What the engine knows of code: names, values, functions, fragments."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tyrian.detectors.code_shield.engine import Engine
from tyrian.detectors.code_shield.languages import SYNTAXES
from tyrian.detectors.code_shield.loader import parse
from tyrian.detectors.code_shield.rule import Profile

ENGINE = Engine()
NODE = "child_process.exec"
OWN = """
language: {language}
sanitisers: {{shell: [quote, shlex.quote]}}
sources: ['\\bargv\\b|\\binput\\(']
rules:
  - id: danger
    cwe: CWE-78
    severity: high
    profile: block
    message: danger
    call: ['{call}']
    args: [{{index: 0, keyword: cmd, is: {kind}}}]
    sanitisers: [shell]
    good: []
    bad: []
"""


def finds(
    code: str, language: str = "python", call: str = "os.system", kind: str = "built"
) -> bool:
    file = parse(OWN.format(language=language, call=call, kind=kind))
    engine = Engine([file], builtin=False)
    return bool(engine.scan(code, language).findings)


@pytest.mark.parametrize(
    "code",
    [
        'os.system("a " + b)',
        'os.system("a %s" % b)',
        'os.system("a {}".format(b))',
        'os.system(f"a {b}")',
        'os.system(cmd="a " + b)',
        'import os as o\no.system("a " + b)',
        'from os import system\nsystem("a " + b)',
        'from os import (\n    popen,\n    system as s,\n)\ns("a " + b)',
        'run = os.system\nrun("a " + b)',
        'c = "a " + b\nos.system(c)',
        'c = "a "\nc += b\nos.system(c)',
        'c = "a "\nc += b\nc += " d"\nc += " e"\nos.system(c)',
        'c += "a "\nc += " b"\nos.system(c)',
        't = "a {}"\nos.system(t.format(b))',
        'def f(b):\n    c = "a " + b\n    return os.system(c)',
        'os . system (\n    "a "\n    + b\n)',
        'os.system("a " + b',
        'os.system(" ".join(["a", b]))',
        'x = ("os.system" if y else os.system("a " + b))',
    ],
)
def test_a_text_built_from_a_value_is_known_as_such(code: str) -> None:
    assert finds(code)


@pytest.mark.parametrize(
    "code",
    [
        'os.system("a")',
        'os.system("a " "b")',
        'os.system("a " + str(len(b)))',
        'b = "x"\nos.system("a " + b)',
        'b = "x"\nb += "y"\nb += "z"\nos.system("a " + b)',
        'os.system("a " + os.path.join("b", "c"))',
        'os.system("a " + shlex.quote(b))',
        'os.system("a " + int(b))',
        'q = shlex.quote(b)\nos.system("a " + q)',
        '# os.system("a " + b)',
        '"os.system(\\"a \\" + b)"',
        'def system(a): return "a " + a',
        'self.system("a " + b)',
        "os.system(b)",
    ],
)
def test_a_constant_or_cleaned_text_is_not(code: str) -> None:
    assert not finds(code)


@pytest.mark.parametrize(
    ("language", "code", "call"),
    [
        ("java", 'new Key("abcdefgh".getBytes(), a);', "new Key"),
        ("java", 'byte[] k = "abcdefgh".getBytes(UTF_8); new Key(k, a);', "new Key"),
        ("java", 'String k = "abcdefgh"; new Key(k.getBytes(), a);', "new Key"),
        ("csharp", 'var k = Encoding.UTF8.GetBytes("abcdefgh"); new Key(k);', "new Key"),
        ("kotlin", 'Key("abcdefgh".toByteArray(), a)', "Key"),
        ("python", 'Key("abcdefgh".encode())', "Key"),
    ],
)
def test_a_constant_in_another_dress_is_one(language: str, code: str, call: str) -> None:
    assert finds(code, language, call, "string")
    assert not finds(code.replace('"abcdefgh"', "x"), language, call, "string")


def test_a_name_means_what_it_was_given_last_in_its_function() -> None:
    code = 'def f():\n    c = "a " + b\n\ndef g():\n    c = "a"\n    os.system(c)\n'
    assert not finds(code)
    assert finds(code.replace("os.system(c)", 'c = "b" + d\n    os.system(c)'))


def test_what_is_filled_in_braces_stands_in_the_function_around_it() -> None:
    code = 'void F(string b) { var c = "a " + b; var x = new X(y) { Z = c, W = system(c) }; }'
    assert finds(code, "csharp", "system")


def test_a_default_of_a_parameter_is_no_constant() -> None:
    assert finds('def f(c="ls"):\n    os.system(c)', kind="dynamic")


@pytest.mark.parametrize(
    ("language", "code"),
    [("php", "system('a ' . (int) $b);"), ("php", "$c = (int) $b['n']; system(\"a $c\");"),
     ("java", 'system("a " + (int) (b * 2));'), ("c", 'system(("a " + (long) b));')],
)  # fmt: skip
def test_what_is_made_a_number_is_harmless(language: str, code: str) -> None:
    assert not finds(code, language, "system")
    assert finds(code.replace("(int)", "").replace("(long)", ""), language, "system")


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("java", 'String f(@RequestParam(name = "a") String b) {{ {}(b); }}'),
        ("java", '@GET String f(int n, @QueryParam("a") final List<String> b) {{ {}(b.get(0)); }}'),
        ("kotlin", "fun f(@RequestParam b: String) {{ {}(b) }}"),
        ("kotlin", 'fun f(@RequestParam b: String) {{ {}("a $b") }}'),
        ("csharp", "public async Task<IActionResult> F(int n, string b = null) {{ {}(b); }}"),
        ("csharp", 'app.MapGet("/a", (string b) => {}(b));'),
        ("python", '@app.route("/a/<b>", methods=["GET"])\n@auth\ndef f(b):\n    {}(b)\n'),
        ("python", '@r.get("/a")\nasync def f(d: int, b: str = Query(None, max=3)):\n    {}(b)\n'),
        ("javascript", "function f(req) {{ const {{ a, c: b }} = req.body; {}(b); }}"),
        ("typescript", "f(@Query('a') b: string) {{ {}(b); }}"),
    ],
)
def test_what_a_handler_is_given_comes_from_outside(language: str, code: str) -> None:
    assert finds(code.format("danger"), language, "danger", "tainted")
    other = code.format("danger").replace("danger(b", "danger(other").replace("$b", "$c")
    assert not finds(other, language, "danger", "tainted")


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("java", "String f(@RequestParam int b) { danger(b); }"),
        ("java", "String f(@RequestParam String b) { } String g(String b) { danger(b); }"),
        ("csharp", "public IActionResult F(int b) { danger(b); }"),
        ("csharp", "public string F(string b) { danger(b); }"),
        ("python", '@app.get("/a")\ndef f(b: int):\n    danger(b)\n'),
        ("python", '@app.get("/a")\ndef f(b=Depends(g)):\n    danger(b)\n'),
        ("javascript", "const { b } = options; danger(b);"),
    ],
)
def test_other_parameters_do_not(language: str, code: str) -> None:
    assert not finds(code, language, "danger", "tainted")


def test_the_short_echo_of_php_is_one() -> None:
    page = "<?php $a = $argv[1]; ?><p><?= $a ?></p><?= 'b' ?>"
    assert finds(page, "php", "echo", "tainted")
    assert not finds(page.replace("<?= $a ?>", ""), "php", "echo", "tainted")


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", "os.system(COMMANDS.get(argv[1]))"),
        ("python", "c = COMMANDS[argv[1]]\nos.system(c)"),
        ("php", "system($commands[$argv[1]] ?? 'a');"),
        ("php", "system(match ($argv[1]) { 'a' => $b, 'c' => $d });"),
        ("javascript", "system(commands[argv.a])"),
    ],
)
def test_what_a_table_holds_does_not_come_from_outside(language: str, code: str) -> None:
    call = "os.system" if language == "python" else "system"
    assert not finds(code, language, call, "tainted")
    assert finds(code, language, call, "dynamic")


def test_what_comes_from_outside_is_followed_through_names() -> None:
    assert finds("import sys\na = sys.argv[1]\nb = a\nos.system(b)", kind="tainted")
    assert finds("os.system(input())", kind="tainted")
    assert not finds("os.system(b)", kind="tainted")


@pytest.mark.parametrize(
    ("language", "code", "call"),
    [
        ("javascript", "const {exec: e} = require('child_process'); e(`a ${b}`)", NODE),
        ("javascript", "import * as cp from 'node:child_process'; cp.exec('a' + b)", NODE),
        ("javascript", "window.eval('a' + b)", "eval"),
        ("javascript", "eval('a' + b.join(','))", "eval"),
        ("typescript", "import cp from 'child_process'; cp.exec<T>('a' + b)", NODE),
        ("java", 'Runtime.getRuntime()\n  .exec("a" + b);', "*.exec"),
        ("c", 'system(strcat("a", b));', "system"),
        ("cpp", 'std::system(("a" + b).c_str());', "system"),
        ("cpp", '::system(("a" + b).c_str());', "system"),
        ("csharp", 'Process.Start($"a {b}");', "Process.Start"),
        ("php", 'shell_exec("a $b");', "shell_exec"),
        ("php", "include 'a' . $b;", "include"),
        ("php", "$x = 'a' . shell_exec('b' . $c);", "shell_exec"),
        ("php", "<p>it's</p><?php if ($b): ?> don't <?php system('a' . $b) ?>", "system"),
        ("csharp", 'var s = new System.Data.SqlCommand("a" + b, c);', "new SqlCommand"),
        ("java", 'new java.net.URL("a" + b);', "new URL"),
        ("go", 'exec.Command(fmt.Sprintf("a %s", b))', "exec.Command"),
        ("rust", 'Command::new(format!("a {}", b))', "Command.new"),
        ("ruby", 'system "a #{b}"', "system"),
        ("kotlin", 'Runtime.getRuntime().exec("a $b")', "*.exec"),
        ("swift", 'system("a \\(b)")', "system"),
    ],
)  # fmt: skip
def test_calls_are_seen_in_every_language(language: str, code: str, call: str) -> None:
    assert finds(code, language, call)


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("javascript", 'document.getElementById("a").innerHTML = b'),
        ("javascript", "rows[0].cells[i].innerHTML = b;"),
        ("typescript", 'document.querySelector("a")!.innerHTML = b;'),
    ],
)
def test_what_a_call_gave_is_assigned_to_as_a_name_is(language: str, code: str) -> None:
    (found,) = ENGINE.scan(f"x = 1;\n{code}", language).findings
    assert found.rule.id == "code.javascript.html-from-name"
    assert found.start == 7


def test_a_declaration_is_no_call() -> None:
    code = "int system(char *cmd) {\n  return 0;\n}\nchar *gets(char *s);"
    assert not finds(code, "c", "system", "dynamic")
    assert not finds(code, "c", "gets", "dynamic")


def test_the_end_of_the_text_closes_whatever_is_open() -> None:
    assert finds('if x:\n    os.system("a " + b, [c, (d')
    assert finds('y = """abc"""\nos.system("a " + "b', kind="literal")


def test_a_text_that_begins_inside_a_docstring_is_read_from_its_end_too() -> None:
    code = 'what it does, and why.\n\n    It\'s long.\n    """\n    os.system("a " + b)\n'
    findings = ENGINE.scan(code, "python").findings
    assert {found.rule.id for found in findings} >= {"code.python.os-command-built"}
    assert max(found.score for found in findings) < 1


def test_a_text_that_begins_inside_a_comment_is_read_from_its_end() -> None:
    assert ENGINE.scan("calls gets(x) */\nint a;", "c", Profile.AUDIT).findings == ()


def test_names_in_full_width_letters_still_run() -> None:
    assert ENGINE.scan("ｅｖａｌ(x)", "python").findings


def test_a_flood_of_one_finding_is_told_only_so_often() -> None:
    found = ENGINE.scan("eval(x)\n" * 500, "python").findings
    assert 1 <= len([f for f in found if f.rule.id == "code.python.eval"]) <= 64


def test_the_profiles_are_nested() -> None:
    code = "import random\nos.system(x)\ny = random.random()\neval(x)\n"
    ids = [
        {found.rule.id for found in ENGINE.scan(code, "python", profile).findings}
        for profile in (Profile.BLOCK, Profile.WARN, Profile.AUDIT)
    ]
    assert ids[0] < ids[1] < ids[2]


@pytest.mark.parametrize("language", SYNTAXES)
@settings(max_examples=25)
@given(code=st.text(alphabet="abx=+.,;:(){}[]\"'`$#/\\*<>\n \x00é", max_size=200))
def test_no_text_breaks_the_engine(language: str, code: str) -> None:
    scan = ENGINE.scan(code, language, Profile.AUDIT)
    assert scan.coverage == 1.0
    assert all(0 <= found.start <= found.end <= len(code) for found in scan.findings)


@pytest.mark.parametrize(
    ("language", "code", "rule"),
    [
        ("python", 'run = os.system\nrun("ping " + host)', "os-command-built"),
        ("python", 'run = os.system; run("ping " + host)', "os-command-built"),
        ("python", 'run("ping " + host)\nrun = os.system', "os-command-built"),
        ("python", 'if (run := os.system):\n    run("ping " + host)', "os-command-built"),
        ("python", 'def f(go=os.system): go("ping " + host)', "os-command-built"),
        ("python", 'from os import (\n  system as s,\n)\ns("ping " + h)', "os-command-built"),
        ("javascript", "const go = child_process.exec\n\ngo(`ping ${host}`)", "exec-built"),
        (
            "javascript",
            'const {exec: go} = require("child_process");\ngo("ping " + host);',
            "exec-built",
        ),
    ],
)
def test_a_function_is_known_by_every_name_it_was_given(
    language: str, code: str, rule: str
) -> None:
    found = {one.rule.id for one in ENGINE.scan(code, language).findings}
    assert f"code.{language}.{rule}" in found


@pytest.mark.parametrize(
    ("language", "code", "call"),
    [
        ("javascript", "require('child_process').exec('a' + b)", NODE),
        ("javascript", "require( 'node:child_process' ).exec('a' + b)", NODE),
        ("typescript", "(await import('child_process')).exec('a' + b)", NODE),
        ("javascript", "const run = require('child_process').exec;\nrun('a' + b)", NODE),
        ("javascript", "const { exec } = require('child_process');\nconst run = promisify(exec);\n"
         "await run('a' + b)", NODE),
        ("typescript", "import * as cp from 'child_process'; const run = util.promisify(cp.exec); "
         "run(`a ${b}`)", NODE),
        ("javascript", "const run = promisify(exec);\nrun('a' + b)", "exec"),
        ("python", "__import__('os').system('a ' + b)", "os.system"),
        ("python", "importlib.import_module('os').system('a ' + b)", "os.system"),
        ("python", "run = sync_to_async(os.system)\nrun('a ' + b)", "os.system"),
    ],
)  # fmt: skip
def test_a_module_may_be_taken_in_the_call_and_a_function_be_wrapped(
    language: str, code: str, call: str
) -> None:
    assert finds(code, language, call)


@pytest.mark.parametrize(
    "code",
    [
        "require('./child_process_of_mine').exec('a' + b)",
        "require(name).exec('a' + b)",
        "const run = promisify(other);\nrun('a' + b)",
    ],
)
def test_another_module_or_function_is_not_taken_for_it(code: str) -> None:
    assert not finds(code, "javascript", NODE)


def test_a_rule_about_a_whole_string_finds_it_among_other_code() -> None:
    file = parse(
        """
language: python
rules:
  - id: whole
    cwe: CWE-798
    severity: high
    profile: block
    message: m
    string: '\\Asecret-\\d+\\z'
    bad: ['x = "secret-1"']
    good: ['x = "a secret-1"']
"""
    )
    engine = Engine([file], builtin=False)
    assert engine.scan('a = 1\nkey = "secret-42"\nb = 2', "python").findings
    assert not engine.scan('a = 1\nkey = "my secret-42"\nb = 2', "python").findings
