"""A model of LlamaIndex that asks a server of the OpenAI dialect, as their own integrations do."""

import json
from collections.abc import Sequence
from typing import Any

import openai
from examples.agents.model import MODEL
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    LLMMetadata,
    MessageRole,
)
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.tools import BaseTool


class ServedModel(FunctionCallingLLM):
    """Chats whole, with tools."""

    base: str

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name=MODEL, is_function_calling_model=True)

    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        on_wire: list[Any] = [
            {"role": one.role.value, "content": one.content or "", **one.additional_kwargs}
            for one in messages
        ]
        async with openai.AsyncOpenAI(base_url=f"{self.base}/v1", api_key="none") as client:
            found = await client.chat.completions.create(model=MODEL, messages=on_wire, **kwargs)
        message = found.choices[0].message
        calls = [call.model_dump() for call in message.tool_calls or []]
        return ChatResponse(
            message=ChatMessage(
                role=MessageRole.ASSISTANT,
                content=message.content or "",
                additional_kwargs={"tool_calls": calls} if calls else {},
            )
        )

    def _prepare_chat_with_tools(
        self,
        tools: Sequence[BaseTool],
        user_msg: Any = None,
        chat_history: Any = None,
        *_: Any,
        **__: Any,
    ) -> dict[str, Any]:
        asked = [ChatMessage(user_msg)] if isinstance(user_msg, str) else []
        wanted = [tool.metadata.to_openai_tool() for tool in tools]
        return {"messages": [*(chat_history or []), *asked], "tools": wanted}

    def get_tool_calls_from_response(
        self, response: ChatResponse, error_on_no_tool_call: bool = True, **_: Any
    ) -> list[ToolSelection]:
        return [
            ToolSelection(
                tool_id=call["id"],
                tool_name=call["function"]["name"],
                tool_kwargs=json.loads(call["function"]["arguments"]),
            )
            for call in response.message.additional_kwargs.get("tool_calls", [])
        ]

    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        raise NotImplementedError("this model is awaited")

    async def acomplete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponse:
        answer = await ServedModel.achat(self, [ChatMessage(prompt)], **kwargs)
        return CompletionResponse(text=answer.message.content or "")

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        raise NotImplementedError("this model is awaited")

    def stream_chat(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError("this model answers whole")

    stream_complete = astream_chat = astream_complete = stream_chat
