"""What a client of the official SDK gets from a server behind the proxy."""

import asyncio
from pathlib import Path

import pytest
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, TextContent
from tests.integration.mcp.conftest import ALL, Connect, Place
from tests.integration.mcp.server import SECRET


def text_of(result: object) -> str:
    assert isinstance(result, CallToolResult)
    return "\n".join(part.text for part in result.content if isinstance(part, TextContent))


@pytest.mark.parametrize("connect", ALL, ids="-".join, indirect=True)
async def test_benign_use_is_the_same_as_without_the_proxy(connect: Connect) -> None:
    async with connect() as client:
        listed = await client.list_tools()
        names = [tool.name for tool in listed.tools]
        assert names == ["read_file", "add", "fetch_page", "wait", "die", "ask_person", "ask_model"]
        added = await client.call_tool("add", {"a": 2, "b": 3})
        assert added.structured_content == {"result": 5}
        assert not added.is_error
        page = await client.call_tool("fetch_page", {"name": "holidays"})
        assert text_of(page) == "Everybody has 30 days of holidays a year."
        notes = await client.read_resource("notes://monday")
        assert notes.contents[0].text == "The release was moved to Thursday."  # type: ignore[union-attr]
        prompt = await client.get_prompt("summary", {"topic": "bees"})
        assert prompt.messages[0].content.text == "Sum up bees in three sentences."  # type: ignore[union-attr]


async def test_poisoned_and_imitated_tools_are_hidden_and_cannot_be_called(
    connect: Connect, place: Place
) -> None:
    async with connect("poisoned") as client:
        listed = await client.list_tools()
        names = [tool.name for tool in listed.tools]
        assert "multiply" not in names
        assert "reаd_file" not in names
        assert "read_file" in names
        hidden = (listed.meta or {})["tyrian/hidden"]
        assert {"name": "multiply", "rule": "poison.secrecy"}.items() <= hidden[0].items()
        refused = await client.call_tool("multiply", {"a": 2, "b": 3})
        assert refused.is_error
        assert "keep something from the user" in text_of(refused)
        assert not (await client.call_tool("add", {"a": 2, "b": 3})).is_error
    assert "the tool multiply of files is hidden" in place.said
    assert {"mcp.poison.secrecy", "mcp.name.lookalike"} <= place.rules()


async def test_an_injected_result_becomes_an_error_and_the_session_goes_on(
    connect: Connect, place: Place
) -> None:
    async with connect() as client:
        await client.list_tools()
        refused = await client.call_tool("fetch_page", {"name": "attack"})
        assert refused.is_error
        assert "prompt_guard" in text_of(refused)
        assert "evil.example" not in str(refused)
        with pytest.raises(MCPError, match="prompt_guard"):
            await client.read_resource("notes://attack")
        with pytest.raises(MCPError, match="prompt_guard"):
            await client.get_prompt("hijack")
        assert not (await client.call_tool("fetch_page", {"name": "holidays"})).is_error
    assert "prompt_guard.injection" in place.rules()


async def test_secrets_in_results_go_on_redacted(connect: Connect) -> None:
    async with connect() as client:
        await client.list_tools()
        page = await client.call_tool("fetch_page", {"name": "keys"})
        assert text_of(page) == "The key of the test account is [REDACTED:secret]."
        assert SECRET not in str(page)


async def test_a_path_outside_of_the_policy_is_refused_and_others_arrive_canonical(
    connect: Connect, place: Place
) -> None:
    async with connect() as client:
        await client.list_tools()
        refused = await client.call_tool("read_file", {"path": "../etc/passwd"})
        assert refused.is_error
        assert "policy.fs" in text_of(refused)
        read = await client.call_tool("read_file", {"path": "docs/../notes.txt"})
        assert text_of(read) == "the content of /workspace/notes.txt"
    assert any(rule.startswith("policy.fs") for rule in place.rules())


@pytest.mark.parametrize("connect", [ALL[3]], ids="-".join, indirect=True)
async def test_arguments_in_headers_are_canonical_too(connect: Connect) -> None:
    async with connect("headers") as client:
        await client.list_tools()
        for path in ("docs/../notes.txt", "straße.txt"):
            read = await client.call_tool("read_file", {"path": path})
            assert text_of(read).startswith("the content of /workspace/"), path


async def test_resources_are_held_to_the_policy_where_it_names_them(place: Place) -> None:
    place.path.joinpath("policy.yaml").write_text(
        'version: 1\ntools: {resources/read: {uri: notes}}\nkinds: {notes: {pattern: "notes://m.*"}}\n'
    )
    async with place.stdio() as client:
        with pytest.raises(MCPError, match="policy"):
            await client.read_resource("notes://attack")
        assert (await client.read_resource("notes://monday")).contents


async def test_a_call_before_any_list_is_refused(place: Place) -> None:
    async with place.stdio() as client:
        refused = await client.session.call_tool("add", {"a": 1, "b": 2})
        assert isinstance(refused, CallToolResult)
        assert refused.is_error
        assert "list the tools first" in text_of(refused)


async def test_many_calls_at_once_get_their_own_answers(connect: Connect) -> None:
    async with connect() as client:
        await client.list_tools()
        answers = await asyncio.gather(
            *(client.call_tool("add", {"a": number, "b": 1}) for number in range(40))
        )
        assert [a.structured_content for a in answers] == [{"result": n + 1} for n in range(40)]


async def test_limits_hold_for_calls_that_come_at_once(connect: Connect) -> None:
    async with connect() as client:
        await client.list_tools()
        answers = await asyncio.gather(
            *(client.call_tool("add", {"a": number, "b": 1}) for number in range(45))
        )
        assert sum(answer.is_error for answer in answers) == 5


async def test_progress_arrives_before_the_result(connect: Connect, tmp_path: Path) -> None:
    seen: list[float] = []

    async def progressed(progress: float, total: float | None, message: str | None) -> None:
        seen.append(progress)

    async with connect() as client:
        await client.list_tools()
        arguments = {"seconds": 0.1, "note": str(tmp_path / "note")}
        waited = await client.call_tool("wait", arguments, progress_callback=progressed)
        assert text_of(waited) == "waited 0.1"
        assert seen == [0.5]


@pytest.mark.parametrize("connect", ALL, ids="-".join, indirect=True)
async def test_a_cancelled_call_is_cancelled_at_the_server(
    connect: Connect, tmp_path: Path
) -> None:
    note = tmp_path / "note"
    async with connect() as client:
        await client.list_tools()
        call = asyncio.create_task(client.call_tool("wait", {"seconds": 60, "note": str(note)}))
        await asyncio.sleep(1.0)
        call.cancel()
        for _ in range(100):
            if note.exists():
                break
            await asyncio.sleep(0.05)
        assert note.read_text() == "cancelled"
        assert not (await client.call_tool("add", {"a": 1, "b": 2})).is_error


async def test_a_server_that_dies_ends_the_call_with_a_reason(
    connect: Connect,
) -> None:
    async with connect() as client:
        await client.list_tools()
        with pytest.raises(MCPError, match=r"Tyrian: the server"):
            await asyncio.wait_for(client.call_tool("die", {}), 20)
