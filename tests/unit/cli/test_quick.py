"""Plain calls that go past the parser are read as the parser reads them, or not at all."""

import inspect
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer.main
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tyrian.cli.main import app
from tyrian.cli.quick import QUICK, quick_call, spelt


def _function(words: tuple[str, ...]) -> Any:
    module, _, name = QUICK[words].partition(":")
    return getattr(import_module(module), name)


def _command(words: tuple[str, ...]) -> Any:
    found: Any = typer.main.get_command(app)
    for word in words:
        context = found.make_context("tyrian", [word], resilient_parsing=True)
        found = found.resolve_command(context, [word])[1]
    return found


def _parsed(words: tuple[str, ...], rest: list[str]) -> dict[str, Any]:
    """What the parser would hand to the command's function; raises where it refuses."""
    command = _command(words)
    taken: list[dict[str, Any]] = []
    command.callback = lambda **values: taken.append(values)
    command.main(args=rest, prog_name="tyrian", standalone_mode=False)
    return taken[0]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [one for one in os.environ if one.startswith(("TYRIAN_", "_TYRIAN"))]:
        monkeypatch.delenv(name)
    (tmp_path / "dir").mkdir()
    (tmp_path / "file").write_text("x")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("words", QUICK, ids=" ".join)
def test_function_and_command_have_the_same_parameters(words: tuple[str, ...]) -> None:
    told = inspect.signature(_function(words)).parameters
    known = {name: one for one in _command(words).params for name in (*one.opts, one.name)}
    argument, *options = told.values()
    assert argument.kind is argument.POSITIONAL_OR_KEYWORD
    for option in options:
        assert option.kind is option.KEYWORD_ONLY
        for spelling in spelt(option.name):
            assert spelling in known, f"{option.name} is not spelt {spelling}"
        same = known[spelt(option.name)[0]]
        assert same.is_flag == (option.annotation is bool)
        if option.default is not option.empty and same.default is not None:
            assert option.default == same.default


WORDS = sorted(
    {
        *("dir", "file", "missing", "text", "json", "xml", "-", "--", "", "--help", "-h", "a=b"),
        *("--output-format", "--lock-path", "-qo", "--key=file", "--quiet=1", "--fo"),
        *(spelling for words in QUICK for name in inspect.signature(_function(words)).parameters
          for spelling in spelt(name)),
    }
)  # fmt: skip


@pytest.mark.parametrize("words", QUICK, ids=" ".join)
@given(rest=st.lists(st.sampled_from(WORDS), max_size=6))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_read_quickly_is_what_the_parser_reads(
    words: tuple[str, ...], rest: list[str]
) -> None:
    call: Any = quick_call([*words, *rest])
    if call is None:
        return
    function, values = call.func, call.keywords
    defaults = {
        name: one.default
        for name, one in inspect.signature(function).parameters.items()
        if one.default is not one.empty
    }
    command = _command(words)
    names = {spelling: one.name for one in command.params for spelling in one.opts}
    argument = next(iter(inspect.signature(function).parameters))
    parsed = _parsed(words, rest)
    for name, value in {**defaults, **values}.items():
        there = parsed[names[spelt(name)[0]] if name != argument else command.params[0].name]
        assert _plain(value) == _plain(there), name


def _plain(value: Any) -> Any:
    """A value whichever way it is held: none at all and an empty list say the same."""
    if isinstance(value, list | tuple):
        return [str(one) for one in value] or None
    return value if value is None or isinstance(value, bool) else str(value)


@pytest.mark.parametrize(
    "call",
    [
        [],
        ["model"],
        ["model", "pull", "x"],
        ["model", "scan"],
        ["model", "scan", "--help"],
        ["attest", "sign", "file"],
        ["attest", "sign", "missing"],
        ["attest", "verify", "dir"],
        ["attest", "verify", "dir", "--key", "file", "--may-worsen", "0.1"],
        ["model", "lock", "dir", "dir"],
        ["model", "lock", "dir", "--key", "file", "--key", "file"],
        ["gate", "--format", "xml"],
    ],
    ids=" ".join,
)
def test_the_parser_has_the_last_word_on_all_that_is_not_plain(call: list[str]) -> None:
    assert quick_call(call) is None


def test_the_environment_is_left_to_the_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    assert quick_call(["model", "scan", "file"])
    monkeypatch.setenv("TYRIAN_FORMAT", "json")
    assert quick_call(["model", "scan", "file"]) is None
