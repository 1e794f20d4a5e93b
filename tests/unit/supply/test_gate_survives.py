"""Whatever stands in a file, the gate ends with a report, and runs nothing of it."""

import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tyrian.core.registry import known_detectors
from tyrian.supply.gate.config.document import read_documents, read_json
from tyrian.supply.gate.config.mcp import judge_mcp, unpinned
from tyrian.supply.gate.gate import gate
from tyrian.supply.gate.paths import is_matched
from tyrian.supply.gate.report import GateReport, Verdict
from tyrian.supply.gate.settings import Settings

TODAY = date(2026, 11, 22)
WORDS = """
agent preflight_guards tool_output_guards name threshold sandbox type models base_url services image
command environment ports build volumes apiVersion kind metadata spec template containers env value
args securityContext labels selector mcpServers servers url headers
"""
KEYS = st.sampled_from(WORDS.split())
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("Deployment")
TREES: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


def judged(root: Path) -> GateReport:
    return gate(root, Settings(), TODAY)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=TREES, kind=st.sampled_from(["stack", "compose", "kubernetes", "mcp"]))
def test_any_shape_of_a_document_gives_a_report(tmp_path: Path, tree: Any, kind: str) -> None:
    tops: dict[str, Any] = {
        "stack": {"agent": {"preflight_guards": tree, "sandbox": tree}, "models": tree},
        "compose": {"services": {"a": tree, "vllm": {"image": "vllm/vllm", "ports": tree}}},
        "kubernetes": {
            "apiVersion": "v1",
            "kind": "Deployment",
            "metadata": tree,
            "spec": {
                "template": {"metadata": tree, "spec": {"containers": [tree], "volumes": tree}}
            },
        },
        "mcp": {"mcpServers": {"a": tree, "b": {"command": "npx", "args": tree, "env": tree}}},
    }
    name = ".mcp.json" if kind == "mcp" else "file.yaml"
    for old in tmp_path.iterdir():
        old.unlink()
    text = json.dumps(tops[kind]) if kind == "mcp" else yaml.safe_dump(tops[kind])
    (tmp_path / name).write_text(text)
    assert judged(tmp_path).verdict in set(Verdict)


def test_aliases_that_grow_without_end_are_not_followed(tmp_path: Path) -> None:
    rows = ["# for openai", "agent: &a0 [x, x, x, x, x, x, x, x, x]"]
    rows += [f"k{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    (tmp_path / "stack.yaml").write_text("\n".join(rows))
    assert judged(tmp_path).verdict is Verdict.NOT_EXAMINED


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "(" * 500 + ")" * 500,
        "\0openai",
        "openai = " + "-" * 100_000 + "1",
        "import openai\nif",
    ],
    ids=["deep", "zero", "long", "cut"],
)
def test_code_that_cannot_be_read_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.py").write_text(f"import openai\n{text}")
    assert judged(tmp_path).verdict is Verdict.NOT_EXAMINED


def test_names_that_refer_to_themselves_end(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        "import openai\nfrom b import f\nx = y\ny = x\n"
        "def g(z):\n    return f(g(z))\nc = g(openai.OpenAI())\n"
        "c.responses.create(input=input())\n"
    )
    (tmp_path / "b.py").write_text("from a import g\ndef f(z):\n    return g(z)\n")
    assert judged(tmp_path).verdict in (Verdict.PASS, Verdict.REFUSE)


def test_links_out_of_the_directory_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / ".mcp.json").write_text('{"mcpServers": {"a": {"command": "npx", "args": ["x"]}}}')
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(outside)
    (root / "loop").symlink_to(root)
    assert judged(root).counts.files == 0


def test_nothing_that_is_read_is_run(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        "import openai, os\nos.system('touch ran')\n__import__('evil')\n"
    )
    seen: list[str] = []
    is_on = True

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if is_on and event in ("os.system", "subprocess.Popen", "socket.connect", "exec"):
            seen.append(event)

    gate(tmp_path, Settings(), TODAY)  # what is imported late is imported now
    sys.addaudithook(hook)
    gate(tmp_path, Settings(), TODAY)
    is_on = False
    assert seen == []


@settings(max_examples=100)
@given(st.lists(st.text(max_size=12), max_size=6))
def test_any_command_is_told_of_or_not(words: list[str]) -> None:
    assert isinstance(unpinned(words), str)


@pytest.mark.parametrize(
    ("words", "is_fixed"),
    [
        ("npx -y a@1.2.3", True),
        ("npx -y @scope/a@1.2.3-beta.1", True),
        ("npx -y @scope/a", False),
        ("npx -y a@latest", False),
        ("npx --yes --package a@1 b", False),
        ("npx ./local.js", True),
        ("uvx a==1.2.3", True),
        ("uvx --from git+https://github.com/a/b@main c", False),
        (f"uvx --from git+https://github.com/a/b@{'a' * 40} c", True),
        ("uvx --python 3.12 a@1.2.3", True),
        ("uv tool run a", False),
        ("pipx run a", False),
        ("pnpm dlx a", False),
        ("bash -c", True),
        ("docker run -i --rm -v /a:/b image:tag", False),
        (f"docker run -i --rm -v /a:/b image@sha256:{'a' * 64}", True),
        ("python server.py", True),
        ("node dist/server.js", True),
    ],
)
def test_what_a_command_fetches(words: str, is_fixed: bool) -> None:
    assert (unpinned(words.split()) == "") is is_fixed


def test_comments_keep_the_lines_of_a_configuration() -> None:
    server = '"a": {"command": "npx", "args": ["x"],},'
    text = f'{{\n  // one "quoted" comment\n  "mcpServers": {{\n    {server}\n  }},\n}}\n'
    found = list(judge_mcp(".mcp.json", read_json(text)))
    assert {one.line for one in found} == {4}


def test_several_documents_keep_their_lines() -> None:
    documents = read_documents("a: 1\n---\nb:\n  c: 2\n")
    assert [one.line("b", "c") for one in documents] == [1, 4]


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("legacy/**", "legacy/a/b.py", True),
        ("legacy", "legacy/a.py", True),
        ("legacy", "legacy2/a.py", False),
        ("**/a.py", "a.py", True),
        ("*.py", "x/a.py", False),
        ("a?.py", "ab.py", True),
        ("a[b].py", "a[b].py", True),
    ],
)
def test_patterns_of_paths(pattern: str, path: str, fits: bool) -> None:
    assert is_matched(path, (pattern,)) is fits


def test_what_is_installed_makes_no_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, packages = tmp_path / "root", tmp_path / "packages"
    info = packages / "corp-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: corp\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[tyrian.detectors]\ncorp_guard = corp:create\n")
    root.mkdir()
    (root / "stack.yaml").write_text(
        "agent:\n  preflight_guards:\n    - {name: corp_guard, flag_classes: [x]}\n"
        "    - {name: content_guard, flag_classes: ['*']}\n"
    )
    before = judged(root)
    assert {one.rule for one in before.findings} == {
        *("guard-unknown", "stage-never-stops"),
    }
    monkeypatch.syspath_prepend(str(packages))
    assert "corp_guard" in known_detectors()
    assert judged(root).plain() == before.plain()
    known = Settings(detectors=("corp_guard",))
    assert [one.rule for one in gate(root, known, TODAY).findings] == ["stage-never-stops"]
