"""Lines 43, 50 and 54: no secret is written down, nothing foreign is run or shipped."""

import ast
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.serve.conftest import Start, start

__all__ = ["start"]

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "src" / "tyrian"
_RUNNERS = {"eval", "exec", "compile", "__import__"}
_LOADERS = {("pickle", "load"), ("pickle", "loads"), ("marshal", "loads"),
            ("torch", "load"), ("joblib", "load"), ("os", "system"), ("os", "popen")}  # fmt: skip
MAY_EXECUTE: set[str] = set()
"""Modules that may; none may."""


IN_SANDBOX = {
    PACKAGE / "evals" / "sandboxed" / "observe.py",
    PACKAGE / "evals" / "uplift" / "inside" / "web.py",
}
"""Programs that are never imported: they run code within the sandbox that they are started in."""


def calls(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        match node.func:
            case ast.Name(id=name) if name in _RUNNERS:
                yield node.lineno, name
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if (owner, name) in _LOADERS:
                yield node.lineno, f"{owner}.{name}"
        for keyword in node.keywords:
            if keyword.arg == "shell" and getattr(keyword.value, "value", None) is True:
                yield node.lineno, "shell=True"


@pytest.mark.parametrize("folder", ["gateway", "firewall", "policy", "stack", "evals", "detectors"])
def test_line_50_no_code_that_others_bring_is_run_in_the_process(folder: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {what}"
        for path in (PACKAGE / folder).rglob("*.py")
        if path not in IN_SANDBOX
        for line, what in calls(ast.parse(path.read_text()))
    ]
    assert found == []


def test_line_54_every_locked_package_has_its_hash() -> None:
    for name in ("serve.txt", "dev.txt"):
        text = (ROOT / "requirements" / name).read_text()
        entries = re.split(r"\n(?=[a-z0-9])", text.strip())
        pinned = [entry for entry in entries if "==" in entry.split("\n")[0]]
        assert len(pinned) > 20
        assert [e.split("\n")[0] for e in pinned if "--hash=sha256:" not in e] == []
        assert not re.search(r"(?m)^(-e|git\+|https?:)", text)


def scripts() -> list[Path]:
    return [p for p in PACKAGE.rglob("*") if p.suffix in {".js", ".mjs", ".ts", ".css"}]


def test_line_54_all_scripts_that_are_shipped_are_our_own_and_readable() -> None:
    found = scripts()
    assert found
    for path in found:
        text = path.read_text()
        assert ".min." not in path.name
        assert "sourceMappingURL" not in text
        assert max(map(len, text.splitlines()), default=0) < 400, f"{path.name} looks minified"
        assert not re.search(r"(?i)@license|copyright \(c\)|webpack|jquery|unpkg|jsdelivr", text)
        assert not re.search(r"""(?:import|from)\s*\(?["']https?://""", text), path.name
        assert not re.search(r"\beval\(|new Function\(|innerHTML\s*=|document\.write\(", text)


def test_line_54_no_package_brings_a_program_that_was_built_elsewhere() -> None:
    built = {".so", ".dll", ".dylib", ".exe", ".wasm", ".pyc", ".whl", ".jar"}
    tracked = [p for p in PACKAGE.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    assert [p.name for p in tracked if p.suffix in built] == []


def asked(url: str, key: str = "", data: bytes | None = None) -> str:
    headers = {"content-type": "application/json", **({"authorization": key} if key else {})}
    request = urllib.request.Request(url, data, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return str(reply.read().decode())
    except urllib.error.HTTPError as error:
        return error.read().decode()


def test_line_43_no_key_is_written_down_anywhere(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream = "sk-proj-of-the-model-server-0123456789abcdef"
    monkeypatch.setenv("UPSTREAM_KEY", upstream)
    served = start("--upstream", "http://127.0.0.1:9/v1", "--upstream-key-env", "UPSTREAM_KEY")
    key = re.findall(r"tyr_[a-z]+_[0-9A-Za-z]{49}", served.curl)[0]
    said: Any = b'{"model": "m", "messages": [{"role": "user", "content": "hi"}]}'
    texts = [
        asked(f"{served.url}/v1/chat/completions", f"Bearer {key}", said),
        asked(f"{served.url}/v1/chat/completions", f"Bearer {key}x", said),
        asked(f"{served.url}/v1/models?key={key}"),
        asked(f"{served.url}/v1/{key}"),
        asked(f"{served.url}/v1/models/{key}", f"Bearer {key}"),
        asked(f"{served.url}/metrics"),
        asked(f"{served.url}/openapi.json"),
        asked(served.url),
    ]
    assert served.stop() == 0
    del texts[4]  # it names the model that was asked for, to whoever asked for it
    kept = [p.read_bytes().decode("latin-1") for p in tmp_path.rglob("*") if _is_state(p)]
    for text in (*texts, "\n".join(served.log), *kept):
        assert key not in text
        assert upstream not in text


def _is_state(path: Path) -> bool:
    """A file that the gateway keeps; what it printed for its owner is no such file."""
    return path.is_file() and not path.name.startswith("output-")
