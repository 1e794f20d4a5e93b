"""Whatever is allowed stays under an allowed root, as the kernel itself sees it."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tyrian.policy.call import ProposedCall
from tyrian.policy.path import check_spelling
from tyrian.policy.refusal import Refusal
from tyrian.policy.tool import ToolPolicy, policy_of

SEGMENTS = [
    "",
    ".",
    "..",
    "a",
    "b",
    "up",
    "out",
    "abs",
    "loop",
    "one",
    "two",
    "file",
    "hard",
    "in",
    "dir",
    ".git",
    ".GIT",
    "...",
    "a ",
    "%2e%2e",
    "~",
    "‥",
    "x\u200b",
    "work",
    "secret",
    "etc",
    "deep",
    "back",
    "．．",
    "C:",
    "a\\b",
    "*",
    "nul",
    "passwd",
    "pipe",
    "linked",
]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree with links of every kind, in and out."""
    base = tmp_path_factory.mktemp("tree").resolve()
    root = base / "work"
    for folder in ("a/b", "dir/deep", ".git", "in"):
        (root / folder).mkdir(parents=True)
    (base / "out").mkdir()
    (base / "secret").write_text("x")
    for file in ("file", "a/file", "a/b/file", ".git/config", "in/passwd"):
        (root / file).write_text("x")
    links = {
        "up": "..", "out": "../out", "abs": str(base), "loop": "loop", "one": "two",
        "two": "/etc", "a/up": "../..", "a/b/back": "../../file", "dir/deep/out": "../../../secret",
        "in/dir": "../dir", "linked": ".git", "dir/abs": str(root / "a"), "a/one": "../one/passwd",
    }  # fmt: skip
    for name, target in links.items():
        (root / name).symlink_to(target)
    os.link(base / "secret", root / "hard")
    os.mkfifo(root / "pipe")
    return base


@pytest.fixture(scope="module")
def policy(tree: Path) -> ToolPolicy:
    root = str(tree / "work")
    return policy_of(
        {
            "cwd": root,
            "tools": {"read_file": {"path": "fs:read"}},
            "fs": {"read": [f"{root}/**"], "deny": ["**/.git/**"]},
        }
    )


paths = st.lists(st.sampled_from(SEGMENTS), max_size=8).map("/".join)


@settings(max_examples=600, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=paths, is_absolute=st.booleans())
@example(path="up/secret", is_absolute=False)
@example(path="a/up/out", is_absolute=False)
@example(path="dir/deep/out", is_absolute=False)
@example(path="one/passwd", is_absolute=True)
@example(path="hard", is_absolute=False)
def test_an_allowed_path_stays_under_the_root(
    tree: Path, policy: ToolPolicy, path: str, is_absolute: bool
) -> None:
    root = str(tree / "work")
    asked = f"{root}/{path}" if is_absolute else path
    decision = policy.decide(ProposedCall("read_file", {"path": asked}))
    if not decision.may_run or decision.canonical is None:
        return
    args = decision.canonical["args"]
    assert isinstance(args, dict)
    canonical = args["path"]
    by_kernel = os.path.realpath(canonical)
    assert by_kernel == canonical, "the canonical path has no link left in it"
    assert by_kernel == root or by_kernel.startswith(root + "/")
    assert ".git" not in by_kernel.lower().split("/")
    if os.path.exists(asked if is_absolute else f"{root}/{asked}"):
        original = os.path.realpath(asked if is_absolute else f"{root}/{asked}")
        assert original == canonical, "both name the same file"
        assert not os.path.isfile(canonical) or os.stat(canonical).st_nlink == 1


@settings(max_examples=300)
@given(text=st.text(max_size=40))
def test_any_text_gives_a_decision_and_no_error(policy: ToolPolicy, text: str) -> None:
    decision = policy.decide(ProposedCall("read_file", {"path": text}))
    assert decision.rule
    assert len(text) < 20 or text not in decision.reason


@settings(max_examples=300)
@given(path=paths)
def test_the_canonical_path_is_its_own_canonical_path(policy: ToolPolicy, path: str) -> None:
    decision = policy.decide(ProposedCall("read_file", {"path": path}))
    if decision.canonical is not None and decision.may_run:
        again = policy.decide(ProposedCall("read_file", decision.canonical["args"]))
        assert again.canonical == decision.canonical
        assert again.may_run


WORDS = st.lists(st.sampled_from([*SEGMENTS, "com1.txt", "CON", "-x", "a.", "é", "a+b=c@d", "..x"]))


@given(words=WORDS, is_absolute=st.booleans())
@example(words=["nul.txt"], is_absolute=True)
@example(words=["a", ""], is_absolute=False)
def test_a_spelling_is_as_good_in_a_long_path(words: list[str], is_absolute: bool) -> None:
    path = "/" * is_absolute + "/".join(["x", *words])
    longer = "/" * is_absolute + "x/" * 200 + path.lstrip("/")
    assert spelling_fault(path) == spelling_fault(longer)


def spelling_fault(path: str) -> str:
    try:
        check_spelling(path)
    except Refusal as refusal:
        return refusal.reason
    return ""
