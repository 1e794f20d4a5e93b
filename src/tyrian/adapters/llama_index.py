"""Guarded models and tools for LlamaIndex.

    talk = Conversation(firewall)
    agent = FunctionAgent(
        tools=[guarded_tool(tool, talk) for tool in tools],
        llm=guarded_llm(llm, firewall),
        streaming=False,
    )

The model's messages are judged before they are sent, and its answers before anybody reads them, in
agents as in query engines: RefusedError for what may not go on. A tool call that may not be made,
and a result that may not be read, are told to the model in the refusal's words; other calls are
made with canonical arguments. Streams are refused: what they give would leave before it was judged.
"""

from collections.abc import Sequence
from typing import Any, TypeVar, cast

from tyrian.adapters.conversation import Conversation, RefusedError
from tyrian.adapters.wire import Wired, screen
from tyrian.core.message import Role, Trace
from tyrian.errors import BlockedError, ConfigError, InputError, MissingDependencyError
from tyrian.firewall.firewall import Firewall
from tyrian.firewall.sync import BACKGROUND

try:
    from llama_index.core.base.llms.types import (
        CachePoint,
        ChatMessage,
        ImageBlock,
        TextBlock,
        ThinkingBlock,
        ToolCallBlock,
    )
    from llama_index.core.llms import LLM
    from llama_index.core.tools import AsyncBaseTool, BaseTool, FunctionTool, ToolOutput
    from llama_index.core.tools.types import ToolMetadata, adapt_to_async_tool
except ModuleNotFoundError as error:
    raise MissingDependencyError(
        "the LlamaIndex adapter needs the package llama-index-core",
        hint="pip install 'tyrian[llama-index]'",
    ) from error

ModelT = TypeVar("ModelT", bound=LLM)

_ROLES = {"function": Role.TOOL, "chatbot": Role.ASSISTANT, "model": Role.ASSISTANT}
_TEXTLESS = (ThinkingBlock, ToolCallBlock, CachePoint)
_STREAMS = ("stream_chat", "astream_chat", "stream_complete", "astream_complete")


def guarded_llm(llm: ModelT, firewall: Firewall) -> ModelT:
    """A model like this one, with its chats and completions judged."""
    kind: Any = type(llm)

    async def achat(self: Any, messages: Sequence[ChatMessage], **how: Any) -> Any:
        asked, trace = await _asked(firewall, messages)
        return await _answered(firewall, await kind.achat(self, asked, **how), trace)

    def chat(self: Any, messages: Sequence[ChatMessage], **how: Any) -> Any:
        asked, trace = BACKGROUND.run(_asked(firewall, messages))
        return BACKGROUND.run(_answered(firewall, kind.chat(self, asked, **how), trace))

    async def acomplete(self: Any, prompt: str, *args: Any, **how: Any) -> Any:
        talk = Conversation(firewall)
        found = await kind.acomplete(self, await talk.user(prompt), *args, **how)
        return await _completed(talk, found)

    def complete(self: Any, prompt: str, *args: Any, **how: Any) -> Any:
        talk = Conversation(firewall)
        found = kind.complete(self, BACKGROUND.run(talk.user(prompt)), *args, **how)
        return BACKGROUND.run(_completed(talk, found))

    def stream(self: Any, *_: Any, **__: Any) -> Any:
        raise ConfigError(
            "a stream of a guarded model gives out text before it was judged",
            hint="set `streaming=False`",
        )

    methods = {"chat": chat, "achat": achat, "complete": complete, "acomplete": acomplete}
    names = {**methods, **dict.fromkeys(_STREAMS, stream), "__module__": __name__}
    twin: Any = llm.model_copy()
    twin.__class__ = type(kind)(f"Guarded{kind.__name__}", (kind,), names)
    return cast(ModelT, twin)


def guarded_tool(tool: BaseTool, talk: Conversation) -> AsyncBaseTool:
    """A tool like this one, with its calls and results judged in the light of a conversation."""
    if isinstance(tool, FunctionTool) and tool.requires_context:
        raise ConfigError(
            f"{tool.metadata.name} takes the workflow's context, which agents give no guarded tool",
            hint="write the tool without the context",
        )
    return _GuardedTool(tool, talk)


class _GuardedTool(AsyncBaseTool):
    def __init__(self, tool: BaseTool, talk: Conversation) -> None:
        self._tool = adapt_to_async_tool(tool)
        self._talk = talk

    @property
    def metadata(self) -> ToolMetadata:
        return self._tool.metadata

    def call(self, *args: Any, **kwargs: Any) -> ToolOutput:
        return BACKGROUND.run(self.acall(*args, **kwargs))

    async def acall(self, *args: Any, **kwargs: Any) -> ToolOutput:
        name = self.metadata.get_name()
        given = {**self._named(args), **kwargs}
        try:
            made = await self._talk.call(name, given)
            found = await self._tool.acall(**made)
            texts = [block for block in found.blocks if isinstance(block, TextBlock)]
            if len(texts) < len(found.blocks):
                raise BlockedError(f"{name} gave something that is no text, which is not judged")
            judged = await self._talk.result(found.content, name=name)
        except RefusedError as refused:
            return ToolOutput(
                tool_name=name, content=refused.explanation, raw_input=given, is_error=True
            )
        if judged != found.content:
            return found.model_copy(
                update={"blocks": [TextBlock(text=judged)], "raw_output": judged}
            )
        return found

    def _named(self, args: tuple[Any, ...]) -> dict[str, Any]:
        """Arguments by position with their names, as some callers give a single one."""
        names = list(self.metadata.get_parameters_dict().get("properties", {}))
        if len(args) > len(names):
            raise InputError(f"{self.metadata.name} takes {len(names)} arguments")
        return dict(zip(names, args, strict=False))


async def _asked(
    firewall: Firewall, messages: Sequence[ChatMessage]
) -> tuple[list[ChatMessage], Trace]:
    read = [_read(message) for message in messages]
    # Their tool calls were judged before they were made, by `guarded_tool`.
    trace = await screen(firewall, [wired for wired, _ in read], judges_calls=False)
    return [
        message.model_copy(update={"blocks": _written(message, texts)})
        for message, (_, texts) in zip(messages, read, strict=True)
    ], trace


async def _answered(firewall: Firewall, response: Any, trace: Trace) -> Any:
    talk = Conversation(firewall, trace)
    _, texts = _read(response.message)
    judged = {index: await talk.answer(text) for index, text in texts.items()}
    if judged == texts:
        return response
    message = response.message.model_copy(update={"blocks": _written(response.message, judged)})
    return response.model_copy(update={"message": message, "raw": None, "logprobs": None})


async def _completed(talk: Conversation, found: Any) -> Any:
    text = await talk.answer(found.text)
    if text == found.text:
        return found
    return found.model_copy(update={"text": text, "raw": None, "logprobs": None})


def _read(message: ChatMessage) -> tuple[Wired, dict[int, str]]:
    """The message as the firewall reads it, and its texts by the number of their block."""
    name = message.role.value
    role = _ROLES.get(name) or Role(name)
    call_id = str(message.additional_kwargs.get("tool_call_id") or "")
    wired = Wired(role, name=str(message.additional_kwargs.get("name") or ""), call_id=call_id)
    texts: dict[int, str] = {}
    for index, block in enumerate(message.blocks):
        if isinstance(block, TextBlock):
            texts[index] = block.text
            wired.text(texts, index, f"blocks[{index}]")
        elif isinstance(block, ImageBlock) and (block.url or block.image):
            wired.image(str(block.url) if block.url else _data_url(block))
        elif not isinstance(block, _TEXTLESS):
            raise InputError(f"blocks[{index}]: no guard can read a {type(block).__name__}")
    return wired, texts


def _data_url(block: ImageBlock) -> str:
    data = block.resolve_image(as_base64=True).read().decode("ascii")
    return f"data:{block.image_mimetype or 'image/png'};base64,{data}"


def _written(message: ChatMessage, texts: dict[int, str]) -> list[Any]:
    return [
        block.model_copy(update={"text": texts[index]}) if isinstance(block, TextBlock) else block
        for index, block in enumerate(message.blocks)
    ]
