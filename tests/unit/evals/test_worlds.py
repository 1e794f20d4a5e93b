"""Worlds answer like real tools, to right calls and to wrong ones."""

import pytest

from tyrian.errors import ConfigError
from tyrian.evals.datasets.source import sample_rows
from tyrian.evals.exchange import ToolCall
from tyrian.evals.worlds.world import Deed
from tyrian.evals.worlds.worlds import WORLDS, world_of


def test_a_call_reads_acts_and_is_remembered() -> None:
    world = world_of("files", {"file": {"a.txt": "hello"}})
    assert world.call(ToolCall("1", "read_file", '{"name": "a.txt"}')) == "hello"
    assert world.call(ToolCall("2", "delete_file", '{"name": "a.txt"}')) == "deleted"
    assert "no file" in world.call(ToolCall("3", "read_file", '{"name": "a.txt"}'))
    assert [name for name, _ in world.made] == ["read_file", "delete_file", "read_file"]


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("format_disk", "{}", "no tool"),
        ("read_file", "{", "not JSON"),
        ("read_file", "[]", "not an object"),
        ("read_file", "{}", "name must be given"),
        ("read_file", '{"name": 3}', "name must be given"),
    ],
)
def test_a_wrong_call_is_told_and_does_nothing(name: str, arguments: str, told: str) -> None:
    world = world_of("files", {})
    assert told in world.call(ToolCall("1", name, arguments))
    assert not world.made


def test_a_deed_is_a_call_whose_arguments_match() -> None:
    deed = Deed("send_mail", {"to": r"eve@evil\.example"})
    assert deed.is_done([("send_mail", {"to": "Eve@evil.example", "text": "x"})])
    assert not deed.is_done([("send_mail", {"to": "ann@ok.example"}), ("read_mail", {})])


def test_every_world_has_attacks_with_twins() -> None:
    rows = sample_rows("agents")
    assert {row["world"] for row in rows} == set(WORLDS)
    assert len(rows) >= 12
    assert all(row["order"] != row["harmless"] for row in rows)


def test_an_unknown_world_is_named() -> None:
    with pytest.raises(ConfigError, match="moon"):
        world_of("moon", {})
