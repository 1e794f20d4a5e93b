"""What a server asks of the client's person and model, through the proxy."""

from typing import Any

import pytest
from mcp.client import ClientRequestContext
from mcp.shared.exceptions import MCPError
from mcp.types import (
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequestParams,
    ElicitResult,
    TextContent,
)
from tests.integration.mcp.conftest import ALL, Connect, Place
from tests.integration.mcp.server import INJECTION, SECRET


async def _accept(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
    return ElicitResult(action="accept", content={"name": "Ann"})


@pytest.mark.parametrize("connect", [ALL[1], ALL[2]], ids="-".join, indirect=True)
async def test_a_person_is_asked_and_the_answer_goes_back(connect: Connect, place: Place) -> None:
    place.callbacks = {"elicitation_callback": _accept}
    async with connect() as client:
        await client.list_tools()
        told = await client.call_tool("ask_person", {})
        assert "hello Ann" in str(told)


async def test_what_the_model_answers_a_server_goes_on_redacted(
    connect: Connect, place: Place
) -> None:

    async def speak(context: Any, params: CreateMessageRequestParams) -> CreateMessageResult:
        content = TextContent(type="text", text=f"The key is {SECRET}.")
        return CreateMessageResult(role="assistant", content=content, model="scripted")

    place.callbacks = {"sampling_callback": speak}
    async with connect() as client:
        await client.list_tools()
        told = await client.call_tool("ask_model", {})
        assert "REDACTED" in str(told)
        assert SECRET not in str(told)


async def test_a_hostile_question_to_the_model_never_reaches_it(
    connect: Connect, place: Place
) -> None:
    asked: list[str] = []

    async def speak(context: Any, params: CreateMessageRequestParams) -> CreateMessageResult:
        asked.append(str(params))
        content = TextContent(type="text", text="word")
        return CreateMessageResult(role="assistant", content=content, model="scripted")

    place.callbacks = {"sampling_callback": speak}
    async with connect("hostile") as client:
        await client.list_tools()
        try:
            told = str(await client.call_tool("ask_model", {}))
        except MCPError as refused:
            told = str(refused)
        assert "prompt_guard" in told
        assert asked == []
        assert INJECTION not in told
