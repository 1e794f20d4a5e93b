"""Approvals: what is pinned stays visible, what changed is hidden until it is approved again."""

import json

import pytest
from tests.integration.mcp.conftest import SERVER, Connect, Place
from tests.warm.program import script


async def approve(place: Place, kind: str, *options: str) -> tuple[int, str, str]:
    return await place.run(
        "mcp", "approve", "--stack", place.stack, "--name", "files", "--lock", "lock.json",
        *options, "--", *script(SERVER), kind,
    )  # fmt: skip


def approved(place: Place) -> dict[str, dict[str, dict[str, str]]]:
    """What the lock file says, by server."""
    found: dict[str, dict[str, dict[str, str]]] = json.loads(
        (place.path / "lock.json").read_text()
    )["servers"]
    return found


def lock(place: Place) -> str:
    return str(place.path / "lock.json")


async def test_a_changed_description_hides_the_tool_until_it_is_approved_again(
    connect: Connect, place: Place
) -> None:
    code, out, told = await approve(place, "honest", "--yes")
    assert code == 0, told
    assert "new      tool read_file" in out
    async with connect("later", "--lock", lock(place)) as client:
        listed = await client.list_tools()
        names = [tool.name for tool in listed.tools]
        assert "read_file" not in names
        assert "add" in names
        refused = await client.call_tool("read_file", {"path": "a.txt"})
        assert refused.is_error
        assert "no longer what was approved" in str(refused.content)
    assert "mcp.changed" in place.rules()
    code, out, _ = await approve(place, "later")
    assert code == 1
    assert "changed  tool read_file" in out
    code, out, _ = await approve(place, "later", "--yes")
    assert code == 0
    async with connect("later", "--lock", lock(place)) as client:
        assert "read_file" in [tool.name for tool in (await client.list_tools()).tools]


async def test_unapproved_tools_are_hidden_flagged_or_shown(place: Place) -> None:
    (place.path / "lock.json").write_text('{"version": 1, "servers": {}}')
    async with place.stdio("honest", "--lock", lock(place)) as client:
        assert (await client.list_tools()).tools == []
        assert (await client.call_tool("add", {"a": 1, "b": 2})).is_error
        assert not client.instructions
    async with place.stdio("honest", "--lock", lock(place), "--unapproved", "flag") as client:
        tools = (await client.list_tools()).tools
        assert all((tool.description or "").startswith("[Not approved] ") for tool in tools)
        assert not (await client.call_tool("add", {"a": 1, "b": 2})).is_error
    async with place.stdio("poisoned", "--lock", lock(place), "--unapproved", "show") as client:
        names = [tool.name for tool in (await client.list_tools()).tools]
        assert "add" in names
        assert "multiply" not in names


async def test_a_poisoned_tool_is_approved_only_by_name(place: Place) -> None:
    code, out, _ = await approve(place, "poisoned", "--yes")
    assert code == 1
    assert "tool multiply: it asks to keep something from the user (poison.secrecy)" in out
    tools = approved(place)["files"]["tools"]
    assert "multiply" not in tools
    assert "add" in tools
    code, out, _ = await approve(place, "poisoned", "--accept", "multiply")
    tools = approved(place)["files"]["tools"]
    assert "multiply" in tools
    async with place.stdio("poisoned", "--lock", lock(place)) as client:
        assert "multiply" in [tool.name for tool in (await client.list_tools()).tools]


async def test_names_of_another_servers_tools_are_shadowed(place: Place) -> None:
    code, _, _ = await approve(place, "honest", "--yes")
    assert code == 0
    options = ("--lock", lock(place), "--unapproved", "show", "--name", "other")
    async with place.stdio("honest", *options) as client:
        listed = await client.list_tools()
        assert listed.tools == []
        assert {h["rule"] for h in (listed.meta or {})["tyrian/hidden"]} == {"name.shadow"}


async def test_a_server_over_http_is_approved_too(place: Place) -> None:
    async with place.listening() as url:
        code, out, err = await place.run(
            "mcp", "approve", "--stack", place.stack, "--name", "web", "--lock", "lock.json",
            "--yes", "--url", url,
        )  # fmt: skip
    assert code == 0, err
    assert "new      tool read_file" in out
    assert list(approved(place)) == ["web"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is no lock file"),
        ('{"version": 2, "servers": {}}', "version"),
        ('{"version": 1, "servers": {"a": {"tools": {"b": "md5:0"}}}}', "servers.a.tools.b"),
    ],
)
async def test_a_damaged_lock_file_is_an_error_that_says_where(
    place: Place, text: str, told: str
) -> None:
    (place.path / "lock.json").write_text(text)
    code, _, err = await place.run("mcp", "proxy", "--lock", "lock.json", "--", "true")
    assert code == 2
    assert told in err
    assert "hint" in err


async def test_a_lock_file_that_is_not_there_is_an_error(place: Place) -> None:
    code, _, err = await place.run("mcp", "proxy", "--lock", "none.json", "--", "true")
    assert code == 2
    assert "tyrian mcp approve" in err
